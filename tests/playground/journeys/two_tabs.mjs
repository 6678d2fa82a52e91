// SPDX-License-Identifier: MIT
// Two tabs do not disturb one another, not even when one is a copy; a session that had to go, a server that ends and one
// started anew are told, and what then helps does.
import {check, choose, screenshot, startPlayground} from '../harness.mjs';
import {button, chosen, expected, leave, none, pick, train} from '../steps.mjs';

const sessionOf = (page) => page.evaluate(() => sessionStorage.getItem('session'));
const connected = (page) => page.getByText('connected', {exact: true}).waitFor();

/** More and more tabs, all of them seen, while one is in use, until there is no room for what `gone` looks at. */
async function crowd({origin, token}, used, gone) {
  const all = new AbortController(), headers = {'X-Renn-Token': token, Origin: origin};
  for (let tabs = 0; tabs < 200 && await gone.count() === 0; ++tabs) {
    await fetch(`${origin}/api/sessions/${used}`, {headers});
    const {session} = await (await fetch(`${origin}/api/sessions`, {method: 'POST', headers})).json();
    await fetch(`${origin}/api/sessions/${session}/events`, {headers, signal: all.signal});
  }
  all.abort();
  await gone.waitFor();
}

export default async function ({browser, program}) {
  const server = await startPlayground(program);
  const page = await browser.open(server.address), other = await browser.open(server.address);
  await pick(other, 'HSV to RGB');
  await chosen(page, 'MNIST');
  await choose(page, 'Training');
  await choose(other, 'Training');
  await Promise.all([train(page, 1), train(other, 1)]);
  await page.getByText('Test accuracy', {exact: true}).first().waitFor();
  await other.getByText('Typical error').waitFor();
  await none(page, 'the other tab\'s result', page.getByText('Typical error'));

  // A copy of a tab takes along what the tab keeps, and has a session of its own all the same; a reload has the old one.
  const [copy] = await Promise.all([other.waitForEvent('popup'), other.evaluate(() => { open(location.href); })]);
  await connected(copy);
  check(await sessionOf(copy) !== await sessionOf(other), 'a copied tab has the session of the first');
  await copy.getByText('Nothing is trained yet').waitFor();
  await copy.close();
  const before = await sessionOf(other);
  await other.reload();
  await other.getByText('Typical error').waitFor();
  check(await sessionOf(other) === before, 'a reload loses the session');

  // More tabs than there may be: the one not used for longest has to go.
  await crowd(server, await sessionOf(page), other.getByText('This tab\'s work is gone: this tab was not used for longest'));
  await screenshot(other, 'two_tabs-dropped');
  await button(other.locator('#notices'), 'Begin anew').click();
  await connected(other);
  await none(other, 'what was told before it began anew', other.getByText('This tab\'s work is gone'));
  await page.getByText('Test accuracy', {exact: true}).first().waitFor();

  // What went while the page was elsewhere is told when it comes back.
  const gone = await sessionOf(other);
  await other.goto('about:blank');
  await fetch(`${server.origin}/api/sessions/${gone}`, {method: 'DELETE', headers: {'X-Renn-Token': server.token, Origin: server.origin}});
  await other.goto(server.origin);
  await other.getByText('What this tab had is gone: this session was closed. It begins anew.').waitFor();
  await connected(other);
  await expected(other, /status of 410/);
  await leave(other);

  // The server ends; the page says so and keeps what it shows.
  check(page.complaints.length === 0, page.complaints.join('\n'));
  await server.stop();
  await page.getByText('no connection to the playground').waitFor();
  await page.getByText('The playground does not answer').waitFor();
  await page.getByText('Test accuracy', {exact: true}).first().waitFor();
  await screenshot(page, 'two_tabs-ended');
  const again = await startPlayground(program, {port: server.port});
  await page.getByText('The playground was started anew, and what this page had is gone. Open the address that it printed.').waitFor();
  await none(page, 'what was told of no answer', page.getByText('The playground does not answer'));
  await page.getByText('not connected', {exact: true}).waitFor();
  await screenshot(page, 'two_tabs-anew');
  await expected(page, /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|status of 401/);
  await page.goto(again.address);
  await connected(page);
  await leave(page);
  await again.stop();
}
