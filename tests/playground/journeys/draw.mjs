// SPDX-License-Identifier: MIT
// A digit drawn with the mouse and with keys is retraced while it is drawn; its sources and neurons tell what they are;
// a class is switched off; the training samples are audited.
import {check, choose, pixels, screenshot} from '../harness.mjs';
import {leave, trained, until} from '../steps.mjs';

const stroke = async (page, points) => {
  const box = await page.locator('canvas.pad').boundingBox();
  const at = ([x, y]) => [box.x + (x * box.width) / 28, box.y + (y * box.height) / 28];
  await page.mouse.move(...at(points[0]));
  await page.mouse.down();
  for (const point of points.slice(1)) await page.mouse.move(...at(point), {steps: 3});
  await page.mouse.up();
};

const part = (page, name) => page.getByRole('button', {name, exact: true}).click();
/** The class that the sources speak for. */
const said = (page) => page.locator('.drawn-answer .evidence').evaluate((list) => {
  const parts = [...list.children].map((li) => [parseFloat(li.querySelector('.part').textContent), li.querySelector('.name').textContent]);
  return parts.sort((a, b) => b[0] - a[0])[0][1];
});

async function everyLook(page, name) {
  await screenshot(page, `${name}-1280-light`);
  await page.emulateMedia({colorScheme: 'dark'});
  await screenshot(page, `${name}-1280-dark`);
  await page.setViewportSize({width: 400, height: 900});
  await until(page, `${name} fits a phone`, () => page.evaluate(() => document.documentElement.scrollWidth <= 400), true);
  await screenshot(page, `${name}-400-dark`);
  await page.emulateMedia({colorScheme: 'light'});
  await screenshot(page, `${name}-400-light`);
  await page.setViewportSize({width: 1280, height: 900});
}

async function drawing(page) {
  await part(page, 'Draw');
  check((await pixels(page.locator('canvas.seen'))).mean === 0, 'the small picture is not black before anything is drawn');
  await stroke(page, [[14, 5], [14, 23]]);
  await page.locator('.drawn-answer .answer').waitFor();
  await until(page, 'a stroke', () => said(page), '1');
  const seen = await pixels(page.locator('canvas.seen'));
  check(seen.width === 28 && seen.height === 28 && seen.spread > 30 && seen.colours > 4, `no antialiased stroke: ${JSON.stringify(seen)}`);
  const sources = await page.locator('.drawn-answer button.source').count();
  check(sources > 0, 'the drawing has no sources');
  for (const picture of await page.locator('.drawn-answer img.sample').all()) {
    const looks = await pixels(picture);
    check(looks.spread > 5, `a picture of the answer is empty: ${JSON.stringify(looks)}`);
  }
  check(/ms at the server/.test(await page.locator('.speed').innerText()), 'the time at the server is not shown');
  await part(page, 'Clear');
  await page.locator('.drawn-answer').waitFor({state: 'hidden'});
  // A zero: the answer must change.
  const ring = Array.from({length: 25}, (_, i) => [14 + 6 * Math.sin((i * Math.PI) / 12), 14 - 8 * Math.cos((i * Math.PI) / 12)]);
  await stroke(page, ring);
  await page.locator('.drawn-answer .answer').waitFor();
  await until(page, 'a ring', () => said(page), '0');
  await everyLook(page, 'draw');
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
  check((await pixels(pad)).spread > 20, 'keys draw nothing');
  await page.keyboard.press('Delete');
  await page.locator('.drawn-answer').waitFor({state: 'hidden'});
  await page.getByLabel('Begin with a test sample').fill('3');
  await page.keyboard.press('Enter');
  await page.locator('.drawn-answer .answer').waitFor();
  check((await pixels(pad)).spread > 20, 'the test sample is not on the pad');
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
  check((await pixels(dialog.locator('.portrait img'))).spread > 20, 'the source has no picture');
  check(await dialog.locator('.cell.voted').count() > 0, 'no voter is marked');
  await everyLook(page, 'draw-source');
  await dialog.getByText('numbers').click();
  await dialog.locator('table button').first().click();
  await dialog.getByText('Closest training samples').waitFor();
  check((await pixels(dialog.locator('img[alt^="Blend"]'))).spread > 3, 'the neuron has no blend');
  check(await dialog.locator('.class-means li').count() === 10, 'the neuron has no class profile');
  await everyLook(page, 'draw-neuron');
  await dialog.getByRole('button', {name: 'Back'}).click();
  await dialog.getByRole('button', {name: 'Retrace this training sample'}).click();
  await dialog.getByText('Retraced without itself').waitFor();
  await everyLook(page, 'draw-retraced');
  await page.keyboard.press('Escape');
  await dialog.waitFor({state: 'detached'});
  check(await first.evaluate((e) => e === document.activeElement), 'the focus does not return to the source');
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
  await page.waitForFunction(() => /without these/.test(document.querySelector('.part').textContent));
  await until(page, `${digit} is not recognised after it was switched off`, async () => await accuracyOf(page, digit) < 10, true);
  check(await page.locator('.cell[aria-pressed=true]').count() > 0, 'no neuron is shown off');
  await everyLook(page, 'draw-off');
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
  check(/neuron 1: .* active in/.test(await page.locator('.read-out').innerText()), 'the strip does not tell a neuron\'s numbers');
  await everyLook(page, 'draw-classes');
  await part(page, 'One layer, every class');
  await page.waitForFunction(() => document.querySelectorAll('.strip').length === 10);
  await everyLook(page, 'draw-classes-layer');
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
  check((await pixels(page.locator('.audit-table img').first())).spread > 20, 'the samples have no pictures');
  await everyLook(page, 'draw-audit');
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
