// SPDX-License-Identifier: MIT
// The page opens, its tabs can be chosen by mouse and keys, and a reload keeps the session.
import {check, choose, screenshot} from '../harness.mjs';
import {leave} from '../steps.mjs';

export default async function ({playground, browser}) {
  const page = await browser.open(playground.address);
  check(!page.url().includes('token'), 'the token stays in the address bar');
  for (const name of ['Dataset', 'Network', 'Training', 'Visualization']) {
    await choose(page, name);
    await page.getByRole('heading', {level: 2, name}).waitFor();
    await screenshot(page, `tabs-${name}`);
  }
  await page.getByRole('tab', {name: 'Visualization'}).press('ArrowRight');
  await page.locator('[role=tab][aria-selected=true]', {hasText: 'Dataset'}).waitFor();
  const session = await page.evaluate(() => sessionStorage.getItem('session'));
  await page.reload();
  await page.getByText('connected', {exact: true}).waitFor();
  check(session && await page.evaluate(() => sessionStorage.getItem('session')) === session, 'a reload loses the session');
  await leave(page);
}
