// SPDX-License-Identifier: MIT
// Every tab and part of the page by axe-core's rules, light and dark, at a desk and on a phone: nothing serious, nothing
// wider than the screen.
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {check, choose} from '../harness.mjs';
import {button, leave, looks, train} from '../steps.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const look = (page, name) => looks(page, `accessible-${name}`, async (where) => {
  const found = await page.evaluate(async (source) => {
    if (!window.axe) (0, eval)(source);
    const {violations} = await window.axe.run(document, {resultTypes: ['violations']});
    return violations.filter((v) => ['serious', 'critical'].includes(v.impact))
      .map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target} ${n.failureSummary}`).join('; ')}`);
  }, axe);
  check(found.length === 0, `${where}:\n${found.join('\n')}`);
});

export default async function ({playground, browser}) {
  const page = await browser.open(playground.address);
  await page.emulateMedia({reducedMotion: 'reduce'});
  await page.locator('.tile img').first().waitFor();
  await look(page, 'Dataset');
  await choose(page, 'Visualization');
  await page.getByText('Nothing to retrace yet').waitFor();
  await look(page, 'Visualization without a network');
  await choose(page, 'Network');
  await page.locator('.net-row').nth(3).waitFor();
  await page.locator('.net-row').nth(1).locator('button.net-head').click();
  await look(page, 'Network');
  await choose(page, 'Training');
  await train(page, 1);
  await look(page, 'Training');
  await choose(page, 'Visualization');
  await page.getByText('1 prediction retraced').waitFor();
  await look(page, 'Test samples');
  await page.locator('button.source').first().click();
  await page.locator('dialog[open]').waitFor();
  await look(page, 'a source');
  await page.keyboard.press('Escape');
  await page.locator('dialog[open]').waitFor({state: 'detached'});
  const parts = {'Draw': 'canvas.pad', 'Neurons off': '.accuracies li', 'Classes': '.strip', 'Training samples': '.audit'};
  for (const [part, shown] of Object.entries(parts)) {
    await button(page, part).click();
    await page.locator(shown).first().waitFor({state: 'attached'});
    await look(page, part);
  }
  await leave(page);
}
