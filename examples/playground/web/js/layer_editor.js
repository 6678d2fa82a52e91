// SPDX-License-Identifier: MIT
// The fields of one layer of a network: its kind, its numbers, its activation.
import {activations, curve} from './activations.js';
import {field, h, select} from './dom.js';
import {complaint, kinds, kindTitle, numbers, turnInto} from './network_rows.js';

function activationField(key, value, onchange) {
  const says = h('small', {class: 'quiet'}, activations[value].says);
  const picture = h('span', {class: 'net-curve-host'}, curve(value));
  const control = select(Object.keys(activations).map((name) => [name, name]), value, (name) => {
    picture.replaceChildren(curve(name));
    says.textContent = activations[name].says;
    onchange(name);
  });
  control.dataset.focus = `activation-${key}`;
  const box = field('Activation', control);
  says.id = `${control.id}-says`;
  control.setAttribute('aria-describedby', says.id);
  const beside = h('div', {class: 'net-activation'});
  control.replaceWith(beside);
  beside.append(control, picture);
  box.append(says);
  return box;
}

/** changed(value, complaint or null) is told of every number that is typed or slid to. */
function numberField(row, name, changed) {
  const {least, most, step = 1, label} = numbers[name];
  const error = h('small', {class: 'error', id: `net-error-${row.key}-${name}`, 'aria-live': 'polite'});
  const change = (value) => {
    row[name] = value;
    changed(complaint(name, row));
  };
  const input = h('input', {type: 'number', min: least, max: most, step, value: row[name], data: {focus: `${name}-${row.key}`},
    'aria-describedby': error.id, oninput: () => {
      if (slider) slider.value = input.value;
      change(input.value);
    }});
  const slider = name === 'size' || name === 'rate' ? h('input', {type: 'range', min: least, max: most, step, value: row[name],
    'aria-label': `${label(row)}, slider`, oninput: () => {
      input.value = slider.value;
      change(slider.value);
    }}) : null;
  const box = field(label(row), input);
  box.dataset.field = name;
  if (slider) {
    const beside = h('div', {class: 'net-number'});
    input.replaceWith(beside);
    beside.append(input, slider);
  }
  box.append(error);
  return box;
}

/** Of the row of this number in net.rows (see network.js); `acts` are what its buttons do: {rebuild(focus), move(i, by, focus),
 * remove(i), copy(row, at)}. */
export function layerEditor(net, row, i, most, acts) {
  const images = net.page.state.data?.train.image;
  const choices = Object.keys(kinds).filter((kind) => images || !kinds[kind].image || kind === row.kind);
  const kind = select(choices.map((k) => [k, kindTitle(k)]), row.kind, (value) => {
    turnInto(row, value);
    acts.rebuild(`kind-${row.key}`);
    net.send();
  });
  kind.dataset.focus = `kind-${row.key}`;
  const kindBox = field('Kind', kind, kinds[row.kind].says);
  kindBox.dataset.field = 'kind';
  const error = h('small', {class: 'error', id: `net-error-${row.key}-kind`, 'aria-live': 'polite'});
  kind.setAttribute('aria-describedby', `${kind.getAttribute('aria-describedby')} ${error.id}`);
  kindBox.append(error);
  const fields = Object.keys(numbers).filter((name) => numbers[name].used(row)).map((name) => numberField(row, name, (message) => {
    net.problem = message ? {kind: `layers.${i}.${name}`, message} : net.problem;
    net.refresh();
    net.sendSoon();
  }));
  const act = kinds[row.kind].activation ? activationField(row.key, row.activation, (name) => {
    row.activation = name;
    net.send();
  }) : null;
  const tool = (name, text, off, action) => h('button', {disabled: off, data: {focus: `${name}-${row.key}`}, onclick: action}, text);
  const last = net.rows.length - 1;
  return [h('div', {class: 'net-fields'}, kindBox, ...fields, act),
    h('div', {class: 'row net-tools', role: 'group', 'aria-label': `Layer ${i + 1}`},
      tool('up', '↑ Move up', i === 0, () => acts.move(i, -1, i === 1 ? `down-${row.key}` : `up-${row.key}`)),
      tool('down', '↓ Move down', i === last, () => acts.move(i, 1, i === last - 1 ? `up-${row.key}` : `down-${row.key}`)),
      tool('copy', 'Duplicate', net.rows.length >= most, () => acts.copy(row, i + 1)),
      tool('remove', 'Remove', net.rows.length < 2, () => acts.remove(i)))];
}

export function outputEditor(net) {
  const act = activationField('output', net.plan.output_activation, (name) => {
    net.plan.output_activation = name;
    net.send();
  });
  return [h('div', {class: 'net-fields'}, act), h('div', {class: 'net-advice'},
    h('p', {}, `What goes with the loss that you choose in the tab Training:`),
    h('ul', {}, net.told?.classes ? [
      h('li', {}, h('b', {}, 'Cross-entropy'), ' wants raw scores: choose None. It does the rest itself. Behind ReLU, a class whose score falls below 0 no longer learns.'),
      h('li', {}, h('b', {}, 'Mean squared error'), ' compares with 0 and 1: ReLU (as in the original playground), Sigmoid or None.')] :
      h('li', {}, h('b', {}, 'Mean squared error'), ' compares with the wanted values: None reaches all of them, Sigmoid those between 0 and 1, ReLU those from 0 on.')))];
}
