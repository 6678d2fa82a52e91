// SPDX-License-Identifier: MIT
// Long work is under way: other work waits for it, and what cannot be now is told without asking the server for a
// refusal.
import {check, choose} from '../harness.mjs';
import {api, button, leave, trained, until} from '../steps.mjs';

export default async function ({playground, browser}) {
  const page = await browser.open(playground.address);
  // So large that class profiles are work of their own.
  await trained(page, {layers: Array(8).fill({size: 256}), train: 5000});
  await choose(page, 'Visualization');
  await page.evaluate(() => {  // which may be told for a moment only
    new MutationObserver(() => { window.told ||= document.querySelector('.read-out')?.textContent.includes('is being worked out'); })
      .observe(document.body, {childList: true, subtree: true});
  });
  await button(page, 'Neurons off').click();
  await page.getByText('Blue neurons do more for class 0 than for the rest').waitFor();
  check(await page.evaluate(() => window.told), 'it is not told that it is being worked out');

  await choose(page, 'Training');
  await page.getByRole('spinbutton', {name: 'Epochs', exact: true}).fill('1000');
  await button(page, 'Begin anew').click();
  await page.locator('#work').getByText('Training').waitFor();
  await choose(page, 'Visualization');
  await page.getByRole('button', {name: 'Find its neurons'}).click();
  await page.getByText('Other work is under way (Training): cancel it or wait for it.').waitFor();
  await button(page, 'Training samples').click();
  await button(page, 'Audit the training samples').click();
  await page.locator('.part').getByText('Other work is under way (Training)').waitFor();
  await choose(page, 'Dataset');
  await page.locator('.pick', {hasText: 'HSV to RGB'}).click();
  await page.locator('#notices').getByText('Other work is under way (Training)').waitFor();
  check((await api(page, 'GET', '')).data.name === 'mnist', 'the data are changed while a network learns from them');

  await api(page, 'POST', '/job/cancel');
  await until(page, 'the training ends', async () => (await api(page, 'GET', '')).job.state, 'cancelled');
  await leave(page);
}
