// SPDX-License-Identifier: MIT
// Data of one's own, the whole way: a table, and pictures; brought, learnt, retraced, audited, reported, drawn.
import {readFileSync} from 'node:fs';
import {check, pixels, screenshot} from '../harness.mjs';
import {button, chosen, leave, next, openLayer, openReport, says, seed, set, stroke, train, until} from '../steps.mjs';

/** Two kinds that lie apart, and a column that tells nothing. */
function table() {
  const lines = ['length,width,noise,kind'];
  for (let i = 0; i < 400; ++i) {
    const kind = i % 2, wave = Math.sin(12.9898 * i) * 0.4;
    lines.push([(2 + 2 * kind + wave).toFixed(3), (1 + 1.5 * kind - wave).toFixed(3), ((i * 37) % 101) / 100, kind ? 'tulip' : 'rose'].join(','));
  }
  return Buffer.from(lines.join('\n'));
}

/** Bars, upright or lying, as IDX: pictures and labels. */
function bars(samples) {
  const numbers = (...all) => all.flatMap((n) => [n >> 24 & 255, n >> 16 & 255, n >> 8 & 255, n & 255]);
  const images = [], labels = [];
  for (let i = 0; i < samples; ++i) {
    const at = 1 + (Math.floor(i / 2) * 7) % 10, upright = i % 2;
    labels.push(upright);
    for (let p = 0; p < 144; ++p) images.push(Math.abs((upright ? p % 12 : Math.floor(p / 12)) - at) < 1 ? 200 + (i * 13) % 56 : (p * 31 + i * 17) % 20);
  }
  return {images: Buffer.from([0, 0, 8, 3, ...numbers(samples, 12, 12), ...images]), labels: Buffer.from([0, 0, 8, 1, ...numbers(samples), ...labels])};
}

/** From the tab Network to one retraced prediction. */
async function learn(page, epochs) {
  await next(page, 'Network');
  await seed(page, 5);
  await openLayer(page, 3);
  await page.getByLabel('Activation').selectOption('None');
  await next(page, 'Training');
  await set(page, 'Training batch', 16);
  await train(page, epochs);
  const accuracy = parseFloat(await page.locator('.results b').first().textContent());
  check(accuracy > 95, `kinds that lie apart are told apart in ${accuracy} %`);
  await next(page, 'Visualization');
  await page.getByText('1 prediction retraced').waitFor();
  await until(page, 'sources', () => page.locator('.answer [data-source]').count(), 3);
}

async function aTable(page) {
  await page.locator('.pick', {hasText: 'Your own file'}).click();
  await page.getByLabel('Table', {exact: true}).setInputFiles({name: 'flowers.csv', mimeType: 'text/csv', buffer: table()});
  await page.getByText('3 inputs → classes of "kind".').waitFor();
  await button(page, 'Use this table').click();
  await chosen(page, 'flowers.csv');
  await page.getByRole('columnheader', {name: 'noise'}).waitFor();
  await learn(page, 10);
  check(/(rose|tulip)/.test(await page.locator('.answer .verdict').innerText()), 'the classes have their names');
  await screenshot(page, 'whole_table');
  await page.locator('.answer [data-source]').first().click();
  await page.getByRole('dialog').getByText('Which neurons voted for it').waitFor();
  await page.keyboard.press('Escape');
  const report = await openReport(page);
  check(/rose|tulip/.test(await report.locator('body').innerText()), 'the report does not name the classes');
  await report.close();
  const [saved] = await Promise.all([page.waitForEvent('download'), button(page, 'Save as JSON').click()]);
  check(JSON.parse(readFileSync(await saved.path(), 'utf8')).answers.length === 1, 'another answer was saved');
  await button(page, 'Classes').click();
  await page.locator('.strip').first().waitFor();
  await button(page, 'Training samples').click();
  await button(page, 'Audit the training samples').click();
  await page.locator('.audit-table tbody tr').first().waitFor();
  await screenshot(page, 'whole_table-audit');
  await button(page, 'Test samples').click();
}

async function pictures(page) {
  await page.getByRole('tab', {name: 'Dataset'}).click();
  await page.locator('.pick', {hasText: 'flowers.csv'}).click();
  await page.getByLabel('Pictures (IDX)').check();
  const {images, labels} = bars(600);
  await page.getByLabel('Pictures to train with').setInputFiles({name: 'bars-images', mimeType: '', buffer: images});
  await page.getByLabel('Labels to train with').setInputFiles({name: 'bars-labels', mimeType: '', buffer: labels});
  await button(page, 'Use these pictures').click();
  await button(page, 'Change the data').click();
  await chosen(page, 'bars-images');
  await until(page, 'the width of the pictures', async () => (await pixels(page.locator('.tile img').first())).width, 12);
  await learn(page, 5);
  for (const image of await page.locator('.answer img.look').all()) {
    const seen = await pixels(image);
    check(seen.width === 12 && seen.spread > 15, `no bar: ${JSON.stringify(seen)}`);
  }
  await button(page, 'Draw').click();
  await page.getByLabel('Width of the pen').fill('1');
  await stroke(page, [[5.5 / 12, .01], [5.5 / 12, .99]], 10);
  await says(page, 1);
  await screenshot(page, 'whole_table-drawn');
  await button(page, 'Clear').click();
  await page.locator('.drawn-answer').waitFor({state: 'hidden'});
  await button(page, 'Put it on the pad').click();
  await page.locator('.drawn-answer .answer').waitFor();
  await until(page, 'the test sample on the pad', async () => (await pixels(page.locator('canvas.pad'))).spread > 20, true);
}

export default async function ({playground, browser}) {
  const page = await browser.open(playground.address);
  await aTable(page);
  await pictures(page);
  await leave(page);
}
