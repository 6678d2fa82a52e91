// SPDX-License-Identifier: MIT
// The tab Dataset: every data set is chosen and browsed, a table and pictures of one's own are brought, the cube is drawn.
import {check, choose, pixels} from '../harness.mjs';
import {chosen, leave, looks, until} from '../steps.mjs';

const table = () => {
  const lines = ['length;width;kind'];
  for (let i = 0; i < 150; ++i) lines.push(`${i / 10};${(i * 7) % 11};${['rose', 'tulip', 'daisy'][i % 3]}`);
  return lines.join('\n');
};

/** Pictures whose every pixel is the label's grey. */
function idx(samples) {
  const head = (dims) => [0, 0, 8, dims.length, ...dims.flatMap((d) => [d >> 24 & 255, d >> 16 & 255, d >> 8 & 255, d & 255])];
  const labels = Array.from({length: samples}, (_, i) => i % 3);
  return {images: Buffer.from([...head([samples, 8, 8]), ...labels.flatMap((l) => Array(64).fill(100 * l))]),
    labels: Buffer.from([...head([samples]), ...labels])};
}

const file = (name, text) => ({name, mimeType: 'text/csv', buffer: Buffer.from(text)});

/** Which classes are shown. */
const shown = (page) => page.locator('.tile-name').allTextContents().then((names) => [...new Set(names)].join());
const range = (page) => page.locator('.pager [role=status]').textContent();

export default async function ({playground, browser}) {
  const page = await browser.open(playground.address);
  await choose(page, 'Dataset');
  const pick = (name) => page.locator('.pick', {hasText: name});

  // Digits: pictures, classes, ids.
  await chosen(page, 'MNIST');
  await page.locator('.balance tbody tr').nth(9).waitFor();
  await until(page, 'digits on a page', () => page.locator('.tile').count(), 60);
  const digit = await pixels(page.locator('.tile img').first());
  check(digit.width === 28 && digit.spread > 40 && digit.colours > 10, `the first digit: ${JSON.stringify(digit)}`);
  const preview = await pixels(pick('MNIST').locator('img'));
  check(preview.width === 8 * 28 && preview.spread > 40, `the preview: ${JSON.stringify(preview)}`);
  await looks(page, 'data-mnist');
  await page.getByLabel('Class', {exact: true}).selectOption('7');
  await until(page, 'sevens alone', () => shown(page), '7');
  const sevens = Number((await range(page)).match(/of ([\d,]+)/)[1].replace(',', ''));
  check(sevens > 400, `${sevens} sevens`);
  await page.getByRole('button', {name: 'Show samples of class 3'}).click();
  await until(page, 'threes alone', () => shown(page), '3');

  // By keys alone: from tile to tile, a page on, one opened, its neighbour, closed again.
  await page.locator('.tile').first().focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowDown');
  const focused = await page.evaluate(() => [...document.querySelectorAll('.tile')].indexOf(document.activeElement));
  check(focused > 2, `arrow keys went to tile ${focused}`);
  await page.keyboard.press('PageDown');
  await until(page, 'the next page', () => range(page), /^61/);
  await page.waitForFunction(() => document.activeElement?.classList.contains('tile'));
  await page.keyboard.press('Enter');
  const one = page.locator('dialog.one-sample');
  await one.waitFor();
  const before = await one.locator('h3').textContent();
  await page.keyboard.press('ArrowRight');
  await until(page, 'the next sample', async () => await one.locator('h3').textContent() !== before, true);
  await looks(page, 'data-one');
  await page.keyboard.press('Escape');
  await one.waitFor({state: 'detached'});
  await page.getByLabel('Go to the sample with this id').fill('4242');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', {name: 'Sample 4242'}).waitFor();
  await page.getByRole('button', {name: 'Close', exact: true}).click();
  await until(page, 'its page', () => range(page), /^4,201/);
  await page.getByLabel('Part', {exact: true}).selectOption('test');
  await until(page, 'the first page', () => range(page), /^1–60/);

  // Colours, and their cube.
  await pick('HSV to RGB').click();
  await chosen(page, 'HSV to RGB');
  await page.locator('.swatch').first().waitFor();
  const cube = page.locator('.cube');
  await cube.locator('canvas').first().waitFor();
  await page.locator('.cube[data-look]').waitFor();
  const drawn = async () => {
    const shot = await cube.screenshot();
    return page.evaluate(async (data) => {
      const image = new Image();
      image.src = `data:image/png;base64,${data}`;
      await image.decode();
      const canvas = new OffscreenCanvas(image.width, image.height), context = canvas.getContext('2d');
      context.drawImage(image, 0, 0);
      const {data: all} = context.getImageData(0, 0, image.width, image.height);
      const hues = {red: 0, green: 0, blue: 0, yellow: 0};
      for (let i = 0; i < all.length; i += 4) {
        const [r, g, b] = [all[i] > 180, all[i + 1] > 180, all[i + 2] > 180], low = (k) => all[i + k] < 90;
        if (r && low(1) && low(2)) ++hues.red;
        if (g && low(0) && low(2)) ++hues.green;
        if (b && low(0) && low(1)) ++hues.blue;
        if (r && g && low(2)) ++hues.yellow;
      }
      return {...hues, sum: all.reduce((s, x) => (s * 31 + x) % 1000003, 0)};
    }, shot.toString('base64'));
  };
  await until(page, 'every colour of the cube', async () => Math.min(...Object.values(await drawn())) > 100, true);
  const {sum} = await drawn();
  await cube.focus();
  await page.keyboard.press('ArrowRight');
  await until(page, 'arrow keys turn the cube', async () => (await drawn()).sum !== sum, true);
  await looks(page, 'data-hsv');
  const distance = () => page.evaluate(() => Math.hypot(...Object.values(document.querySelector('.cube').layout.scene.camera.eye)));
  await until(page, 'the cube as near as it may be', async () => await distance() < 2.2, true);
  await page.setViewportSize({width: 400, height: 900});
  await until(page, 'all of the cube in a page made narrower', async () => await distance() > 2.5, true);
  await page.setViewportSize({width: 1280, height: 900});

  // A table: its errors where they are, then as it should be.
  await pick('Your own file').click();
  await page.getByLabel('Table', {exact: true}).setInputFiles(file('broken.csv', 'a,b,kind\n1,2,x\n3,4?,y\n5,6,x\n'));
  await page.locator('.preview').waitFor();
  await page.getByRole('button', {name: 'Use this table'}).click();
  const error = page.locator('.own [role=alert]');
  await error.filter({hasText: 'read_csv: broken.csv: line 3, column 2 (b): number: got "4?", expected a number'}).waitFor();
  await looks(page, 'data-broken');
  await page.getByLabel('Table', {exact: true}).setInputFiles(file('flowers.csv', table()));
  await page.getByText('2 inputs → classes of "kind".').waitFor();
  await page.waitForFunction(() => [...document.querySelectorAll('.own select')].some((choice) => choice.value === ';'));  // guessed
  await page.getByLabel('What column kind is').selectOption('out');
  await until(page, 'nothing to learn', () => page.getByRole('button', {name: 'Use this table'}).isDisabled(), true);
  await page.getByLabel('What column width is').selectOption('target');
  await page.getByText('1 input → one value: width.').waitFor();
  await page.getByLabel('What column kind is').selectOption('label');
  await page.getByLabel('What column width is').selectOption('input');
  await looks(page, 'data-table');
  await page.getByRole('button', {name: 'Use this table'}).click();
  await chosen(page, 'flowers.csv');
  await page.getByRole('rowheader', {name: 'length'}).waitFor();
  await until(page, 'three kinds', () => page.locator('.balance tbody tr').count(), 3);
  await page.getByRole('columnheader', {name: 'width'}).waitFor();
  const row = await page.getByRole('button', {name: /^Open sample/}).first().evaluate((b) =>
    [...b.closest('tr').children].map((cell) => cell.textContent));
  const id = Number(row[0]);
  check(row[2] === String(id / 10) && row[3] === String((id * 7) % 11), `values as in the file: ${row}`);
  await looks(page, 'data-flowers');

  // Pictures of one's own; the table is lost only if that is said.
  await pick('flowers.csv').click();
  await page.getByLabel('Pictures (IDX)').check();
  const {images, labels} = idx(30);
  await page.getByLabel('Pictures to train with').setInputFiles({name: 'grey-images', mimeType: '', buffer: images.subarray(0, 500)});
  await page.getByLabel('Labels to train with').setInputFiles({name: 'grey-labels', mimeType: '', buffer: labels});
  await page.getByRole('button', {name: 'Use these pictures'}).click();
  await page.getByRole('button', {name: 'Keep it'}).click();
  await chosen(page, 'flowers.csv');
  await page.getByRole('button', {name: 'Use these pictures'}).click();
  await looks(page, 'data-ask');
  await page.getByRole('button', {name: 'Change the data'}).click();
  await error.filter({hasText: 'read_idx: grey-images: truncated: got 500 bytes, expected 1936 bytes'}).waitFor();
  await looks(page, 'data-idx');
  await page.getByLabel('Pictures to train with').setInputFiles({name: 'grey-images', mimeType: '', buffer: images});
  // What is chosen of them before the upload is answered stays.
  let answer;
  await page.route('**/data/idx*', async (route) => { answer = {route, response: await route.fetch()}; });
  await page.getByRole('button', {name: 'Use these pictures'}).click();
  await page.getByRole('button', {name: 'Change the data'}).click();
  await chosen(page, 'grey-images');
  await page.getByLabel('Class', {exact: true}).selectOption('2');
  await until(page, 'one grey alone', () => shown(page), '2');
  await until(page, 'the answer', () => Boolean(answer), true);
  await answer.route.fulfill({response: answer.response});
  await page.locator('.own').waitFor({state: 'hidden'});
  await page.waitForFunction(() => !document.querySelector('[aria-busy=true]'));
  await until(page, 'one grey alone, still', () => shown(page), '2');
  await page.unroute('**/data/idx*');
  const grey = await pixels(page.locator('.tile img').first());
  check(grey.width === 8 && Math.abs(grey.mean - 200) < 1 && grey.spread < 1, `grey: ${JSON.stringify(grey)}`);

  // A file that is too large is refused before it is sent.
  await pick('MNIST').click();
  await page.getByRole('button', {name: 'Change the data'}).click();
  await chosen(page, 'MNIST');
  await until(page, 'nothing is wrong', () => page.evaluate(() => document.querySelectorAll('[role=alert]:not([hidden])').length), 0);
  await leave(page);
}
