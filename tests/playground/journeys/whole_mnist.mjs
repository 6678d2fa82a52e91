// SPDX-License-Identifier: MIT
// Digits, the whole way: chosen, two layers, one epoch, retraced, drawn, a class switched off, a report.
import {check, choose, pixels} from '../harness.mjs';
import {button, leave, next, openLayer, openReport, pick, says, stroke, train, until} from '../steps.mjs';

export default async function ({playground, browser}) {
  const page = await browser.open(playground.address);
  await pick(page, 'MNIST');
  await page.locator('.tile img').first().waitFor();

  // Two layers, and raw outputs, so that every class learns.
  await next(page, 'Network');
  const rows = page.locator('.net-row');
  await until(page, 'two layers between input and output', () => rows.count(), 4);
  await openLayer(page, 1);
  await page.getByLabel('Neurons', {exact: true}).fill('64');
  await openLayer(page, 3);
  await page.getByLabel('Activation').selectOption('None');
  await until(page, 'the parameters', () => page.locator('.net-takes dd').first().textContent(), /^59,850/);
  await next(page, 'Training');
  await train(page, 1);
  const accuracy = parseFloat(await page.locator('.results b').first().textContent());
  check(accuracy > 70, `one epoch brings ${accuracy} %`);

  await next(page, 'Visualization');
  await page.getByText('1 prediction retraced').waitFor();
  for (const image of await page.locator('.answer img.look').all()) {
    const seen = await pixels(image);
    check(seen.width === 28 && seen.spread > 15, `no digit: ${JSON.stringify(seen)}`);
  }
  const report = await openReport(page);
  check((await pixels(report.locator('img').first())).spread > 15, 'the report has no picture');
  await report.close();

  await button(page, 'Draw').click();
  await stroke(page, Array.from({length: 25}, (_, i) => [.5 + .2 * Math.sin(i * Math.PI / 12), .5 - .28 * Math.cos(i * Math.PI / 12)]), 1);
  await says(page, 0);
  check((await pixels(page.locator('canvas.seen'))).spread > 30, 'the network sees nothing');

  await button(page, 'Neurons off').click();
  const accuracyOf1 = async () => parseFloat(await page.locator('.accuracies li').nth(2).locator('strong').textContent());
  const before = await accuracyOf1();
  check(before > 80, `class 1: ${before} %`);
  await page.getByLabel('Class', {exact: true}).selectOption('1');
  await page.getByRole('button', {name: 'Find its neurons'}).click();
  await page.getByText('class 1 is gone').waitFor();
  await until(page, 'class 1 is gone', async () => await accuracyOf1() < 15, true);
  await button(page, 'Test samples').click();
  await page.getByText(/neurons? (is|are) switched off/).waitFor();
  await page.getByText('1 prediction retraced').waitFor();
  await leave(page);
}
