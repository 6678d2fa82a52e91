// SPDX-License-Identifier: MIT
// Rows of cells, one a neuron, coloured from the lowest mean of a row (red) to the highest (blue).
import {count, h, number, percent, svg} from './dom.js';

const height = 24;

/** One row: place is {name, low, high}, row {mean, deviation, active, score}. It is a slider over its neurons for keys;
 * look(text) is told what is looked at, choose(unit) what is chosen. */
export function strip(title, place, row, {look, choose, off = new Set()}) {
  const n = row.mean.length;
  const span = place.high - place.low;
  const text = (u) => `${title}, neuron ${u}: ${number(row.mean[u])} ± ${number(row.deviation[u])}, active in ${percent(row.active[u], 0)}` +
    (row.score.length ? `, ${number(Math.abs(row.score[u]))} ${row.score[u] < 0 ? 'below' : 'above'} the rest` : '') +
    (off.has(u) ? ', switched off' : '');
  const cells = row.mean.map((mean, u) => {
    const part = span > 0 ? (mean - place.low) / span : 0;
    return svg('rect', {class: part < 0.5 ? 'l' : 'h', x: u, y: 0, width: 1.02, height: height - 4, opacity: Math.abs(2 * part - 1).toFixed(2)});
  });
  const marks = [...off].filter((u) => u < n).map((u) => svg('rect', {class: 'm', x: u, y: height - 3, width: 1, height: 3}));
  const here = svg('rect', {class: 'here', x: 0, y: 0, width: 1, height: height - 4, visibility: 'hidden'});
  const element = h('div', {class: 'strip', tabindex: 0, role: 'slider', 'aria-label': title, 'aria-valuemin': 0, 'aria-valuemax': n - 1,
    'aria-valuenow': 0, 'aria-valuetext': text(0), style: {'max-width': `${44 * n}px`}},
  svg('svg', {viewBox: `0 0 ${n} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true', 'shape-rendering': 'crispEdges'}, cells, marks, here));
  let at = 0;
  const show = (u) => {
    at = Math.min(n - 1, Math.max(0, u));
    here.setAttribute('x', at);
    here.setAttribute('visibility', 'visible');
    element.setAttribute('aria-valuenow', at);
    element.setAttribute('aria-valuetext', text(at));
    look(text(at));
  };
  const unitAt = (event) => {
    const box = element.getBoundingClientRect();
    return Math.floor((n * (event.clientX - box.left)) / box.width);
  };
  const hide = () => here.setAttribute('visibility', 'hidden');
  element.addEventListener('pointermove', (event) => show(unitAt(event)));
  element.addEventListener('pointerleave', () => { if (document.activeElement !== element) hide(); });
  element.addEventListener('focus', () => { if (element.matches(':focus-visible')) show(at); });
  element.addEventListener('blur', hide);
  element.addEventListener('click', (event) => {
    show(unitAt(event));
    choose(at);
  });
  element.addEventListener('keydown', (event) => {
    const to = {ArrowRight: at + 1, ArrowUp: at + 1, ArrowLeft: at - 1, ArrowDown: at - 1, PageUp: at + 10, PageDown: at - 10, Home: 0, End: n - 1}[event.key];
    if (to !== undefined) {
      event.preventDefault();
      show(to);
    } else if (event.key === 'Enter') choose(at);
  });
  return element;
}

/** What the colours mean. */
export const legend = (marked) => h('p', {class: 'strip-legend quiet'}, h('span', {}, 'lowest of the row, or 0'), h('i', {'aria-hidden': 'true'}),
  h('span', {}, 'highest, of any class'), marked ? [h('b', {'aria-hidden': 'true'}), h('span', {}, 'switched off')] : null);

export const range = (place) => h('span', {class: 'quiet range-of'}, `${number(place.low)} to ${number(place.high)}`);
export const samplesText = (group) => `mean over ${count(group.samples)} training samples of ${group.name}`;
