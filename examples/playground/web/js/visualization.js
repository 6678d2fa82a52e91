// SPDX-License-Identifier: MIT
// The tab Visualization: its controls, and which of its parts is looked at.
//
// A part is a module with show(panel, page, settings, frame) -> {state(new, old), event(name, data), leave(),
// settings(new)}, all optional. `settings` is that of settings.js, whole; `frame` is {traced, change(some)}:
// `traced` what GET traced tells of the network, `change` changes some settings for all parts and keeps them.
import {latest} from './api.js';
import * as audit from './audit.js';
import {count, debounced, h} from './dom.js';
import * as draw from './draw.js';
import {closeOverlay} from './overlay.js';
import * as profiles from './profiles.js';
import * as samples from './test_samples.js';
import {controls} from './retrace_controls.js';
import {keep, load, offCount} from './settings.js';
import * as switchOff from './switch_off.js';
import {readTraced} from './traced.js';

export const title = 'Visualization';

const parts = {samples: ['Test samples', samples], draw: ['Draw', draw], off: ['Neurons off', switchOff],
  classes: ['Classes', profiles], training: ['Training samples', audit]};

export function show(panel, page) {
  panel.append(h('h2', {}, title), h('p', {class: 'intro'},
    'Which training samples does a prediction rest on? Every neuron votes for those that it did nearly the same for; the votes are counted.'));
  const body = h('div');
  panel.append(body);
  let settings = load();
  let part = null;
  let form = null;
  let version = null;
  const reading = latest();
  const frame = {traced: null, change};
  page.frame = frame;  // for dialogs, which change settings too

  const tell = debounced(() => part?.settings?.(settings), 120);

  function change(some) {
    settings = {...settings, ...some};
    keep(settings);
    form?.update(settings);
    showOff();
    tell();
  }

  const offNote = h('div', {class: 'off-note', hidden: true, role: 'status'}, h('span'),
    h('button', {class: 'plain', onclick: () => change({off: {}})}, 'Switch all on'));

  function showOff() {
    const n = offCount(settings);
    offNote.hidden = n === 0;
    offNote.firstChild.textContent = `${count(n)} ${n === 1 ? 'neuron is' : 'neurons are'} switched off.`;
  }

  function choosePart(mode) {
    if (!parts[mode]) mode = 'samples';
    part?.leave?.();
    if (settings.mode !== mode) {
      settings = {...settings, mode};
      keep(settings);
    }
    for (const button of body.querySelectorAll('.parts button')) {
      button.setAttribute('aria-pressed', button.dataset.part === mode);
    }
    form.update(settings);
    const place = body.querySelector('.part');
    place.replaceChildren();
    part = parts[mode][1].show(place, page, settings, frame) ?? {};
  }

  /** Everything anew: there is a model now, or another one, or none. */
  async function build() {
    const signal = reading.next();
    version = page.state.model_version;
    part?.leave?.();
    part = null;
    if (!page.state.model?.recorded) {
      body.replaceChildren(h('div', {class: 'card empty'}, h('h3', {}, 'Nothing to retrace yet'),
        h('p', {class: 'quiet'}, 'A network has to be trained first: while it is, everything its neurons do is recorded.'),
        h('button', {class: 'main', onclick: () => page.go('training')}, 'Go to Training')));
      return;
    }
    body.replaceChildren(h('p', {class: 'quiet', role: 'status'}, 'One moment …'));
    try {
      frame.traced = await readTraced(signal);
    } catch (error) {
      if (error.name === 'AbortError') return;
      body.replaceChildren(h('div', {class: 'card empty'}, h('p', {class: 'error'}, error.message),
        h('button', {onclick: build}, 'Try again')));
      return;
    }
    if (signal.aborted) return;
    form = controls(settings, frame.traced, change);
    body.replaceChildren(
      h('nav', {class: 'parts', 'aria-label': 'What to look at'}, Object.entries(parts).map(([name, [text]]) =>
        h('button', {data: {part: name, text}, 'aria-pressed': 'false', onclick: () => choosePart(name)}, text))),
      h('div', {class: 'two retracing'}, form.element, h('div', {class: 'grid'}, offNote, h('div', {class: 'part'}))));
    showOff();
    choosePart(settings.mode);
  }

  build();
  return {
    async state(now, old) {
      if (now.model_version === version) return part?.state?.(now, old);
      if (!now.model?.recorded || !part) return build();
      // Answers of the older network stay, marked by their part; the controls are those of the new one.
      version = now.model_version;
      const signal = reading.next(), before = frame.traced;
      try {
        const traced = await readTraced(signal);
        if (signal.aborted) return undefined;
        frame.traced = traced;
      } catch (error) {
        return error.name === 'AbortError' ? undefined : build();
      }
      // What is being typed stays where it may be typed still.
      if (JSON.stringify({...before, model_version: 0}) !== JSON.stringify({...frame.traced, model_version: 0})) {
        const renewed = controls(settings, frame.traced, change);
        form.element.replaceWith(renewed.element);
        form = renewed;
      }
      return part.state?.(page.state, old);
    },
    event: (name, data) => part?.event?.(name, data),
    leave() {
      tell.cancel();
      reading.end();
      closeOverlay();
      part?.leave?.();
    },
  };
}
