// SPDX-License-Identifier: MIT
// Where values are read: a layer, before or behind its activation, as a reader counts and names them.

export const kindText = {pre: 'before the activation', post: 'behind the activation'};

/** Layers as a reader counts them: what a layer puts out, and the activation behind it if it has one.
 * places: of GET traced, in the order of the pass. */
export function layersOf(places) {
  const layers = [];
  for (const place of places) {
    if (place.kind === 'pre' || layers.length === 0) layers.push({pre: null, post: null, units: place.units});
    layers.at(-1)[place.kind] = place.name;
  }
  return layers;
}

/** "Layer 1", "Output" of a place with this name; places: of GET traced. */
export function layerName(name, places) {
  const layers = layersOf(places);
  const n = layers.findIndex((layer) => layer.pre === name || layer.post === name);
  return n < 0 ? name : n + 1 === layers.length ? 'Output' : `Layer ${n + 1}`;
}

/** "Layer 1, behind the activation". */
export function placeTitle(name, places) {
  const kind = places.find((place) => place.name === name)?.kind;
  return `${layerName(name, places)}${kind ? `, ${kindText[kind]}` : ''}`;
}
