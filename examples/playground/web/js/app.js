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
let beginning = false;  // work that the server was asked for
let changes = Promise.resolve();  // over when the server has all that was changed

/** Answers and events come in any order: of two pieces of work the one with the higher number began later. */
const later = (job, than) => (job?.number ?? 0) > (than?.number ?? 0);

/** What every tab is given. */
const page = {
  state: null,  // of the session, as its events tell it: an answer may come later than what happened after it
  about: null,
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
  /** Asks the server to change something, after the changes before this one. What is begun later waits for it. */
  change(ask) {
    const done = changes.then(ask);
    changes = done.catch(() => {});
    return done;
  },
  /** Over when the server has every change. */
  changed: () => changes,
  /** Why long work cannot begin, nor the data change; '' if they can. */
  busy: () => (beginning ? 'Other work is just beginning.' : busyWith(page.state.job)),
  idle() {
    const message = page.busy();
    if (message) throw new ApiError(409, 'busy', message);
  },
  /** Begins the long work that is asked for; what the server says to it. Short work may be told to be over before that
   * answer is here. */
  async begin(ask) {
    page.idle();
    beginning = true;
    try {
      await changes;
      const answer = await ask();
      const job = answer.job ?? answer;
      if (later(job, page.state.job)) page.state.job = job;
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
    const old = page.state;
    page.state = later(old.job, data.job) ? {...data, job: old.job} : data;
    const {job} = page.state;
    shown?.state?.(page.state, old);
    headed?.tell();
    // The end of work that was not heard of, while there was no connection.
    if (JSON.stringify(job) !== JSON.stringify(old.job) && job && !active(job)) {
      if (active(old.job)) tellFailure(job);
      shown?.event?.('job', job);
    }
  } else if (name === 'job') {
    const before = page.state.job;
    if (!later(before, data)) page.state.job = data;
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
