// SPDX-License-Identifier: MIT
// The page: its tabs, what the server tells, and work that is running.
import {about, ApiError, listen, session, trouble} from './api.js';
import {h} from './dom.js';
import * as dataset from './dataset.js';
import * as network from './network.js';
import * as training from './training.js';
import * as visualization from './visualization.js';
import {active, busyWith, workBox, workName} from './work.js';

/** A tab is a module with `title`, and `show(panel, page)`, called when it is chosen; it may return an object with
 * `state(new, old)`, `event(name, data)` and `leave()`, called while it is shown; the event "again" is that of a new
 * connection after the first; and `tells(job)`, true if the tab itself tells why this work failed. */
const tabs = {dataset, network, training, visualization};
let shown = null;
let current = null;
let work = null;
let headed = null;  // the button that leads on
let jobsHeard = 0;      // how often the server told of work
let beginning = false;  // work that the server was asked for

/** What every tab is given. */
const page = {
  state: null,  // of the session, as GET /api/sessions/{session} tells it
  about: null,
  changes: null,  // a promise: what was changed in a tab that was left, until the server has it
  go: (name) => choose(name),
  /** Tells the reader something; stays until it is put away. */
  notice(message, {good = false, anew = false} = {}) {
    const notices = document.getElementById('notices');
    if ([...notices.children].some((n) => n.dataset.message === message)) return;
    const box = h('div', {class: good ? 'notice good' : 'notice', data: {message}}, h('span', {}, message),
      h('span', {class: 'row'}, anew ? h('button', {class: 'main', onclick: () => { session.forget(); location.reload(); }}, 'Begin anew') : null,
        h('button', {class: 'plain', onclick: () => {
          const inside = box.contains(document.activeElement);
          box.remove();
          if (inside) document.getElementById('panel').focus();
        }}, 'Close')));
    notices.append(box);
  },
  /** Runs an action and tells its error. */
  async attempt(action) {
    try {
      return await action();
    } catch (error) {
      if (error.name !== 'AbortError') page.notice(error.message);
      return undefined;
    }
  },
  /** Throws while long work is under way: there is one at a time, and the data stay until it is done. */
  idle() {
    const message = beginning ? 'Other work is just beginning.' : busyWith(page.state.job);
    if (message) throw new ApiError(409, 'busy', message);
  },
  /** Begins long work; what the server says to it. Short work may be told to be over before that answer is here. */
  async begin(path, wanted) {
    page.idle();
    beginning = true;
    try {
      const {changes} = page;
      page.changes = null;
      await changes;
      const before = jobsHeard;
      const answer = await session.post(path, wanted);
      if (before === jobsHeard) page.state.job = answer.job ?? answer;
      return answer;
    } finally {
      beginning = false;
    }
  },
};

function choose(name, focus = false) {
  if (!tabs[name]) name = 'dataset';
  shown?.leave?.();
  current = name;
  if (location.hash !== `#${name}`) history.replaceState(null, '', `#${name}`);
  for (const button of document.querySelectorAll('[role=tab]')) {
    const chosen = button.id === `tab-${name}`;
    button.setAttribute('aria-selected', chosen);
    button.tabIndex = chosen ? 0 : -1;
    if (chosen && focus) button.focus();
  }
  const panel = document.getElementById('panel');
  panel.setAttribute('aria-labelledby', `tab-${name}`);
  panel.replaceChildren();
  if (!page.state) return;  // it is shown once there is a session
  shown = tabs[name].show(panel, page);
  headed = leadOn(panel, name);
  headed?.tell();
}

/** Beside the heading: a button to what comes next, once it can come. */
function leadOn(panel, name) {
  const names = Object.keys(tabs), next = names[names.indexOf(name) + 1];
  if (!next) return null;
  const button = h('button', {class: 'next', onclick: () => {
    choose(next);
    document.getElementById('panel').focus({preventScroll: true});
    scrollTo({top: 0});
  }}, `Next: ${tabs[next].title}`, h('span', {'aria-hidden': 'true'}, ' →'));
  const heading = panel.querySelector('h2'), head = h('div', {class: 'head'});
  heading.replaceWith(head);
  head.append(heading, button);
  return {tell: () => { button.hidden = next === 'visualization' ? !page.state.model?.recorded : !page.state.data; }};
}

function makeTabs() {
  const names = Object.keys(tabs);
  document.getElementById('panel').setAttribute('role', 'tabpanel');
  document.getElementById('tabs').append(...names.map((name, i) => h('button', {
    role: 'tab', id: `tab-${name}`, 'aria-controls': 'panel', onclick: () => choose(name),
    onkeydown: (event) => {
      const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
      if (step) choose(names[(i + step + names.length) % names.length], true);
      else if (event.key === 'Home') choose(names[0], true);
      else if (event.key === 'End') choose(names.at(-1), true);
    },
    data: {text: tabs[name].title},
  }, tabs[name].title)));
  window.addEventListener('hashchange', () => {
    if (location.hash.slice(1) !== current) choose(location.hash.slice(1));
  });
}

/** Unless the tab that is shown tells it. */
function tellFailure(job) {
  const told = (job.kind === 'train' && current === 'training') || shown?.tells?.(job);
  if (job.state === 'failed' && !told) page.notice(`${workName(job.kind)} failed: ${job.error}`);
}

function heard(name, data) {
  if (name === 'state') {
    ++jobsHeard;
    const old = page.state;
    page.state = data;
    shown?.state?.(data, old);
    headed?.tell();
    // The end of work that was not heard of, while there was no connection.
    if (JSON.stringify(data.job) !== JSON.stringify(old.job) && data.job && !active(data.job)) {
      if (active(old.job)) tellFailure(data.job);
      shown?.event?.('job', data.job);
    }
  } else if (name === 'job') {
    ++jobsHeard;
    const before = page.state.job;
    page.state.job = data;
    if (active(before)) tellFailure(data);
  } else if (name === 'dropped') {
    trouble.report = () => {};  // all that follows from it
    page.notice(`This tab's work is gone: ${data.message}.`, {anew: true});
  }
  work.show(page.state.job);
  shown?.event?.(name, data);
}

async function start() {
  makeTabs();
  work = workBox(page);
  const connection = document.getElementById('connection');
  const said = {};  // notices of trouble, by kind: one each
  let first = true;
  const up = (well, ended = null) => {
    if (well && !first) shown?.event?.('again', null);  // what was told meanwhile was missed
    first = first && !well;
    connection.className = well ? 'connection' : 'connection lost';
    connection.textContent = well ? 'connected' : ended ? 'not connected' : 'no connection to the playground: trying again';
    if (ended) trouble.answered();
  };
  trouble.answered = () => {
    if (!said.no_answer) return;
    [...document.querySelectorAll('#notices > *')].find((n) => n.dataset.message === said.no_answer)?.remove();
    said.no_answer = null;
  };
  trouble.report = (error) => {
    if (['session_dropped', 'unknown_session'].includes(error.kind)) {
      if (page.state && !said.gone) page.notice(said.gone = `This tab's work is gone: ${error.message}.`, {anew: true});
      return;
    }
    page.notice(said[error.kind] = error.kind !== 'token' ? error.message : page.state ?
      'The playground was started anew, and what this page had is gone. Open the address that it printed.' :
      'This page is not allowed in: open the address that the playground printed when it started.');
  };
  try {
    [page.about, page.state] = await Promise.all([about(), session.open()]);
  } catch {
    return up(false);
  }
  choose(location.hash.slice(1));
  work.show(page.state.job);
  if (session.lost) page.notice(`What this tab had is gone: ${session.lost}. It begins anew.`);
  listen(heard, up);
}

start();
