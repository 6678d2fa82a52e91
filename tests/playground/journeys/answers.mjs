// SPDX-License-Identifier: MIT
// Test samples are retraced: every view, settings that hold together, pictures by their pixels, answers as files.
import {readFileSync} from 'node:fs';
import {check, choose, pixels, screenshot} from '../harness.mjs';
import {api, expected, fits, leave, looks, none, openReport, trained, until} from '../steps.mjs';

/** Does what asks for answers, and waits until they are shown: what was shown before says so too. */
async function settled(page, act) {
  await Promise.all([page.waitForResponse('**/retrace'), act()]);
  await page.getByText(/predictions? retraced/).waitFor();
  await page.locator('.answer-box:not([aria-busy])').first().waitFor();
}

async function picturesShow(page, where, least) {
  const images = page.locator(`${where} img.look`);
  await until(page, `${where}: at least ${least} pictures`, async () => await images.count() >= least, true);
  for (let i = 0; i < Math.min(await images.count(), 12); ++i) {
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
  await fits(page, 'the page with a bubble');
  check(await page.getByRole('tooltip').count() === 1, 'the bubble was hidden, so nothing was tested');
  await page.setViewportSize({width: 1280, height: 900});
  await fits(page, 'the wide page with a bubble');
  await page.evaluate(() => { window.deaf = false; });
  await page.keyboard.press('Escape');
}

export default async function ({playground, browser}) {
  const page = await browser.open(playground.address);
  await page.addInitScript(() => addEventListener('resize', (event) => {
    if (window.deaf) event.stopImmediatePropagation();
  }, true));
  await page.reload();
  await page.getByText('connected', {exact: true}).waitFor();
  await choose(page, 'Visualization');
  await page.getByText('Nothing to retrace yet').waitFor();
  await looks(page, 'answers-empty');
  await trained(page, {output: 'ReLU'});

  // Weighted: query, two blends, sources with their shares.
  await page.getByText('1 prediction retraced').waitFor();
  await picturesShow(page, '.answer', 6);
  const shares = await page.locator('.source .share').allTextContents();
  check(shares.length === 3 && shares.every((text) => /^\d+\.\d+ %$/.test(text)), `shares: ${shares}`);
  const evidence = (await page.locator('.evidence .part').allTextContents()).map((text) => parseFloat(text));
  check(evidence.length === 10 && Math.abs(evidence.reduce((a, b) => a + b) - 100) < 0.6, `evidence: ${evidence}`);
  await page.locator('.gauge', {hasText: 'Familiarity'}).getByText(/^\d+ %$/).waitFor();
  await looks(page, 'answers-weighted');

  // The page says what the server says, and blends before and behind the activation are different pictures.
  const told = await api(page, 'POST', '/retrace', {of: {test: 0}, k: 42, pre: true, post: true});
  check(await page.locator('.source').first().getAttribute('data-source') === String(told.voted.sources[0].id), 'another source');
  check(told.blends.length === 2 && told.blends[0].picture !== told.blends[1].picture, 'both blends are one picture');

  // Show closest, evaluations, k.
  await page.getByLabel('Show closest', {exact: true}).fill('5');
  await page.locator('.source').nth(4).waitFor();
  await page.getByLabel('Evaluations', {exact: true}).fill('4');
  await page.getByText('4 predictions retraced').waitFor();
  await until(page, 'answers', () => page.locator('.answer').count(), 4);
  await page.getByLabel('Evaluations', {exact: true}).fill('1000');
  await page.getByText(/A whole number from 1 to 100/).waitFor();
  await page.getByLabel('Evaluations', {exact: true}).fill('3');
  await page.getByText('3 predictions retraced').waitFor();
  await settled(page, () => page.getByLabel('Closest sources of a neuron', {exact: true}).fill('10'));

  // Which samples.
  await page.getByLabel('Test samples', {exact: true}).selectOption('wrong');
  await page.getByText(/are predicted wrongly/).waitFor();
  await until(page, 'wrong predictions are first', () => page.locator('.answer .badge.bad').count(), 3);
  await page.getByLabel('Test samples', {exact: true}).selectOption('random');
  await none(page, 'what was told of the wrong ones', page.getByText(/are predicted wrongly/));
  await page.getByText('3 predictions retraced').waitFor();
  await page.getByLabel('Test samples', {exact: true}).selectOption('ids');
  await page.getByLabel('Numbers of test samples').fill('7, 999999');
  await page.getByText(/there is no sample 999999/).waitFor();
  await expected(page, /status of 422/);
  await page.getByLabel('Numbers of test samples').fill('7, 11');
  await page.getByRole('heading', {name: 'Test sample 11', exact: true}).waitFor();
  await page.getByText('2 predictions retraced').waitFor();

  // Settings survive other tabs.
  await choose(page, 'Network');
  await choose(page, 'Visualization');
  await page.getByText('2 predictions retraced').waitFor();
  await until(page, 'k is kept', () => page.getByLabel('Closest sources of a neuron', {exact: true}).inputValue(), '10');

  // Layers, neurons, both.
  await page.getByLabel('Numbers of test samples').fill('7');
  await page.getByLabel('View').selectOption('layers');
  await until(page, 'places', () => page.locator('.layer-answer').count(), 6);
  await picturesShow(page, '.layer-answer', 6);
  await looks(page, 'answers-layers');
  await page.getByLabel('View').selectOption('neurons');
  await page.locator('.neuron').nth(20).waitFor();
  await picturesShow(page, '.neurons', 20);
  await page.locator('.neuron-grid[aria-busy=false]').first().waitFor();
  const neuron = page.locator('.neuron').nth(12);
  await neuron.focus();
  await page.getByRole('tooltip').getByText(/distance/).first().waitFor();
  check(await neuron.getAttribute('aria-describedby') === 'neuron-bubble', 'the bubble does not describe its neuron');
  await screenshot(page, 'answers-bubble');
  await page.keyboard.press('Escape');
  await none(page, 'the bubble', page.getByRole('tooltip'));
  await narrowed(page);
  await page.getByRole('button', {name: /Show more \(40 of 128\)/}).first().click();
  await page.getByRole('button', {name: /Show more \(80 of 128\)/}).first().waitFor();
  await looks(page, 'answers-neurons');
  await page.getByLabel('View').selectOption('both');
  await page.locator('.layer-answer').first().waitFor();
  await page.locator('.neuron').first().waitFor();

  // Custom: five neurons of the first layer alone.
  await page.getByLabel('View').selectOption('custom');
  await page.getByRole('checkbox', {name: 'Layer 2'}).uncheck();
  await page.getByRole('checkbox', {name: 'Output'}).uncheck();
  await page.getByLabel('Layer 1, last neuron').fill('4');
  await page.locator('.layer-answer', {hasText: '5 neurons'}).waitFor();
  await until(page, 'the neurons that vote', () => page.locator('.neuron').count(), 5);
  await until(page, 'the places that vote', () => page.locator('.layer-answer').count(), 1);
  await looks(page, 'answers-custom');

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
  await settled(page, () => page.getByLabel('View').selectOption('weighted'));
  await none(page, 'the other view', page.locator('.layer-answer'));
  await page.locator('.gauge', {hasText: 'Familiarity'}).getByText(/^\d+ %$/).waitFor();
  await trained(page, {output: 'ReLU', epochs: 2});
  await page.getByText('The network has changed').waitFor();
  await page.locator('.badge.stale').first().waitFor();
  await screenshot(page, 'answers-stale');
  await settled(page, () => page.getByRole('button', {name: 'Retrace again'}).click());
  await none(page, 'the mark', page.locator('.badge.stale'));
  await leave(page);
}
