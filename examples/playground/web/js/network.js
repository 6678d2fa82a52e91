// SPDX-License-Identifier: MIT
// The tab Network: what is composed here is kept, sent to the server, drawn.
import {ApiError, session} from './api.js';
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
    send, sendSoon: debounced(send, 150), sent, refresh};
  let shownPlan = '';
  let sending = null, waiting = false, gone = false;

  const figure = h('figure', {class: 'card net-figure scroll', tabindex: 0, 'aria-label': 'Drawing of the network'});
  const list = networkList(net);
  const cost = networkCost(net, () => load(true));
  const seed = networkSeed(net);
  const files = networkFiles(net, (n) => {
    net.plan.seed = n;
    seed.rebuild();
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
      if (error.status === 422) net.problem = {kind: error.kind, message: error.message};
      else page.notice(error.message);
    }
  }

  async function sendAll() {
    try {
      while (waiting) {
        waiting = false;
        await sendOnce();
      }
    } finally {
      sending = null;
    }
    refresh();
  }

  /** One request at a time, so that the last change is the one that stays; over when the server has it. */
  function send() {
    waiting = true;
    return sending ??= sendAll();
  }

  /** Over when the server has every change made here. */
  async function sent() {
    net.sendSoon.flush();
    await sending;
  }

  const busy = () => sending || net.problem && net.problem !== net.told?.error;

  async function load(keepRows = false, anew = false) {
    try {
      const answer = await session.get(query());
      if (gone) return;
      // What is being typed stays as it is where the plan did not change.
      const same = keepRows || JSON.stringify(answer.plan) === shownPlan;
      const unsent = same && busy() ? net.problem : null;  // of a change that the server does not have
      take(answer, same);
      net.problem = unsent ?? net.problem;
      if (!same || anew) list.rebuild();
      seed.rebuild();
      refresh();
    } catch (error) {
      if (!gone && error instanceof ApiError) list.fail(error.message);
    }
    body.style.visibility = '';
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
  load();
  return {
    state(now, old) {
      const other = now.data?.name !== old.data?.name || now.data?.train.samples !== old.data?.train.samples;
      if (other) {
        load(false, true);
      } else if (!busy() && (JSON.stringify(now.plan) !== shownPlan || now.model_version !== old.model_version)) {
        load(JSON.stringify(now.plan) === shownPlan);
      }
    },
    event(name, job) {
      if (name === 'job' && job.kind === 'import' && job.state === 'done') {
        page.notice('The network is here and recorded: look at it in the tab Visualization.', {good: true});
      }
    },
    leave() {
      page.changes = sent();
      gone = true;
      resized.disconnect();
    },
  };
}
