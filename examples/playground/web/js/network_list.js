// SPDX-License-Identifier: MIT
// The layers of a network as a list: opened to be edited, moved, added, removed.
import {count, h} from './dom.js';
import {layerEditor, outputEditor} from './layer_editor.js';
import {kinds, kindTitle, newRow} from './network_rows.js';
import {madeOf, product, sizes} from './network_drawing.js';
import {networkTerms} from './terms.js';

const most = 16;

/** {element, rebuild(focus), refresh(stale), show(row), fail(message)}; net is what network.js keeps of the network. */
export function networkList(net) {
  const list = h('ol', {class: 'net-rows'});
  const general = h('p', {class: 'error', role: 'alert', hidden: true});
  const live = h('p', {class: 'hidden', role: 'status'});
  const removed = h('p', {class: 'net-removed quiet', hidden: true});
  const add = h('button', {class: 'net-add', onclick: () => insert(newRow(), net.rows.length)}, '+ Add layer');
  const element = h('section', {class: 'card', 'aria-label': 'Layers'}, h('h3', {}, 'Layers'), general, list, removed, add, live, networkTerms());
  const acts = {rebuild, move, remove, copy: (row, at) => insert(newRow({...row}), at)};

  const say = (text) => { live.textContent = text; };

  function insert(row, at) {
    if (net.rows.length >= most) return;
    net.rows.splice(at, 0, row);
    net.open = row.key;
    say(`Layer ${at + 1} added, ${net.rows.length} in all`);
    rebuild(`kind-${row.key}`);
    net.send();
  }
  function remove(i) {
    if (net.rows.length < 2) return;
    const [row] = net.rows.splice(i, 1);
    const next = net.rows[Math.min(i, net.rows.length - 1)];
    net.open = null;
    say(`Layer ${i + 1} removed, ${net.rows.length} left`);
    removed.replaceChildren(`Removed layer ${i + 1}, ${kindTitle(row.kind)}. `,
      h('button', {class: 'plain', onclick: () => insert(row, Math.min(i, net.rows.length))}, 'Put it back'));
    rebuild(`open-${next.key}`);
    removed.hidden = false;
    net.send();
  }
  function move(i, by, focus) {
    const to = i + by;
    if (to < 0 || to >= net.rows.length) return;
    net.rows.splice(to, 0, ...net.rows.splice(i, 1));
    say(`Now layer ${to + 1} of ${net.rows.length}`);
    rebuild(focus);
    net.send();
  }

  /** The list anew; focus goes to what has this data-focus, or stays where it was. */
  function rebuild(focus = document.activeElement?.dataset?.focus) {
    removed.hidden = true;
    const last = {key: 'output', kind: 'Dense', activation: net.plan.output_activation};
    list.replaceChildren(inputRow(), ...net.rows.map((row, i) => rowElement(row, i)), rowElement(last, net.rows.length));
    add.disabled = net.rows.length >= most;
    add.textContent = net.rows.length >= most ? `${most} layers, as many as there can be` : '+ Add layer';
    if (focus) list.querySelector(`[data-focus="${focus}"]`)?.focus();
    net.refresh();
  }

  const inputRow = () => h('li', {class: 'net-row net-fixed'}, h('div', {class: 'net-head'},
    h('span', {class: 'net-name'}, 'Input'), h('span', {class: 'net-act'}), h('span', {class: 'net-out'})));

  function rowElement(row, i) {
    const isOutput = row.key === 'output', isOpen = net.open === row.key;
    const editor = h('div', {class: 'net-editor', id: `net-editor-${row.key}`, hidden: !isOpen},
      !isOpen ? [] : isOutput ? outputEditor(net) : layerEditor(net, row, i, most, acts));
    const head = h('button', {class: 'net-head', data: {focus: `open-${row.key}`}, 'aria-expanded': String(isOpen),
      'aria-controls': editor.id, title: isOutput ? null : 'Alt+↑ and Alt+↓ move it, Delete removes it',
      onclick: () => {
        net.open = isOpen ? null : row.key;
        rebuild(`open-${row.key}`);
      },
      onkeydown: (event) => {
        if (isOutput) return;
        if (event.altKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
          event.preventDefault();
          move(i, event.key === 'ArrowUp' ? -1 : 1, `open-${row.key}`);
        } else if (event.key === 'Delete') {
          event.preventDefault();
          remove(i);
        }
      }},
    h('span', {class: 'net-name'}), h('span', {class: 'net-act'}), h('span', {class: 'net-out'}));
    return h('li', {class: isOpen ? 'net-row open' : 'net-row', data: {row: i}}, head, h('p', {class: 'error net-wrong', hidden: true}), editor);
  }

  /** What can change without a new list; `stale`: the numbers are of another network. */
  function refresh(stale) {
    const items = [...list.children], {input, output} = net.told;
    if (!items.length) return;
    items[0].querySelector('.net-out').textContent = `${sizes(input)}${input.length === 3 ? ` = ${count(product(input))} values` : ' values'}`;
    items.slice(1).forEach((item, i) => {
      const isOutput = i >= net.rows.length;
      const row = net.rows[i] ?? {key: 'output', kind: 'Dense', size: output, activation: net.plan.output_activation};
      const made = madeOf(net.told, i);
      item.querySelector('.net-name').replaceChildren(isOutput ? 'Output ' : `${kindTitle(row.kind)} `,
        kinds[row.kind].size ? h('b', {}, count(Number(row.size) || 0)) : kinds[row.kind].rate ? h('b', {}, `${Math.round(100 * row.rate)} %`) : '');
      item.querySelector('.net-act').textContent = kinds[row.kind].activation && row.activation !== 'None' ? row.activation : '';
      const parameters = made.reduce((sum, layer) => sum + layer.parameters, 0);
      item.querySelector('.net-out').textContent = stale || !made.length ? '' :
        [made.at(-1).out.length === 3 ? sizes(made.at(-1).out) : '', parameters ? `${count(parameters)} parameters` : 'no parameters'].filter(Boolean).join(' · ');
      showErrors(item, i);
    });
    const {problem} = net;
    fail(problem && !/^layers\.\d/.test(problem.kind) && problem.kind !== 'seed' ? problem.message : '');
  }

  function fail(message) {
    general.textContent = message;
    general.hidden = !message;
  }

  function showErrors(item, i) {
    const {problem} = net;
    const [, at, name] = /^layers\.(\d+)(?:\.(\w+))?$/.exec(problem?.kind ?? '') ?? [];
    const mine = at !== undefined && Number(at) === i;
    item.classList.toggle('faulty', mine);
    let placed = false;
    for (const box of item.querySelectorAll('[data-field]')) {
      const wrong = mine && box.dataset.field === name;
      const control = box.querySelector('input,select');
      const text = box.querySelector('small.error');
      if (wrong) control.setAttribute('aria-invalid', 'true');
      else control.removeAttribute('aria-invalid');
      if (text.textContent !== (wrong ? problem.message : '')) text.textContent = wrong ? problem.message : '';
      placed ||= wrong;
    }
    const line = item.querySelector('.net-wrong');
    line.hidden = !mine || placed;
    line.textContent = mine && !placed ? problem.message : '';
  }

  return {element, rebuild, refresh, fail,
    show(row) {
      net.open = row >= net.rows.length ? 'output' : net.rows[row].key;
      rebuild();
      list.querySelector('.open')?.scrollIntoView({block: 'nearest',
        behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth'});
    }};
}
