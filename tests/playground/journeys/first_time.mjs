// SPDX-License-Identifier: MIT
// Somebody who sees the page for the first time: four presses from the start to a digit that is drawn and retraced, with
// what the page calls a good choice; nothing on the page jumps meanwhile. The old defaults stay for who wants them.
import {check, choose} from '../harness.mjs';
import {button} from '../steps.mjs';

const three = [[.36, .2], [.5, .16], [.62, .22], [.62, .34], [.52, .45], [.46, .48], [.58, .52], [.66, .63], [.62, .76],
  [.5, .83], [.36, .8], [.3, .74]];

async function draw(page, points) {
  const box = await page.locator('canvas.pad').boundingBox();
  const at = ([x, y]) => [box.x + box.width * x, box.y + box.height * y];
  await page.mouse.move(...at(points[0]));
  await page.mouse.down();
  for (const point of points.slice(1)) await page.mouse.move(...at(point), {steps: 6});
  await page.mouse.up();
}

export default async function ({playground, browser}) {
  const page = await browser.open(playground.address);
  await page.evaluate(() => {
    window.jumps = [];
    new PerformanceObserver((list) => {
      for (const shift of list.getEntries()) {
        const what = shift.sources.map(({node}) => node?.className || node?.nodeName).join(' ');
        if (!shift.hadRecentInput) window.jumps.push([shift.value, what]);
      }
    }).observe({type: 'layout-shift', buffered: true});
  });
  const began = Date.now();
  await choose(page, 'Training');
  check(await page.getByLabel('Loss', {exact: true}).inputValue() === 'MSE', 'the default loss is not the original one');
  await button(page, 'Take the good choice').click();
  await page.locator('.good-choice').waitFor({state: 'hidden'});
  check(await page.getByLabel('Loss', {exact: true}).inputValue() === 'Cross-Entropy', 'the loss is not the good one');
  check(await page.evaluate(() => document.activeElement.textContent) === 'Train', 'the focus is not on what comes next');
  await button(page, 'Train').click();
  await page.getByRole('heading', {name: 'Result'}).waitFor({timeout: 120000});
  const accuracy = parseFloat(await page.locator('.results b').first().textContent());
  check(accuracy > 88, `the good choice reaches ${accuracy} %`);
  check(await page.getByText('It never answers').count() === 0, 'a class is never answered');
  await button(page, 'Draw one yourself').click();
  await page.locator('canvas.pad').waitFor();
  await draw(page, three);
  await page.locator('.drawn-answer .verdict').waitFor();
  check((Date.now() - began) < 30000, `it took ${Date.now() - began} ms`);
  check(/says 3/.test(await page.locator('.drawn-answer .verdict').textContent()), 'the drawn 3 is not recognised');
  const jumps = await page.evaluate(() => window.jumps);
  const sum = jumps.reduce((all, [value]) => all + value, 0);
  check(sum < 0.1, `the page jumped by ${sum.toFixed(3)}: ${JSON.stringify(jumps)}`);

  // What the words mean is there where they are met.
  await page.getByText('What the words mean').click();
  check(await page.locator('.terms dt').count() >= 6, 'the words are not explained');

  // With the old defaults and a seed that silences classes, the result tells it and mends it.
  await choose(page, 'Network');
  await page.locator('.net-row').last().locator('button.net-head').click();
  await page.getByLabel('Activation').selectOption('ReLU');
  await page.getByRole('checkbox', {name: 'Random'}).uncheck();
  await page.getByLabel('Number, 0 to 99999').fill('1');
  await page.waitForTimeout(600);
  await choose(page, 'Training');
  await page.getByLabel('Loss', {exact: true}).selectOption('MSE');
  await button(page, 'Train').click();
  await button(page, 'Train anew with the good choice').first().click({timeout: 60000});
  await page.getByText('It never answers').waitFor({state: 'detached', timeout: 60000});
  check(page.complaints.length === 0, page.complaints.join('\n'));
  await page.close();
}
