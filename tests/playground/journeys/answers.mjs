// SPDX-License-Identifier: MIT
// Test samples are retraced: every view, settings that hold together, pictures by their pixels, answers as files.
import {readFileSync} from 'node:fs';
import {check, choose, pixels, screenshot} from '../harness.mjs';
import {api, expected, leave, openReport, trained} from '../steps.mjs';

const settled = (page) => page.getByText(/predictions? retraced/).waitFor();
const wide = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

async function picturesShow(page, where, least) {
  const images = page.locator(`${where} img.look`);
  const n = await images.count();
  check(n >= least, `${where}: ${n} pictures, expected at least ${least}`);
  for (let i = 0; i < Math.min(n, 12); ++i) {
    const seen = await pixels(images.nth(i));
    check(seen.width === 28 && seen.height === 28 && seen.spread > 15 && seen.mean < 140,
      `${where}: picture ${i} is no digit: ${JSON.stringify(seen)}`);
  }
}

/** A bubble stays inside a page that is made narrower, also before the page has heard of it. */
async function narrowed(page) {
  await page.evaluate(() => { window.deaf = true; });
  await page.locator('.neuron').nth(4).focus();
  await page.getByRole('tooltip').waitFor();
  await page.setViewportSize({width: 400, height: 900});
  check(await page.getByRole('tooltip').count() === 1, 'the bubble was hidden, so nothing was tested');
  check(await wide(page) <= 0, 'the bubble makes the page wider');
  await page.setViewportSize({width: 1280, height: 900});
  await page.evaluate(() => { window.deaf = false; });
  await page.keyboard.press('Escape');
}

/** The screen in light and dark, and as a phone has it. */
async function looks(page, name) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({colorScheme});
    for (const width of [1280, 400]) {
      await page.setViewportSize({width, height: 900});
      check(await wide(page) <= 0, `${name}: wider than ${width} pixels`);
      await screenshot(page, `answers-${name}-${width}-${colorScheme}`);
    }
  }
  await page.emulateMedia({colorScheme: 'light'});
  await page.setViewportSize({width: 1280, height: 900});
}

export default async function ({playground, browser}) {
  const page = await browser.open(playground.address);
  await page.addInitScript(() => addEventListener('resize', (event) => {
    if (window.deaf) event.stopImmediatePropagation();
  }, true));
  await page.reload();
  await choose(page, 'Visualization');
  await page.getByText('Nothing to retrace yet').waitFor();
  await looks(page, 'empty');
  await trained(page, {output: 'ReLU'});

  // Weighted: query, two blends, sources with their shares.
  await page.getByText('1 prediction retraced').waitFor();
  await picturesShow(page, '.answer', 6);
  const shares = await page.locator('.source .share').allTextContents();
  check(shares.length === 3 && shares.every((text) => /^\d+\.\d+ %$/.test(text)), `shares: ${shares}`);
  const evidence = (await page.locator('.evidence .part').allTextContents()).map((text) => parseFloat(text));
  check(evidence.length === 10 && Math.abs(evidence.reduce((a, b) => a + b) - 100) < 0.6, `evidence: ${evidence}`);
  await page.locator('.gauge', {hasText: 'Familiarity'}).getByText(/^\d+ %$/).waitFor();
  await looks(page, 'weighted');

  // The page says what the server says, and blends before and behind the activation are different pictures.
  const told = await api(page, 'POST', '/retrace', {of: {test: 0}, k: 42, pre: true, post: true});
  check(await page.locator('.source').first().getAttribute('data-source') === String(told.voted.sources[0].id), 'another source');
  check(told.blends.length === 2 && told.blends[0].picture !== told.blends[1].picture, 'both blends are one picture');

  // Show closest, evaluations, k.
  await page.getByLabel('Show closest', {exact: true}).fill('5');
  await page.locator('.source').nth(4).waitFor();
  await page.getByLabel('Evaluations', {exact: true}).fill('4');
  await page.getByText('4 predictions retraced').waitFor();
  check(await page.locator('.answer').count() === 4, 'not four answers');
  await page.getByLabel('Evaluations', {exact: true}).fill('1000');
  await page.getByText(/A whole number from 1 to 100/).waitFor();
  await page.getByLabel('Evaluations', {exact: true}).fill('3');
  await page.getByText('3 predictions retraced').waitFor();
  await page.getByLabel('Closest sources of a neuron', {exact: true}).fill('10');
  await settled(page);

  // Which samples.
  await page.getByLabel('Test samples', {exact: true}).selectOption('wrong');
  await page.getByText(/are predicted wrongly/).waitFor();
  check(await page.locator('.answer .badge.bad').count() === 3, 'wrong predictions are not first');
  await page.getByLabel('Test samples', {exact: true}).selectOption('random');
  await page.getByText('3 predictions retraced').waitFor();
  await page.getByLabel('Test samples', {exact: true}).selectOption('ids');
  await page.getByLabel('Numbers of test samples').fill('7, 999999');
  await page.getByText(/there is no sample 999999/).waitFor();
  expected(page, /status of 422/);
  await page.getByLabel('Numbers of test samples').fill('7, 11');
  await page.getByRole('heading', {name: 'Test sample 11', exact: true}).waitFor();
  await page.getByText('2 predictions retraced').waitFor();

  // Settings survive other tabs.
  await choose(page, 'Network');
  await choose(page, 'Visualization');
  await page.getByText('2 predictions retraced').waitFor();
  check(await page.getByLabel('Closest sources of a neuron', {exact: true}).inputValue() === '10', 'k was forgotten');

  // Layers, neurons, both.
  await page.getByLabel('Numbers of test samples').fill('7');
  await page.getByLabel('View').selectOption('layers');
  await page.locator('.layer-answer').nth(5).waitFor();
  check(await page.locator('.layer-answer').count() === 6, 'not six places');
  await picturesShow(page, '.layer-answer', 6);
  await looks(page, 'layers');
  await page.getByLabel('View').selectOption('neurons');
  await page.locator('.neuron').nth(20).waitFor();
  await picturesShow(page, '.neurons', 20);
  const neuron = page.locator('.neuron').nth(12);
  await neuron.focus();
  await page.getByRole('tooltip').getByText(/distance/).first().waitFor();
  check(await neuron.getAttribute('aria-describedby') === 'neuron-bubble', 'the bubble does not describe its neuron');
  await screenshot(page, 'answers-bubble');
  await page.keyboard.press('Escape');
  check(await page.getByRole('tooltip').count() === 0, 'the bubble stays');
  await narrowed(page);
  await page.getByRole('button', {name: /Show more \(40 of 128\)/}).first().click();
  await page.getByRole('button', {name: /Show more \(80 of 128\)/}).first().waitFor();
  await looks(page, 'neurons');
  await page.getByLabel('View').selectOption('both');
  await page.locator('.layer-answer').first().waitFor();
  await page.locator('.neuron').first().waitFor();

  // Custom: five neurons of the first layer alone.
  await page.getByLabel('View').selectOption('custom');
  await page.getByRole('checkbox', {name: 'Layer 2'}).uncheck();
  await page.getByRole('checkbox', {name: 'Output'}).uncheck();
  await page.getByLabel('Layer 1, last neuron').fill('4');
  await page.locator('.layer-answer', {hasText: '5 neurons'}).waitFor();
  await page.waitForFunction(() => document.querySelectorAll('.neuron').length === 5);
  check(await page.locator('.layer-answer').count() === 1, 'more than one place votes');
  await looks(page, 'custom');

  // As files, with these settings.
  const report = await openReport(page);
  check((await report.content()).includes('dense1: 0 to 4'), 'the report does not tell which neurons vote');
  const first = await pixels(report.locator('img').first());
  check(first.width === 28 && first.spread > 15, 'the report has no picture of the digit');
  await screenshot(report, 'answers-report');
  await report.close();
  const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', {name: 'Save as JSON'}).click()]);
  const json = JSON.parse(readFileSync(await saved.path(), 'utf8'));
  check(json.answers.length === 1 && json.answers[0].answer.layers.length === 1 &&
    json.answers[0].answer.layers[0].neurons.length === 5 && json.query.k === 10, 'another answer was saved');

  // A new network: the answers are marked, and can be had again.
  await page.getByLabel('View').selectOption('weighted');
  await settled(page);
  await trained(page, {output: 'ReLU', epochs: 2});
  await page.getByText('The network has changed').waitFor();
  await page.locator('.badge.stale').first().waitFor();
  await screenshot(page, 'answers-stale');
  await page.getByRole('button', {name: 'Retrace again'}).click();
  await page.locator('.badge.stale').waitFor({state: 'detached'});
  await settled(page);
  await leave(page);
}
