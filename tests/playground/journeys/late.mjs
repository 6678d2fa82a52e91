// SPDX-License-Identifier: MIT
// A slow line: questions and answers take up to 800 ms and overtake one another, while the reader goes on. What was asked
// for last is what the page ends with, the server has it, and nothing that was typed is lost.
import {check, choose, screenshot, startLine} from '../harness.mjs';
import {api, button, chosen, leave, none, seed, set, stroke, trained, until} from '../steps.mjs';

/** Numbers from 0 to 1 that are the same every time: a linear congruential generator. */
function numbers(state) {
  return () => (state = (1664525 * state + 1013904223) % 4294967296) / 4294967296;
}

const text = async (locator) => (await locator.innerText()).replace(/\s+/g, ' ').trim();
/** What a reader does faster than anything is answered: clicks, and values that are typed, [selector, value]. */
const atOnce = (page, acts) => page.evaluate((all) => {
  for (const [selector, value] of all) {
    const element = document.querySelector(selector);
    if (value === undefined) {
      element.click();
      continue;
    }
    element.value = value;
    element.dispatchEvent(new Event('input'));
  }
}, acts);
const state = (page) => api(page, 'GET', '');
const same = (page, what, look, wanted) => until(page, what, async () => JSON.stringify(await look()), JSON.stringify(wanted));
const sourcesOf = (page, where) => page.locator(`${where} .source`).evaluateAll((all) => all.map((one) => Number(one.dataset.source)));

async function dataset(page, line) {
  await page.locator('.tile').first().waitFor();
  // One after the other, faster than the answers come.
  await page.locator('.pick', {hasText: 'HSV to RGB'}).click();
  await page.locator('.pick', {hasText: 'MNIST'}).click();
  await line.quiet();
  await chosen(page, 'MNIST');
  await until(page, 'the data asked for last', async () => (await state(page)).data.name, 'mnist');
  for (const name of ['3', '5', '7']) await page.getByLabel('Class', {exact: true}).selectOption({label: `class ${name}`});
  await line.quiet();
  await same(page, 'the tiles', async () => [...new Set(await page.locator('.tile-name').allTextContents())], ['7']);
  const second = await page.locator('.tile').nth(1).getAttribute('title');
  line.plan(600, 0);
  await atOnce(page, [['.tile:nth-child(1)'], ['.tile:nth-child(2)']]);
  await line.quiet();
  await until(page, 'the sample asked for last', async () => second.startsWith((await text(page.locator('dialog h3'))).toLowerCase()), true);
  await page.locator('dialog').getByRole('button', {name: 'Close'}).click();
  // A dialog that was asked for in a tab that is left does not come.
  await atOnce(page, [['.tile'], ['#tab-network']]);
  await line.quiet();
  check(await page.locator('dialog[open]').count() === 0, 'a dialog of a tab that was left');
}

async function network(page, line) {
  await choose(page, 'Network');
  await page.locator('.net-row').nth(1).locator('button.net-head').click();
  const neurons = page.getByLabel('Neurons', {exact: true});
  await neurons.fill('');
  await neurons.pressSequentially('64', {delay: 160});  // a question for each digit
  await page.getByLabel('Activation').selectOption('Tanh');
  // Away before it is sent, back before it is there, and on with another change.
  line.plan(1500, 0);
  await atOnce(page, [['.net-row [data-field=size] input[type=number]', '48'], ['#tab-dataset'], ['#tab-network']]);
  await page.locator('.net-row').nth(1).locator('button.net-head').click();
  await page.getByLabel('Activation').selectOption('Sigmoid');
  await line.quiet();
  await same(page, 'the row', () => text(page.locator('.net-row').nth(1).locator('.net-name')), 'Dense 48');
  await same(page, 'the plan', async () => (await state(page)).plan.layers.map(({size, activation}) => [size, activation])[0], [48, 'Sigmoid']);
  const {plan} = await state(page);
  check(plan.layers.length === 2, 'a layer came or went');
  // What the server tells of others does not take away what is being typed.
  await seed(page, 1);
  await line.quiet();
  const number = page.getByLabel('Number, 0 to 99999');
  await number.focus();
  await number.fill('');
  await number.pressSequentially('4', {delay: 20});
  await api(page, 'PUT', '/plan', {...plan, seed: 2});
  await number.pressSequentially('321', {delay: 200});
  await line.quiet();
  await same(page, 'the seed that is typed', () => number.inputValue(), '4321');
  check(await page.evaluate(() => document.activeElement.dataset.focus) === 'seed', 'the focus is lost while typing');
  await same(page, 'the seed at the server', async () => (await state(page)).plan.seed, 4321);
}

/** A change of the network, the good choice and the training, each before the last is answered. */
async function training(page, line) {
  line.plan(1500, 0, 0, 0, 0);
  await atOnce(page, [['[data-focus=seed]', '77'], ['button.next'], ['.good-choice button']]);
  await set(page, 'Epochs', 3);
  await button(page, 'Train').click();
  await button(page, 'Train').click({force: true, timeout: 500}).catch(() => {});  // again, as nothing seems to happen
  await page.getByRole('heading', {name: 'Result'}).waitFor();
  await line.quiet();
  await same(page, 'the plan that was trained', async () => {
    const {plan} = await state(page);
    return [plan.seed, plan.layers[0].size, plan.output_activation];
  }, [77, 48, 'None']);
  await same(page, 'the report', async () => {
    const {report} = (await state(page)).model;
    return [report.seed, report.options.epochs];
  }, [77, 3]);
  await same(page, 'the seed that is shown', () => page.locator('.results dd b').last().textContent(), '77');
  await page.getByText('The numbers', {exact: true}).click();
  await until(page, 'the epochs', async () => (await page.locator('.numbers tbody th').allTextContents()).join(), '0,1,2,3');
  await none(page, 'errors without a cause', page.locator('.training .error:visible'));
  await page.getByText('A good choice:').waitFor({state: 'hidden'});
}

const card = (page) => page.locator('.answer-box');
const closest = (page) => page.getByLabel('Show closest', {exact: true});

async function answers(page, line) {
  await choose(page, 'Visualization');
  await card(page).locator('.source').first().waitFor();
  await page.getByLabel('Test samples', {exact: true}).selectOption('ids');
  await page.getByLabel('Numbers of test samples').pressSequentially('3, 14', {delay: 130});
  await closest(page).fill('9');
  await page.getByLabel('View').selectOption('both');
  await closest(page).fill('4');
  await page.getByLabel('View').selectOption('weighted');
  await line.quiet();
  await same(page, 'the samples', () => card(page).locator('h3').allTextContents(), ['Test sample 3', 'Test sample 14']);
  await same(page, 'what is typed', () => page.getByLabel('Numbers of test samples').inputValue(), '3, 14');
  const {voted} = await api(page, 'POST', '/retrace', {of: {test: 14}, k: 42, pre: true, post: true, show: {sources: 4}});
  await same(page, 'the sources', () => sourcesOf(page, '.answer-box:nth-child(2)'), voted.sources.map(({id}) => id));
  await none(page, 'the view asked for before', card(page).locator('.neuron-grid'));
  await none(page, 'answers under way', page.locator('[aria-busy=true]'));
  // A dialog of an answer does not mix it with the network that takes its place.
  await card(page).first().locator('.source').first().click();
  const voter = page.getByRole('dialog').getByRole('button', {name: /neuron \d/});
  await page.getByText('in numbers', {exact: false}).click();
  const {job} = await api(page, 'POST', '/train', {epochs: 1, train: 2000, batch: 64});
  await until(page, 'another network', async () => (await state(page)).job.state, 'done');
  await voter.first().click();
  await page.getByRole('dialog').getByText('The network has changed since this was answered').waitFor();
  check(job.number > 1 && await page.getByRole('button', {name: 'Try again'}).count() === 0, 'what cannot be answered can be tried again');
  await screenshot(page, 'late-stale');
  await page.keyboard.press('Escape');
  await page.locator('.stale-note').getByRole('button').click();
  await line.quiet();
  await none(page, 'answers of the older network', page.locator('.badge.stale'));
  page.complaints = page.complaints.filter((told) => !/status of 409/.test(told));
}

async function draw(page, line) {
  await choose(page, 'Visualization');
  await button(page, 'Draw').click();
  const upright = (x) => stroke(page, [[x, .18], [x, .82]], 12);
  await upright(.32);
  await button(page, 'Clear').click();
  await upright(.61);
  // To another part and back: the drawing stays.
  await button(page, 'Classes').click();
  await button(page, 'Draw').click();
  await line.quiet(700);
  await until(page, 'the sources', () => page.locator('.drawn-answer .source').count(), 3);
  const before = await sourcesOf(page, '.drawn-answer');
  const [asked] = await Promise.all([page.waitForRequest('**/retrace'), closest(page).fill('5')]);
  await line.quiet();
  const {voted} = await api(page, 'POST', '/retrace', asked.postDataJSON());
  const sources = voted.sources.map(({id}) => id);
  await same(page, 'the sources of the drawing', () => sourcesOf(page, '.drawn-answer'), sources);
  await same(page, 'before, the first of them', () => before, sources.slice(0, 3));
}

async function neurons(page, line) {
  await button(page, 'Classes').click();
  for (const label of ['1', '2', '8']) await page.getByLabel('Class', {exact: true}).selectOption({label});
  await line.quiet();
  await until(page, 'the class asked for last', () => page.locator('.part').innerText(), /training samples of 8\./);
  await button(page, 'Neurons off').click();
  const cells = page.locator('.part .neuron-map').first().locator('.cell');
  for (const unit of [0, 3, 5, 3]) await cells.nth(unit).click();
  await page.getByText('these 2 neurons').waitFor();
  await line.quiet();
  const off = {[(await api(page, 'GET', '/traced')).places.find(({kind}) => kind === 'post').name]: [0, 5]};
  const {accuracy} = await api(page, 'POST', '/accuracy', {off});
  await same(page, 'the accuracy without them', () => text(page.locator('.accuracies .all strong')), `${(100 * accuracy).toFixed(1)} %`);
  // A search whose end comes while the reader is elsewhere.
  await page.getByLabel('How', {exact: true}).selectOption('rank');
  await page.getByRole('button', {name: 'Find its neurons'}).click();
  await button(page, 'Draw').click();
  await until(page, 'the search', async () => (await state(page)).job.kind + (await state(page)).job.state, 'class_offdone');
  await button(page, 'Neurons off').click();
  const found = (pattern) => until(page, 'what was found', () => page.locator('.search-note').textContent(), pattern);
  await found(/^(Without \d+ of|Even without all) .*class 0 is (not )?gone/);
  await button(page, 'Switch all on').click();
  // Another one, which begins when the reader is back from elsewhere.
  await page.getByLabel('Class', {exact: true}).selectOption({label: '3'});
  await atOnce(page, [['.class-off .main'], ['[data-part=draw]'], ['[data-part=off]']]);
  await found(/class 3 is (not )?gone/);
  await button(page, 'Switch all on').click();
}

async function audit(page, line) {
  await button(page, 'Training samples').click();
  const begin = button(page, 'Audit the training samples');
  await begin.click();
  check(await begin.isDisabled() || await button(page, 'Audit again').count() === 1, 'it can be begun twice');
  await button(page, 'Most used').waitFor();
  for (const name of ['Isolated', 'Unused', 'Most used']) await button(page, name).click();
  await line.quiet();
  const {rows} = await api(page, 'GET', '/audit?sort=reach&descending=1&page=0');
  await same(page, 'the samples', () => page.locator('.audit-table tbody tr td:nth-child(2)').allTextContents(), rows.map(({id}) => String(id)));
  await until(page, 'the audit is over for the page', () => button(page, 'Audit again').isEnabled(), true);
  await none(page, 'errors', page.locator('.part .error:visible'));
}

async function ownData(page, line) {
  await choose(page, 'Dataset');
  await page.locator('.pick', {hasText: 'Your own file'}).click();
  const table = (name, head, line) => ({name, mimeType: 'text/csv', buffer: Buffer.from([head, ...Array.from({length: 40}, (_, i) => line(i))].join('\n'))});
  const field = page.getByLabel('Table', {exact: true});
  line.plan(700, 0);
  await field.setInputFiles(table('first.csv', 'a,b,kind', (i) => `${i},${i},${i % 2 ? 'odd' : 'even'}`));
  await field.setInputFiles(table('second.csv', 'length,colour', (i) => `${i},${i % 2 ? 'red' : 'blue'}`));
  await line.quiet();
  await page.getByText('1 input → classes of "colour".').waitFor();
  await button(page, 'Use this table').click();
  await button(page, 'Change the data').click();
  await choose(page, 'Network');  // it goes on
  await until(page, 'the data', async () => (await state(page)).data.title, 'second.csv');
  await choose(page, 'Dataset');
  await chosen(page, 'second.csv');
  await line.quiet();
}

export default async function ({playground, browser}) {
  /** A browser tab of its own, on a line of its own. */
  const tab = async (number, ...parts) => {
    const any = numbers(number), planned = [];
    const line = await startLine(playground, (question) => (question ? planned.shift() : undefined) ?? 400 * any() ** 3), page = await browser.open(line.address);
    await page.getByText('connected', {exact: true}).waitFor();
    /** How long the next questions wait: long ones are overtaken by those behind them. */
    line.plan = (...milliseconds) => planned.splice(0, planned.length, ...milliseconds);
    for (const part of parts) await part(page, line);
    await leave(page);
    line.close();
  };
  const learnt = (page) => trained(page);
  await Promise.all([tab(7, dataset), tab(8, network, training, ownData), tab(9, learnt, answers), tab(10, learnt, draw, neurons, audit)]);
}
