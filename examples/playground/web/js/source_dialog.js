// SPDX-License-Identifier: MIT
// A source: what it is, and which neurons voted for it.
import {answerView} from './answer_view.js';
import {session} from './api.js';
import {count, h, number, percent} from './dom.js';
import {showNeuron} from './neuron_dialog.js';
import {voterMap} from './neuron_map.js';
import {showOverlay} from './overlay.js';
import {placeTitle} from './places.js';
import {load, shown} from './settings.js';
import {readTraced} from './traced.js';

export const nameOf = (page, label) =>
  label === null || label === undefined || label < 0 ? '–' : page.state.data?.train.classes[label] ?? String(label);

/** A sample's picture, or its numbers. */
export function face(sample, name, size) {
  if (sample.picture) return h('img', {class: 'sample', src: sample.picture, alt: name, width: size, height: size});
  const colour = sample.targets?.length === 3 && sample.targets.every((t) => t >= 0 && t <= 1);
  if (colour) {
    return h('span', {class: 'patch', role: 'img', 'aria-label': `${name}: red, green, blue ${sample.targets.map(number).join(', ')}`,
      style: {'background-color': `rgb(${sample.targets.map((t) => Math.round(255 * t)).join(' ')})`, width: `${size}px`, height: `${size}px`}});
  }
  return h('span', {class: 'quiet'}, sample.inputs ? sample.inputs.slice(0, 6).map(number).join(', ') : `no. ${sample.id}`);
}

const fact = (name, value) => [h('dt', {}, name), h('dd', {}, value)];

/** Label, prediction and number of a sample. */
function sampleFacts(page, sample, more = []) {
  const wrong = sample.label >= 0 && sample.prediction >= 0 && sample.label !== sample.prediction;
  return h('dl', {class: 'facts'}, fact('Number', String(sample.id)),
    sample.label >= 0 ? fact('Label', nameOf(page, sample.label)) : null,
    sample.prediction >= 0 ? fact('The network says', h('span', {class: wrong ? 'wrong' : ''}, nameOf(page, sample.prediction))) : null,
    sample.inputs ? fact('Input', sample.inputs.map(number).join(', ')) : null,
    sample.targets ? fact('Target', sample.targets.map(number).join(', ')) : null,
    sample.outputs ? fact('Output', sample.outputs.map(number).join(', ')) : null, more);
}

function placeBlock(page, query, place) {
  const title = placeTitle(place.name, page.frame?.traced?.places ?? []);
  return h('section', {class: 'voters'}, h('h4', {}, title, h('small', {class: 'quiet'},
    ` ${place.name}: ${count(place.units.length)} of ${count(place.neurons)} neurons, ${number(place.votes)} votes`)),
    voterMap(place, (unit) => showNeuron(page, query, place.name, unit)));
}

function voterTable(page, query, places) {
  const most = 60;
  const all = places.flatMap((place) => place.units.map((unit, i) => ({place: place.name, unit, votes: place.of[i], distance: place.distances[i]})));
  all.sort((a, b) => b.votes - a.votes || a.distance - b.distance);
  return h('details', {}, h('summary', {}, all.length > most ? `The ${most} that gave most, in numbers` : 'In numbers'),
    h('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Voters in numbers'}, h('table', {class: 'data'},
      h('thead', {}, h('tr', {}, ['Neuron', 'Votes', 'Distance'].map((t) => h('th', {scope: 'col'}, t)))),
      h('tbody', {}, all.slice(0, most).map((voter) => h('tr', {}, h('th', {scope: 'row'},
        h('button', {class: 'plain', onclick: () => showNeuron(page, query, voter.place, voter.unit)}, `${voter.place}, neuron ${voter.unit}`)),
      h('td', {}, number(voter.votes)), h('td', {}, number(voter.distance))))))));
}

async function retraced(page, query, id, signal) {
  const own = {...query, of: {train: id}};
  const settings = load();
  const [traced, answer] = await Promise.all([readTraced(signal),
    session.post('retrace', {...own, show: shown(settings)}, signal)]);
  const view = answerView(page, own, answer, {traced, settings: {...settings, view: settings.view === 'custom' ? 'weighted' : settings.view},
    onSource: (q, source) => showSource(page, q, source), onNeuron: (q, place, unit) => showNeuron(page, q, place, unit)});
  return [h('p', {class: 'quiet'}, 'Retraced without itself: what the network would rest on if this sample had not been there.'), view];
}

/** Opens the dialog about a training sample that the answer to a query rests on. */
export function showSource(page, query, sourceId) {
  showOverlay(`Training sample ${sourceId}`, async (signal) => {
    const {source, places} = await session.post('voters', {query, source: sourceId}, signal);
    const voting = places.filter((place) => place.units.length > 0);
    const neurons = voting.reduce((sum, place) => sum + place.units.length, 0);
    const own = query.of?.train === sourceId;
    return [h('div', {class: 'portrait'}, face(source, `Training sample ${sourceId}`, 168),
      sampleFacts(page, source, own ? [] : [fact('Votes in this answer', `${number(source.votes)}, ${percent(source.share, 2)} of all`)])),
    h('div', {class: 'row'}, h('button', {onclick: () => showOverlay(`Training sample ${sourceId}, retraced`,
      (s) => retraced(page, query, sourceId, s))}, 'Retrace this training sample')),
    h('section', {class: 'grid'}, h('h4', {}, own ? 'It is left out of its own answer' : neurons === 0 ? 'No neuron voted for it' :
      'Which neurons voted for it'),
    neurons === 0 ? null : h('p', {class: 'quiet'}, 'The fuller a square, the larger its vote. Choose one to see what it stands for.'),
    voting.map((place) => placeBlock(page, query, place)), neurons === 0 ? null : voterTable(page, query, voting))];
  });
}
