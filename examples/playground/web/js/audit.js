// SPDX-License-Identifier: MIT
// Training samples: which of them harm, are of low quality, useless or useful, as renn's audit ranks them.
import {latest, session} from './api.js';
import {count, h, percent} from './dom.js';
import {queryOf, queryOrPlain} from './settings.js';
import {face, nameOf, showSource} from './source_dialog.js';
import {active} from './work.js';

/** Each ranks all samples by one measure, the first of them first. */
const findings = [
  ['conflict', 1, 'Labels to check', 'The samples for which the network does almost the same have other labels. The percentage is their share of all votes: the label may be wrong, or the sample lies between classes.'],
  ['harm', 1, 'Harmful', 'Those with the most votes in evaluations that the network got wrong, minus those in evaluations it got right, per evaluation. Below 0 a sample still speaks more where the network is right.'],
  ['isolation', 1, 'Isolated', 'Nothing like them was recorded: their closest samples are farther away than those of nearly all others.'],
  ['reach', 1, 'Most used', 'More other samples rest on them than on any others: they are most often among the first 50 sources.'],
  ['reach', 0, 'Unused', 'Hardly any other sample rests on them.'],
  ['group', 0, 'Duplicates', 'The network does exactly the same for all samples of a group.'],
].map(([sort, descending, name, text]) => ({sort, descending, name, text}));
const columns = [['id', 'Number'], ['label', 'Label'], ['conflict', 'Label conflict'], ['harm', 'Harm'], ['reach', 'Reach'], ['isolation', 'Isolation'], ['group', 'Duplicates']];
const meanings = [['Label conflict', 'share of the votes of its sources for other labels than its own'],
  ['Harm', 'votes it gave in answers that the network got wrong, minus those it got right, an answer; a count, not an effect'],
  ['Reach', 'answers of other samples that have it among their first 50 sources'],
  ['Isolation', 'share of the samples whose closest are nearer than its own; in brackets the distance, mean over all neurons'],
  ['Duplicates', 'group of samples that are exactly the same to the network']];
let view = {sort: 'conflict', descending: 1, page: 0};
const signed = (value) => value.toFixed(2).replace('-', '\u2212');

export function show(panel, page, given, frame) {
  page.frame = frame;
  let settings = given;
  const reading = latest();
  let told = null;
  const body = h('div', {class: 'grid audit'});
  const note = h('p', {class: 'quiet', role: 'status'});
  const error = h('p', {class: 'error', role: 'alert', hidden: true});
  const fail = (message) => {
    error.textContent = message;
    error.hidden = !message;
  };

  /** Options of an audit, of the settings of the page. */
  function options(of = queryOf) {
    const {k, ties, pre, post} = of({...settings, off: {}, view: 'weighted'}, frame.traced, null);
    return {k, ties, pre, post};
  }

  async function start() {
    fail('');
    try {
      const begun = page.begin(() => session.post('audit', options()));
      running();
      await begun;
    } catch (e) {
      if (!runs()) idle();
      fail(e.message);
    }
  }
  const runs = () => page.state.job?.kind === 'audit' && active(page.state.job);
  function idle(message = '') {
    button.disabled = false;
    note.textContent = message;
  }
  function running() {
    button.disabled = true;
    note.textContent = 'Every training sample is being retraced without itself …';
  }
  const button = h('button', {class: 'main', onclick: start}, 'Audit the training samples');
  const save = h('button', {hidden: true, onclick: () => page.attempt(() => session.download('audit/csv'))}, 'Save as CSV');

  async function read() {
    const signal = reading.next();
    try {
      const answer = await session.get(`audit?sort=${view.sort}&descending=${view.descending}&page=${view.page}`, signal);
      if (!answer.audited) return body.replaceChildren();
      if ([answer.conflict ? '' : 'conflict', answer.harm ? '' : 'harm'].includes(view.sort)) return put({sort: 'isolation', descending: 1});
      told = answer;
      view.page = told.page;
      draw();
    } catch (e) {
      if (e.name !== 'AbortError') fail(e.message);
    }
  }

  function put(some) {
    view = {...view, page: 0, ...some};
    read();
  }

  const known = (sort) => (sort === 'conflict' ? told.conflict : sort !== 'harm' || told.harm);
  const chosen = () => findings.find(({sort, descending}) => sort === view.sort && descending === view.descending);
  const filters = () => h('div', {class: 'chips filters', role: 'group', 'aria-label': 'Finding'}, findings.filter(({sort}) => known(sort)).map((one) =>
    h('button', {'aria-pressed': String(one === chosen()), data: {finding: one.name}, onclick: () => put({sort: one.sort, descending: one.descending})}, one.name)));
  /** What is told of all samples. */
  const inAll = () => ({Unused: `${count(told.unused)} of ${count(told.samples)} samples were never among the first 50 sources.`,
    Duplicates: told.groups === 0 ? 'No two samples are the same to the network.' : `There ${told.groups === 1 ? 'is 1 group' : `are ${count(told.groups)} groups`}.`})[chosen()?.name];

  function heading([name, text]) {
    const sorted = view.sort === name;
    return h('th', {scope: 'col', 'aria-sort': sorted ? (view.descending ? 'descending' : 'ascending') : false},
      h('button', {class: 'plain', data: {sort: name}, onclick: () => put({sort: name, descending: sorted ? 1 - view.descending : ['id', 'label', 'group'].includes(name) ? 0 : 1})},
        text, sorted ? h('span', {'aria-hidden': 'true'}, view.descending ? ' ↓' : ' ↑') : null));
  }

  const openSource = (id) => {
    showSource(page, queryOrPlain(settings, frame.traced, {train: id}), id);
  };

  function row(one) {
    const wrong = one.spoken >= 0 && one.label >= 0 && one.spoken !== one.label;
    return h('tr', {}, h('td', {class: 'look-cell'}, h('button', {class: 'source', 'aria-label': `Training sample ${one.id}`, onclick: () => openSource(one.id)}, face(one, '', 40))),
      h('td', {}, String(one.id)), h('td', {}, nameOf(page, one.label), wrong ? h('span', {class: 'wrong'}, ` (${nameOf(page, one.spoken)}?)`) : null),
      h('td', {}, one.conflict === null ? '–' : percent(one.conflict, 0)), h('td', {}, one.harm === null ? '–' : signed(one.harm)), h('td', {}, count(one.reach)),
      h('td', {}, `${percent(one.isolation)} `, h('span', {class: 'quiet'}, `(${one.distance.toPrecision(3)})`)), h('td', {}, one.group ? `group ${count(one.group)}` : '–'));
  }

  function draw() {
    save.hidden = false;
    button.textContent = 'Audit again';
    const stale = JSON.stringify(options(queryOrPlain)) !== JSON.stringify({k: told.k, ties: told.ties, pre: told.pre, post: told.post});
    const focused = document.activeElement?.dataset;
    const selector = focused?.finding ? `[data-finding="${focused.finding}"]` : focused?.sort ? `[data-sort="${focused.sort}"]` : focused?.turn ? `[data-turn="${focused.turn}"]` : null;
    const turn = (step, text) => h('button', {data: {turn: step}, disabled: view.page + step < 0 || view.page + step >= told.pages,
      onclick: () => put({page: view.page + step})}, text);
    body.replaceChildren(filters(), h('p', {class: 'quiet'}, chosen() ? chosen().text : 'All training samples.', inAll() ? ` ${inAll()}` : ''),
      h('details', {}, h('summary', {}, 'What the columns mean'), h('dl', {class: 'facts'}, meanings.map(([name, text]) => [h('dt', {}, name), h('dd', {}, text)]))),
      stale ? h('p', {class: 'quiet'}, `This audit was made with ${count(told.k)} closest sources; the settings have changed since. Audit again to follow them.`) : '',
      told.total === 0 ? '' : h('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Training samples'},
        h('table', {class: 'data audit-table'}, h('thead', {}, h('tr', {}, h('th', {}, h('span', {class: 'hidden'}, 'Picture')), columns.map(heading))),
          h('tbody', {}, told.rows.map(row)))),
      told.pages > 1 ? h('nav', {class: 'row', 'aria-label': 'Pages'}, turn(-1, 'Previous'), h('span', {class: 'quiet'}, `page ${count(told.page + 1)} of ${count(told.pages)}`), turn(1, 'Next')) : '');
    if (selector) body.querySelector(selector)?.focus();
  }

  panel.append(h('section', {class: 'card grid'}, h('h3', {}, 'Which training samples help, and which harm?'),
    h('p', {class: 'quiet'}, 'Every training sample is retraced without itself. What its sources say of it, and what it is used for by others, ranks them: labels to check, harmful, isolated, most used and unused samples.'),
    h('div', {class: 'row'}, button, save), note, error, body));
  if (runs()) running();
  read();
  return {
    settings(now) {
      settings = now;
      if (told) draw();
    },
    event(name, data) {
      if (name === 'again' && !error.hidden && !told) {
        fail('');
        read();
      }
      if (name !== 'job' || data.kind !== 'audit') return;
      if (active(data)) {
        running();
        if (data.total) note.textContent = `${count(data.done)} of ${count(data.total)} training samples retraced …`;
        return;
      }
      idle(data.state === 'cancelled' ? 'The audit was cancelled.' : '');
      if (data.state === 'failed') fail(data.error);
      if (data.state === 'done') put({});
    },
    state(now, old) {
      if (now.model_version === old?.model_version) return;
      told = null;
      save.hidden = true;
      button.textContent = 'Audit the training samples';
      body.replaceChildren();
      read();
    },
    leave: reading.end,
  };
}
