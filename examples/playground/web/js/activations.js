// SPDX-License-Identifier: MIT
// The activations: what they do in words, and their curves.
import {svg} from './dom.js';

const erf = (x) => {  // Abramowitz and Stegun 7.1.26: for a picture
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const tail = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(x) * (1 - tail * Math.exp(-x * x));
};

export const activations = {
  ReLU: {f: (x) => Math.max(0, x), says: 'Passes what is positive. The usual choice.'},
  LeakyReLU: {f: (x) => (x > 0 ? x : 0.01 * x), says: 'As ReLU, but a hundredth of what is negative passes.'},
  ELU: {f: (x) => (x > 0 ? x : Math.expm1(x)), says: 'As ReLU, but negative values level off at −1.'},
  GELU: {f: (x) => x * 0.5 * (1 + erf(x / Math.SQRT2)), says: 'A smooth ReLU, common in transformers.'},
  SiLU: {f: (x) => x / (1 + Math.exp(-x)), says: 'A smooth ReLU: the value times its sigmoid.'},
  Softplus: {f: (x) => Math.log1p(Math.exp(x)), says: 'A smooth ReLU that is always positive.'},
  Sigmoid: {f: (x) => 1 / (1 + Math.exp(-x)), says: 'Squeezes into 0 to 1.'},
  Tanh: {f: (x) => Math.tanh(x), says: 'Squeezes into −1 to 1.'},
  None: {f: (x) => x, says: 'Passes everything as it is.'},
};

/** The curve of an activation from -3 to 3. */
export function curve(name) {
  const points = Array.from({length: 49}, (_, i) => {
    const x = -3 + i / 8;
    return `${i ? 'L' : 'M'}${(4 + (x + 3) * 9.3).toFixed(1)} ${(22 - (/Sigmoid|Tanh/.test(name) ? 13 : 6) * activations[name].f(x)).toFixed(1)}`;
  });
  return svg('svg', {width: 64, height: 36, viewBox: '0 0 64 36', class: 'net-curve', 'aria-hidden': 'true'},
    svg('path', {d: 'M4 22H60M32 2V34', class: 'net-axes'}), svg('path', {d: points.join(''), class: 'net-graph'}));
}
