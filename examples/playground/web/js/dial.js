// SPDX-License-Identifier: MIT
// A number that can be slid to and typed exactly.
import {count, debounced, h} from './dom.js';

/** Round numbers from low to high, each the same share larger than the one before, with the high one. */
export function roundSteps(low, high, perDecade, whole) {
  const steps = new Set();
  const first = Math.round(perDecade * Math.log10(low)), last = Math.floor(perDecade * Math.log10(high) + 1e-9);
  for (let i = first; i <= last; ++i) {
    const value = Number((10 ** (i / perDecade)).toPrecision(2));
    steps.add(whole ? Math.round(value) : value);
  }
  return [...steps].filter((value) => value >= low && value < high).concat(high);
}

/** Powers of two up to high, and high. */
export function powersOfTwo(high) {
  const steps = [];
  for (let value = 1; value < high; value *= 2) steps.push(value);
  return steps.concat(high);
}

/** Even steps from 1 to high. */
export function evenSteps(high) {
  const step = high > 200 ? 10 ** Math.floor(Math.log10(high / 50)) : 1;
  const steps = [1];
  for (let value = step; value < high; value += step) if (value > 1) steps.push(value);
  return high > 1 ? steps.concat(high) : steps;
}

let dials = 0;

/** dial({label, steps, value, whole, hint, onchange}): {element, number, value, set(value), check(), refuse(message),
 * hint(text), limit(steps)}. `steps` are where the slider stops; the number may be anything between the first and the
 * last. What is out of range is not passed on. */
export function dial({label, steps, value, whole = true, hint = null, onchange}) {
  const id = `dial-${++dials}`;
  const number = h('input', {id, type: 'number', step: whole ? 1 : 'any', inputmode: whole ? 'numeric' : 'decimal',
    'aria-describedby': `${id}-hint ${id}-error`, oninput: () => typed(), onblur: () => check()});
  const range = h('input', {type: 'range', min: 0, step: 1, 'aria-label': `${label}, by slider`, oninput: () => slid()});
  const error = h('small', {id: `${id}-error`, class: 'error', hidden: true});
  const note = h('small', {id: `${id}-hint`, class: 'quiet'}, hint ?? '');
  const element = h('div', {class: 'dial'}, h('div', {class: 'dial-line'}, h('label', {for: id}, label), number), range, note, error);
  const text = (v) => (whole || v >= 1e-4 ? String(v) : v.toExponential());

  function nearest(v) {
    let best = 0;
    steps.forEach((step, i) => { if (Math.abs(step - v) < Math.abs(steps[best] - v)) best = i; });
    return best;
  }
  function sync() {
    range.max = steps.length - 1;
    range.value = nearest(value);
    range.disabled = steps.length < 2;
    range.setAttribute('aria-valuetext', text(value));
    number.min = steps[0];
    number.max = steps.at(-1);
  }
  function slid() {
    value = steps[Number(range.value)];
    number.value = text(value);
    range.setAttribute('aria-valuetext', text(value));
    refuse('');
    onchange?.(value);
  }
  function complaint() {
    const v = Number(number.value);
    const plain = (x) => (whole ? count(x) : text(x));
    return number.value.trim() !== '' && Number.isFinite(v) && (!whole || Number.isInteger(v)) && v >= steps[0] && v <= steps.at(-1) ? '' :
      `A${whole ? ' whole' : ''} number from ${plain(steps[0])} to ${plain(steps.at(-1))}, please.`;
  }
  function typed() {
    if (complaint()) return checkSoon();
    refuse('');
    value = Number(number.value);
    range.value = nearest(value);
    range.setAttribute('aria-valuetext', text(value));
    onchange?.(value);
  }
  function refuse(message) {
    error.textContent = message;
    error.hidden = !message;
    if (message) number.setAttribute('aria-invalid', 'true');
    else number.removeAttribute('aria-invalid');
  }
  function check() {
    refuse(complaint());
    return !complaint();
  }
  const checkSoon = debounced(check, 600);  // a number that is being typed may become right
  sync();
  number.value = text(value);
  return {element, number, check, refuse,
    get value() { return value; },
    hint(message) { note.textContent = message; },
    /** Other limits; the value moves to within them. */
    limit(next) {
      steps = next;
      const within = Math.min(Math.max(value, steps[0]), steps.at(-1));
      if (within !== value) {
        value = within;
        number.value = text(value);
        refuse('');
      }
      sync();
    },
    set(next) {
      if (next === value || document.activeElement === number) return;
      value = next;
      number.value = text(value);
      refuse('');
      sync();
    }};
}
