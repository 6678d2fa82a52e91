// SPDX-License-Identifier: MIT
// The user's own data: a table (CSV) whose columns are given a meaning, or pictures with labels (IDX).
import {latest, session} from './api.js';
import {bytes, count, field, h, select} from './dom.js';
import {uploadBox} from './upload.js';

const separators = [[',', 'comma'], [';', 'semicolon'], ['tab', 'tab'], ['|', 'bar |'], [' ', 'blank']];
const uses = [['input', 'input'], ['label', 'label'], ['target', 'target'], ['out', 'leave out']];

/** 3, 4, 5, 9 as 3-5,9. */
function ranges(numbers) {
  const parts = [];
  for (const n of numbers) {
    const last = parts.at(-1);
    if (last && last[1] === n - 1) last[1] = n;
    else parts.push([n, n]);
  }
  return parts.map(([a, b]) => (a === b ? a : `${a}-${b}`)).join(',');
}

/** Fills the element; {heard, tells} of uploadBox. `mayGo()` asks whether what is there may go, `taken()` is told of
 * success. */
export function ownData(element, page, limits, {mayGo, taken}) {
  const error = h('p', {class: 'error', role: 'alert', hidden: true});
  const tell = (message) => { error.textContent = message ?? ''; error.hidden = !message; };
  const upload = uploadBox(page), previews = latest();

  const share = h('input', {type: 'number', min: 1, max: 90, step: 1, value: 20, required: true});
  const seed = h('input', {type: 'number', min: 0, max: 99999, step: 1, value: 0, required: true});
  const stratified = h('input', {type: 'checkbox', checked: true});
  const checkbox = (control, text) => h('label', {class: 'check'}, control, text);
  const splitFields = h('div', {class: 'fields'}, field('Part to test with, in %', share), field('Seed of the draw', seed),
    checkbox(stratified, 'every class in the same proportion in both parts'));

  const budget = h('p', {class: 'quiet'}, `The file stays in this program's memory and is gone with this browser tab. ` +
    `At most ${bytes(limits.csv_bytes)} of CSV or ${bytes(limits.idx_bytes)} of IDX, ${count(limits.features)} inputs and ` +
    `${count(limits.classes)} classes: a tab may hold ${bytes(page.about.session_bytes)}, of which data may take ` +
    `${bytes(limits.data_bytes)} (a table needs 4 bytes a number, pictures 1 byte a value). The rest is for training and for recording what every neuron does: ` +
    `about 12 bytes for each neuron and sample, so ${bytes(12 * 256 * 100000)} for 256 neurons and 100,000 samples.`);

  async function send(path, parameters, body, size, most) {
    tell(page.busy());
    if (page.busy()) return undefined;
    if (size > most) return tell(`This is ${bytes(size)}; at most ${bytes(most)} can be taken. Use fewer samples or fewer columns.`);
    for (const control of [share, seed]) {
      if (!control.checkValidity()) {
        control.focus();
        return tell(`${control === share ? 'Part to test with' : 'Seed'}: ${control.validationMessage}`);
      }
    }
    const drops = page.state.model ? 1 : 0;
    if (!await mayGo()) return undefined;
    tell(page.busy());
    if (page.busy()) return undefined;
    element.setAttribute('aria-busy', 'true');
    try {
      const query = new URLSearchParams({...parameters, test: Number(share.value) / 100, seed: seed.value,
        stratified: stratified.checked ? 1 : 0, drop_model: drops});
      const {state, error: why} = await upload.send(`${path}?${query}`, body);
      if (state === 'done') taken();
      else tell(state === 'failed' ? why : 'Cancelled; nothing has changed.');
    } catch (problem) {
      if (element.isConnected) tell(problem.message);
      else page.notice(problem.message);
    } finally {
      element.removeAttribute('aria-busy');
    }
    return undefined;
  }

  // A table.
  let table = null;   // the answer of preview
  let chosen = [];    // what each column is
  const csvFile = h('input', {type: 'file', accept: '.csv,.tsv,.txt,text/csv', onchange: () => { guess = true; preview(); }});
  let guess = true;
  const separator = select(separators, ',', () => { guess = false; preview(); });
  const header = h('input', {type: 'checkbox', checked: true, onchange: () => { guess = false; preview(); }});
  const standardize = h('input', {type: 'checkbox', checked: true});
  const columns = h('div', {});
  const summary = h('p', {class: 'quiet', role: 'status'});
  const use = h('button', {type: 'button', class: 'main', onclick: () => sendTable()}, 'Use this table');
  const csvMore = h('div', {class: 'grid', hidden: true},
    h('div', {class: 'fields'}, field('Columns are separated by', separator), checkbox(header, 'the first line names the columns')),
    columns, summary, splitFields, checkbox(standardize, 'standardise inputs, so that all have the same range: (value − mean) / deviation'),
    h('div', {class: 'row'}, use));

  async function preview() {
    tell(null);
    const file = csvFile.files[0];
    csvMore.hidden = !file;
    const signal = previews.next();
    table = null;
    use.disabled = true;
    if (!file) return;
    try {
      const piece = await file.slice(0, 1 << 18).text();
      if (signal.aborted) return;
      const cut = file.size > 1 << 18 ? piece.slice(0, piece.lastIndexOf('\n') + 1) || piece : piece;
      const query = new URLSearchParams({name: file.name, separator: guess ? 'auto' : separator.value,
        ...(guess ? {} : {header: header.checked ? 1 : 0})});
      table = await session.upload(`data/csv/preview?${query}`, cut, 'text/csv', signal);
      separator.value = table.separator === '\t' ? 'tab' : table.separator;
      header.checked = table.header;
      chosen = table.columns.map((_, i) => (table.label === i + 1 ? 'label' : 'input'));
      showColumns();
    } catch (problem) {
      if (problem.name === 'AbortError') return;
      columns.replaceChildren();
      summary.textContent = '';
      use.disabled = true;
      tell(problem.message);
    }
  }

  function showColumns() {
    const many = table.width - table.columns.length;
    columns.replaceChildren(h('div', {class: 'scroll', tabindex: 0, role: 'group', 'aria-label': 'First lines of the table'},
      h('table', {class: 'data preview'},
        h('thead', {}, h('tr', {}, table.columns.map((column, i) => h('th', {scope: 'col'}, column.name || `column ${i + 1}`, (() => {
          const control = select(uses, chosen[i], (value) => {
            if (value === 'label') chosen = chosen.map((u) => (u === 'label' || u === 'target' ? 'input' : u));
            if (value === 'target') chosen = chosen.map((u) => (u === 'label' ? 'input' : u));
            chosen[i] = value;
            showColumns();
            columns.querySelectorAll('select')[i].focus();
          });
          control.setAttribute('aria-label', `What column ${column.name || i + 1} is`);
          control.className = chosen[i];
          return control;
        })())))),
        h('tbody', {}, table.rows.map((row) => h('tr', {}, row.map((text) => h('td', {}, text))))))),
    many > 0 ? h('p', {class: 'quiet'}, `${count(many)} more columns, all of them inputs.`) : '');
    const has = (what) => chosen.map((u, i) => (u === what ? i : -1)).filter((i) => i >= 0);
    const [label] = has('label'), targets = has('target'), inputs = has('input');
    const words = inputs.find((i) => !table.columns[i].numeric);
    use.disabled = (label === undefined && targets.length === 0) || inputs.length + many === 0;
    stratified.disabled = label === undefined;
    summary.textContent = label === undefined && targets.length === 0 ?
      'Choose one column as label (classes), or one or more as target (numbers to be predicted).' :
      `${count(inputs.length + many)} ${inputs.length + many === 1 ? 'input' : 'inputs'} → ${label !== undefined ? `classes of "${table.columns[label].name}"` :
        `${targets.length === 1 ? 'one value' : `${targets.length} values`}: ${targets.map((i) => table.columns[i].name).join(', ')}`}.` +
      (words === undefined ? '' : ` "${table.columns[words].name}" holds words and cannot be an input: leave it out or make it the label.`);
  }

  function sendTable() {
    const file = csvFile.files[0];
    if (!file || !table) return;
    const numbers = (what) => chosen.map((u, i) => (u === what ? i + 1 : 0)).filter(Boolean);
    const inputs = numbers('input');
    for (let n = table.columns.length + 1; n <= table.width; ++n) inputs.push(n);
    const label = numbers('label'), targets = numbers('target');
    send('data/csv', {name: file.name, separator: table.separator === '\t' ? 'tab' : table.separator, header: table.header ? 1 : 0,
      features: ranges(inputs), standardize: standardize.checked ? 1 : 0, ...(label.length ? {label: label[0]} : {}),
      ...(targets.length ? {targets: ranges(targets)} : {})}, file, file.size, limits.csv_bytes);
  }

  // Pictures.
  const idxFiles = [['images', 'Pictures to train with', true], ['labels', 'Labels to train with', true],
    ['test_images', 'Pictures to test with', false], ['test_labels', 'Labels to test with', false]].map(([name, text, needed]) =>
    ({name, needed, text, input: h('input', {type: 'file', onchange: () => checkIdx()})}));
  const idxSplit = h('div', {});
  const useIdx = h('button', {type: 'button', class: 'main', disabled: true, onclick: () => {
    const files = idxFiles.filter(({input}) => input.files[0]).map(({name, input}) => [name, input.files[0]]);
    const parameters = {name: files[0][1].name};
    for (const [name, file] of files) Object.assign(parameters, {[name]: file.size, [`${name}_name`]: file.name});
    const blob = new Blob(files.map(([, file]) => file));
    send('data/idx', parameters, blob, blob.size, limits.idx_bytes);
  }}, 'Use these pictures');
  function checkIdx() {
    tell(null);
    const [images, labels, testImages, testLabels] = idxFiles.map(({input}) => Boolean(input.files[0]));
    useIdx.disabled = !images || !labels || testImages !== testLabels;
    splitFields.hidden = testImages || testLabels;
  }
  const idx = h('div', {class: 'grid', hidden: true},
    h('p', {class: 'quiet'}, 'Files as those of MNIST: unsigned bytes, samples × height × width (or × channels before these), unpacked. ' +
      'Without a pair to test with, a part of the first is kept for it.'),
    h('div', {class: 'fields'}, idxFiles.map(({text, needed, input}) => field(needed ? text : `${text} (may be left out)`, input))),
    idxSplit, h('div', {class: 'row'}, useIdx));
  const csv = h('div', {class: 'grid'}, field('Table', csvFile, 'One sample a line, numbers with a decimal point; UTF-8.'), csvMore);

  const kinds = [['csv', 'Table (CSV)'], ['idx', 'Pictures (IDX)']].map(([value, text]) => checkbox(h('input', {type: 'radio',
    name: 'own-kind', value, checked: value === 'csv', onchange: () => {
      tell(null);
      csv.hidden = value !== 'csv';
      idx.hidden = value !== 'idx';
      splitFields.hidden = false;
      if (value === 'csv') summary.after(splitFields);
      else { idxSplit.append(splitFields); checkIdx(); stratified.disabled = false; }
    }}), text));
  element.replaceChildren(h('h3', {}, 'Your own data'), h('div', {class: 'row', role: 'radiogroup', 'aria-label': 'Kind of file'}, kinds),
    csv, idx, error, upload.element, budget);
  return {heard: upload.heard, tells: upload.tells};
}
