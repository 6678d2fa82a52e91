// SPDX-License-Identifier: MIT
// Small pieces of page: elements, fields, numbers as text.

/** h('button', {class: 'main', onclick: f, disabled: true}, 'Train'): an element; `on...` are listeners, `data` sets
 * data-attributes, false and null leave an attribute out, children may be nodes, text, null or lists of these. */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (key === 'data') Object.assign(element.dataset, value);
    else if (key === 'style') Object.entries(value).forEach(([k, v]) => element.style.setProperty(k, v));
    else if (key === 'value' || key === 'checked') element[key] = value;
    else element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An SVG element, as h. */
export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

let fields = 0;

/** A labelled control; options are those of h for the input. */
export function field(label, control, hint = null) {
  control.id ||= `field-${++fields}`;
  const described = hint ? h('small', {id: `${control.id}-hint`, class: 'quiet'}, hint) : null;
  if (described) control.setAttribute('aria-describedby', described.id);
  return h('div', {class: 'field'}, h('label', {for: control.id}, label), control, described);
}

export function select(choices, value, onchange) {
  const control = h('select', {onchange: () => onchange(control.value)},
    choices.map(([key, text]) => h('option', {value: key, selected: key === value}, text)));
  return control;
}

const plain = new Intl.NumberFormat('en', {maximumFractionDigits: 0, signDisplay: 'negative'});  // no −0
export const count = (n) => plain.format(n);
export const percent = (part, digits = 1) => (part === null || part === undefined ? '–' : `${(100 * part).toFixed(digits)} %`);

/** A number with three significant digits. */
export const number = (v) => (v === null || v === undefined ? '–' : String(Number(v.toPrecision(3))).replace('-', '−'));

export function bytes(n) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) { n /= 1000; ++i; }
  return `${n.toFixed(i === 0 || n >= 100 ? 0 : 1)} ${units[i]}`;
}

export function seconds(s) {
  if (s < 0.001) return `${(1e6 * s).toFixed(0)} µs`;
  if (s < 1) return `${(1000 * s).toFixed(s < 0.01 ? 1 : 0)} ms`;
  if (s < 60) return `${s.toFixed(1)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.round(s % 60)} s`;
  return `${Math.floor(s / 3600)} h ${Math.round((s % 3600) / 60)} min`;
}

/** Calls f once things have been quiet for so long; flush() does it now if it is waited for, which waits()
 * tells; cancel() does it never. */
export function debounced(f, milliseconds) {
  let timer = null, pending = null;
  const flush = () => {
    clearTimeout(timer);
    const call = pending;
    pending = null;
    return call?.();
  };
  return Object.assign((...given) => {
    clearTimeout(timer);
    pending = () => f(...given);
    timer = setTimeout(flush, milliseconds);
  }, {flush, waits: () => pending !== null, cancel: () => {
    clearTimeout(timer);
    pending = null;
  }});
}
