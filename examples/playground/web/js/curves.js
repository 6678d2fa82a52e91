// SPDX-License-Identifier: MIT
// How a training went: loss and accuracy by epoch, and the same numbers as a table.
import {lineChart, short} from './charts.js';
import {h, percent, seconds} from './dom.js';

/** {element, show({history, before, xs, mark, loss, regression} or null)}. */
export function curves() {
  let given = null, waiting = false;
  const log = h('input', {type: 'checkbox', onchange: () => draw()});
  const loss = lineChart({title: 'Loss', of: 'epoch', controls: h('label', {class: 'row toggle'}, log, 'logarithmic')});
  const accuracy = lineChart({title: 'Accuracy', of: 'epoch', format: (y, tick) => (tick ? `${Math.round(100 * y)} %` : percent(y))});
  const body = h('tbody');
  const head = h('tr');
  const table = h('details', {ontoggle: () => fill()}, h('summary', {}, 'The numbers'),
    h('div', {class: 'scroll numbers', tabindex: 0, role: 'region', 'aria-label': 'Loss and accuracy by epoch'},
      h('table', {class: 'data'}, h('thead', {}, head), body)));
  const element = h('div', {class: 'grid', hidden: true}, h('div', {class: 'charts'}, loss.element, accuracy.element), table);

  function draw() {
    waiting = false;
    element.hidden = !given;
    if (!given) return;
    const {history, before, xs, mark} = given;
    const points = (name) => history.map((epoch) => [epoch.number, epoch[name]]);
    const marks = mark ? [{x: mark, text: 'further'}] : [];
    loss.update({xs, marks, log: log.checked, series: [
      {name: 'training', points: points('loss')},
      {name: 'test', points: [...(before ? [[0, before.loss]] : []), ...points('validation_loss')]}]});
    accuracy.element.hidden = given.regression;
    if (!given.regression) {
      accuracy.update({xs, marks, ys: [0, 1], series: [
        {name: 'training', points: points('accuracy')},
        {name: 'test', points: [...(before ? [[0, before.accuracy]] : []), ...points('validation_accuracy')]}]});
    }
    fill();
  }

  function fill() {
    if (!table.open || !given) return;
    const names = given.regression ? ['Training loss', 'Test loss'] : ['Training loss', 'Test loss', 'Training accuracy', 'Test accuracy'];
    head.replaceChildren(...['Epoch', ...names, 'Time'].map((name) => h('th', {scope: 'col'}, name)));
    const row = (number, values, time) => h('tr', {}, h('th', {scope: 'row'}, number), values.map((v) => h('td', {}, v)), h('td', {}, time));
    const values = (e) => [short(e.loss), short(e.validation_loss), ...(given.regression ? [] : [percent(e.accuracy), percent(e.validation_accuracy)])];
    body.replaceChildren(
      ...(given.before ? [row('0', values({validation_loss: given.before.loss, validation_accuracy: given.before.accuracy}), '–')] : []),
      ...given.history.map((epoch) => row(String(epoch.number), values(epoch), seconds(epoch.seconds))));
  }

  return {element,
    show(next) {
      given = next;
      if (waiting) return;
      waiting = true;  // many epochs may end within one picture
      requestAnimationFrame(draw);
    }};
}
