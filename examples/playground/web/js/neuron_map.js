// SPDX-License-Identifier: MIT
// The neurons of a place as small squares: to look at, or to choose among.
import {count, h} from './dom.js';

/** Shades squares by a number each: blue above 0, red below, the fuller the farther. */
function shade(cell, value, most) {
  const part = most > 0 && value !== null && value !== undefined ? Math.min(1, Math.abs(value) / most) : 0;
  cell.classList.toggle('below', value < 0);
  cell.style.setProperty('--part', part.toFixed(3));
}

/** A picture of which neurons voted; choose(unit) is called on a click. The table beside it is for keys. */
export function voterMap({name, neurons, units, of}, choose) {
  const given = new Map(units.map((unit, i) => [unit, of[i]]));
  const most = Math.max(...of, 1e-12);
  const map = h('div', {class: 'neuron-map', role: 'img', 'aria-label': `${count(units.length)} of ${count(neurons)} neurons of ${name} voted`});
  for (let unit = 0; unit < neurons; ++unit) {
    const cell = h('span', {class: given.has(unit) ? 'cell voted' : 'cell', title: `${name}, neuron ${unit}${given.has(unit) ? '' : ': no vote'}`,
      data: {unit}});
    shade(cell, given.has(unit) ? Math.sqrt(given.get(unit) / most) : 0, 1);
    map.append(cell);
  }
  map.addEventListener('click', (event) => {
    const cell = event.target.closest('.cell');
    if (cell) choose(Number(cell.dataset.unit));
  });
  return map;
}

/** Squares to press: one stop for the tab key, arrows move among them. `toggle(unit)` is called when one is pressed.
 * {element, update({off: Set, scores, most, read})}: scores shade them, read(unit) is what is said of one. */
export function neuronSwitches({name, neurons}, toggle) {
  const cells = [];
  const map = h('div', {class: 'neuron-map', role: 'group', 'aria-label': `Neurons of ${name}`});
  for (let unit = 0; unit < neurons; ++unit) {
    cells.push(h('button', {type: 'button', class: 'cell', tabindex: unit === 0 ? 0 : -1, 'aria-pressed': 'false', data: {unit}}));
  }
  map.append(...cells);
  const unitOf = (event) => event.target.closest?.('.cell')?.dataset.unit;
  map.addEventListener('click', (event) => {
    if (unitOf(event) !== undefined) toggle(Number(unitOf(event)));
  });
  map.addEventListener('focusin', (event) => {
    for (const cell of map.querySelectorAll('[tabindex="0"]')) cell.tabIndex = -1;
    event.target.tabIndex = 0;
  });
  map.addEventListener('keydown', (event) => {
    const at = Number(unitOf(event));
    const row = Math.max(1, cells.findIndex((cell) => cell.offsetTop > cells[0].offsetTop));
    const to = {ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + row, ArrowUp: at - row, Home: 0, End: neurons - 1}[event.key];
    if (to === undefined || Number.isNaN(at)) return;
    event.preventDefault();
    cells[Math.min(neurons - 1, Math.max(0, to))].focus();
  });
  return {
    element: map,
    update({off, scores = null, most = 1, read}) {
      cells.forEach((cell, unit) => {
        const isOff = off.has(unit);
        cell.setAttribute('aria-pressed', isOff);
        const text = `neuron ${unit}${isOff ? ', off' : ''}${read ? read(unit) : ''}`;
        cell.setAttribute('aria-label', text);
        cell.title = text;
        shade(cell, scores?.[unit] ?? 0, most);
      });
    },
  };
}
