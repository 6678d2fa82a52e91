// SPDX-License-Identifier: MIT
// The rows of a network that is being composed, as they are kept on the page: with the numbers that their kind does not
// use, so that trying another kind loses nothing.

export const kinds = {
  Dense: {size: 'Neurons', activation: true, says: 'Every neuron sees everything that arrives.'},
  Convolution: {size: 'Channels', activation: true, window: true, image: true,
    says: 'Small filters slide over the image; each makes one channel.'},
  MaxPool: {window: true, image: true, title: 'Max pooling', says: 'Keeps the largest value of each window.'},
  AveragePool: {window: true, image: true, title: 'Average pooling', says: 'Keeps the mean of each window.'},
  BatchNorm: {activation: true, title: 'Batch normalisation', says: 'Keeps values in a common range, over each batch.'},
  LayerNorm: {activation: true, title: 'Layer normalisation', says: 'Keeps values in a common range, in each sample.'},
  Dropout: {rate: true, says: 'While training, switches off a random share of the values.'},
};
export const kindTitle = (kind) => kinds[kind].title ?? kind;

/** The numbers of a row: what they are called, their range, and for which rows they are. */
export const numbers = {
  size: {label: (row) => kinds[row.kind].size, least: 1, most: 1024, used: (row) => kinds[row.kind].size},
  kernel: {label: (row) => (row.kind === 'Convolution' ? 'Filter size' : 'Window'), least: 1, most: 32,
    used: (row) => kinds[row.kind].window},
  stride: {label: () => 'Step', least: 1, most: 32, used: (row) => kinds[row.kind].window},
  padding: {label: () => 'Border', least: 0, most: 16, used: (row) => kinds[row.kind].window},
  rate: {label: () => 'Share switched off', least: 0, most: 0.95, step: 0.05, used: (row) => kinds[row.kind].rate},
};

let keys = 0;
export const newRow = (values = {}) =>
  ({size: 128, activation: 'ReLU', kernel: 3, stride: 1, padding: 0, rate: 0.5, kind: 'Dense', ...values, key: ++keys});

/** Numbers that suit the kind. */
export function turnInto(row, kind) {
  const was = row.kind;
  row.kind = kind;
  if (kind === 'Convolution' && was !== kind) Object.assign(row, {size: 16, kernel: 3, stride: 1, padding: 0});
  if (kind === 'Dense' && was === 'Convolution') row.size = 128;
  if (/Pool/.test(kind) && !/Pool/.test(was)) Object.assign(row, {kernel: 2, stride: 2, padding: 0});
  if (/Norm/.test(kind) && !/Norm/.test(was)) row.activation = 'None';
  if ((kind === 'Dense' || kind === 'Convolution') && /Norm/.test(was)) row.activation = 'ReLU';
}

/** What is wrong with a number as it was typed, null if nothing is. */
export function complaint(name, row) {
  const {least, most, step} = numbers[name];
  const value = Number(row[name]);
  if (String(row[name]).trim() === '' || !Number.isFinite(value) || value < least || value > most ||
    (!step && !Number.isInteger(value))) {
    return `${step ? 'A number' : 'A whole number'} from ${least} to ${most}.`;
  }
  if (name === 'padding' && /Pool/.test(row.kind) && 2 * value > Number(row.kernel)) return 'At most half of the window.';
  return null;
}

/** As the server takes it. */
export function toPlan(row) {
  const plan = {kind: row.kind};
  for (const name of Object.keys(numbers)) if (numbers[name].used(row)) plan[name] = Number(row[name]);
  if (kinds[row.kind].activation) plan.activation = row.activation;
  return plan;
}
