// SPDX-License-Identifier: MIT
// The box with the work that is running, on every tab.
import {session} from './api.js';
import {count, h, seconds} from './dom.js';

const names = {train: 'Training', audit: 'Sample audit', profiles: 'Class profiles', class_off: 'Search for neurons'};
export const workName = (kind) => names[kind] ?? kind.charAt(0).toUpperCase() + kind.slice(1);
export const active = (job) => Boolean(job) && ['running', 'paused', 'cancelling'].includes(job.state);
/** Why nothing else can begin; '' if it can. */
export const busyWith = (job) => (active(job) ? `Other work is under way (${workName(job.kind)}): cancel it or wait for it.` : '');

/** Time that is left, in steps that do not flicker. */
export function timeLeft(left) {
  if (left === null || left === undefined) return '';
  if (left < 1) return 'a moment left';
  if (left < 10) return `about ${Math.ceil(left)} s left`;
  if (left < 60) return `about ${5 * Math.ceil(left / 5)} s left`;
  return `about ${seconds(60 * Math.ceil(left / 60)).replace(' 0 s', '').replace(' 0 min', '')} left`;
}

/** workBox(page): {show(job)}, to be called with every news of the job. */
export function workBox(page) {
  const box = document.getElementById('work');
  const what = h('strong'), phase = h('span', {class: 'quiet'}), how = h('p', {class: 'quiet how'});
  const bar = h('progress', {max: 1, 'aria-label': 'Progress'});
  const pause = h('button', {onclick: () => act(page.state.job?.state === 'paused' ? 'resume' : 'pause')}, 'Pause');
  const cancel = h('button', {onclick: askToCancel}, 'Cancel');
  const acts = h('div', {class: 'row'}, pause, cancel);
  const keep = h('button', {onclick: finish}, 'Keep');
  const choice = h('div', {class: 'choice', hidden: true}, h('p', {}, 'End here, and keep what was learnt so far?'), h('div', {class: 'row'}, keep,
    h('button', {onclick: () => { choose(false); act('cancel'); }}, 'Discard'),
    h('button', {onclick: () => choose(false)}, 'Train on')));
  const close = h('button', {onclick: hide, hidden: true}, 'Close');
  const spoken = h('p', {class: 'hidden', role: 'status'});
  box.append(h('div', {class: 'what'}, what, phase), bar, how, acts, choice, h('div', {class: 'row'}, close));
  box.after(spoken);

  let last = null;   // the job as it was told last
  let told = 0;      // when the line of numbers was written last
  let closing = null;

  /** Work may end while it is told what to do. */
  const tellIt = (path) => page.attempt(() => session.post(path).catch((error) => { if (active(page.state.job)) throw error; }));
  const act = (name, {number} = page.state.job) => tellIt(`job/${name}?number=${number}`);

  function choose(asks) {
    const inside = box.contains(document.activeElement);
    choice.hidden = !asks;
    acts.hidden = asks;
    if (inside) (asks ? keep : cancel).focus();
  }

  /** A training that has learnt something can be ended without losing it. */
  async function askToCancel() {
    const job = page.state.job;
    if (job?.kind === 'train' && job.phase === 'training') {
      const {run} = (await page.attempt(() => session.get('train'))) ?? {};
      if (page.state.job.number !== job.number || !active(page.state.job)) return undefined;  // it is over by now
      if (run && run.history.length > run.epochs_before && page.state.job.phase === 'training') return choose(true);
    }
    return act('cancel', job);
  }
  async function finish() {
    choose(false);
    await tellIt('train/finish');
  }

  function hide() {
    clearTimeout(closing);
    const inside = box.contains(document.activeElement);
    box.hidden = true;
    if (inside) document.getElementById('panel').focus();
  }
  /** Stays for a while, longer if somebody is there. */
  function hideSoon() {
    clearTimeout(closing);
    closing = setTimeout(() => (box.matches(':hover, :focus-within') ? hideSoon() : hide()), 4000);
  }

  function ended(job, before) {
    const name = workName(job.kind);
    const said = {done: `${name} is done`, failed: `${name} failed`, cancelled: `${name} was cancelled`}[job.state];
    what.textContent = said;
    phase.textContent = '';
    how.textContent = job.state === 'failed' ? job.error : `after ${seconds(job.seconds)}`;
    const inside = box.contains(document.activeElement);
    if (before) spoken.textContent = `${said}.`;
    const seen = job.seconds < 1.5 || (job.kind === 'train' && location.hash === '#training');
    if (job.state !== 'failed' && seen) return hide();  // what came of it is where it was begun
    bar.hidden = acts.hidden = choice.hidden = true;
    close.hidden = false;
    if (inside) close.focus();
    hideSoon();
  }

  function show(job) {
    const before = last;
    last = job;
    if (!active(job)) {
      if (active(before) && job) ended(job, before);
      else if (!job) hide();
      return;
    }
    const name = workName(job.kind);
    if (!active(before)) {
      clearTimeout(closing);
      box.hidden = bar.hidden = acts.hidden = false;
      choice.hidden = close.hidden = true;
      spoken.textContent = `${name} has begun.`;
      told = 0;
    } else if (before.state !== job.state) {
      spoken.textContent = {paused: `${name} is paused.`, running: `${name} goes on.`, cancelling: `${name} is ending.`}[job.state];
      told = 0;
    }
    if (job.kind !== 'train' || job.phase !== 'training') {
      if (!choice.hidden) choose(false);
    }
    what.textContent = name;
    phase.textContent = job.phase && job.phase !== job.kind && job.phase !== 'training' ? job.phase : '';
    if (job.total > 0) {
      bar.max = job.total;
      bar.value = job.done;
    } else {
      bar.removeAttribute('value');
    }
    const now = performance.now();
    if (now - told > 500 || before?.phase !== job.phase) {
      told = now;
      const left = {paused: 'paused', cancelling: 'ending what is at hand'}[job.state] ?? timeLeft(job.remaining);
      how.textContent = [job.total ? `${Math.floor(100 * job.done / job.total)} %` : 'starting', left].filter(Boolean).join(' · ');
      how.title = job.total ? `${count(job.done)} of ${count(job.total)}` : '';
    }
    pause.textContent = job.state === 'paused' ? 'Go on' : 'Pause';
    pause.disabled = cancel.disabled = job.state === 'cancelling';
  }

  return {show};
}
