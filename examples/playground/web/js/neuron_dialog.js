// SPDX-License-Identifier: MIT
// A neuron: its value, its closest sources, what it does for each class, how its values are distributed.
import {session} from './api.js';
import {count, h, number, percent, svg} from './dom.js';
import {closeOverlay, showOverlay} from './overlay.js';
import {kindText, layerName} from './places.js';
import {load} from './settings.js';
import {face, nameOf, showSource} from './source_dialog.js';

function closest(page, query, neuron) {
  if (neuron.closest.length === 0) return h('p', {class: 'quiet'}, 'It has none.');
  return h('ol', {class: 'closest'}, neuron.closest.map((sample) => {
    const text = `Training sample ${sample.id}, ${sample.label >= 0 ? `labelled ${nameOf(page, sample.label)}, ` : ''}distance ${number(sample.distance)}`;
    return h('li', {}, h('button', {class: 'source', title: text, onclick: () => showSource(page, query, sample.id)},
      face(sample, '', 52), h('span', {}, sample.label >= 0 ? [h('span', {class: 'hidden'}, `Training sample ${sample.id}, labelled `), nameOf(page, sample.label)] : `no. ${sample.id}`),
      h('small', {class: 'quiet'}, h('span', {class: 'hidden'}, 'distance '), number(sample.distance))));
  }));
}

/** Mean of each class as a bar from 0, with the value for this query as a line. */
function profile(page, neuron) {
  const all = neuron.profile.map((p, i) => ({...p, label: i})).filter((p) => p.samples > 0);
  const low = Math.min(0, neuron.value, ...all.map((p) => p.mean));
  const high = Math.max(1e-9, neuron.value, ...all.map((p) => p.mean));
  const x = (v) => (100 * (v - low)) / (high - low);
  return h('ul', {class: 'class-means', 'aria-label': 'Mean value for each class'}, all.map((p) => {
    const bar = h('span', {class: 'track', 'aria-hidden': 'true'},
      h('span', {class: 'fill', style: {left: `${x(Math.min(0, p.mean))}%`, width: `${x(Math.max(0, p.mean)) - x(Math.min(0, p.mean))}%`}}),
      h('span', {class: 'here', style: {left: `${x(neuron.value)}%`}}));
    return h('li', {}, h('span', {class: 'name'}, nameOf(page, p.label)), bar,
      h('span', {}, number(p.mean), h('small', {class: 'quiet'}, ` ± ${number(p.deviation)}, active in ${percent(p.active, 0)}`)));
  }));
}

function distribution(neuron) {
  const {counts, from, to, zeros, samples} = neuron.distribution;
  const width = 400, height = 90, each = width / counts.length;
  // One tall bar of zeros would flatten the rest: heights are roots.
  const most = Math.sqrt(Math.max(...counts, 1));
  const at = to > from ? (width * (neuron.value - from)) / (to - from) : width / 2;
  return h('figure', {class: 'distribution'}, svg('svg', {viewBox: `-2 0 ${width + 4} ${height}`, role: 'img', preserveAspectRatio: 'none',
    'aria-label': `Values of ${count(samples)} samples from ${number(from)} to ${number(to)}; here ${number(neuron.value)}`},
  counts.map((n, i) => svg('rect', {class: 'part', x: i * each, width: Math.max(1, each - 1), y: height - (height - 4) * Math.sqrt(n) / most,
    height: (height - 4) * Math.sqrt(n) / most})),
  svg('line', {class: 'here', x1: Math.min(width, Math.max(0, at)), x2: Math.min(width, Math.max(0, at)), y1: 0, y2: height})),
  h('figcaption', {class: 'quiet'}, h('span', {}, number(from)), h('span', {}, zeros > 0 ? `exactly 0 for ${percent(zeros / samples, 0)}` : ''), h('span', {}, number(to))),
  h('p', {class: 'quiet'}, `${count(samples)} training samples, heights as square roots; the line is its value here.`));
}

function ties(neuron) {
  if (!neuron.votes) return 'It does not vote in this answer: too many samples are equally close.';
  if (neuron.tied > neuron.places) {
    return `${count(neuron.tied)} samples are equally close (distance ${number(neuron.boundary)}) and share ${count(neuron.places)} places.`;
  }
  return `The farthest that still gets a vote is ${number(neuron.boundary)} away.`;
}

/** Where a neuron is switched off: behind the activation of its layer, if there is one. */
function switchButton(page, neuron) {
  const {frame} = page;
  if (!frame) return null;
  const isOff = load().off[neuron.place]?.includes(neuron.unit);
  return h('button', {onclick: () => {
    const {off} = load(), units = new Set(off[neuron.place] ?? []);  // as they are by then
    if (isOff) units.delete(neuron.unit);
    else units.add(neuron.unit);
    const next = {...off, [neuron.place]: [...units].sort((a, b) => a - b)};
    if (units.size === 0) delete next[neuron.place];
    frame.change({off: next});
    closeOverlay();
  }}, isOff ? 'Switch this neuron on again' : 'Switch this neuron off');
}

/** Opens the dialog about a neuron, as it is for a query. */
export function showNeuron(page, query, place, unit) {
  showOverlay(`Neuron ${unit} of ${layerName(place, page.frame?.traced?.places ?? [])}`, async (signal) => {
    const neuron = await session.post('neuron', {query, place, unit}, signal);
    const isOff = query.off?.[place]?.includes(unit);
    return [h('p', {class: 'neuron-value'}, h('strong', {}, number(neuron.value)), h('span', {class: 'quiet'},
      isOff ? ' held at 0: it is switched off' : ` its value here, ${kindText[neuron.kind]} (${place})`)),
    h('div', {class: 'row'}, switchButton(page, neuron)),
    h('section', {class: 'grid'}, h('h4', {}, 'Closest training samples'), h('p', {class: 'quiet'}, `${neuron.closest.length ? 'Below each its label and how far its value is from this one. ' : ''}${ties(neuron)}`),
      h('div', {class: 'blend-row'}, neuron.blend ? h('figure', {}, h('img', {class: 'sample', src: neuron.blend, alt: 'Blend of its closest samples', width: 96, height: 96}),
        h('figcaption', {class: 'quiet'}, 'blend')) : null, closest(page, query, neuron))),
    neuron.profile ? h('section', {class: 'grid'}, h('h4', {}, 'What it does for each class'),
      h('p', {class: 'quiet'}, 'Its mean over the training samples of a class; the line is its value here.'), profile(page, neuron)) : null,
    neuron.distribution ? h('section', {class: 'grid'}, h('h4', {}, 'All its values'), distribution(neuron)) : null];
  });
}
