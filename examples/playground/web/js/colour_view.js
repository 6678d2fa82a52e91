// SPDX-License-Identifier: MIT
// An answer of the colour task: what went in, what came out, what the sources blend to, and the cube with the sources.
import {latest, session} from './api.js';
import {field, h, number, select} from './dom.js';
import {byte, look, rgb} from './look.js';
import {kindText, placeTitle} from './places.js';

/** Farthest of red, green and blue, in parts of 255. */
const difference = (a, b) => Math.max(...a.map((v, i) => Math.abs(byte(v) - byte(b[i]))));

export function colourCard(answer) {
  const {sample, outputs, blends} = answer;
  const reference = sample.target ?? sample.colour;
  const named = [['Original', sample.colour, `HSV ${sample.values.map(number).join(', ')}`], ['Reference', reference, null],
    ['Predicted', outputs, null], ...blends.filter((b) => b.colour).map((b) => ['Blended', b.colour, kindText[b.kind]])];
  const blend = blends.find((b) => b.colour && b.kind === 'pre') ?? blends.find((b) => b.colour);
  const differences = [['predicted', outputs, 'reference', reference],
    ...(blend ? [['blended', blend.colour, 'reference', reference], ['blended', blend.colour, 'predicted', outputs]] : [])];
  return h('div', {class: 'grid'},
    h('div', {class: 'figures'}, named.map(([name, colour, more]) => h('figure', {class: 'one'}, look({colour}, name, 84),
      h('figcaption', {}, h('span', {}, name), h('small', {class: 'quiet'}, rgb(colour)), more ? h('small', {class: 'quiet'}, more) : null)))),
    h('ul', {class: 'differences quiet'}, differences.map(([a, x, b, y]) =>
      h('li', {}, `${a} and ${b} differ by `, h('strong', {}, difference(x, y)), ' of 255'))));
}

/** The sources in the cube of colours: of the network, a place, or one of its neurons. {element, update(query, answer), leave()}. */
export function colourCube(traced) {
  const room = h('div', {class: 'source-cube'});
  const note = h('p', {class: 'quiet', role: 'status'});
  const slider = h('input', {type: 'range', min: 0, max: 0, value: 0, oninput: () => { unit = Number(slider.value); draw(); }});
  const sliderField = field('Neuron', slider);
  sliderField.hidden = true;
  const places = select([['', 'All that vote'], ...traced.places.map((p) => [p.name, placeTitle(p.name, traced.places)])], '', (name) => {
    place = name;
    unit = 0;
    slider.value = 0;
    slider.max = (traced.places.find((p) => p.name === name)?.units ?? 1) - 1;
    sliderField.hidden = name === '';
    draw();
  });
  const element = h('details', {class: 'cube-box', ontoggle: () => draw()}, h('summary', {}, 'The sources in the cube of colours'),
    h('div', {class: 'two'}, h('div', {class: 'grid'}, field('Neurons', places), sliderField, note), room));
  let query = null, answer = null, place = '', unit = 0, cube = null;
  const reading = latest();

  async function draw() {
    if (!element.open || !query) return;
    const signal = reading.next();
    try {
      const {drawCube} = await import('./cube.js');
      let cloud, blended = answer.blends.find((b) => b.colour)?.colour;
      if (place === '') {
        cloud = (await session.post('retrace', {...query, show: {cloud: 500}}, signal)).cloud;
      } else {
        const {units, ...whole} = query;  // any neuron may be looked at, whichever vote
        const part = await session.post('retrace/neurons', {...whole, place, first: unit, count: 1, show: {cloud: 500}}, signal);
        cloud = part.neurons[0].cloud;
        blended = part.neurons[0].colour;
        slider.setAttribute('aria-valuetext', `neuron ${part.neurons[0].unit}`);
        note.textContent = `Neuron ${part.neurons[0].unit} of ${placeTitle(place, traced.places)}: value ${number(part.neurons[0].value)}`;
      }
      if (signal.aborted) return;
      if (place === '') note.textContent = `${cloud.length} sources, the larger the more votes.`;
      const reference = answer.sample.target ?? answer.sample.colour;
      const bytes = (colour) => colour.map(byte);
      const points = cloud.map((p) => ({rgb: bytes(p.colour), weight: p.weight, label: `no. ${p.id}`}));
      const markers = [{kind: 'reference', rgb: bytes(reference)}, {kind: 'predicted', rgb: bytes(answer.outputs)},
        ...(blended ? [{kind: 'weighted', rgb: bytes(blended)}] : [])];
      if (cube) return void await cube.draw(points, markers);
      const drawn = await drawCube(room, points, markers, {label: 'Sources in the cube of colours'});
      if (signal.aborted) drawn.remove();
      else cube = drawn;
    } catch (error) {
      if (error.name !== 'AbortError') note.textContent = error.message;
    }
  }

  return {element, update(q, a) {
    const same = JSON.stringify(q) === JSON.stringify(query) && a.model_version === answer?.model_version;
    query = q;
    answer = a;
    if (!same) draw();
  }, leave() {
    reading.end();
    cube?.remove();
    cube = null;
  }};
}
