// SPDX-License-Identifier: MIT
// Digits, the whole way, by keys alone; where the focus is can always be seen.
import {check} from '../harness.mjs';
import {leave, learns, until} from '../steps.mjs';

const focused = (page) => page.evaluate(() => {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  return {body: element === document.body, text: (element.textContent || element.value || '').trim(), role: element.getAttribute('role'),
    label: element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? '',
    seen: element.matches(':focus-visible') && parseFloat(style.outlineWidth) > 0 && style.outlineStyle !== 'none'};
});

/** Tab, and Tab again, until what has the focus is what is wanted. */
async function tabTo(page, what, wanted) {
  for (let i = 0; i < 150; ++i) {
    await page.keyboard.press('Tab');
    const now = await focused(page);
    if (now.body) continue;  // from the page's end to its beginning
    check(now.seen, `nobody sees the focus at "${now.text.slice(0, 40)}" ${now.label}`);
    if (wanted(now)) return;
  }
  throw new Error(`Tab does not reach ${what}`);
}
const toButton = (page, name) => tabTo(page, name, ({text}) => text === name);

export default async function ({playground, browser}) {
  const page = await browser.open(playground.address);
  await page.locator('.tile img').first().waitFor();
  await tabTo(page, 'the tabs', ({role}) => role === 'tab');
  await page.keyboard.press('ArrowRight');
  await page.locator('.net-row').nth(3).waitFor();
  await until(page, 'the focus stays when a tab is chosen', async () => (await focused(page)).text, 'Network');

  await tabTo(page, 'the first layer', ({text}) => text.startsWith('Dense'));
  await page.keyboard.press('Enter');
  await tabTo(page, 'its neurons', ({label}) => label === 'Neurons');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('32');
  await page.keyboard.press('Tab');
  await until(page, 'the parameters', () => page.locator('.net-takes dd').first().textContent(), /^30,6/);

  await tabTo(page, 'the tabs', ({role}) => role === 'tab');
  await page.keyboard.press('ArrowRight');
  await tabTo(page, 'epochs', ({label}) => label === 'Epochs');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('1');
  await toButton(page, 'Train');
  await learns(page, () => page.keyboard.press('Enter'));

  await tabTo(page, 'the tabs', ({role}) => role === 'tab');
  await page.keyboard.press('ArrowRight');
  await page.getByText('1 prediction retraced').waitFor();
  await tabTo(page, 'a source', ({text}) => text.startsWith('Training sample '));
  await page.keyboard.press('Enter');
  await page.locator('dialog[open]').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('dialog[open]').waitFor({state: 'detached'});
  await until(page, 'the focus comes back from a dialog', async () => (await focused(page)).body, false);
  await leave(page);
}
