// SPDX-License-Identifier: MIT
// A connection that is gone and comes back, an answer that is late or never comes, a tab that is not seen, an upload
// that is cancelled: all of it is told, and mended.
import {check, choose, screenshot, startLine} from '../harness.mjs';
import {api, button, chosen, expected, leave, next, none, seed, trained, until} from '../steps.mjs';

const retraced = (page) => page.getByText('1 prediction retraced').waitFor();
const sources = (page, n) => until(page, 'sources', () => page.locator('.answer .source').count(), n);
const answers = (page) => none(page, 'what was told of no answer', page.getByText('The playground does not answer'));
const epochsShown = (page, n) => until(page, 'epochs', () => page.locator('.plot').first().getAttribute('aria-valuenow'), n);
const closest = (page) => page.getByLabel('Show closest', {exact: true});

async function cut(page, line) {
  line.cut();
  await page.getByText('no connection to the playground').waitFor();
  await closest(page).fill('5');
  await page.locator('.answers').getByText('The playground does not answer').waitFor();
  await screenshot(page, 'interrupted-cut');
  line.mend();
  await page.getByText('connected', {exact: true}).waitFor();
  await retraced(page);
  await sources(page, 5);
  await answers(page);
  await expected(page, /net::ERR_/);
}

/** One answer that is cut off, and one that is late. */
async function oneAnswer(page) {
  const path = '**/retrace';
  await page.route(path, (route) => route.abort());
  await closest(page).fill('6');
  await page.locator('.answer-box').getByText('The playground does not answer').waitFor();
  await page.unroute(path);
  await button(page, 'Try again').click();
  await sources(page, 6);
  await answers(page);
  await expected(page, /ERR_FAILED/);
  let late;
  await page.route(path, (route) => { late = route; });
  await closest(page).fill('7');
  await page.locator('.answer-box[aria-busy=true]').waitFor();
  await until(page, 'the question', () => Boolean(late), true);
  await late.continue();
  await page.unroute(path);
  await sources(page, 7);
  await page.locator('.answer-box:not([aria-busy])').waitFor();
}

/** A network that is changed, and trained before the server has heard of the change. */
async function changedLate(page) {
  await choose(page, 'Network');
  const path = '**/plan?*';
  let begin;
  const begun = new Promise((done) => { begin = done; });
  await page.route(path, async (route) => {
    if (route.request().method() === 'PUT') await begun;
    await route.continue();
  });
  await seed(page, 77);
  await next(page, 'Training');
  await button(page, 'Begin anew').click();
  begin();
  await until(page, 'the seed of the result', () => page.locator('.results dd b').last().textContent(), '77');
  await page.unroute(path);
}

/** The page is told that it is seen, or not, as by a browser whose tab is changed. */
const show = (page, visible) => page.evaluate((state) => {
  Object.defineProperty(document, 'visibilityState', {configurable: true, get: () => state});
  document.dispatchEvent(new Event('visibilitychange'));
}, visible ? 'visible' : 'hidden');

async function notSeen(page) {
  await choose(page, 'Training');
  await page.getByRole('heading', {name: 'Result'}).waitFor();
  await epochsShown(page, '1');
  await show(page, false);
  await trained(page, {epochs: 2});
  check(await page.locator('.plot').first().getAttribute('aria-valuenow') === '1', 'a tab that is not seen keeps its connection');
  await show(page, true);
  await epochsShown(page, '2');
  await until(page, 'the training is over for the page', () => button(page, 'Begin anew').isEnabled(), true);
}

async function upload(page) {
  await choose(page, 'Dataset');
  await page.locator('.pick', {hasText: 'Your own file'}).click();
  const lines = Array.from({length: 30000}, (_, i) => `${i},${i % 7},${i % 2 ? 'odd' : 'even'}`);
  await page.getByLabel('Table', {exact: true}).setInputFiles({name: 'numbers.csv', mimeType: 'text/csv', buffer: Buffer.from(['n,rest,kind', ...lines].join('\n'))});
  await page.getByText('2 inputs → classes of "kind".').waitFor();
  const network = await page.context().newCDPSession(page);
  const speed = (uploadThroughput) => network.send('Network.emulateNetworkConditions', {offline: false, latency: 0, downloadThroughput: -1, uploadThroughput});
  await network.send('Network.enable');
  await speed(20000);
  const use = async () => {
    await button(page, 'Use this table').click();
    await button(page, 'Change the data').click();
  };
  await use();
  await page.getByText(/^sending, \d+ % of/).waitFor();
  await screenshot(page, 'interrupted-upload');
  await button(page.locator('.sending'), 'Cancel').click();
  await page.getByText('Cancelled; nothing has changed.').waitFor();
  check((await api(page, 'GET', '')).model !== null, 'what there was is gone');
  await speed(-1);
  await network.detach();
  await use();
  await chosen(page, 'numbers.csv');
}

export default async function ({playground, browser}) {
  const line = await startLine(playground), page = await browser.open(line.address);
  await trained(page, {train: 2000});
  await choose(page, 'Visualization');
  await retraced(page);
  await cut(page, line);
  await oneAnswer(page);
  await notSeen(page);
  await changedLate(page);
  await upload(page);
  await leave(page);
  line.close();
}
