// SPDX-License-Identifier: MIT
// Training: curves that are drawn, pause, resume, cancel, a reload in the middle, training further, values as targets.
import {check, choose, screenshot} from '../harness.mjs';
import {api, button, fits, learns, leave, set, trainable, until} from '../steps.mjs';

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
  await until(page, 'epochs shown', async () => Number(await page.locator('.plot').first().getAttribute('aria-valuenow')) >= wanted, true);
}

/** By a button: trains, and waits until the curves tell so many epochs. */
async function trainTo(page, name, epochs) {
  await learns(page, () => button(page, name).click());
  await until(page, 'epochs shown', () => page.locator('.chart .plot').first().getAttribute('aria-valuenow'), String(epochs));
}
const curve = (page, chart, colour, least = 60) => until(page, `a curve of ${colour} in chart ${chart}`, async () => await drawnPixels(page, chart, colour) > least, true);

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
  await until(page, 'the wrong field has the focus', () => page.evaluate(() => document.activeElement.getAttribute('aria-invalid')), 'true');
  check((await ask(page, 'train')).run === null, 'a wrong number was sent');
  await set(page, 'Training samples', 40);
  await until(page, 'the batch follows', () => page.getByRole('spinbutton', {name: 'Training batch'}).inputValue(), '40');
  await set(page, 'Training samples', 5000);
  await set(page, 'Training batch', 64);

  // One epoch: the curves, the figures, the matrix.
  await set(page, 'Epochs', 1);
  await trainTo(page, 'Train', 1);
  await curve(page, 0, '--c2');
  await curve(page, 1, '--c2');
  await until(page, 'the loss of the training set', () => page.locator('.legend').first().textContent(), /training\s*0\.\d/);
  const first = await ask(page, '');
  check(first.model.history.length === 1 && first.model.report.test.accuracy > 0.2, 'one epoch taught nothing');
  await until(page, 'rows of the matrix', () => page.locator('table.confusion tbody tr').count(), 10);
  await page.getByText('The numbers').click();
  await until(page, 'both epochs in the table', () => page.locator('.numbers tbody tr').count(), 2);
  await page.locator('.plot').first().focus();
  await page.keyboard.press('Home');
  await until(page, 'keys read the chart', () => page.locator('.plot').first().getAttribute('aria-valuetext'), /^epoch 0/);
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
  await curve(page, 0, '--c1', 20);
  await button(page, 'Go on').click();
  await epochsDone(page, 6);
  await button(page, 'Cancel').click();
  await button(page, 'Discard').click();
  await page.getByText('The last training was cancelled').waitFor();
  const after = await ask(page, '');
  check(after.model_version === first.model_version, 'a cancelled training changed the network');

  // Ended early, and kept; then further.
  await trainable(page);
  await button(page, 'Begin anew').click();
  await epochsDone(page, 2);
  await button(page, 'Cancel').click();
  await screenshot(page, 'training-choice');
  await button(page, 'Keep').click();
  await page.getByText('was kept').waitFor();
  const kept = (await ask(page, '')).model.history.length;
  check(kept >= 2 && kept < 1000, 'nothing was kept');
  await trainable(page);
  await page.getByText('as if it had never stopped').waitFor();
  await set(page, 'Epochs', 2);
  await trainTo(page, 'Train further', kept + 2);
  check((await ask(page, 'train')).run.start === 'state', 'it did not go on with the optimiser');
  await page.getByRole('combobox', {name: 'Optimiser'}).selectOption('SGD');
  await page.getByText('SGD begins fresh').waitFor();

  // A rate that is far too high.
  await set(page, 'Learning rate', 10);
  await set(page, 'Momentum', 0.99);
  await page.getByRole('combobox', {name: 'Loss'}).selectOption('MSE');
  await set(page, 'Epochs', 20);
  await button(page, 'Train further').click();
  await until(page, 'how a rate of 10 ends', async () => {
    const {run} = await ask(page, 'train');
    return run.options.learning_rate === 10 ? run.outcome : 'not begun';
  }, /^(diverged|done)$/);
  await trainable(page);
  await screenshot(page, 'training-diverged');

  // Values as targets: one loss, no accuracy, no matrix.
  await ask(page, 'data', 'PUT', {name: 'hsv_rgb', drop_model: true});
  await page.getByText('Nothing is trained yet').waitFor();
  await until(page, 'no choice of losses for values', () => page.getByRole('combobox', {name: 'Loss'}).isDisabled(), true);
  await set(page, 'Epochs', 2);
  await set(page, 'Learning rate', 0.001);
  await page.getByRole('combobox', {name: 'Optimiser'}).selectOption('Adam');
  await trainTo(page, 'Train', 2);
  await page.getByText('Typical error').waitFor();
  await page.locator('.chart').nth(1).waitFor({state: 'hidden'});
  await curve(page, 0, '--c1');
  check(await page.locator('table.confusion').count() === 0, 'there is a matrix of colours');
  await screenshot(page, 'training-values');

  await page.emulateMedia({colorScheme: 'dark'});
  await page.setViewportSize({width: 400, height: 800});
  await fits(page, 'a trained network on a phone');
  await screenshot(page, 'training-phone-dark');
  await leave(page);
}
