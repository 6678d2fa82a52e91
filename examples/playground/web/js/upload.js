// SPDX-License-Identifier: MIT
// A file on its way: sent, then read by work of its own; how far it is, and how to end it.
import {session} from './api.js';
import {bytes, h, percent} from './dom.js';
import {active} from './work.js';

/** {element, send(path, body), heard(), tells(job)}. send ends when the file is read, with the work that read it,
 * {state, error}; it throws what the server refuses. heard() is to be called with every news of the session's work,
 * tells(job): whoever called send tells why it failed. */
export function uploadBox(page) {
  let sending = null;  // an AbortController while a file is sent or read
  let reading = null;  // {number, ended}: the program's work with what was sent
  const bar = h('progress', {max: 1, 'aria-label': 'Upload'});
  const phase = h('span', {class: 'quiet', role: 'status'});
  const cancel = h('button', {type: 'button', onclick: () => {
    if (reading) page.attempt(() => session.post(`job/cancel?number=${reading.number}`));
    else sending?.abort();
  }}, 'Cancel');
  const element = h('div', {class: 'grid sending', hidden: true}, bar, h('div', {class: 'row spread'}, phase, cancel));

  function show(part, text) {
    bar.value = part;
    phase.textContent = text;
  }

  function heard() {
    const {job} = page.state;
    if (!reading || !job || job.number < reading.number) return;
    const mine = job.number === reading.number, part = job.total ? job.done / job.total : 0;
    if (mine && active(job)) show(part, `${job.phase || 'reading'}, ${percent(part, 0)}`);
    else reading.ended(mine ? job : {state: 'done'});
  }

  async function send(path, body) {
    sending = new AbortController();
    element.hidden = false;
    show(0, 'sending');
    try {
      const {number} = await page.begin(() => session.uploadWatched(path, body, {signal: sending.signal,
        progress: (part) => show(part, `sending, ${percent(part, 0)} of ${bytes(body.size)}`)}));
      show(0, 'reading');
      return await new Promise((ended) => {
        reading = {number, ended};
        heard();  // the end may have been told before the answer came
      });
    } catch (error) {
      if (error.name === 'AbortError') return {state: 'cancelled'};
      throw error;
    } finally {
      sending = reading = null;
      element.hidden = true;
    }
  }
  return {element, send, heard, tells: () => Boolean(sending)};
}
