// SPDX-License-Identifier: MIT
// A network is composed by mouse and again by keyboard alone; what is wrong is told at its field; the estimate follows;
// it is copied as C++, saved once trained, and opened again.
import {readFileSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {check, choose, screenshot} from '../harness.mjs';
import {fits, leave, until} from '../steps.mjs';

const text = async (locator) => (await locator.innerText()).replace(/\s+/g, ' ').trim();
const rows = (page) => page.locator('.net-row');
const parameters = (page) => text(page.locator('.net-takes dd').first());

/** Columns of the drawing, as they are named. */
const columns = (page) => page.locator('.net-column .net-kind').allTextContents();

async function byMouse(page) {
  await until(page, 'parameters', () => parameters(page), '118,282');
  await until(page, 'the layers of the drawing', async () => (await columns(page)).join(), 'Input,Dense,Dense,Output');
  await screenshot(page, 'network');

  await rows(page).nth(1).click();
  await page.getByLabel('Neurons', {exact: true}).fill('64');
  await until(page, 'parameters of 64 neurons', () => parameters(page), '59,850');
  await page.getByLabel('Activation').selectOption('Sigmoid');
  await until(page, 'the row', () => text(rows(page).nth(1).locator('button.net-head')), /^Dense 64 Sigmoid 50,240 parameters$/);
  await page.getByRole('button', {name: 'Duplicate'}).click();
  await until(page, 'rows', async () => rows(page).count(), 5);
  await until(page, 'the copy is like its original', () => text(rows(page).nth(2)), /^Dense 64 Sigmoid/);
  await page.getByRole('button', {name: 'Remove'}).click();
  await until(page, 'rows', async () => rows(page).count(), 4);
  await rows(page).nth(3).locator('button.net-head').click();
  await until(page, 'what goes with which loss', () => text(rows(page).nth(3)), /Cross-entropy/);
  await screenshot(page, 'network-output');

  // A convolution, and pooling behind it; the drawing shows images.
  await rows(page).nth(1).locator('button.net-head').click();
  await page.getByLabel('Kind').selectOption('Convolution');
  await until(page, 'the shape', () => text(rows(page).nth(1).locator('.net-out')), '16 × 26 × 26 · 160 parameters');
  await page.getByRole('button', {name: '+ Add layer'}).click();
  await page.getByLabel('Kind').selectOption('MaxPool');
  await until(page, 'an error at its field', () => text(rows(page).nth(3).locator('[data-field=kind] .error')), /before the first Dense/);
  await until(page, 'the field is marked', () => page.getByLabel('Kind').getAttribute('aria-invalid'), 'true');
  await until(page, 'the drawing marks it too', () => page.locator('.net-column.faulty').count(), 1);
  await screenshot(page, 'network-error');
  await page.getByRole('button', {name: 'Move up'}).click();
  await until(page, 'the shape', () => text(rows(page).nth(2).locator('.net-out')), /^16 × 13 × 13/);
  await page.locator('.net-sheet').nth(2).waitFor();
  await page.getByLabel('Window').fill('40');
  await until(page, 'an error at its field', () => text(rows(page).nth(2).locator('[data-field=kernel] .error')), /from 1 to 32/);
  await page.getByLabel('Window').fill('30');
  await until(page, 'an error at its field', () => text(rows(page).nth(2).locator('[data-field=kernel] .error')), /does not fit/);
  await page.getByLabel('Window').fill('2');
  await until(page, 'no error', () => text(rows(page).nth(2).locator('[data-field=kernel] .error')), '');

  // The memory for more samples; a network of more channels is too much.
  const samples = page.getByLabel('Training samples to record');
  await samples.fill('0');
  await until(page, 'the samples', () => text(page.locator('#net-samples-error')), /from 1 to/);
  await samples.fill('1000');
  await until(page, 'the memory', () => text(page.locator('.net-takes')), /for 1,000 samples/);
  const few = await page.locator('.net-memory progress').evaluate((bar) => bar.value);
  await samples.fill('2000');
  await until(page, 'the memory', () => text(page.locator('.net-takes')), /for 2,000 samples/);
  await until(page, 'more samples take more memory', async () => await page.locator('.net-memory progress').evaluate((bar) => bar.value) > few, true);
  await rows(page).nth(1).locator('button.net-head').click();
  await page.getByLabel('Channels', {exact: true}).fill('200');
  await until(page, 'too much memory', () => text(page.locator('.net-room')), /^Too much: .* At most [\d,]+ samples fit/);
  await page.emulateMedia({colorScheme: 'dark'});
  await screenshot(page, 'network-dark');
  await page.emulateMedia({colorScheme: 'light'});
}

async function byKeyboard(page) {
  const focused = () => page.evaluate(() => document.activeElement.innerText || document.activeElement.tagName);
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  await page.getByRole('tab', {name: 'Network'}).focus();
  for (let i = 0; i < 20 && !/^Dense/.test(await focused()); ++i) await press('Tab');
  await press('Enter', 'Tab', 'Tab');  // opened, past its kind
  await press('Control+A');
  await page.keyboard.type('32');
  await until(page, 'parameters', () => parameters(page), '30,634');
  await until(page, 'the focus stays in the field', () => page.evaluate(() => document.activeElement.value), '32');
  await press('Shift+Tab', 'Shift+Tab');
  await until(page, 'the row has the focus again', focused, /^Dense\s+32/);
  await press('Alt+ArrowDown');
  await until(page, 'the row is moved', () => text(rows(page).nth(2).locator('.net-name')), 'Dense 32');
  await until(page, 'the focus moves with the row', focused, /^Dense\s+32/);
  await press('Delete');
  await until(page, 'the row is gone', async () => rows(page).count(), 3);
  await until(page, 'the focus is on the next row', focused, /^Dense\s+128/);
  await page.getByRole('button', {name: 'Put it back'}).press('Enter');
  await until(page, 'it is back', () => text(rows(page).nth(2).locator('.net-name')), 'Dense 32');
  await rows(page).nth(2).locator('button.net-head').press('Delete');
  await until(page, 'the row is gone', async () => rows(page).count(), 3);
  for (let i = 0; i < 20 && (await focused()) !== '+ Add layer'; ++i) await press('Tab');
  await press('Enter');
  await until(page, 'a row more', async () => rows(page).count(), 4);
  await until(page, 'the new row is being edited', () => page.evaluate(() => document.activeElement.tagName), 'SELECT');
  await screenshot(page, 'network-keyboard');
}

async function asProgram(page) {
  await page.getByRole('button', {name: 'Copy as C++'}).click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('code', {hasText: 'int main('}).waitFor();
  const code = await dialog.locator('code').innerText();
  check(code.includes('renn::Dense<float, 784, 128>, renn::ReLU<float>'), 'the program');
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await dialog.getByRole('button', {name: 'Copy'}).click();
  await dialog.getByText('Copied').waitFor();
  check((await page.evaluate(() => navigator.clipboard.readText())).trim() === code.trim(), 'what is copied is what is shown');
  const [download] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('button', {name: 'Download'}).click()]);
  check(download.suggestedFilename() === 'network.cpp', 'its name');
  check(readFileSync(await download.path(), 'utf8').trim() === code.trim(), 'what is kept is what is shown');
  await screenshot(page, 'network-program');
  await dialog.getByRole('button', {name: 'Use it here too'}).click();
  await page.keyboard.press('Escape');
  const seed = /seed = (\d+);/.exec(code)[1];
  await until(page, 'the seed', () => page.getByLabel('Number, 0 to 99999').inputValue(), seed);
  await page.getByLabel('Number, 0 to 99999').fill('100000');
  await until(page, 'the seed', () => text(page.locator('#net-seed-error')), /from 0 to 99999/);
  await page.getByLabel('Number, 0 to 99999').fill('5');
}

/** Trains, as the tab Training would. */
const train = (page) => page.evaluate(async () => {
  const {session} = await import('/js/api.js');
  await session.post('train', {epochs: 1, train: 300, test: 50, batch: 50});
});

async function throughAFile(page) {
  await until(page, 'there is nothing to save', () => page.getByRole('button', {name: 'Save the trained network'}).isDisabled(), true);
  await until(page, 'the plan is there', () => text(page.locator('.net-takes')), /samples/);
  await train(page);
  const save = page.getByRole('button', {name: 'Save the trained network'});
  await until(page, 'there is a network to save', () => save.isEnabled().then(String), 'true');
  const [download] = await Promise.all([page.waitForEvent('download'), save.click()]);
  check(download.suggestedFilename() === 'network.renn', 'its name');
  const path = join(tmpdir(), `renn-journey-${process.pid}.renn`);
  await download.saveAs(path);

  // Another network, and then the saved one again.
  await rows(page).nth(1).locator('button.net-head').press('Delete');
  await until(page, 'another network', () => text(page.locator('.net-save-note')), /other layers/);
  const open = async (file) => {
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.getByRole('button', {name: 'Open a saved network'}).click()]);
    await chooser.setFiles(file);
  };
  const damaged = `${path}.damaged`;
  const whole = readFileSync(path);
  whole[200] ^= 1;
  writeFileSync(damaged, whole);
  await open(damaged);
  await until(page, 'a damaged file', () => text(page.locator('.net-file-error')), /checksum is wrong/);
  // Cancelled on its way, it changes nothing; then as a whole.
  const line = await page.context().newCDPSession(page);
  const speed = (uploadThroughput) => line.send('Network.emulateNetworkConditions', {offline: false, latency: 0, downloadThroughput: -1, uploadThroughput});
  await line.send('Network.enable');
  await speed(50000);
  await open(path);
  await page.getByText(/^sending, \d+ % of/).waitFor();
  await screenshot(page, 'network-sending');
  await page.locator('.sending').getByRole('button', {name: 'Cancel'}).click();
  await until(page, 'what became of it', () => text(page.locator('.net-file-error')), 'Cancelled; nothing has changed.');
  await until(page, 'the plan stays', async () => rows(page).count(), 3);
  await speed(-1);
  await line.detach();
  await open(path);
  await page.getByText('The network is here and recorded').waitFor();
  await until(page, 'its layers are shown', async () => rows(page).count(), 4);
  await until(page, 'it can be trained further', () => text(page.locator('.net-save-note')), /It has the layers shown/);
  await screenshot(page, 'network-opened');
}

export default async function ({playground, browser}) {
  const page = await browser.open(playground.address);
  await choose(page, 'Network');
  await byMouse(page);
  await leave(page);

  const other = await browser.open(playground.address);
  await choose(other, 'Network');
  await until(other, 'another tab has its own network', () => parameters(other), '118,282');
  await byKeyboard(other);
  await asProgram(other);
  await throughAFile(other);
  await other.setViewportSize({width: 400, height: 800});
  await rows(other).nth(1).locator('button.net-head').click();
  await fits(other, 'the network on a phone');
  await screenshot(other, 'network-400');
  await leave(other);
}
