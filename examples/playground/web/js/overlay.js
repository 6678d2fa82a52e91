// SPDX-License-Identifier: MIT
// One dialog over the page, whose views lie on each other: from a source to a neuron and back.
import {h} from './dom.js';

let dialog = null;
let views = [];  // {title, fill, stop}
let before = null;

function end() {
  for (const view of views) view.stop?.abort();
  views = [];
  dialog?.remove();
  dialog = null;
  if (before?.isConnected) before.focus();
  before = null;
}

function open() {
  before = document.activeElement;
  dialog = h('dialog', {class: 'overlay', 'aria-labelledby': 'overlay-title'});
  dialog.addEventListener('close', end);
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();  // beside it
  });
  document.body.append(dialog);
  dialog.showModal();
}

function draw() {
  const view = views.at(-1);
  view.stop?.abort();
  view.stop = new AbortController();
  const body = h('div', {class: 'overlay-body grid'});
  const heading = h('h3', {id: 'overlay-title', tabindex: -1}, view.title);
  dialog.replaceChildren(h('header', {class: 'row'}, heading,
    views.length > 1 ? h('button', {onclick: back}, 'Back') : null,
    h('button', {class: 'close', onclick: () => dialog.close()}, 'Close')), body);
  heading.focus();
  dialog.scrollTop = 0;
  const {signal} = view.stop;
  body.append(h('p', {class: 'quiet', role: 'status'}, 'One moment …'));
  Promise.resolve(view.fill(signal)).then(
    (content) => { if (!signal.aborted) body.replaceChildren(...[content].flat().filter(Boolean)); },
    (error) => {
      if (signal.aborted || error.name === 'AbortError') return;
      const again = error.kind === 'stale' ? '' : h('button', {onclick: draw}, 'Try again');  // it would say the same
      body.replaceChildren(h('p', {class: 'error', role: 'alert'}, error.message), again);
    });
}

function back() {
  views.pop().stop?.abort();
  draw();
}

/** Shows a view; fill(signal) gives its content, now or later. */
export function showOverlay(title, fill) {
  if (!dialog) open();
  views.at(-1)?.stop?.abort();
  views.push({title, fill, stop: null});
  draw();
}

export const closeOverlay = () => dialog?.close();
