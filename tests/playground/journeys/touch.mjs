// SPDX-License-Identifier: MIT
// Drawing by finger and by pen on a phone: it draws, is retraced, the page stays where it is, a second finger draws
// nothing.
import {check, choose, pixels, screenshot} from '../harness.mjs';
import {button, leave, says, trained, until} from '../steps.mjs';

const scrolled = (page) => page.evaluate(() => scrollY);

export default async function ({playground, browser}) {
  const page = await browser.open(playground.address, {width: 400, height: 800});
  const input = await page.context().newCDPSession(page);
  await input.send('Emulation.setTouchEmulationEnabled', {enabled: true, maxTouchPoints: 5});
  const touch = (type, ...points) => input.send('Input.dispatchTouchEvent', {type, touchPoints: points.map(([x, y], id) => ({x, y, id}))});
  const tap = async (target) => {
    const {x, y, width, height} = await target.boundingBox();
    await touch('touchStart', [x + width / 2, y + height / 2]);
    await touch('touchEnd');
  };
  const clear = async () => {  // by mouse: a tap right behind a quick stroke would only stop the stroke's fling
    await button(page, 'Clear').click();
    await page.locator('.drawn-answer').waitFor({state: 'hidden'});
  };
  await trained(page, {epochs: 2});
  await choose(page, 'Visualization');
  await button(page, 'Draw').waitFor();
  await tap(button(page, 'Draw'));
  const pad = page.locator('canvas.pad');
  await pad.evaluate((e) => e.scrollIntoView({block: 'center'}));
  const box = await pad.boundingBox(), top = await scrolled(page);
  const at = (x, y) => [box.x + x * box.width, box.y + y * box.height];

  // A finger, from top to bottom, which beside the pad would scroll.
  await touch('touchStart', at(0.5, 0.15));
  for (let i = 1; i <= 14; ++i) await touch('touchMove', at(0.5, 0.15 + 0.05 * i));
  await touch('touchEnd');
  await says(page, 1);
  check(await scrolled(page) === top, 'the page moves while a finger draws');
  check((await pixels(page.locator('canvas.seen'))).spread > 20, 'the network sees nothing');

  // The hand that rests on the pad draws nothing.
  const ink = (await pixels(pad)).mean;
  await clear();
  await touch('touchStart', at(0.5, 0.15));
  await touch('touchStart', at(0.5, 0.15), at(0.95, 0.95));
  for (let i = 1; i <= 14; ++i) await touch('touchMove', at(0.5, 0.15 + 0.05 * i), at(0.95, 0.95 - 0.01 * i));
  await touch('touchEnd');
  await says(page, 1);
  const both = (await pixels(pad)).mean;
  check(Math.abs(both - ink) < 0.05 * ink, `one finger draws ${ink}, with another one beside it ${both}`);
  await clear();

  // A pen: a ring.
  const pen = (type, [x, y], buttons) => input.send('Input.dispatchMouseEvent',
    {type, x, y, button: 'left', buttons, pointerType: 'pen', force: 0.5, clickCount: 1});
  const ring = (i) => at(0.5 + 0.2 * Math.sin(i * Math.PI / 12), 0.5 - 0.28 * Math.cos(i * Math.PI / 12));
  await pad.evaluate((e) => e.addEventListener('pointerdown', (event) => { e.dataset.pointer = event.pointerType; }));
  await pen('mousePressed', ring(0), 1);
  for (let i = 1; i <= 24; ++i) await pen('mouseMoved', ring(i), 1);
  await pen('mouseReleased', ring(24), 0);
  await says(page, 0);
  check(await pad.getAttribute('data-pointer') === 'pen', 'that was no pen');
  check(await scrolled(page) === top, 'the page moves while a pen draws');
  await screenshot(page, 'touch-pen');

  // Beside the pad a finger moves the page: it is the pad that keeps it still.
  await touch('touchStart', [12, 600]);
  for (let i = 1; i <= 10; ++i) await touch('touchMove', [12, 600 - 30 * i]);
  await touch('touchEnd');
  await until(page, 'the page moves', async () => await scrolled(page) !== top, true);
  await leave(page);
}
