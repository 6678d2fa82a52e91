// SPDX-License-Identifier: MIT
// The tab Network: what is composed here is kept, sent to the server, drawn.
import {ApiError, latest, session} from './api.js';
import {debounced, h} from './dom.js';
import {networkCost} from './network_cost.js';
import {columnsOf, drawing} from './network_drawing.js';
import {networkFiles} from './network_files.js';
import {networkList} from './network_list.js';
import {complaint, newRow, numbers, toPlan} from './network_rows.js';
import {networkSeed, seedComplaint} from './network_seed.js';

export const title = 'Network';

let samples = 10000;  // that the memory is estimated for

export function show(panel, page) {
  /** What all parts of the tab share. */
  const net = {page, rows: [], plan: {seed: null, output_activation: 'ReLU'},
    told: null,     // what the server said last of a plan that fits
    problem: null,  // {kind, message} of the plan as it is here
    open: null,     // key of the row that is edited, or 'output'
    get samples() { return samples; }, set samples(n) { samples = n; },
    send, sendSoon, sent, refresh};
  let shownPlan = '';
  let sending = null, waiting = false, gone = false;
  let edits = 0;          // made here: an answer to what was asked before one does not know it
  let missed = false;     // the server did not get the last one
  let behind = false;     // what was told while an edit was under way is to be asked for
  let otherData = false;  // the fields are to be made anew, for other data
  const reading = latest(), soon = debounced(send, 150);

  const figure = h('figure', {class: 'card net-figure scroll', tabindex: 0, 'aria-label': 'Drawing of the network'});
  const list = networkList(net);
  const cost = networkCost(net, () => load(true));
  const seed = networkSeed(net);
  const files = networkFiles(net, (n) => {
    net.plan.seed = n;
    seed.refresh();
    send();
  });
  const body = h('div', {style: {visibility: 'hidden'}}, figure, h('div', {class: 'net-columns'},  // until it is filled
    h('div', {class: 'grid'}, list.element, h('div', {class: 'net-beside'}, seed.element, files.element)), cost.element));
  panel.append(h('h2', {}, title),
    h('p', {class: 'intro'}, 'Compose the layers between the data and the answer. What comes in and what goes out ' +
      'follows the data set; all the rest is yours. The layers that are here already will do for a start.'),
    body);

  const toSend = () => ({seed: net.plan.seed === null ? null : Number(net.plan.seed), layers: net.rows.map(toPlan),
    output_activation: net.plan.output_activation});

  /** The first thing that is wrong before anybody is asked. */
  function wrongHere() {
    for (const [i, row] of net.rows.entries()) {
      for (const name of Object.keys(numbers)) {
        const message = numbers[name].used(row) ? complaint(name, row) : null;
        if (message) return {kind: `layers.${i}.${name}`, message};
      }
    }
    const message = seedComplaint(net.plan);
    return message ? {kind: 'seed', message} : null;
  }

  function take(answer, keepRows) {
    net.told = answer;
    net.problem = answer.error;
    shownPlan = JSON.stringify(answer.plan);
    if (keepRows) return;
    net.plan = {seed: answer.plan.seed, output_activation: answer.plan.output_activation};
    const before = net.rows;
    net.rows = answer.plan.layers.map((layer, i) => {
      const row = newRow({...(before[i] ?? {}), ...layer});
      if (before[i]) row.key = before[i].key;
      return row;
    });
  }

  const query = () => `plan?samples=${Math.min(samples, page.state.data?.train.samples ?? samples)}`;

  async function sendOnce() {
    net.problem = wrongHere();
    if (net.problem) return;
    try {
      const answer = await session.put(query(), toSend());
      if (answer.plan) take(answer, true);
      else net.problem = answer.error;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      missed = error.status === 0;
      if (error.status === 422) net.problem = {kind: error.kind, message: error.message};
      else page.notice(error.message);
    }
  }

  async function sendAll() {
    try {
      while (waiting) {
        waiting = missed = false;
        await sendOnce();
      }
    } finally {
      sending = null;
    }
    refresh();
    if (behind && !gone) load(true);
  }

  /** One request at a time, so that the last change is the one that stays; over when the server has it. */
  function send() {
    ++edits;
    waiting = true;
    return sending ??= sendAll();
  }
  function sendSoon() {
    ++edits;
    soon();
  }

  /** Over when the server has every change made here. */
  async function sent() {
    soon.flush();
    await sending;
  }

  const busy = () => sending || soon.waits() || net.problem && net.problem !== net.told?.error;

  async function load(keepRows = false) {
    const before = edits, signal = reading.next();
    behind = false;
    try {
      const answer = await session.get(query(), signal);
      if (gone) return undefined;
      if (edits !== before) {
        await sent();
        return gone || signal.aborted ? undefined : load(true);
      }
      // What is being typed stays as it is where the plan did not change.
      const same = keepRows || JSON.stringify(answer.plan) === shownPlan;
      const unsent = same && busy() ? net.problem : null;  // of a change that the server does not have
      take(answer, same);
      net.problem = unsent ?? net.problem;
      if (!same || otherData) list.rebuild();
      seed.refresh();
      otherData = false;
      refresh();
    } catch (error) {
      if (error.name === 'AbortError' || gone) return undefined;
      if (error instanceof ApiError) list.fail(error.message);
    }
    body.style.visibility = '';
    return undefined;
  }

  function draw() {
    const opened = net.open === 'output' ? net.rows.length : net.rows.findIndex((row) => row.key === net.open);
    figure.replaceChildren(drawing(columnsOf(net), Math.max(280, figure.clientWidth - 40),
      {open: opened < 0 ? null : opened, onpick: list.show}));
  }

  function refresh() {
    if (gone || !net.told) return;
    list.refresh(Boolean(net.problem) || net.told.plan.layers.length !== net.rows.length);
    draw();
    cost.refresh();
    files.refresh();
  }

  const resized = new ResizeObserver(() => net.told && draw());
  resized.observe(figure);
  let awaits = true;  // changes made before, in this tab or another
  page.changed().then(() => {
    awaits = false;
    if (!gone) load();
  });
  return {
    state(now, old) {
      if (awaits) return;
      const same = JSON.stringify(now.plan) === shownPlan, renewed = now.model_version !== old.model_version;
      if (JSON.stringify(now.data) !== JSON.stringify(old.data)) {
        otherData = true;
        load(busy());
      } else if (busy()) {
        behind ||= renewed;
      } else if (!same || renewed) {
        load(same);
      }
    },
    event(name) {
      files.heard();
      if (name !== 'again') return;
      if (missed) send();
      else if (!net.told) load();
    },
    tells: files.tells,
    leave() {
      const over = sent();
      page.change(() => over);
      reading.end();
      gone = true;
      resized.disconnect();
    },
  };
}
