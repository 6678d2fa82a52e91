// SPDX-License-Identifier: MIT
// Steps that several journeys make, as a reader makes them.
import {readFileSync} from 'node:fs';
import {check, pixels, screenshot} from './harness.mjs';

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
  await page.getByLabel('Random').waitFor();  // before, it says nothing of the plan
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

/** Until there is nothing of it. */
export const none = (page, what, locator) => until(page, what, () => locator.count(), 0);

/** Nothing is wider than the screen. */
export const fits = (page, name) => until(page, `${name} is wider than the screen, by`, () => page.evaluate((width) =>
  (innerWidth === width ? Math.max(0, document.documentElement.scrollWidth - width) : 'an unknown width'), page.viewportSize().width), 0);

/** The screen as it is, at a desk and on a phone, light and dark: it fits, and see() finds nothing wrong. */
export async function looks(page, name, see = () => {}) {
  for (const width of [1280, 400]) {
    await page.setViewportSize({width, height: 900});
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({colorScheme});
      await fits(page, `${name} at ${width}`);
      await see(`${name}, ${colorScheme}, ${width}`);
      await screenshot(page, `${name}-${width}-${colorScheme}`);
    }
  }
  await page.emulateMedia({colorScheme: 'light'});
  await page.setViewportSize({width: 1280, height: 900});
  await fits(page, name);  // what follows is done on the wide page
}

/** Draws a line by mouse through points of the pad, whose sides are 1. */
export async function stroke(page, points, steps = 3) {
  const pad = page.locator('canvas.pad');
  await pad.scrollIntoViewIfNeeded();
  const box = await pad.boundingBox(), at = ([x, y]) => [box.x + x * box.width, box.y + y * box.height];
  await page.mouse.move(...at(points[0]));
  await page.mouse.down();
  for (const point of points.slice(1)) await page.mouse.move(...at(point), {steps});
  await page.mouse.up();
}

/** What the network says of the drawing. */
export const says = (page, digit) => page.locator('.drawn-answer .verdict', {hasText: `says ${digit}`}).waitFor();

/** A trained network without a click; of raw outputs all learn. */
export async function trained(page, {layers = [{size: 128}, {size: 128}], output = 'None', ...wanted} = {}) {
  await api(page, 'PUT', '/plan', {seed: 5, layers, output_activation: output});
  await api(page, 'POST', '/train', {epochs: 1, batch: 64, ...wanted});
  await until(page, 'training', async () => (await api(page, 'GET', '')).job.state, 'done');
}

/** Takes away what the browser itself tells of a refusal that was asked for; it has to be there. */
export async function expected(page, pattern) {
  await until(page, `the browser tells ${pattern}`, () => page.complaints.some((text) => pattern.test(text)), true);
  page.complaints = page.complaints.filter((text) => !pattern.test(text));
}

/** The end of a journey: nobody complained. */
export async function leave(page) {
  check(page.complaints.length === 0, page.complaints.join('\n'));
  await page.close();
}

/** From the tab Training: what begins a training, and the network that comes of it, which the page shows. */
export async function learns(page, begin) {
  const before = (await api(page, 'GET', '')).model_version;
  await begin();
  await until(page, 'training', async () => {
    const {job, model_version: version} = await api(page, 'GET', '');
    return version === before ? 'nothing learnt' : job.state;
  }, 'done');
  await page.getByRole('heading', {name: 'Result'}).waitFor();
  await trainable(page);
}
/** The next training may begin: for the page too, the last one is over. */
export const trainable = (page) => page.waitForFunction(() => document.querySelector('.training button.main')?.disabled === false);

/** From the tab Training: trains so many epochs, and waits for the result. */
export async function train(page, epochs) {
  await set(page, 'Epochs', epochs);
  await learns(page, () => button(page, 'Train').click());
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
