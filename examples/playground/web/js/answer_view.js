// SPDX-License-Identifier: MIT
// One answer, in every view: a predicted sample, what its sources speak for, and the sources themselves.
import {colourCard, colourCube} from './colour_view.js';
import {count, h, percent} from './dom.js';
import {className, look, rgb, values} from './look.js';
import {morph} from './morph.js';
import {neuronGrid} from './neuron_grid.js';
import {kindText, placeTitle} from './places.js';
import {words} from './words.js';

const setNames = {test: 'Test sample', train: 'Training sample', drawn: 'Your drawing'};

const sampleName = (sample) => (sample.set === 'drawn' ? setNames.drawn : `${setNames[sample.set]} ${sample.id}`);

function bar(part, tone = '') {
  return h('span', {class: `vote-bar ${tone}`, 'aria-hidden': 'true'}, h('span', {style: {width: `${(100 * part).toFixed(2)}%`}}));
}

/** Evidence for each class: all up to twelve, else those with most. */
function evidenceBars(evidence, traced, {prediction = null, label = null, most = 12} = {}) {
  let shown = evidence.map((part, i) => ({part, i}));
  if (shown.length > most) {
    shown = shown.sort((a, b) => b.part - a.part || a.i - b.i).slice(0, most);
  }
  const largest = Math.max(...evidence, 1e-9);  // bars are compared with each other; the numbers are of all votes
  const left = 1 - shown.reduce((sum, {part}) => sum + part, 0);
  return h('ul', {class: 'evidence', 'aria-label': 'Votes for each class', style: {'--even': `${Math.min(100, 100 / evidence.length / largest).toFixed(2)}%`}}, shown.map(({part, i}) => {
    const notes = [i === prediction ? 'predicted' : null, i === label ? 'true' : null].filter(Boolean).join(', ');
    const tone = i === label ? 'good' : i === prediction && label !== null && label >= 0 ? 'bad' : i === prediction ? 'said' : '';
    return h('li', {}, h('span', {class: 'name'}, className(traced, i)), bar(part / largest, tone),
      h('span', {class: 'part'}, percent(part)), h('span', {class: 'note quiet'}, notes));
  }), evidence.length > most ? h('li', {class: 'quiet'}, `${count(evidence.length - most)} other classes: ${percent(Math.max(0, left))}`) : null);
}

/** One number from 0 to 1 with what it means. */
function gauge(name, value, meaning) {
  const text = value === undefined ? 'pending …' : value === null ? 'not known' : percent(value, 0);
  return h('div', {class: 'gauge'}, h('dt', {}, name), h('dd', {},
    h('span', {class: value === undefined ? 'figure quiet' : 'figure'}, text), bar(value ?? 0), h('small', {class: 'quiet'}, meaning)));
}

function gauges(answer) {
  const {voted} = answer;
  return h('dl', {class: 'gauges'},
    voted.evidence ? gauge('Certainty', voted.certainty, '0\u00a0% if all classes have equally many votes, 100\u00a0% if one has all') : null,
    voted.evidence ? gauge('Margin', voted.margin, 'of all votes: the first class has so many more than the second') : null,
    gauge('Familiarity', answer.familiarity, 'of the training samples are less like the others than this one'));
}

const figure = (item, name, size, caption) => h('figure', {class: 'one'}, look(item, name, size), h('figcaption', {}, caption));

function source(one, traced, size) {
  const name = `Training sample ${one.id}`;
  const label = one.label === undefined ? null : className(traced, one.label);
  const wrong = one.label !== undefined && one.prediction !== null && one.label !== one.prediction;
  const text = `${name}, ${percent(one.share)} of the votes${label === null ? '' : `, labelled ${label}`}` +
    `${one.prediction === null ? '' : `, predicted ${className(traced, one.prediction)}`}`;
  return h('li', {}, h('button', {class: 'source', data: {source: one.id}, title: text},
    look(one, '', size),
    h('span', {class: 'hidden'}, `${name}, `),
    h('span', {class: 'share'}, percent(one.share, one.share < 0.01 ? 2 : 1)),
    label === null ? h('span', {class: 'quiet'}, one.tag || (one.colour ? rgb(one.colour) : one.target ? values(one.target, 3) : `no. ${one.id}`)) :
      h('span', {class: wrong ? 'wrong' : 'quiet'}, one.prediction === null ? label : wrong ? `${label}, read as ${className(traced, one.prediction)}` : label)));
}

function sources(voted, traced, size, name) {
  if (voted.sources.length === 0) return h('p', {class: 'quiet'}, 'No sample got any vote.');
  return h('ol', {class: 'sources', 'aria-label': name}, voted.sources.map((one) => source(one, traced, size)));
}

/** Samples that are only numbers: query, blends and sources below each other. */
function valueTable(answer, traced) {
  const rows = [[sampleName(answer.sample), answer.sample, '', null],
    ...answer.blends.filter((b) => b.values).map((b) => [`Blend, ${kindText[b.kind]}`, b, '', null]),
    ...answer.voted.sources.map((s) => [`Training sample ${s.id}${s.tag ? `: ${s.tag}` : ''}`, s, percent(s.share), s.id])];
  const width = Math.min(16, answer.sample.values.length);
  const labels = answer.voted.evidence !== undefined;
  const says = (item) => (item.label === undefined || item.prediction === undefined || item.prediction === null ? '' :
    `${className(traced, item.label)} → ${className(traced, item.prediction)}`);
  return h('div', {class: 'grid tight'}, h('h4', {}, 'Closest sources', h('small', {class: 'quiet'},
    traced.standardized ? ' values as the network gets them: (value − mean) / deviation' : ' values as the network gets them')),
  h('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Values'}, h('table', {class: 'data'},
    h('thead', {}, h('tr', {}, h('th', {}, 'Sample'), h('th', {}, 'Votes'), labels ? h('th', {}, 'label → the network says') : null,
      Array.from({length: width}, (_, i) => h('th', {scope: 'col'}, traced.inputNames?.[i] || `input ${i + 1}`)))),
    h('tbody', {}, rows.map(([name, item, share, id]) => h('tr', {},
      h('th', {scope: 'row'}, id === null ? name : h('button', {class: 'plain', data: {source: id}}, name)), h('td', {}, share), labels ? h('td', {}, says(item)) : null,
      item.values.slice(0, width).map((v) => h('td', {}, values([v])))))))));
}

function regression(answer) {
  const {sample, voted, outputs} = answer;
  if (voted.evidence || !voted.targets || sample.colour) return null;  // a card of colours says it already
  const row = (name, list) => (list ? h('tr', {}, h('th', {scope: 'row'}, name), list.map((v) => h('td', {}, values([v])))) : null);
  return h('div', {class: 'scroll'}, h('table', {class: 'data'}, h('tbody', {}, row('The network says', outputs),
    row('Mean of the sources', voted.targets), row('Spread of the sources', voted.spread), row('It should be', sample.target))));
}

function verdict(answer, traced) {
  const {sample, prediction} = answer;
  if (prediction === null) return null;
  const says = className(traced, prediction);
  if (sample.label === null) return h('p', {class: 'verdict'}, 'the network says ', h('strong', {}, says));
  const well = sample.label === prediction;
  return h('p', {class: 'verdict'}, `labelled ${className(traced, sample.label)}, the network says `,
    h('strong', {class: well ? 'true' : 'wrong'}, says), h('span', {class: `badge ${well ? 'good' : 'bad'}`}, well ? 'right' : 'wrong'));
}

function head(answer, traced, stale) {
  return h('header', {class: 'row'}, h('h3', {}, sampleName(answer.sample)),
    answer.sample.tag ? h('span', {class: 'quiet'}, answer.sample.tag) : null, verdict(answer, traced),
    stale ? h('span', {class: 'badge stale'}, 'of an older network') : null,
    h('small', {class: 'quiet took'}, `${answer.milliseconds.toFixed(1)} ms`));
}

function said(answer, traced) {
  return h('div', {class: 'said'}, h('ul', {class: 'words'}, words(answer, traced).map(({text, tone}) => h('li', {class: tone}, text))),
    regression(answer));
}

function blends(answer, size) {
  return answer.blends.map((blend) => figure(blend, `Blend of ${blend.blended} sources, ${kindText[blend.kind]}`, size,
    [h('span', {}, 'blend'), h('small', {class: 'quiet'}, kindText[blend.kind])]));
}

function weighted(answer, traced) {
  if (traced.look === 'values') return h('div', {class: 'grid'}, said(answer, traced), marks(answer, traced), valueTable(answer, traced));
  const first = traced.look === 'colour' ? colourCard(answer) : h('div', {class: 'figures'},
    figure(answer.sample, sampleName(answer.sample), 112, answer.sample.set === 'drawn' ? 'your drawing' : 'the sample'), blends(answer, 112));
  return h('div', {class: 'grid'}, h('div', {class: 'overview'}, first,
    h('section', {}, h('h4', {}, 'Closest sources', h('small', {class: 'quiet'}, traced.classes.length ? ' share of all votes, label' : ' share of all votes')), sources(answer.voted, traced, 64, 'Closest sources'))),
  said(answer, traced), marks(answer, traced));
}

function marks(answer, traced) {
  const {voted, sample, prediction} = answer;
  return h('div', {class: voted.evidence ? 'marks' : 'marks alone'},
    voted.evidence ? h('div', {}, evidenceBars(voted.evidence, traced, {prediction, label: sample.label}),
      h('p', {class: 'quiet even'}, `The line is an even share, ${percent(1 / voted.evidence.length, 0)}: what a class gets of neurons that cannot tell.`)) : null,
    gauges(answer));
}

/** Query and words alone, for views that show layers or neurons. */
function compact(answer, traced) {
  return h('div', {class: 'compact'}, traced.look === 'values' ? null : look(answer.sample, sampleName(answer.sample), 72), said(answer, traced));
}

function layerBlock(layer, answer, traced) {
  return h('section', {class: 'layer-answer'},
    h('h4', {}, placeTitle(layer.place, traced.places), h('small', {class: 'quiet'}, ` ${layer.place}, ${count(layer.neurons)} neurons`)),
    h('div', {class: 'layer-body'}, traced.look === 'values' ? null : figure(layer.blend, `Blend of ${layer.blend.blended} sources of ${layer.place}`, 96, 'blend'),
      h('div', {class: 'grid'}, sources(layer, traced, 44, `Closest sources of ${layer.place}`),
        layer.evidence ? h('p', {}, 'for ', h('strong', {class: layer.agreement ? 'true' : 'wrong'}, className(traced, layer.evidence_class)),
          h('span', {class: 'quiet'}, ` ${percent(layer.evidence[layer.evidence_class] ?? 0)} of the votes, certainty ${percent(layer.certainty, 0)}`)) :
          layer.targets ? h('p', {class: 'quiet'}, `targets ${values(layer.targets)}`) : null)));
}

/** Places whose neurons are shown. */
function neuronPlaces(query, traced) {
  const voting = traced.places.filter((p) => (p.kind === 'pre' ? query.pre : query.post));
  return query.units ? voting.filter((p) => query.units.some((u) => u.place === p.name)) : voting;
}

/** An element that shows the answer of POST retrace to a query. element.update(query, answer, settings) shows another
 * one in its place, without building it anew; element.stale(true) marks it as one of an older network.
 * traced: of GET traced. onSource(query, id) and onNeuron(query, place, unit) are called when a source or a neuron is
 * chosen. */
export function answerView(page, query, answer, {traced, settings, onSource = null, onNeuron = null}) {
  const element = h('article', {class: 'card answer'});
  const top = h('div', {class: 'grid'});
  const grids = h('div', {class: 'grid grids'});
  const cube = traced.look === 'colour' ? colourCube(traced) : null;
  element.append(top, cube?.element ?? '', grids);
  /** What is asked further is asked of the network that answered. */
  const of = (q, a) => ({...q, model_version: a.model_version});
  let now = {query: of(query, answer), answer, settings};
  let stale = false;
  let kept = new Map();

  element.addEventListener('click', (event) => {
    const button = event.target.closest('[data-source],[data-unit]');
    if (!button || !element.contains(button)) return;
    if (button.dataset.source !== undefined) onSource?.(now.query, Number(button.dataset.source));
    else onNeuron?.(now.query, button.dataset.place, Number(button.dataset.unit));
  });

  function draw() {
    const view = now.settings?.view ?? 'weighted';
    const full = view === 'weighted' || view === 'custom';
    const wanted = h('div', {class: 'grid'}, head(now.answer, traced, stale),
      full ? weighted(now.answer, traced) : compact(now.answer, traced),
      view === 'weighted' || view === 'neurons' || now.answer.layers.length === 0 ? null :
        h('div', {class: 'layers'}, now.answer.layers.map((layer) => layerBlock(layer, now.answer, traced))));
    morph(top, wanted);
    cube?.update(now.query, now.answer);
    const places = ['neurons', 'both', 'custom'].includes(view) ? neuronPlaces(now.query, traced) : [];
    const next = new Map();
    for (const place of places) {
      const grid = kept.get(place.name) ?? neuronGrid(place, placeTitle(place.name, traced.places), traced);
      grid.update(now.query, now.settings);
      next.set(place.name, grid);
    }
    for (const [name, grid] of kept) if (!next.has(name)) grid.leave();
    const elements = [...next.values()].map((grid) => grid.element);
    if (elements.length !== grids.children.length || elements.some((e, i) => e !== grids.children[i])) grids.replaceChildren(...elements);
    grids.hidden = elements.length === 0;
    kept = next;
  }

  element.update = (q, a, s = now.settings) => {
    now = {query: of(q, a), answer: a, settings: s};
    draw();
  };
  element.familiarity = (value) => {
    now.answer = {...now.answer, familiarity: value};
    draw();
  };
  element.stale = (is) => {
    if (stale === is) return;
    stale = is;
    draw();
  };
  element.leave = () => {
    kept.forEach((grid) => grid.leave());
    cube?.leave();
  };
  draw();
  return element;
}
