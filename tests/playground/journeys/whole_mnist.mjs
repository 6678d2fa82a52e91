// SPDX-License-Identifier: MIT
// Digits, the whole way: chosen, two layers, one epoch, retraced, drawn, a class switched off, a report.
import {check, choose, pixels} from '../harness.mjs';
import {button, leave, next, openLayer, openReport, pick, train} from '../steps.mjs';

export default async function ({playground, browser}) {
  const page = await browser.open(playground.address);
  await pick(page, 'MNIST');
  await page.locator('.tile img').first().waitFor();

  // Two layers, and raw outputs, so that every class learns.
  await next(page, 'Network');
  const rows = page.locator('.net-row');
  await rows.nth(3).waitFor();
  check(await rows.count() === 4, 'two layers between input and output');
  await openLayer(page, 1);
  await page.getByLabel('Neurons', {exact: true}).fill('64');
  await openLayer(page, 3);
  await page.getByLabel('Activation').selectOption('None');
  await page.waitForFunction(() => document.querySelector('.net-takes dd').textContent.startsWith('59,850'));
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
  const box = await page.locator('canvas.pad').boundingBox();
  const at = (i) => [box.x + box.width * (0.5 + 0.2 * Math.sin(i * Math.PI / 12)), box.y + box.height * (0.5 - 0.28 * Math.cos(i * Math.PI / 12))];
  await page.mouse.move(...at(0));
  await page.mouse.down();
  for (let i = 1; i <= 24; ++i) await page.mouse.move(...at(i));
  await page.mouse.up();
  await page.locator('.drawn-answer .answer').waitFor();
  await page.waitForFunction(() => document.querySelector('.drawn-answer .verdict')?.textContent.includes('says 0'));
  check((await pixels(page.locator('canvas.seen'))).spread > 30, 'the network sees nothing');

  await button(page, 'Neurons off').click();
  const one = page.locator('.accuracies li').nth(2).locator('strong');
  await one.waitFor();
  const before = parseFloat(await one.textContent());
  await page.getByLabel('Class', {exact: true}).selectOption('1');
  await page.getByRole('button', {name: 'Find its neurons'}).click();
  await page.getByText('class 1 is gone').waitFor();
  await page.waitForFunction((text) => document.querySelectorAll('.accuracies li strong')[2].textContent !== text, `${before.toFixed(1)} %`);
  const after = parseFloat(await one.textContent());
  check(before > 80 && after < 15, `class 1: ${before} %, then ${after} %`);
  await button(page, 'Test samples').click();
  await page.getByText(/neurons? (is|are) switched off/).waitFor();
  await page.getByText('1 prediction retraced').waitFor();
  await leave(page);
}
