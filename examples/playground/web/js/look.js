// SPDX-License-Identifier: MIT
// What a sample or a blend looks like: its picture, its colour, or its values.
import {h, number} from './dom.js';

export const byte = (value) => Math.round(255 * Math.min(1, Math.max(0, value)));
const css = (colour) => `rgb(${colour.map(byte).join(' ')})`;
export const rgb = (colour) => colour.map(byte).join(', ');

/** Up to so many values as text. */
export function values(list, most = 4) {
  const texts = list.slice(0, most).map(number);
  return texts.join(', ') + (list.length > most ? ', …' : '');
}

/** item: {picture} or {colour} or {values}; size in CSS pixels of the wider side. */
export function look(item, name, size, traced = null) {
  if (item.picture) {
    return h('img', {class: 'sample look', src: item.picture, alt: name, width: size, height: size, draggable: 'false'});
  }
  if (item.colour) {
    return h('span', {class: 'patch look', role: 'img', 'aria-label': `${name}: red, green, blue ${rgb(item.colour)}`,
      style: {'background-color': css(item.colour), width: `${size}px`, height: `${size}px`}});
  }
  if (item.values) return h('span', {class: 'values look', title: values(item.values, 64)}, values(item.values, size > 60 ? 6 : 3));
  return h('span', {class: 'values look quiet'}, 'none');
}

export const className = (traced, label) => (label === null || label === undefined ? '?' : traced?.classes[label] ?? String(label));
