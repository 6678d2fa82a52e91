// SPDX-License-Identifier: MIT
// Somebody who sees the page for the first time: four presses from the start to a digit that is drawn and retraced, with
// what the page calls a good choice; nothing on the page jumps meanwhile. The old defaults stay for who wants them.
import {check, choose} from '../harness.mjs';
import {button, learns, leave, none, says, stroke, until} from '../steps.mjs';

const three = [[.36, .2], [.5, .16], [.62, .22], [.62, .34], [.52, .45], [.46, .48], [.58, .52], [.66, .63], [.62, .76],
  [.5, .83], [.36, .8], [.3, .74]];

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
  await choose(page, 'Training');
  check(await page.getByLabel('Loss', {exact: true}).inputValue() === 'MSE', 'the default loss is not the original one');
  await button(page, 'Take the good choice').click();
  await page.locator('.good-choice').waitFor({state: 'hidden'});
  await until(page, 'the good loss', () => page.getByLabel('Loss', {exact: true}).inputValue(), 'Cross-Entropy');
  await until(page, 'the focus is on what comes next', () => page.evaluate(() => document.activeElement.textContent), 'Train');
  await learns(page, () => button(page, 'Train').click());
  const accuracy = parseFloat(await page.locator('.results b').first().textContent());
  check(accuracy > 88, `the good choice reaches ${accuracy} %`);
  check(await page.getByText('It never answers').count() === 0, 'a class is never answered');
  await button(page, 'Draw one yourself').click();
  await stroke(page, three, 6);
  await says(page, 3);
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
  await choose(page, 'Training');
  await page.getByLabel('Loss', {exact: true}).selectOption('MSE');
  await learns(page, () => button(page, 'Train').click());
  await page.getByText('It never answers').waitFor();
  await learns(page, () => button(page, 'Train anew with the good choice').first().click());
  await none(page, 'classes that are never answered', page.getByText('It never answers'));
  await leave(page);
}
