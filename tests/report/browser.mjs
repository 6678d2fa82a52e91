// SPDX-License-Identifier: MIT
// browser.mjs CHROMIUM PAGE... [--screenshots FOLDER]: opens pages in a headless Chromium over its debugging pipe and
// says what is wrong with them: anything on the console, a request, a picture that is not drawn, a page wider than a
// phone, keys that reach nothing or do not show where they are, a cube that does not turn. Needs node alone.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const words = process.argv.slice(2);
const at = words.indexOf('--screenshots');
const screenshots = at < 0 ? null : words.splice(at, 2)[1];
const [chromium, ...pages] = words;

const profile = mkdtempSync(join(tmpdir(), 'renn-browser-'));
const browser = spawn(chromium, ['--headless=new', '--remote-debugging-pipe', '--no-sandbox', '--no-first-run',
  '--disable-dev-shm-usage', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--hide-scrollbars',
  '--disable-background-networking', `--user-data-dir=${profile}`, 'about:blank'],
  { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });

let number = 0, rest = '';
const waiting = new Map(), listeners = new Set();
browser.stdio[4].setEncoding('utf8').on('data', text => {
  const messages = (rest + text).split('\0');
  rest = messages.pop();
  for (const message of messages.map(m => JSON.parse(m))) {
    if (message.id === undefined) { for (const f of listeners) f(message); continue; }
    const { done, failed } = waiting.get(message.id);
    waiting.delete(message.id);
    message.error ? failed(new Error(message.error.message)) : done(message.result);
  }
});
const end = code => {
  browser.kill('SIGKILL');
  try { rmSync(profile, { recursive: true, force: true, maxRetries: 5 }); } catch { /* the browser still writes */ }
  process.exit(code);
};
const stuck = setTimeout(() => { console.log('the browser does not answer'); end(1); }, 240000);
browser.on('exit', () => { console.log('the browser ended'); end(1); });
const send = (method, params = {}, sessionId) => new Promise((done, failed) => {
  waiting.set(++number, { done, failed });
  browser.stdio[3].write(JSON.stringify({ id: number, method, params, sessionId }) + '\0');
});
const pause = ms => new Promise(done => setTimeout(done, ms));

async function check(page) {
  const wrong = [];
  const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
  const call = (method, params) => send(method, params, sessionId);
  const run = async f => {
    const { result, exceptionDetails } = await call('Runtime.evaluate',
      { expression: `(${f})()`, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  const listen = ({ method, params, sessionId: from }) => {
    if (from !== sessionId) return;
    if (method === 'Runtime.consoleAPICalled') wrong.push('console: ' + params.args.map(a => a.value ?? a.description).join(' '));
    if (method === 'Runtime.exceptionThrown') wrong.push('error: ' + (params.exceptionDetails.exception?.description ?? params.exceptionDetails.text));
    if (method === 'Log.entryAdded') wrong.push(`log: ${params.entry.text} ${params.entry.url ?? ''}`);
    if (method === 'Network.requestWillBeSent' && !/^(file|data|blob):/.test(params.request.url)) wrong.push('request: ' + params.request.url);
  };
  listeners.add(listen);
  for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await call(domain + '.enable');
  const shape = async (width, scheme) => {
    await call('Emulation.setDeviceMetricsOverride', { width, height: 900, deviceScaleFactor: 1, mobile: false });
    await call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
    await pause(150);
  };
  const shot = async (name, clip) => {
    const { data } = await call('Page.captureScreenshot', clip ? { clip: { ...clip, scale: 1 }, captureBeyondViewport: true } : {});
    if (screenshots && name) writeFileSync(join(screenshots, `${basename(page, '.html')}-${name}.png`), Buffer.from(data, 'base64'));
    return data;
  };

  await shape(1280, 'light');
  const loaded = new Promise(done => {
    const f = m => { if (m.sessionId === sessionId && m.method === 'Page.loadEventFired') { listeners.delete(f); done(); } };
    listeners.add(f);
  });
  await call('Page.navigate', { url: pathToFileURL(resolve(page)).href });
  await loaded;

  // Every picture is drawn, also those behind a fold and below.
  wrong.push(...await run(async () => {
    const wrong = [];
    for (const d of document.querySelectorAll('details')) d.open = true;
    const images = [...document.images];
    for (const i of images) i.loading = 'eager';
    await Promise.all(images.map(i => i.decode().catch(() => {})));
    for (const i of images) {
      const box = i.getBoundingClientRect();
      if (!(i.naturalWidth > 0) || box.width < 1 || box.height < 1) wrong.push('not drawn: image "' + i.alt + '"');
      if (!i.alt) wrong.push('an image without words');
    }
    for (const s of document.querySelectorAll('svg[role=img]')) {
      const box = s.getBBox();
      const marks = s.querySelectorAll('polyline, circle, rect, path').length;
      if (box.width < 10 || box.height < 10 || marks === 0) wrong.push('not drawn: "' + s.querySelector('title')?.textContent + '"');
    }
    const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
    if (new Set(ids).size < ids.length) wrong.push('ids that occur twice');
    for (const a of document.querySelectorAll('a[href^="#"]')) if (!document.getElementById(a.hash.slice(1))) wrong.push('leads nowhere: ' + a.hash);
    return wrong;
  }));

  // Text can be read in both schemes, and nothing is wider than a phone.
  const contrast = () => {
    const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const light = c => { const [r, g, b] = c.match(/[\d.]+/g).map(Number); return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b); };
    const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\)$/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
    const faint = new Set();
    for (const e of document.querySelectorAll('h1, h2, h3, p, dt, dd, th, td, li, figcaption, .quiet, .verdict, summary, a, b')) {
      if (!e.textContent.trim() || e.closest('.cube') || !e.getClientRects().length) continue;
      const a = light(getComputedStyle(e).color), b = light(ground(e));
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < 4.5) faint.add(`${e.tagName}.${e.className} at ${ratio.toFixed(2)}`);
    }
    return [...faint];
  };
  const width = () => {
    const most = document.documentElement.clientWidth, root = document.documentElement.scrollWidth;
    if (root <= most) return '';
    const widest = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > most + 1 && !e.closest('.scroll'));
    return `${root} px wide, ${most} there are: ${widest.slice(0, 3).map(e => e.tagName + '.' + e.className).join(', ')}`;
  };
  for (const scheme of ['light', 'dark']) {
    for (const wide of [1280, 390]) {
      await shape(wide, scheme);
      for (const f of await run(contrast)) wrong.push(`${scheme}: too faint: ${f}`);
      const over = await run(width);
      if (over) wrong.push(`at ${wide} px: ${over}`);
      if (screenshots) await run(() => { for (const d of document.querySelectorAll('.chart details, header details, .neurons details')) d.open = false; });
      if (screenshots) await shot(`${scheme}-${wide}`, await run(() => ({ x: 0, y: 0, width: innerWidth, height: Math.min(4000, document.body.scrollHeight) })));
    }
  }

  // The Tab key reaches things, and shows where it is.
  await shape(1280, 'light');
  await run(() => { document.activeElement?.blur(); window.scrollTo(0, 0); });
  const reached = new Set();
  for (let i = 0; i < 12; ++i) {
    for (const type of ['keyDown', 'keyUp']) await call('Input.dispatchKeyEvent', { type, key: 'Tab', code: 'Tab', windowsVirtualKeyCode: 9 });
    const here = await run(() => {
      const e = document.activeElement, style = getComputedStyle(e);
      if (e === document.body) return null;
      return { what: e.outerHTML.slice(0, 80) + (e.getBoundingClientRect().top + scrollY), seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 };
    });
    if (!here) continue;
    reached.add(here.what);
    if (!here.seen) wrong.push('focus cannot be seen: ' + here.what);
  }
  if (reached.size < 2) wrong.push('the Tab key reaches ' + reached.size + ' elements');

  // The cube is drawn and turns, by the mouse and by the keys.
  if (await run(() => !!document.querySelector('.cube'))) {
    const eye = () => run(() => document.querySelector('.cube').dataset.eye);
    for (let i = 0; i < 50 && !await eye(); ++i) await pause(200);
    await pause(1500);
    const box = await run(() => {
      const c = document.querySelector('.cube');
      c.scrollIntoView({ block: 'center' });
      const b = c.getBoundingClientRect();
      return { x: b.x, y: b.y, width: b.width, height: b.height };
    });
    await pause(300);
    const clip = await run(() => { const b = document.querySelector('.cube').getBoundingClientRect(); return { x: b.x + scrollX, y: b.y + scrollY, width: b.width, height: b.height }; });
    const [before, first] = [await eye(), await shot('cube', clip)];
    const x = box.x + box.width / 2, y = box.y + box.height / 2;
    const mouse = (type, dx, dy, buttons) => call('Input.dispatchMouseEvent', { type, x: x + dx, y: y + dy, button: 'left', buttons, clickCount: 1 });
    await mouse('mouseMoved', 0, 0, 0);
    await mouse('mousePressed', 0, 0, 1);
    for (let i = 1; i <= 12; ++i) { await mouse('mouseMoved', 10 * i, 3 * i, 1); await pause(30); }
    await mouse('mouseReleased', 120, 36, 0);
    await pause(700);
    const [dragged, second] = [await eye(), await shot('cube-turned', clip)];
    if (!before) wrong.push('the cube is not drawn: ' + await run(() => document.querySelector('.cube').textContent.slice(0, 200)));
    else if (dragged === before || second === first) wrong.push('the cube does not turn with the mouse');
    await run(() => document.querySelector('.cube').focus());
    for (const type of ['keyDown', 'keyUp']) await call('Input.dispatchKeyEvent', { type, key: 'ArrowRight', code: 'ArrowRight', windowsVirtualKeyCode: 39 });
    await pause(500);
    if (await eye() === dragged) wrong.push('the cube does not turn with the arrow keys');
  }
  const counted = await run(() => `${document.images.length} images, ${document.querySelectorAll('svg[role=img]').length} charts, ${document.querySelectorAll('.cube').length} cubes`);
  listeners.delete(listen);
  await send('Target.closeTarget', { targetId });
  console.log(`${basename(page)}: ${counted}: ${wrong.length ? wrong.length + ' wrong' : 'nothing wrong'}`);
  for (const w of [...new Set(wrong)].slice(0, 40)) console.log('  ' + w);
  return wrong.length === 0;
}

let good = true;
try {
  for (const page of pages) good = await check(page) && good;
} catch (problem) {
  console.log(problem.stack);
  good = false;
}
clearTimeout(stuck);
browser.removeAllListeners('exit');
end(good ? 0 : 1);
