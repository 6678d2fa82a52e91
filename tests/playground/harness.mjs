// SPDX-License-Identifier: MIT
// What the journeys share: the real program, the real page in headless Chromium, and pictures looked at by their pixels.
import {spawn} from 'node:child_process';
import {createServer, request as ask} from 'node:http';
import {existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {chromium} from 'playwright-core';

const browsers = ['--no-sandbox', '--disable-gpu', '--use-angle=swiftshader', '--enable-unsafe-swiftshader',
  '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** Starts the program, on a free port if none is given; {address, origin, port, token, stop()}. */
export async function startPlayground(program, {port = 0} = {}) {
  const child = spawn(program, ['--no-open', '--port', String(port)], {stdio: ['ignore', 'pipe', 'inherit']});
  process.on('exit', () => child.kill('SIGKILL'));  // where a journey failed before it stopped it
  const address = await new Promise((done, failed) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (piece) => {
      text += piece;
      const found = /http:\/\/127\.0\.0\.1:\d+\/\?token=\S+/.exec(text);
      if (found) done(found[0]);
    });
    child.on('exit', (code) => failed(new Error(`the playground ended with ${code}`)));
  });
  const url = new URL(address);
  const ended = new Promise((done) => child.on('exit', (code, signal) => done({code, signal})));
  return {address, origin: url.origin, port: Number(url.port), token: url.searchParams.get('token'), pid: child.pid,
    stop: async () => { child.kill('SIGTERM'); return ended; }};
}

/** A line to the program that can be cut, and may be slow: every question and every answer of the API waits for
 * delay(whether it is a question) milliseconds, but not the stream of events. {address, cut(), mend(), quiet(), close()}:
 * quiet() is over when nothing has been under way for a while. */
export async function startLine({origin, token}, delay = () => 0) {
  let whole = true, underWay = 0, last = Date.now();
  const slow = async (url, question) => {
    const wait = /^\/api\/(?!.*\/events$)/.test(url) ? delay(question) : 0;
    if (wait > 0) await new Promise((go) => setTimeout(go, wait));
  };
  const line = createServer(async (from, to) => {
    const counts = from.url.endsWith('/events') ? 0 : 1;
    underWay += counts;
    to.on('close', () => {
      underWay -= counts;
      last = Date.now();
    });
    await slow(from.url, true);
    if (to.destroyed) return;
    const there = ask(origin + from.url, {method: from.method, headers: {...from.headers, host: new URL(origin).host,
      ...(from.headers.origin ? {origin} : {})}}, async (answer) => {
      await slow(from.url, false);
      if (!to.destroyed) answer.pipe(to.writeHead(answer.statusCode, answer.headers));
    });
    there.on('error', () => to.destroy());
    to.on('close', () => there.destroy());
    from.pipe(there);
  });
  line.on('connection', (socket) => { if (!whole) socket.destroy(); });
  await new Promise((done) => line.listen(0, '127.0.0.1', done));
  return {address: `http://127.0.0.1:${line.address().port}/?token=${token}`,
    cut() { whole = false; line.closeAllConnections(); }, mend() { whole = true; },
    async quiet(long = 300) {
      last = Date.now();  // what was just done may not have come here yet
      while (underWay > 0 || Date.now() - last < long) await new Promise((go) => setTimeout(go, 20));
    },
    close() { line.close(); line.closeAllConnections(); }};
}

/** The page's files as they are in the folder now (examples/playground/web), without building them into the program. */
const serveFrom = (context, folder) => context.route(/^http:\/\/127\.0\.0\.1:\d+\/(?!api\/)/, async (route) => {
  const path = new URL(route.request().url()).pathname;
  const file = join(folder, path === '/' ? 'index.html' : path);
  if (!existsSync(file)) return route.continue();
  const type = {html: 'text/html', css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml'}[file.split('.').at(-1)];
  const headers = path === '/' ? (await route.fetch()).headers() : {};  // with the server's policy
  return route.fulfill({headers: {...headers, 'content-type': `${type}; charset=utf-8`}, body: readFileSync(file)});
});

/** Chromium, and pages of the playground in it; what a page complains about is collected in page.complaints. With
 * PLAYGROUND_SLOW=4 in the environment a page has a fourth of the processor. */
export async function startBrowser() {
  const profile = mkdtempSync(join(tmpdir(), 'renn-playground-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, args: browsers, acceptDownloads: true,
    viewport: {width: 1280, height: 900}});
  context.setDefaultTimeout(60000);  // a machine may be slow, and others at work on it
  if (process.env.PLAYGROUND_WEB) await serveFrom(context, process.env.PLAYGROUND_WEB);
  return {
    async open(address, viewport = {width: 1280, height: 900}) {
      const page = await context.newPage();
      await page.setViewportSize(viewport);
      page.complaints = [];
      page.on('console', (message) => {
        const slow = /GL Driver Message .*Performance/.test(message.text());  // WebGL without a graphics card
        if (['error', 'warning'].includes(message.type()) && !slow) page.complaints.push(`${message.text()} ${message.location().url}`);
      });
      page.on('pageerror', (error) => page.complaints.push(String(error)));
      if (process.env.PLAYGROUND_SLOW) {
        await (await context.newCDPSession(page)).send('Emulation.setCPUThrottlingRate', {rate: Number(process.env.PLAYGROUND_SLOW)});
      }
      await page.goto(address);
      await page.getByText('connected', {exact: true}).waitFor();  // it has its session
      return page;
    },
    async close() {
      await context.close();
      rmSync(profile, {recursive: true, force: true, maxRetries: 5});
    },
  };
}

/** Opens one of the tabs. */
export const choose = (page, name) => page.getByRole('tab', {name, exact: true}).click();

/** Mean and spread of an image's or canvas's pixels, 0 to 255, and how many different colours it has. */
export const pixels = (locator) => locator.evaluate(async (element) => {
  while (element.naturalWidth === 0) await new Promise((go) => setTimeout(go, 20));  // an image that is not read yet
  const canvas = document.createElement('canvas');
  canvas.width = element.naturalWidth ?? element.width;
  canvas.height = element.naturalHeight ?? element.height;
  const context = canvas.getContext('2d');
  context.drawImage(element, 0, 0);
  const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
  let sum = 0, squares = 0;
  const colours = new Set();
  for (let i = 0; i < data.length; i += 4) {
    const grey = (data[i] + data[i + 1] + data[i + 2]) / 3;
    sum += grey;
    squares += grey * grey;
    colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
  }
  const n = data.length / 4, mean = sum / n;
  return {width: canvas.width, height: canvas.height, mean, spread: Math.sqrt(Math.max(0, squares / n - mean * mean)),
    colours: colours.size};
});

export function check(condition, message) {
  if (!condition) throw new Error(message);
}

/** Screenshots go to the folder SCREENSHOTS names, if it is set. */
export async function screenshot(page, name) {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, {recursive: true});
  await page.screenshot({path: join(folder, `${name}.png`), fullPage: true});
}
