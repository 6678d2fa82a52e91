// SPDX-License-Identifier: MIT
// What came of a training: figures, which classes are taken for which, and where the time went.
import {short} from './charts.js';
import {bytes, count, h, percent, seconds} from './dom.js';
import {drawable} from './draw.js';
import {keep, load} from './settings.js';

const figure = (name, value, more) => h('div', {}, h('dt', {}, name), h('dd', {}, h('b', {}, value), more ? h('small', {class: 'quiet'}, more) : null));

/** Rows are classes, columns what they are taken for. */
function confusionTable(counts, names) {
  const samples = counts.map((row) => row.reduce((a, b) => a + b, 0));
  const shade = (cell, share, right) => {
    if (share > 0) cell.style.background = `color-mix(in srgb, var(${right ? '--true' : '--wrong'}) ${Math.round(6 + 34 * Math.sqrt(share))}%, transparent)`;
    return cell;
  };
  return h('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Confusion matrix'},
    h('table', {class: 'confusion', 'aria-describedby': 'confusion-how'},
      h('thead', {}, h('tr', {}, h('td'), names.map((name) => h('th', {scope: 'col'}, name)), h('th', {scope: 'col'}, 'right'))),
      h('tbody', {}, counts.map((row, label) => h('tr', {}, h('th', {scope: 'row'}, names[label]),
        row.map((n, taken) => shade(h('td', {class: n ? '' : 'none'}, n ? count(n) : '·'), samples[label] ? n / samples[label] : 0, label === taken)),
        h('td', {class: 'share'}, samples[label] ? percent(row[label] / samples[label], 0) : '–'))))));
}

function mistakes(counts, names) {
  const all = counts.flatMap((row, label) => row.map((n, taken) => ({n, label, taken})))
    .filter(({n, label, taken}) => n > 0 && label !== taken).sort((a, b) => b.n - a.n).slice(0, 3);
  if (!all.length) return h('p', {class: 'quiet note'}, 'No test sample is taken for another class.');
  return h('p', {class: 'quiet note'}, 'Most often taken for another: ',
    all.map(({n, label, taken}) => `${names[label]} for ${names[taken]} (${count(n)})`).join(', '), '.');
}

const again = (trainWell) => h('button', {onclick: trainWell}, 'Train anew with the good choice');

/** Classes that the network never answers with. */
function silent(counts, names, page, trainWell) {
  const never = names.filter((_, taken) => counts[taken].some((n) => n > 0) && counts.every((row) => row[taken] === 0));
  if (!never.length) return null;
  const told = `It never answers ${list(never)}. `;
  return h('div', {class: 'notice'}, page.state.plan.output_activation === 'ReLU' ? [
    h('span', {}, told, 'An output behind ReLU that is negative for every sample learns nothing any more; with the output activation None all keep learning.'),
    again(trainWell)] :
    h('span', {}, told, 'More epochs or another learning rate may help.'));
}

function confusion(counts, page, trainWell) {
  const names = counts.map((_, i) => page.state.data.train.classes[i] ?? String(i));
  return h('section', {class: 'card grid', 'aria-labelledby': 'confusion'}, h('h3', {id: 'confusion'}, 'Which class is taken for which'),
    names.length <= 26 ? [h('p', {class: 'quiet note', id: 'confusion-how'}, 'Rows: the true class. Columns: what the network takes it for.'),
      confusionTable(counts, names)] : null,
    mistakes(counts, names), silent(counts, names, page, trainWell));
}

function phases(report) {
  const all = report.phases.reduce((sum, phase) => sum + phase.seconds, 0);
  const bar = h('div', {class: 'phases', 'aria-hidden': 'true'}, report.phases.map((phase, i) => {
    const part = h('span', {class: `p${i + 1}`});
    part.style.flexGrow = phase.seconds / Math.max(all, 1e-9);
    return part;
  }));
  return h('div', {class: 'grid tight phases-of'}, h('h4', {}, `Where the ${seconds(all)} went`), bar,
    h('ul', {class: 'row keys'}, report.phases.map((phase, i) => h('li', {}, h('span', {class: `dot p${i + 1}`, 'aria-hidden': 'true'}),
      `${phase.name} ${seconds(phase.seconds)}`))));
}

/** {element, old(is)}: the result of the network there is; `old` while another one is being trained. trainWell() begins
 * anew with what learns better than the defaults. */
export function result(page, trainWell) {
  const old = h('p', {class: 'quiet note', hidden: true}, 'This is the network trained before: it stays in use until the new one is done.');
  return {element: card(page, old, trainWell), old: (is) => { old.hidden = !is; }};
}

/** "red and blue"; of many the first. */
const list = (names) => (names.length > 12 ? `${names.slice(0, 12).join(', ')} …` :
  [names.slice(0, -1).join(', '), names.at(-1)].filter(Boolean).join(' and '));

/** That values are not learnt, why, and what helps. */
function learntNothing(report, page, trainWell) {
  const {data, plan} = page.state, values = data.train.targets > 0;
  const dead = values ? report.constant.map((i) => (data.name === 'hsv_rgb' ? ['red', 'green', 'blue'][i] : `output ${i + 1}`)) : [];
  const worse = report.before && report.test.loss > 0.98 * report.before.loss;
  if (!worse && !dead.length) return null;
  const told = dead.length ? `${list(dead)} ${dead.length > 1 ? 'have' : 'has'} the same value for every sample: nothing was learnt there. ` :
    'The loss of the test set is no smaller than before training. ';
  return h('div', {class: 'notice'}, plan.output_activation === 'ReLU' ? [
    h('span', {}, told.charAt(0).toUpperCase(), told.slice(1), 'An output behind ReLU that is negative for every sample learns nothing any more. ',
      'Another seed may do better; with the output activation None all keep learning.'),
    again(trainWell)] :
    h('span', {}, told.charAt(0).toUpperCase(), told.slice(1), 'Another learning rate or more epochs may help.'));
}

function card(page, old, trainWell) {
  const {model, data} = page.state, {report} = model;
  const lookAt = (mode) => () => {
    keep({...load(), mode});
    page.go('visualization');
  };
  const see = h('div', {class: 'row'}, h('button', {class: 'main', onclick: lookAt('samples')}, 'See what its predictions rest on'),
    drawable(data.train.image) ? h('button', {onclick: lookAt('draw')}, 'Draw one yourself') : null);
  const store = figure('Recording', bytes(model.bytes), `${count(model.recorded ?? 0)} samples, their inputs, index and weights`);
  if (!report) {
    return h('section', {class: 'card grid', 'aria-label': 'Result'}, h('h3', {}, 'Result'), old,
      h('p', {class: 'quiet'}, 'This network was loaded, not trained here.'), h('dl', {class: 'results'}, store), see);
  }
  const {test, before, options} = report;
  const values = data.train.targets > 0;
  const seed = figure('Seed', String(report.seed), report.drawn ? 'drawn; set it in Network to repeat this' : 'set in Network');
  const first = values ? figure('Typical error', short(Math.sqrt(test.loss)), 'root of the mean squared error') :
    figure('Test accuracy', percent(test.accuracy), before ? `${percent(before.accuracy)} before training` : null);
  return h('div', {class: 'grid'},
    h('section', {class: 'card grid', 'aria-labelledby': 'result'}, h('h3', {id: 'result'}, 'Result'), old,
      h('dl', {class: 'results'}, first,
        figure('Test loss', short(test.loss), `${options.loss} of ${count(options.test)} samples`), store, seed),
      learntNothing(report, page, trainWell), phases(report), see),
    report.confusion.length ? confusion(report.confusion, page, trainWell) : null);
}
