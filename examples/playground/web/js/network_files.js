// SPDX-License-Identifier: MIT
// A network as a program and as files: copied, saved, opened.
import {latest, session} from './api.js';
import {bytes, h} from './dom.js';
import {showProgram} from './program_dialog.js';
import {uploadBox} from './upload.js';

const largest = 64 * 1024 * 1024;

/** What was chosen in the tab Training, for the program. */
function trainingOptions(page) {
  const kept = JSON.parse(sessionStorage.getItem('training') ?? 'null');
  if (kept?.data !== page.state.data.name) return {};
  const names = ['epochs', 'learning_rate', 'train', 'test', 'batch', 'loss', 'optimizer', 'momentum'];
  return Object.fromEntries(names.filter((name) => kept[name] !== undefined).map((name) => [name, kept[name]]));
}

/** {element, refresh(), heard(), tells(job)}; seed(n) is called where the seed of the program is to be that of the network. */
export function networkFiles(net, seed) {
  const {page} = net;
  const programs = latest(), upload = uploadBox(page);
  const input = h('input', {type: 'file', accept: '.renn', class: 'hidden', tabindex: -1, 'aria-hidden': 'true', id: 'net-file', onchange: () => open()});
  const error = h('p', {class: 'error net-file-error', role: 'alert', hidden: true});
  const note = h('small', {class: 'quiet net-save-note'});
  const download = (name) => () => page.attempt(() => session.download(name));
  const program = h('button', {onclick: () => page.attempt(async () => {
    await net.sent();
    const written = await session.post('plan/program', trainingOptions(page), programs.next());
    if (element.isConnected) showProgram(written, seed);
  })}, 'Copy as C++');
  const save = h('button', {onclick: download('network.renn')}, 'Save the trained network');
  const saveTraced = h('button', {onclick: download('traced.renn')}, 'Save it with its recording');
  const choose = h('button', {onclick: () => input.click()}, 'Open a saved network');
  const one = (...parts) => h('div', {class: 'net-file'}, ...parts);
  const element = h('section', {class: 'card'}, h('h3', {}, 'Take it with you'), h('div', {class: 'grid net-files'},
    one(program, h('small', {class: 'quiet'}, 'This network as a whole program.')),
    one(save, note),
    one(saveTraced, h('small', {class: 'quiet'}, 'With what every neuron did: a playground started with ', h('code', {}, '--load traced.renn'), ' begins with it.')),
    one(choose, input, h('small', {class: 'quiet'}, 'It is recorded with the data chosen, and can then be traced.'), upload.element, error)));

  async function open() {
    const [file] = input.files;
    input.value = '';
    if (!file) return;
    const tell = (message) => {
      error.textContent = message;
      error.hidden = !message;
    };
    tell('');
    choose.disabled = true;
    try {
      if (file.size > largest) throw new Error(`This file has ${bytes(file.size)}, and at most ${bytes(largest)} can be read.`);
      page.idle();
      await net.sent();
      const {state, error: why} = await upload.send(`network.renn?samples=${Math.min(net.samples, page.state.data.train.samples)}`, file);
      if (state === 'done') page.notice('The network is here and recorded: look at it in the tab Visualization.', {good: true});
      else tell(state === 'failed' ? why : 'Cancelled; nothing has changed.');
    } catch (failed) {
      if (element.isConnected) tell(failed.message);
      else page.notice(failed.message);
    } finally {
      choose.disabled = false;
    }
  }

  function refresh() {
    const {model} = net.told;
    program.disabled = Boolean(net.problem);
    save.disabled = saveTraced.disabled = !model;
    note.textContent = !model ? 'There is none yet: train one first.' :
      model.same_plan ? 'It has the layers shown here.' : model.planned ?
        'It has other layers than those shown here: training makes a new one.' :
        'It cannot be composed here, so it can be traced but not trained further.';
  }
  return {element, refresh, heard: upload.heard, tells: upload.tells};
}
