// SPDX-License-Identifier: MIT
// Neurons off: choose neurons, or have those found that carry a class, and see what the network can do without them.
import {session} from './api.js';
import {profileReader} from './class_profiles.js';
import {count, field, h, number, percent, select} from './dom.js';
import {neuronSwitches} from './neuron_map.js';
import {placeTitle} from './places.js';
import {offCount} from './settings.js';
import {active} from './work.js';

let chosen = {label: '0', method: 'trial'};
let sought = null;  // number of the work before the search whose neurons are still to be switched off
const ours = (job) => sought !== null && job?.kind === 'class_off' && job.number > sought;
const lost = 0.02;  // accuracy that is shown as a loss
const clean = (off) => Object.fromEntries(Object.entries(off).filter(([, units]) => units.length > 0));

/** Accuracy of each class; beside that with all neurons where some are off. */
function bars(before, now) {
  const both = before !== now;
  const row = (name, was, is, strong = false) => h('li', {class: strong ? 'all' : ''}, h('span', {class: 'name'}, name),
    h('span', {class: 'pair', 'aria-hidden': 'true'}, !both ? null : h('span', {class: 'was', style: {width: `${100 * (was ?? 0)}%`}}),
      h('span', {class: is < was - lost ? 'is less' : 'is', style: {width: `${100 * (is ?? 0)}%`}})),
    h('span', {class: 'figures-of'}, !both ? null : [h('span', {class: 'hidden'}, 'with all neurons '), h('span', {class: 'quiet'}, percent(was)),
      h('span', {'aria-hidden': 'true'}, ' → '), h('span', {class: 'hidden'}, ' now ')], h('strong', {class: is < was - lost ? 'wrong' : ''}, percent(is))));
  return h('ul', {class: 'accuracies', 'aria-label': 'Accuracy of each class'}, row('All', before.accuracy, now.accuracy, true),
    now.classes.map((c, i) => (c.samples > 0 ? row(c.name, before.classes[i].accuracy, c.accuracy) : null)));
}

function confusion(now) {
  const names = now.classes.map((c) => c.name);
  return h('details', {}, h('summary', {}, 'What samples are taken for'), h('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Confusion'},
    h('table', {class: 'data mistakes'}, h('caption', {class: 'quiet'}, 'A row for each label, a column for each prediction, neurons off'),
      h('thead', {}, h('tr', {}, h('th', {}, 'label'), names.map((name) => h('th', {scope: 'col'}, name)))),
      h('tbody', {}, now.confusion.map((row, i) => h('tr', {}, h('th', {scope: 'row'}, names[i]), row.map((n, j) => {
        const part = n / Math.max(1, now.classes[i].samples);
        return h('td', {class: i === j ? 'well' : n > 0 ? 'amiss' : 'quiet', style: {'--part': part.toFixed(3)}}, n === 0 ? '·' : count(n));
      })))))));
}

export function show(panel, page, given, frame) {
  page.frame = frame;
  const {classes, places} = frame.traced;
  const labelled = classes.length > 0;
  let settings = given;
  let gone = false;
  let before = null;
  let busy = false, again = false, abort = null;
  let scores = null;
  let queued = false;  // a search that waits for the profiles, which nobody asked for
  if (page.state.job?.kind === 'class_off' && active(page.state.job)) sought ??= page.state.job.number - 1;  // begun before a reload
  let searching = ours(page.state.job) && active(page.state.job);
  if (Number(chosen.label) >= classes.length) chosen.label = '0';

  // Neurons are switched off behind the activation of their layer, where there is one.
  const last = places.filter((place, i) => i + 1 === places.length || places[i + 1].layer !== place.layer);
  const output = places.at(-1).layer;

  const status = h('p', {class: 'quiet search-note', role: 'status'});
  const error = h('p', {class: 'error', role: 'alert', hidden: true});
  const find = h('button', {class: 'main', onclick: search}, 'Find its neurons and switch them off');
  const fail = (message) => {
    error.textContent = message;
    error.hidden = !message;
  };

  function looking() {
    find.disabled = searching = true;
    status.textContent = 'Looking for neurons …';
  }

  async function search() {
    fail('');
    looking();
    try {
      sought = page.state.job?.number ?? 0;
      await page.begin(() => session.post('class_off', {class: Number(chosen.label), method: chosen.method}));
    } catch (e) {
      searching = false;
      sought = null;
      queued = e.kind === 'busy' && active(page.state.job) && page.state.job.kind === 'profiles';
      if (queued) return void (status.textContent = 'The search begins when the class profiles are worked out.');
      find.disabled = false;
      status.textContent = '';
      fail(e.message);
    }
  }

  async function found() {
    try {
      const told = await session.get('class_off');
      if (gone || searching) return;
      sought = null;
      frame.change({off: clean(told.off)});
      const name = classes[told.class] ?? told.class;
      status.textContent = told.reached ?
        `Without ${count(told.neurons)} of ${count(told.ranked)} hidden neurons (${percent(told.neurons / told.ranked)}) class ${name} is gone, by ${count(told.samples)} training samples it was searched with. The test samples below were not part of the search.` :
        `Even without all ${count(told.neurons)} hidden neurons that were tried, class ${name} is not gone.`;
    } catch (e) {
      if (gone) return;
      sought = null;
      fail(e.message);
    }
  }

  const result = h('section', {class: 'card grid'});
  if (labelled) result.style.minHeight = `${160 + 27 * Math.min(30, classes.length + 1)}px`;  // as much as it will take

  async function measure() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    result.setAttribute('aria-busy', 'true');
    abort = new AbortController();
    do {
      again = false;
      try {
        before ??= await session.post('accuracy', {}, abort.signal);
        const off = known(settings.off);
        const now = offCount({off}) === 0 ? before : await session.post('accuracy', {off}, abort.signal);
        if (gone) return;
        draw(now);
      } catch (e) {
        if (e.name === 'AbortError' || gone) return;
        result.replaceChildren(h('p', {class: 'error', role: 'alert'}, e.message), h('button', {onclick: measure}, 'Try again'));
      }
    } while (again);
    busy = false;
    result.removeAttribute('aria-busy');
  }

  /** What the network has of it: settings may stem from a larger one. */
  const known = (off) => clean(Object.fromEntries(places.map((p) => [p.name, (off[p.name] ?? []).filter((u) => u < p.units)])));

  function draw(now) {
    const n = offCount({off: known(settings.off)});
    const part = now.samples < now.of ? `${count(now.samples)} test samples, evenly from ${count(now.of)}` : `all ${count(now.of)} test samples`;
    const open = result.querySelector('details')?.open;
    result.replaceChildren(...[h('h3', {}, n === 0 ? 'What the network can do with every neuron' : `What the network can do without ${n === 1 ? 'this neuron' : `these ${count(n)} neurons`}`),
      h('p', {class: 'quiet'}, `Measured on ${part}. `, now.classes && n > 0 ? [h('span', {class: 'bar-key was'}), ' with all neurons ', h('span', {class: 'bar-key is'}), ' now'] : null),
      now.classes ? [bars(before, now), confusion(now)] :
        h('dl', {class: 'facts'}, h('dt', {}, 'Mean squared error with all neurons'), h('dd', {}, number(before.loss)), n > 0 ? [h('dt', {}, 'now'), h('dd', {}, number(now.loss))] : null)].flat());
    if (open) result.querySelector('details').open = true;
  }

  const maps = last.map((place) => {
    const switches = neuronSwitches({name: place.name, neurons: place.units}, (unit) => {
      const units = new Set(settings.off[place.name] ?? []);
      if (!units.delete(unit)) units.add(unit);
      put(place.name, units);
    });
    const note = h('span', {class: 'quiet'});
    const all = h('button', {class: 'plain', onclick: () => {
      const some = (settings.off[place.name] ?? []).length > 0;
      put(place.name, new Set(some ? [] : Array.from({length: place.units}, (_, i) => i)));
    }});
    const isOutput = place.layer === output;
    const element = h('section', {class: 'grid tight'}, h('div', {class: 'row place-head'}, h('h4', {}, placeTitle(place.name, places)), note, all),
    isOutput && labelled ? h('p', {class: 'quiet'}, 'Without its unit of the output a class is gone at once: this says nothing about the network.') : null, switches.element);
    return {place, switches, note, all, element, isOutput};
  });

  function put(place, units) {
    status.textContent = '';
    const off = clean({...settings.off, [place]: [...units].sort((a, b) => a - b)});
    settings = {...settings, off};
    shade();
    frame.change({off});
  }

  function shade() {
    for (const {place, switches, note, all} of maps) {
      const off = new Set(settings.off[place.name] ?? []);
      const score = scores?.places.find((p) => p.name === place.name)?.score;
      const most = score?.length ? Math.max(1e-12, ...score.map(Math.abs)) : 1;
      switches.update({off, scores: score?.length ? score : null, most,
        read: score?.length ? (u) => `: ${number(Math.abs(score[u]))} ${score[u] < 0 ? 'below' : 'above'} the rest for class ${classes[Number(chosen.label)]}` : null});
      note.textContent = off.size > 0 ? `${place.name}: ${count(off.size)} of ${count(place.units)} off` : `${place.name}: ${count(place.units)} neurons`;
      all.textContent = off.size > 0 ? 'All on' : 'All off';
      all.setAttribute('aria-label', `${place.name}: ${off.size > 0 ? 'all on' : 'all off'}`);
    }
  }

  const shading = h('p', {class: 'quiet read-out'});
  const reader = profileReader(page, (profiles) => {
    scores = profiles;
    shading.textContent = `Blue neurons do more for class ${classes[Number(chosen.label)]} than for the rest, red ones less. Press one to switch it off or on.`;
    shade();
  }, (message) => { shading.textContent = `${message} Press a neuron to switch it off or on.`; });

  panel.append(h('div', {class: 'grid'}, labelled ? h('section', {class: 'card grid'}, h('h3', {}, 'Switch a class off'),
    h('p', {class: 'quiet'}, 'Hidden neurons are held at 0 until the class is not recognised any more. No weight is changed.'),
    h('div', {class: 'row class-off'}, field('Class', select(classes.map((name, i) => [String(i), name]), chosen.label, (v) => {
      chosen.label = v;
      reader.read(`class=${v}`);
    })), field('How', select([['trial', 'By trial: fewest neurons, others spared'], ['rank', 'The first of the ranking: at once']], chosen.method, (v) => { chosen.method = v; })),
    find), status, error) : null,
  result,
  h('section', {class: 'card grid'}, h('h3', {}, 'Neurons'), labelled ? shading : h('p', {class: 'quiet'}, 'Press a neuron to switch it off or on.'),
    maps.map((map) => map.element))));
  result.append(h('p', {class: 'quiet', role: 'status'}, 'Measuring …'));
  if (searching) looking();
  shade();
  measure();
  if (labelled) reader.read(`class=${chosen.label}`);
  if (ours(page.state.job) && page.state.job.state === 'done') found();  // while others were looked at

  return {
    settings(now) {
      const other = JSON.stringify(now.off) !== JSON.stringify(settings.off);
      settings = now;
      if (other) shade();
      measure();
    },
    event(name, data) {
      if (name === 'job' && queued && !active(data)) {
        queued = false;
        search();
      }
      reader.event(name, data);
      if (name === 'again' && result.querySelector('[role=alert]')) measure();
      if (name !== 'job' || !ours(data)) return;
      if (active(data)) {
        if (!searching) looking();
        if (data.state === 'running' && data.done) status.textContent = `Looking for neurons: ${count(data.done)} trials so far …`;
        return;
      }
      find.disabled = searching = false;
      status.textContent = data.state === 'cancelled' ? 'The search was cancelled.' : '';
      if (data.state === 'failed') fail(data.error);
      if (data.state === 'done') found();
      else sought = null;
    },
    state(now, old) {
      if (now.model_version === old?.model_version) return;
      this.leave();
      panel.replaceChildren();
      Object.assign(this, show(panel, page, settings, frame));
    },
    leave() {
      gone = true;
      abort?.abort();
      reader.stop();
    },
  };
}
