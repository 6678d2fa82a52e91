// SPDX-License-Identifier: MIT
// How predictions are retraced: the settings of the tab Visualization, kept while the browser tab lives, and the query
// that they make.
import {layersOf} from './places.js';

const defaults = {
  mode: 'samples',
  which: 'first', evaluations: 1, ids: '', seed: 1,  // test samples
  k: 42, closest: 3, ties: 'share', pre: true, post: true,
  view: 'weighted',  // weighted, both, neurons, layers, custom
  custom: {},        // by place before the activation: {use, from, to, post}
  off: {},           // by place: units held at 0
};

export function load() {
  try {
    return {...defaults, ...JSON.parse(sessionStorage.getItem('visualization') ?? '{}')};
  } catch {
    return {...defaults};
  }
}

export const keep = (settings) => sessionStorage.setItem('visualization', JSON.stringify(settings));

export const tiesPolicies = [['share', 'Share: ties split the places'], ['strict', 'Strict: no vote on a tie'],
  ['skip_inactive', 'Skip inactive neurons'], ['lowest_id', 'Lowest number first']];

export const views = [['weighted', 'Weighted'], ['both', 'Per neuron & layer'], ['neurons', 'Per neuron only'],
  ['layers', 'Per layer only'], ['custom', 'Custom']];

/** What is chosen of a layer in the view Custom; limits are the layer's if a smaller network took its place. */
export function customOf(settings, layer) {
  const chosen = settings.custom[layer.pre ?? layer.post] ?? {};
  const last = layer.units - 1;
  const to = Math.min(chosen.to ?? last, last);
  return {use: chosen.use ?? true, from: Math.min(chosen.from ?? 0, to), to, post: chosen.post ?? false};
}

function unitsOf(settings, places) {
  const units = [];
  for (const layer of layersOf(places)) {
    const {use, from, to, post} = customOf(settings, layer);
    if (!use) continue;
    if (layer.pre) units.push({place: layer.pre, from, to});
    if (layer.post && (post || !layer.pre)) units.push({place: layer.post, from, to});
  }
  return units;
}

/** The query, as the server's query.hpp has it. `of`: {test: id}, {train: id} or {drawn: base64}; `traced`: of GET
 * traced. Throws Error for settings under which nothing would vote. */
export function queryOf(settings, traced, of) {
  const query = {of, k: Math.min(settings.k, traced.recorded), ties: settings.ties, pre: settings.pre, post: settings.post};
  const hasPost = traced.places.some((place) => place.kind === 'post');
  if (!hasPost) query.post = false;
  if (settings.view === 'custom') {
    query.units = unitsOf(settings, traced.places);
    if (query.units.length === 0) throw new Error('Choose at least one layer whose neurons vote.');
    query.pre = query.post = true;
    if (!hasPost) query.post = false;
  } else if (!query.pre && !query.post) {
    if (settings.pre || hasPost) throw new Error('Choose neurons before or behind the activation, or both.');
    query.pre = true;
  }
  const known = new Map(traced.places.map((place) => [place.name, place.units]));
  const off = Object.entries(settings.off)
    .map(([place, some]) => [place, some.filter((unit) => unit < (known.get(place) ?? 0))])
    .filter(([, some]) => some.length > 0);
  if (off.length > 0) query.off = Object.fromEntries(off);
  return query;
}

/** The same of the network as it is known now, without what would leave nothing to vote: to look at a sample or a neuron. */
export function queryOrPlain(settings, traced, of) {
  let query = {of};
  try { query = queryOf(settings, traced, of); } catch { /* nothing would vote */ }
  return {...query, model_version: traced.model_version};
}

/** How much of the answer is shown: goes along with the query to POST retrace, as its member "show". */
export const shown = (settings) => ({sources: settings.closest, layers: ['both', 'layers', 'custom'].includes(settings.view)});

export const offCount = (settings) => Object.values(settings.off).reduce((sum, units) => sum + units.length, 0);
