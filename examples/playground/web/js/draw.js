// SPDX-License-Identifier: MIT
// Draw a picture, and see while drawing which training samples the answer rests on.
import {answerView} from './answer_view.js';
import {session} from './api.js';
import {count, debounced, field, h} from './dom.js';
import {showNeuron} from './neuron_dialog.js';
import {drawingPad} from './pad.js';
import {encode, inkBox, likeMnist, paint, plain, read} from './pixels.js';
import {queryOf, shown} from './settings.js';
import {showSource} from './source_dialog.js';

/** A drawing stays while the reader looks at other parts. */
let kept = null;

const imageOf = (page) => page.state.data?.train.image;
export const drawable = (image) => image && (image[0] === 1 || image[0] === 3) && image[1] <= 280 && image[2] <= 280;

export function show(panel, page, given, frame) {
  page.frame = frame;
  const image = imageOf(page);
  if (!drawable(image)) {
    panel.append(h('div', {class: 'card empty'}, h('h3', {}, 'Nothing to draw here'), h('p', {class: 'quiet'},
      'The samples of this data set are not pictures in grey or colour, so they cannot be drawn. Test samples can be retraced all the same.')));
    return {};
  }
  const [channels, height, width] = image;
  let settings = given;
  let gone = false;
  let busy = false, again = false, abort = null;
  let view = null, last = null;
  const times = [];

  const live = h('span', {class: 'hidden', role: 'status'});
  const pad = drawingPad({width, height, changed: () => { if (!gone) changed(); }, said: (text) => { live.textContent = text; }});
  const small = h('canvas', {class: 'seen', width, height, role: 'img', 'aria-label': 'What the network sees'});
  const answer = h('div', {class: 'drawn-answer'});
  const hint = h('p', {class: 'pad-hint'}, `Draw ${channels === 1 && width === 28 ? 'a digit' : 'something'} here: what the answer rests on is shown while you draw.`);
  pad.element.append(hint);
  const failed = h('p', {class: 'error', role: 'alert', hidden: true});
  const speed = h('p', {class: 'quiet speed', 'aria-live': 'off'});

  const size = h('input', {type: 'range', min: 1, max: 6, step: 0.2, value: pad.tool.size,
    oninput: () => { pad.tool.size = Number(size.value); name(); }});
  const name = () => size.setAttribute('aria-valuetext', `${size.value} pixels of the picture`);
  name();
  const tool = (erase) => {
    pad.tool.erase = erase;
    pen.setAttribute('aria-pressed', !erase);
    eraser.setAttribute('aria-pressed', erase);
  };
  const pen = h('button', {'aria-pressed': 'true', onclick: () => tool(false)}, 'Pen');
  const eraser = h('button', {'aria-pressed': 'false', onclick: () => tool(true)}, 'Eraser');
  const undo = h('button', {disabled: true, onclick: pad.undo}, 'Undo');
  const clear = h('button', {disabled: true, onclick: pad.clear}, 'Clear');
  const ink = channels === 3 ? field('Colour', h('input', {type: 'color', value: '#ffffff',
    oninput: (event) => { pad.tool.colour = event.target.value; tool(false); }})) : null;
  const mnist = h('input', {type: 'checkbox', checked: kept?.mnist ?? (channels === 1 && width === 28 && height === 28), onchange: () => changed()});
  const sample = h('input', {type: 'number', min: 0, step: 1, value: kept?.sample ?? '', inputmode: 'numeric'});
  const load = h('button', {type: 'submit'}, 'Put it on the pad');
  const loadError = h('small', {class: 'error', role: 'alert'});
  const loadForm = h('form', {class: 'load', novalidate: true, onsubmit: (event) => { event.preventDefault(); loadSample(); }},
    field('Begin with a test sample', sample, page.state.data.name === 'mnist' ? `number, 0 to ${count(frame.traced.test - 1)}` : 'its number'), load, loadError);
  // Those of own files have the numbers of their lines, of which some were taken to train with.
  if (sample.value === '') {
    session.post('retrace/samples', {which: 'first', count: 1}).then(({ids}) => { sample.value ||= ids[0]; }).catch(() => {});
  }

  const seen = () => {
    const drawing = read(pad.canvas, channels);
    return mnist.checked ? likeMnist(drawing, width, height) : plain(drawing, width, height);
  };

  async function ask() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    abort = new AbortController();
    do {
      again = false;
      if (pad.empty()) break;
      const started = performance.now();
      try {
        const query = queryOf(settings, frame.traced, {drawn: encode(last)});
        const told = await session.post('retrace', {...query, show: shown(settings)}, abort.signal);
        if (gone) return;
        failed.hidden = true;
        const round = performance.now() - started;
        times.push(told.milliseconds);
        if (times.length > 50) times.shift();
        speed.textContent = `${told.milliseconds.toFixed(1)} ms at the server, ${round.toFixed(0)} ms until here`;
        // One of another network than the one whose places are known is asked for again when they are.
        if (told.model_version === frame.traced.model_version && inked()) put(query, told);
        if (told.familiarity === undefined && !again) later();
      } catch (error) {
        if (error.name === 'AbortError' || gone) return;
        failed.textContent = error.message;
        failed.hidden = false;
        break;
      }
    } while (again);
    busy = false;
  }
  // Familiarity is worked out once for a network; then asked for again.
  const later = debounced(() => { if (inked()) ask(); }, 1500);

  function put(query, told) {
    if (view) {
      view.stale?.(false);
      view.update(query, told, settings);
    } else {
      view = answerView(page, query, told, {traced: frame.traced, settings,
        onSource: (q, id) => showSource(page, q, id), onNeuron: (q, place, unit) => showNeuron(page, q, place, unit)});
      answer.replaceChildren(view);
    }
    answer.hidden = false;
  }

  const inked = () => !pad.empty() && Boolean(inkBox(last));

  let planned = false;
  function changed() {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => {
      planned = false;
      if (gone) return;
      last = seen();
      paint(small, last);
      hint.hidden = !pad.empty();
      undo.disabled = !pad.undoable();
      clear.disabled = pad.empty();
      if (!inked()) {
        answer.hidden = true;
        speed.textContent = '';
        return;
      }
      ask();
    });
  }

  async function loadSample() {
    const id = Number(sample.value);
    const well = sample.value !== '' && Number.isInteger(id) && id >= 0;
    sample.setAttribute('aria-invalid', !well);
    loadError.textContent = well ? '' : 'A whole number, 0 or more, please.';
    if (!well) return;
    load.disabled = true;
    try {
      const told = await session.post('retrace', {of: {test: id}, k: 1, show: {sources: 1}});
      const picture = new Image();
      picture.src = told.sample.picture;
      await picture.decode();
      if (!gone) pad.load(picture);
      live.textContent = `test sample ${id} is on the pad`;
    } catch (error) {
      loadError.textContent = error.message;
    }
    load.disabled = false;
  }

  panel.append(h('div', {class: 'card drawing'},
    h('div', {class: 'pad-side'}, pad.element, live),
    h('div', {class: 'grid pad-tools'},
      h('div', {class: 'row'}, h('div', {class: 'chips', role: 'group', 'aria-label': 'Tool'}, pen, eraser), undo, clear),
      field('Width of the pen', size), ink,
      h('div', {class: 'seeing'}, small, h('div', {}, h('strong', {}, 'What the network sees'),
        h('label', {class: 'check'}, mnist, 'scaled and centred as MNIST was'), speed)),
      loadForm,
      h('details', {}, h('summary', {}, 'With the keyboard'), h('p', {class: 'quiet', id: 'pad-keys'},
        'On the pad: arrow keys move, space puts the pen down and lifts it, shift with arrows draws, Ctrl+Z undoes, Delete clears.')))),
  failed, answer);
  answer.hidden = true;
  if (kept && kept.width === width && kept.height === height && kept.channels === channels) {
    pad.restore(kept.image);
  }
  changed();

  return {
    settings(now) {
      settings = now;
      if (!pad.empty()) ask();
    },
    event(name) {
      if (name === 'again' && !failed.hidden && !pad.empty()) ask();
    },
    state(now, old) {
      if (now.model_version === old?.model_version) return;
      view?.leave?.();
      view = null;
      if (JSON.stringify(now.data?.train.image) !== JSON.stringify(image)) {
        gone = true;
        panel.replaceChildren();
        Object.assign(this, show(panel, page, settings, frame));
      } else if (!pad.empty()) ask();
    },
    leave() {
      kept = pad.empty() ? null : {width, height, channels, mnist: mnist.checked, sample: sample.value,
        image: pad.canvas.getContext('2d').getImageData(0, 0, pad.canvas.width, pad.canvas.height)};
      gone = true;
      later.cancel();
      abort?.abort();
      view?.leave?.();
    },
  };
}
