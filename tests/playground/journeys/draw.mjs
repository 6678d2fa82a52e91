// SPDX-License-Identifier: MIT
// A digit drawn with the mouse and with keys is retraced while it is drawn; its sources and neurons tell what they are;
// a class is switched off; the training samples are audited.
import {check, choose, pixels} from '../harness.mjs';
import {leave, looks, stroke, trained, until} from '../steps.mjs';

const part = (page, name) => page.getByRole('button', {name, exact: true}).click();
const spread = (page, what, locator, least) => until(page, what, async () => (await pixels(locator)).spread > least, true);
/** The class that the sources speak for. */
const said = (page) => page.locator('.drawn-answer .evidence').evaluate((list) => {
  const parts = [...list.children].map((li) => [parseFloat(li.querySelector('.part').textContent), li.querySelector('.name').textContent]);
  return parts.sort((a, b) => b[0] - a[0])[0][1];
});

async function drawing(page) {
  await part(page, 'Draw');
  check((await pixels(page.locator('canvas.seen'))).mean === 0, 'the small picture is not black before anything is drawn');
  await stroke(page, [[.5, .18], [.5, .82]]);
  await page.locator('.drawn-answer .answer').waitFor();
  await until(page, 'a stroke', () => said(page), '1');
  const seen = await pixels(page.locator('canvas.seen'));
  check(seen.width === 28 && seen.height === 28 && seen.spread > 30 && seen.colours > 4, `no antialiased stroke: ${JSON.stringify(seen)}`);
  const sources = await page.locator('.drawn-answer button.source').count();
  check(sources > 0, 'the drawing has no sources');
  for (const picture of await page.locator('.drawn-answer img.sample').all()) await spread(page, 'a picture of the answer', picture, 5);
  await page.locator('.speed', {hasText: 'ms at the server'}).waitFor();
  await part(page, 'Clear');
  await page.locator('.drawn-answer').waitFor({state: 'hidden'});
  // A zero: the answer must change.
  const ring = Array.from({length: 25}, (_, i) => [.5 + .21 * Math.sin((i * Math.PI) / 12), .5 - .29 * Math.cos((i * Math.PI) / 12)]);
  await stroke(page, ring);
  await page.locator('.drawn-answer .answer').waitFor();
  await until(page, 'a ring', () => said(page), '0');
  await looks(page, 'draw');
  // Without the preparation the picture is another one.
  const prepared = await pixels(page.locator('canvas.seen'));
  await page.getByLabel('scaled and centred as MNIST was').uncheck();
  await until(page, 'the preparation changes something', async () => (await pixels(page.locator('canvas.seen'))).mean !== prepared.mean, true);
  await page.getByLabel('scaled and centred as MNIST was').check();
  await part(page, 'Undo');
  await page.locator('.drawn-answer').waitFor({state: 'hidden'});
}

async function keys(page) {
  const pad = page.locator('canvas.pad');
  await pad.focus();
  for (let i = 0; i < 8; ++i) await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Space');
  for (let i = 0; i < 16; ++i) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Space');
  await page.locator('.drawn-answer .answer').waitFor();
  await spread(page, 'what keys draw', pad, 20);
  await page.keyboard.press('Delete');
  await page.locator('.drawn-answer').waitFor({state: 'hidden'});
  await page.getByLabel('Begin with a test sample').fill('3');
  await page.keyboard.press('Enter');
  await page.locator('.drawn-answer .answer').waitFor();
  await spread(page, 'the test sample on the pad', pad, 20);
  await page.getByLabel('Begin with a test sample').fill('-1');
  await page.keyboard.press('Enter');
  await page.getByText('A whole number, 0 or more, please.').waitFor();
}

async function dialogs(page) {
  const first = page.locator('.drawn-answer button.source').first();
  await first.focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByText('Which neurons voted for it').waitFor();
  await spread(page, 'the picture of the source', dialog.locator('.portrait img'), 20);
  await dialog.locator('.cell.voted').first().waitFor();
  await looks(page, 'draw-source');
  await dialog.getByText('numbers').click();
  await dialog.locator('table button').first().click();
  await dialog.getByText('Closest training samples').waitFor();
  await spread(page, 'the blend of the neuron', dialog.locator('img[alt^="Blend"]'), 3);
  await until(page, 'the class profile of the neuron', () => dialog.locator('.class-means li').count(), 10);
  await looks(page, 'draw-neuron');
  await dialog.getByRole('button', {name: 'Back'}).click();
  await dialog.getByRole('button', {name: 'Retrace this training sample'}).click();
  await dialog.getByText('Retraced without itself').waitFor();
  await looks(page, 'draw-retraced');
  await page.keyboard.press('Escape');
  await dialog.waitFor({state: 'detached'});
  await until(page, 'the focus returns to the source', () => first.evaluate((e) => e === document.activeElement), true);
}

const accuracyOf = async (page, digit) => Number((await page.locator('.accuracies li').nth(digit + 1).locator('strong').innerText()).replace(' %', ''));

async function off(page) {
  await part(page, 'Neurons off');
  await page.locator('.accuracies li').first().waitFor();
  const all = [];
  for (let digit = 0; digit < 10; ++digit) all.push(await accuracyOf(page, digit));
  const before = Math.max(...all), digit = all.indexOf(before);
  check(before > 60, `no digit is recognised: ${all}`);
  await page.getByLabel('Class', {exact: true}).selectOption(String(digit));
  await page.getByRole('button', {name: 'Find its neurons'}).click();
  await page.getByText(`class ${digit} is gone`).waitFor();
  await page.locator('.part h3', {hasText: 'without these'}).waitFor();
  await until(page, `${digit} is not recognised after it was switched off`, async () => await accuracyOf(page, digit) < 10, true);
  await page.locator('.cell[aria-pressed=true]').first().waitFor();
  await looks(page, 'draw-off');
  await part(page, 'Switch all on');
  await until(page, 'switching all on again restores the accuracy', () => accuracyOf(page, digit), before);
  // With keys: one neuron.
  await page.locator('button.cell').first().focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Space');
  await page.getByText('without this neuron').waitFor();
  await part(page, 'Switch all on');
}

async function profiles(page) {
  await part(page, 'Classes');
  await page.locator('.strip').first().waitFor();
  await page.locator('.strip').nth(1).focus();
  await page.keyboard.press('ArrowRight');
  await page.locator('.read-out', {hasText: /neuron 1: .* active in/}).waitFor();
  await looks(page, 'draw-classes');
  await part(page, 'One layer, every class');
  await until(page, 'a strip for each class', () => page.locator('.strip').count(), 10);
  await looks(page, 'draw-classes-layer');
}

async function audit(page) {
  await part(page, 'Training samples');
  await page.getByRole('button', {name: 'Audit the training samples'}).click();
  await page.locator('.audit-table tbody tr').first().waitFor();
  for (const finding of ['Unused', 'Duplicates', 'Harmful', 'Labels to check']) {
    await page.locator(`[data-finding="${finding}"]`).click();
    await page.locator(`[data-finding="${finding}"][aria-pressed=true]`).waitFor();
  }
  const rows = await page.locator('.audit-table tbody tr').count();
  check(rows > 0 && rows <= 50, `${rows} rows`);
  await spread(page, 'the picture of a sample', page.locator('.audit-table img').first(), 20);
  await looks(page, 'draw-audit');
  const [download] = await Promise.all([page.waitForEvent('download'), part(page, 'Save as CSV')]);
  check(download.suggestedFilename() === 'sample_audit.csv', 'the table has no name');
  await page.locator('.audit-table button.source').first().click();
  await page.getByRole('dialog').getByText('left out of its own answer').waitFor();
  await page.keyboard.press('Escape');
}

export default async function ({playground, browser}) {
  const page = await browser.open(playground.address);
  await trained(page, {epochs: 3, train: 3000});
  await choose(page, 'Visualization');
  await page.getByRole('button', {name: 'Draw', exact: true}).waitFor();
  await drawing(page);
  await keys(page);
  await dialogs(page);
  await off(page);
  await profiles(page);
  await audit(page);
  await leave(page);
}
