// SPDX-License-Identifier: MIT
// Training: curves that are drawn, pause, resume, cancel, a reload in the middle, training further, values as targets.
import {check, choose, screenshot} from '../harness.mjs';
import {api, button, leave, set, until} from '../steps.mjs';

const ask = (page, path, method = 'GET', body = null) => api(page, method, path && `/${path}`, body);

/** Pixels of a chart's plot that have the colour of one of its lines. */
async function drawnPixels(page, chart, colour) {
  const image = await page.locator('.chart .plot').nth(chart).screenshot();
  return page.evaluate(async ([bytes, name]) => {
    const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))]));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d', {willReadFrequently: true});
    context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name);
    context.fillRect(0, 0, 1, 1);
    const [r, g, b] = context.getImageData(0, 0, 1, 1).data;
    context.drawImage(bitmap, 0, 0);
    const {data} = context.getImageData(0, 0, bitmap.width, bitmap.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) {
      if (Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 60) ++count;
    }
    return count;
  }, [image.toString('base64'), colour]);
}

/** Waits until the running training has so many epochs, and the page shows them. */
async function epochsDone(page, wanted) {
  await until(page, 'epochs', async () => {
    const {run} = await ask(page, 'train');
    return run?.outcome === null && run.history.length >= wanted;
  }, true);
  await page.waitForFunction((n) => Number(document.querySelector('.plot')?.getAttribute('aria-valuenow')) >= n, wanted);
}

async function trainedTo(page, epochs) {
  await page.waitForFunction((n) => document.querySelector('.chart .plot')?.getAttribute('aria-valuenow') === String(n), epochs);
  await page.getByRole('heading', {name: 'Result'}).waitFor();
  await page.waitForFunction(() => !document.querySelector('.training button.main')?.disabled);
}

export default async function ({playground, browser}) {
  const page = await browser.open(playground.address);
  await page.emulateMedia({colorScheme: 'light'});
  await choose(page, 'Training');
  await page.getByText('Nothing is trained yet').waitFor();
  await screenshot(page, 'training-empty');

  // What cannot be is said where it was typed.
  await set(page, 'Epochs', 0);
  await page.getByText('A whole number from 1 to 1,000, please.').waitFor();
  await button(page, 'Train').click();
  check(await page.evaluate(() => document.activeElement.getAttribute('aria-invalid')) === 'true', 'the wrong field has no focus');
  check((await ask(page, 'train')).run === null, 'a wrong number was sent');
  await set(page, 'Training samples', 40);
  check(await page.getByRole('spinbutton', {name: 'Training batch'}).inputValue() === '40', 'the batch is not linked');
  await set(page, 'Training samples', 5000);
  await set(page, 'Training batch', 64);

  // One epoch: the curves, the figures, the matrix.
  await set(page, 'Epochs', 1);
  await button(page, 'Train').click();
  await trainedTo(page, 1);
  check(await drawnPixels(page, 0, '--c2') > 60 && await drawnPixels(page, 1, '--c2') > 60, 'no curve of the test set');
  check(/training\s*0\.\d/.test(await page.locator('.legend').first().textContent()), 'no loss of the training set');
  const first = await ask(page, '');
  check(first.model.history.length === 1 && first.model.report.test.accuracy > 0.2, 'one epoch taught nothing');
  const rows = await page.locator('table.confusion tbody tr').count();
  check(rows === 10, `the matrix has ${rows} rows`);
  await page.getByText('The numbers').click();
  await page.locator('.numbers tbody tr').nth(1).waitFor();
  check(await page.locator('.numbers tbody tr').count() === 2, 'the table has not both epochs');
  await page.locator('.plot').first().focus();
  await page.keyboard.press('Home');
  check((await page.locator('.plot').first().getAttribute('aria-valuetext')).startsWith('epoch 0'), 'keys do not read the chart');
  await screenshot(page, 'training-one-epoch');

  // Long work: pause, a reload that keeps the curves, resume, cancel.
  await set(page, 'Epochs', 1000);
  await button(page, 'Begin anew').click();
  await epochsDone(page, 3);
  await button(page, 'Pause').click();
  await button(page, 'Go on').waitFor();
  await until(page, 'it stands still while it is paused', async () => {
    const {state, done} = (await ask(page, '')).job;
    await page.waitForTimeout(300);
    return state === 'paused' && done === (await ask(page, '')).job.done;
  }, true);
  await screenshot(page, 'training-paused');
  await page.reload();
  await epochsDone(page, 3);
  check(await drawnPixels(page, 0, '--c1') > 20, 'a reload loses the curves');
  await button(page, 'Go on').click();
  await epochsDone(page, 6);
  await button(page, 'Cancel').click();
  await button(page, 'Discard').click();
  await page.getByText('The last training was cancelled').waitFor();
  const after = await ask(page, '');
  check(after.model_version === first.model_version, 'a cancelled training changed the network');

  // Ended early, and kept; then further.
  await page.waitForFunction(() => !document.querySelector('.training button.main').disabled);
  await button(page, 'Begin anew').click();
  await epochsDone(page, 2);
  await button(page, 'Cancel').click();
  await screenshot(page, 'training-choice');
  await button(page, 'Keep').click();
  await page.getByText('was kept').waitFor();
  const kept = (await ask(page, '')).model.history.length;
  check(kept >= 2 && kept < 1000, 'nothing was kept');
  await page.waitForFunction(() => !document.querySelector('.training button.main').disabled);
  await page.getByText('as if it had never stopped').waitFor();
  await set(page, 'Epochs', 2);
  await button(page, 'Train further').click();
  await trainedTo(page, kept + 2);
  check((await ask(page, 'train')).run.start === 'state', 'it did not go on with the optimiser');
  await page.getByRole('combobox', {name: 'Optimiser'}).selectOption('SGD');
  await page.getByText('SGD begins fresh').waitFor();

  // A rate that is far too high.
  await set(page, 'Learning rate', 10);
  await set(page, 'Momentum', 0.99);
  await page.getByRole('combobox', {name: 'Loss'}).selectOption('MSE');
  await set(page, 'Epochs', 20);
  await button(page, 'Train further').click();
  await page.waitForFunction(() => !document.querySelector('.training button.main').disabled);
  const {run} = await ask(page, 'train');
  check(['diverged', 'done'].includes(run.outcome), `a rate of 10 ended as ${run.outcome}: ${run.message}`);
  await screenshot(page, 'training-diverged');

  // Values as targets: one loss, no accuracy, no matrix.
  await ask(page, 'data', 'PUT', {name: 'hsv_rgb', drop_model: true});
  await page.getByText('Nothing is trained yet').waitFor();
  check(await page.getByRole('combobox', {name: 'Loss'}).isDisabled(), 'there is a choice of losses for values');
  await set(page, 'Epochs', 2);
  await set(page, 'Learning rate', 0.001);
  await page.getByRole('combobox', {name: 'Optimiser'}).selectOption('Adam');
  await button(page, 'Train').click();
  await trainedTo(page, 2);
  await page.getByText('Typical error').waitFor();
  check(await page.locator('.chart').nth(1).isHidden(), 'there is an accuracy of colours');
  check(await drawnPixels(page, 0, '--c1') > 60, 'no curve of the colours');
  check(await page.locator('table.confusion').count() === 0, 'there is a matrix of colours');
  await screenshot(page, 'training-values');

  await page.emulateMedia({colorScheme: 'dark'});
  await page.setViewportSize({width: 400, height: 800});
  check(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'wider than a phone');
  await screenshot(page, 'training-phone-dark');
  await leave(page);
}
