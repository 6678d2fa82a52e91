// SPDX-License-Identifier: MIT
// Steps that several journeys make, as a reader makes them.
import {readFileSync} from 'node:fs';
import {check, pixels} from './harness.mjs';

export const button = (page, name) => page.getByRole('button', {name, exact: true});

/** Types a number where it is asked for. */
export async function set(page, label, value) {
  const input = page.getByRole('spinbutton', {name: label, exact: true});
  await input.fill(String(value));
  await input.blur();
}

/** From the tab Dataset: one of the data sets that come with the program. */
export async function pick(page, name) {
  await page.locator('.pick', {hasText: name}).click();
  await chosen(page, name);
}
export const chosen = (page, name) => page.locator('.pick[aria-pressed=true]', {hasText: name}).waitFor();

/** From the tab Network: the seed, so that a journey is the same every time. */
export async function seed(page, number) {
  await page.getByLabel('Random').uncheck();
  await page.getByLabel('Number, 0 to 99999').fill(String(number));
}

/** From the tab Network: opens a layer, the last of them the output. */
export const openLayer = (page, i) => page.locator('.net-row').nth(i).locator('button.net-head').click();

/** A click on what leads on, and the tab that it leads to. */
export async function next(page, name) {
  await page.getByRole('button', {name: `Next: ${name}`}).click();
  await page.getByRole('heading', {level: 2, name}).waitFor();
}

/** What the page itself would ask of its session, without a click. */
export const api = (page, method, path, body) => page.evaluate(async ([method, path, body]) => {
  const response = await fetch(`/api/sessions/${sessionStorage.getItem('session')}${path}`, {method,
    headers: {'X-Renn-Token': sessionStorage.getItem('token'), ...(body ? {'Content-Type': 'application/json'} : {})},
    body: body ? JSON.stringify(body) : undefined});
  return response.json();
}, [method, path, body]);

/** Looks again and again, until what is seen is what is expected. */
export async function until(page, what, look, wanted) {
  const end = Date.now() + 60000;
  for (;;) {
    const got = await look();
    if (wanted instanceof RegExp ? wanted.test(got) : got === wanted) return;
    check(Date.now() < end, `${what}: got ${JSON.stringify(got)}, expected ${wanted}`);
    await page.waitForTimeout(50);
  }
}

/** A trained network without a click; of raw outputs all learn. */
export async function trained(page, {layers = [{size: 128}, {size: 128}], output = 'None', ...wanted} = {}) {
  await api(page, 'PUT', '/plan', {seed: 5, layers, output_activation: output});
  await api(page, 'POST', '/train', {epochs: 1, batch: 64, ...wanted});
  await until(page, 'training', async () => (await api(page, 'GET', '')).job.state, 'done');
}

/** Takes away what the browser itself tells of a refusal that was asked for; it has to be there. */
export function expected(page, pattern) {
  const others = page.complaints.filter((text) => !pattern.test(text));
  check(others.length < page.complaints.length, `the browser does not tell ${pattern}`);
  page.complaints = others;
}

/** The end of a journey: nobody complained. */
export async function leave(page) {
  check(page.complaints.length === 0, page.complaints.join('\n'));
  await page.close();
}

/** From the tab Training: trains so many epochs, and waits for the result. */
export async function train(page, epochs) {
  await set(page, 'Epochs', epochs);
  await button(page, 'Train').click();
  await page.getByRole('heading', {name: 'Result'}).waitFor();
  await page.waitForFunction(() => !document.querySelector('.training button.main')?.disabled);
}

/** Saves the report, opens it in a page of its own, and gives that page. */
export async function openReport(page) {
  const [saved] = await Promise.all([page.waitForEvent('download'), button(page, 'Save as report').click()]);
  check(/\.html$/.test(saved.suggestedFilename()), `the report is named ${saved.suggestedFilename()}`);
  const report = await page.context().newPage();
  report.complaints = [];
  report.on('console', (message) => report.complaints.push(message.text()));
  report.on('pageerror', (error) => report.complaints.push(String(error)));
  await report.setContent(readFileSync(await saved.path(), 'utf8'));
  await report.getByRole('heading', {name: /Retraced predictions: /}).waitFor();
  check(report.complaints.length === 0, `the report: ${report.complaints.join('\n')}`);
  return report;
}

/** What a screenshot of an element shows, as pixels tells of pictures. */
export async function screenPixels(page, locator) {
  const shot = (await locator.screenshot()).toString('base64');
  const image = await page.evaluateHandle(async (data) => {
    const one = new Image();
    one.src = `data:image/png;base64,${data}`;
    await one.decode();
    return one;
  }, shot);
  return pixels(image.asElement());
}
