// SPDX-License-Identifier: MIT
// Class activation profiles: what every neuron does for each class of training samples.
import {latest, session} from './api.js';
import {profileReader} from './class_profiles.js';
import {field, h, select} from './dom.js';
import {showNeuron} from './neuron_dialog.js';
import {kindText, layerName, placeTitle} from './places.js';
import {queryOrPlain} from './settings.js';
import {legend, range, samplesText, strip} from './strips.js';

let chosen = {by: 'class', label: '0', place: null, kind: 'both'};

export function show(panel, page, given, frame) {
  page.frame = frame;
  const {classes, places} = frame.traced;
  if (classes.length === 0) {
    panel.append(h('div', {class: 'card empty'}, h('h3', {}, 'No classes'), h('p', {class: 'quiet'},
      'The samples of this data set have targets in place of classes, so there is nothing to take together. Choose a neuron of an answer to see how its values are distributed.')));
    return {};
  }
  let settings = given;
  const looked = latest();
  let told = null, toldFor = '';
  const readOut = h('p', {class: 'read-out', role: 'status'});
  const body = h('div', {class: 'strips'});
  const looking = h('p', {class: 'quiet'});
  const idle = 'Point at a neuron, or move with the arrow keys, to read its numbers; choose it to see more.';
  const look = (text) => { readOut.textContent = text; };

  const byClass = field('Class', select(classes.map((name, i) => [String(i), name]), chosen.label, (v) => put({label: v})));
  const byPlace = field('Layer', select(places.map((p) => [p.name, placeTitle(p.name, places)]), chosen.place ?? places[0].name, (v) => put({place: v})));
  const button = (key, value, text) => h('button', {'aria-pressed': String(chosen[key] === value), data: {key, value}, onclick: () => put({[key]: value})}, text);
  const by = h('div', {class: 'chips', role: 'group', 'aria-label': 'Rows'}, button('by', 'class', 'One class, every layer'), button('by', 'place', 'One layer, every class'));
  const hasPost = places.some((p) => p.kind === 'post');
  const kind = h('div', {class: 'chips', role: 'group', 'aria-label': 'Neurons'}, button('kind', 'pre', 'Before activation'), button('kind', 'post', 'Behind activation'), button('kind', 'both', 'Both'));

  if (!places.some((p) => p.name === chosen.place)) chosen.place = places[0].name;
  if (Number(chosen.label) >= classes.length) chosen.label = '0';

  const reader = profileReader(page, (profiles, query) => {
    body.removeAttribute('aria-busy');
    told = profiles;
    toldFor = query;
    draw();
  }, (message, waiting) => {
    told = null;
    body.removeAttribute('aria-busy');
    body.replaceChildren(h('p', waiting ? {class: 'quiet', role: 'status'} : {class: 'error', role: 'alert'}, message),
      waiting ? null : h('button', {onclick: read}, 'Try again'));
  });

  const wanted = () => (chosen.by === 'class' ? `class=${chosen.label}` : `place=${encodeURIComponent(chosen.place)}`);
  function read() {
    if (!told) body.replaceChildren(h('p', {class: 'quiet', role: 'status'}, 'One moment …'));
    body.setAttribute('aria-busy', 'true');
    reader.read(wanted());
  }

  /** A neuron needs a query: the first test sample, as it is retraced now. */
  const neuron = (place, unit) => page.attempt(async () => {
    const {ids: [first]} = await session.post('retrace/samples', {which: 'first', count: 1}, looked.next());
    showNeuron(page, queryOrPlain(settings, frame.traced, {test: first}), place, unit);
  });
  function stop() {
    reader.stop();
    looked.end();
  }
  const offOf = (place) => new Set(settings.off[place] ?? []);

  function draw() {
    for (const b of [...by.children, ...kind.children]) b.setAttribute('aria-pressed', String(chosen[b.dataset.key] === b.dataset.value));
    byClass.hidden = chosen.by !== 'class';
    kind.hidden = chosen.by !== 'class' || !hasPost;
    byPlace.hidden = chosen.by !== 'place';
    if (!told || toldFor !== wanted()) return;
    readOut.textContent = idle;
    if (chosen.by === 'class') {
      const group = told.groups.find((g) => g.class === told.class);
      looking.textContent = `A row for each layer, a cell for each neuron: its ${samplesText(group)}.`;
      body.replaceChildren(...told.places.filter((p) => chosen.kind === 'both' || !hasPost || p.kind === chosen.kind).map((p) =>
        h('div', {class: 'strip-row'}, h('span', {class: 'name'}, layerName(p.name, places), h('small', {class: 'quiet'}, ` ${kindText[p.kind]}`)),
          strip(placeTitle(p.name, places), p, p, {look, choose: (u) => neuron(p.name, u), off: offOf(p.name)}), range(p))));
    } else {
      looking.textContent = `A row for each class, a cell for each neuron of this layer: its mean over the training samples of the class.`;
      body.replaceChildren(...told.rows.map((row) => h('div', {class: 'strip-row of-class'}, h('span', {class: 'name'}, row.name),
        strip(`${told.place.name}, class ${row.name}`, told.place, row, {look, choose: (u) => neuron(told.place.name, u), off: offOf(told.place.name)}),
        range(told.place))));
    }
    body.append(legend(Object.values(settings.off).some((units) => units.length)));
  }

  function put(some) {
    chosen = {...chosen, ...some};
    draw();
    if (toldFor !== wanted()) read();
  }

  panel.append(h('div', {class: 'card grid'}, h('div', {class: 'row'}, by, kind), h('div', {class: 'profile-choice'}, byClass, byPlace),
    looking, readOut, body));
  draw();
  read();
  return {
    event: reader.event,
    settings(now) {
      const other = JSON.stringify(now.off) !== JSON.stringify(settings.off);
      settings = now;
      if (other) draw();
    },
    state(now, old) {
      if (now.model_version === old?.model_version) return;
      stop();
      panel.replaceChildren();
      Object.assign(this, show(panel, page, settings, frame));
    },
    leave: stop,
  };
}
