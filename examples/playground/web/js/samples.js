// SPDX-License-Identifier: MIT
// Pages of samples: pictures, colours or a table; filtered by class, found by id, looked at one by one.
import {latest, session} from './api.js';
import {count, h, select} from './dom.js';

const css = ([r, g, b]) => `rgb(${r},${g},${b})`;
/** A number of any size in few letters. */
export const short = (x) => (x === null || x === undefined ? '–' : Number.isInteger(x) && Math.abs(x) < 1e6 ? count(x) :
  String(Number(x.toPrecision(4))));

const perPage = {pictures: 60, colours: 60, table: 20};

/** sampleBrowser(element, page, names) -> {restart, renamed, filter(class), leave}. */
export function sampleBrowser(element, page, {featureName, targetName}) {
  let set = 'train', label = -1, first = 0, answer = null;
  const asked = latest(), looked = latest();  // pages, and samples by themselves
  let opened = null;  // the dialog of one sample

  const kind = () => (page.state.data.train.image ? 'pictures' : page.state.data.name === 'hsv_rgb' ? 'colours' : 'table');
  const className = (sample) => (sample.class === undefined ? '' : `class ${sample.class}`);

  const heading = h('h3', {}, 'Samples');
  const setChoice = select([['train', 'to train'], ['test', 'to test']], set, (value) => { set = value; first = 0; looked.end(); load(); });
  setChoice.setAttribute('aria-label', 'Part');
  const classBox = h('span', {});
  const idField = h('input', {type: 'number', min: 0, step: 1, placeholder: 'id', 'aria-label': 'Go to the sample with this id', class: 'id-field'});
  const idError = h('p', {class: 'error', role: 'alert', hidden: true});
  const find = h('form', {class: 'row find', onsubmit: (event) => { event.preventDefault(); goTo(); }}, idField, h('button', {type: 'submit'}, 'Go'));
  const range = h('span', {class: 'quiet', role: 'status'});
  const back = h('button', {type: 'button', onclick: () => turn(-1)}, 'Previous');
  const on = h('button', {type: 'button', onclick: () => turn(1)}, 'Next');
  const body = h('div', {class: 'samples'});
  element.append(h('div', {class: 'row spread'}, heading, h('div', {class: 'row'}, setChoice, classBox, find)), idError, body,
    h('div', {class: 'row spread pager'}, range, h('div', {class: 'row'}, back, on)));

  function turn(pages) {
    const size = perPage[kind()];
    const last = Math.max(0, Math.floor(((answer?.total ?? 1) - 1) / size) * size);
    first = Math.min(last, Math.max(0, first + pages * size));
    looked.end();
    load(true);
  }

  function makeClasses() {
    const names = page.state.data.train.classes;
    classBox.replaceChildren();
    if (names.length === 0) return;
    const choice = select([['-1', 'all classes'], ...names.map((name, i) => [String(i), `class ${name}`])], String(label),
      (value) => { label = Number(value); first = 0; looked.end(); load(); });
    choice.setAttribute('aria-label', 'Class');
    classBox.append(choice);
  }

  async function load(focus = false) {
    const signal = asked.next();
    body.setAttribute('aria-busy', 'true');
    try {
      const got = await session.get(`samples?set=${set}&first=${first}&count=${perPage[kind()]}&label=${label}`, signal);
      if (signal.aborted) return;
      answer = got;
      draw(focus);
    } catch (error) {
      if (error.name === 'AbortError') return;
      body.replaceChildren(h('p', {class: 'error'}, error.message));
    } finally {
      if (!signal.aborted) body.removeAttribute('aria-busy');
    }
  }

  function tile(sample, i) {
    const name = sample.class ?? `${Math.round(360 * sample.values[0])}°`;
    const what = `sample ${sample.id}${sample.class === undefined ? '' : `, class ${sample.class}`}` +
      (sample.rgb ? `, hue ${name}, red ${sample.rgb[0]}, green ${sample.rgb[1]}, blue ${sample.rgb[2]}` : '');
    return h('button', {type: 'button', class: 'tile', tabindex: i === 0 ? 0 : -1, 'aria-label': what, title: what, onclick: () => open(sample.id)},
      sample.picture ? h('img', {class: 'sample', src: sample.picture, alt: ''}) :
        h('span', {class: 'swatch', style: {'background-color': css(sample.rgb)}}),
      h('span', {class: 'tile-name', 'aria-hidden': 'true'}, name));
  }

  /** Arrows go from tile to tile, page keys from page to page. */
  function keys(event) {
    const tiles = [...body.querySelectorAll('.tile')];
    const at = tiles.indexOf(document.activeElement);
    if (at < 0) return;
    const across = tiles.filter((t) => t.offsetTop === tiles[0].offsetTop).length;
    const step = {ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across, Home: -at, End: tiles.length - 1 - at}[event.key];
    if (event.key === 'PageDown') turn(1);
    else if (event.key === 'PageUp') turn(-1);
    else if (step === undefined) return;
    event.preventDefault();
    const to = tiles[at + (step ?? 0)];
    if (!step || !to) return;
    tiles[at].tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  }

  function table(samples) {
    const values = samples[0].values?.length ?? 0, targets = samples[0].targets?.length ?? 0;
    const all = page.state.data.train.features;
    return [h('div', {class: 'scroll', tabindex: 0, role: 'group', 'aria-label': 'Table of samples'}, h('table', {class: 'data'},
      h('thead', {}, h('tr', {}, h('th', {scope: 'col'}, 'id'), samples[0].class === undefined ? null : h('th', {scope: 'col'}, 'label'),
        Array.from({length: targets}, (_, i) => h('th', {scope: 'col'}, targetName(i))),
        Array.from({length: values}, (_, i) => h('th', {scope: 'col', class: 'quiet'}, featureName(i))))),
      h('tbody', {}, samples.map((sample) => h('tr', {},
        h('th', {scope: 'row'}, h('button', {class: 'plain', type: 'button', 'aria-label': `Open sample ${sample.id}`, onclick: () => open(sample.id)}, String(sample.id))),
        sample.class === undefined ? null : h('td', {}, sample.class),
        (sample.targets ?? []).map((x) => h('td', {}, short(x))), (sample.values ?? []).map((x) => h('td', {}, short(x)))))))),
    values < all ? h('p', {class: 'quiet'}, `The first ${values} of ${count(all)} inputs; open a sample for all of them.`) : null].filter(Boolean);
  }

  function draw(focus = false) {
    const {samples, total} = answer;
    range.textContent = total === 0 ? 'no samples' :
      `${count(answer.first + 1)}–${count(answer.first + samples.length)} of ${count(total)}`;
    back.disabled = answer.first === 0;
    on.disabled = answer.first + samples.length >= total;
    const hadFocus = focus && body.contains(document.activeElement);
    if (samples.length === 0) {
      body.replaceChildren(h('p', {class: 'quiet'}, 'No sample of this class in this part.'));
    } else if (kind() === 'table') {
      body.replaceChildren(...table(samples));
    } else {
      body.replaceChildren(h('div', {class: `tiles ${kind()}`, role: 'group', onkeydown: keys,
        'aria-label': 'Samples; arrow keys go from one to the next, page keys turn pages'}, samples.map(tile)));
    }
    if (hadFocus) body.querySelector('.tile')?.focus();
  }

  const tell = (message) => {
    idError.textContent = message ?? '';
    idError.hidden = !message;
    if (message) idField.setAttribute('aria-invalid', 'true');
    else idField.removeAttribute('aria-invalid');
  };

  async function goTo() {
    tell(null);
    if (!/^\d{1,20}$/.test(idField.value)) return tell('An id is a whole number.');
    try {
      const sample = await session.get(`samples/${set}/${idField.value}`, looked.next());
      label = -1;
      makeClasses();
      const size = perPage[kind()];
      first = Math.floor(sample.position / size) * size;
      load();
      show(sample);
    } catch (error) {
      if (error.name !== 'AbortError') tell(error.message);
    }
  }

  async function open(id) {
    const sample = await page.attempt(() => session.get(`samples/${set}/${id}`, looked.next()));
    if (sample) show(sample);
  }

  /** One sample by itself; arrow keys go on to its neighbours on this page. */
  function show(sample) {
    const focusAt = document.activeElement;
    const again = opened;
    const box = again ?? h('dialog', {class: 'card one-sample'});
    const neighbour = (step) => {
      const at = answer?.samples.findIndex((s) => s.id === sample.id) ?? -1;
      const next = at < 0 ? null : answer.samples[at + step];
      if (next) open(next.id);
    };
    const values = sample.values?.map((x, i) => h('tr', {}, h('th', {scope: 'row'}, featureName(i)), h('td', {}, short(x))));
    const targets = sample.rgb ? [] : (sample.targets ?? []).map((x, i) => h('tr', {}, h('th', {scope: 'row'}, targetName(i)), h('td', {}, short(x))));
    box.setAttribute('aria-label', `Sample ${sample.id}`);
    box.replaceChildren(
      h('div', {class: 'row spread'}, h('h3', {}, `Sample ${sample.id}`), h('span', {class: 'quiet'}, className(sample))),
      sample.picture ? h('img', {class: 'sample', src: sample.picture, alt: `picture of sample ${sample.id}`}) : '',
      sample.rgb ? h('span', {class: 'swatch', style: {'background-color': css(sample.rgb)}}) : '',
      sample.rgb ? h('p', {}, `red ${sample.rgb[0]}, green ${sample.rgb[1]}, blue ${sample.rgb[2]}`) : '',
      values ? h('div', {class: 'scroll tall', tabindex: 0, role: 'group', 'aria-label': 'Values'}, h('table', {class: 'data'}, h('tbody', {}, targets, values))) : '',
      h('div', {class: 'row'}, h('button', {type: 'button', onclick: () => neighbour(-1)}, '← Before'),
        h('button', {type: 'button', onclick: () => neighbour(1)}, 'Next →'),
        h('button', {type: 'button', class: 'main', onclick: () => box.close()}, 'Close')));
    box.onkeydown = (event) => {
      if (event.key === 'ArrowLeft') neighbour(-1);
      if (event.key === 'ArrowRight') neighbour(1);
    };
    if (again) return box.querySelector('.main').focus();
    opened = box;
    box.addEventListener('close', () => { opened = null; box.remove(); if (focusAt?.isConnected) focusAt.focus(); });
    document.body.append(box);
    box.showModal();
  }

  return {
    restart() {
      looked.end();
      opened?.close();
      set = setChoice.value = 'train';
      idField.value = '';
      label = -1;
      first = 0;
      answer = null;
      tell(null);
      makeClasses();
      load();
    },
    renamed: () => { if (answer && kind() === 'table') draw(); },
    filter(to) { label = to; first = 0; makeClasses(); load(); },
    leave() { asked.end(); looked.end(); opened?.close(); },
  };
}
