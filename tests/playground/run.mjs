// SPDX-License-Identifier: MIT
// run.mjs PROGRAM [JOURNEY...]: the journeys of journeys/, each a module whose default export takes {playground,
// browser, program} and throws what it finds wrong; one program and one browser for all. All of them if none is named. With
// PLAYGROUND_LATE=200 in the environment every question and every answer is up to 200 ms late.
import {readdirSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {startBrowser, startLine, startPlayground} from './harness.mjs';

const [program, ...wanted] = process.argv.slice(2);
const folder = join(dirname(fileURLToPath(import.meta.url)), 'journeys');
const names = wanted.length ? wanted : readdirSync(folder).map((file) => file.replace(/\.mjs$/, '')).sort();
const playground = await startPlayground(program);
const late = Number(process.env.PLAYGROUND_LATE ?? 0), line = late ? await startLine(playground, () => late * Math.random()) : null;
const browser = await startBrowser();
let failed = 0;
for (const name of names) {
  const started = Date.now();
  try {
    const journey = await import(join(folder, `${name}.mjs`));
    await journey.default({playground: {...playground, ...(line && {address: line.address})}, browser, program});
    console.log(`passed ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  } catch (error) {
    ++failed;
    console.log(`FAILED ${name}: ${error.stack}`);
  }
}
await browser.close();
line?.close();
const {code} = await playground.stop();
if (code !== 0) {
  ++failed;
  console.log(`FAILED the playground ended with ${code}`);
}
console.log(`${names.length} journeys, ${failed} failed`);
process.exit(failed ? 1 : 0);
