// SPDX-License-Identifier: MIT
// The neurons of a place: what each one's closest sources look like together, page after page.
import {latest, session} from './api.js';
import {count, debounced, h, number, percent} from './dom.js';
import {className, look} from './look.js';
import {morph} from './morph.js';

const pageSize = 40;

/** One bubble for all neurons of the page: it is shown beside the one that has the mouse or the focus. */
const bubble = h('div', {class: 'bubble card', role: 'tooltip', id: 'neuron-bubble', hidden: true});
let owner = null;
const hidden = (text) => h('span', {class: 'hidden'}, text);

function hideBubble() {
  bubble.hidden = true;
  owner?.removeAttribute('aria-describedby');
  owner = null;
}

function showBubble(button, neuron, place, traced) {
  if (!bubble.isConnected) document.querySelector('main').append(bubble);
  bubble.replaceChildren(
    h('strong', {}, `Neuron ${neuron.unit}`, h('small', {class: 'quiet'}, ` ${place.name}`)),
    h('p', {class: 'quiet'}, `value ${number(neuron.value)}`,
      neuron.label === undefined ? null : `, mostly ${className(traced, neuron.label)} (${percent(neuron.label_share, 0)})`,
      neuron.tied > 1 ? `, ${count(neuron.tied)} samples tie` : null, neuron.votes ? null : ', does not vote'),
    h('ul', {}, neuron.nearest.map((near) => h('li', {}, look(near, '', 36),
      h('span', {}, near.label === undefined ? near.tag || `no. ${near.id}` : `${className(traced, near.label)} · no. ${near.id}`),
      h('span', {class: 'quiet'}, `distance ${number(near.distance)}`)))));
  const edge = 8;
  bubble.style.right = `${edge}px`;  // as wide as it likes to be, whatever its last place was
  bubble.hidden = false;
  const at = button.getBoundingClientRect();
  const box = bubble.getBoundingClientRect();
  const width = document.documentElement.clientWidth;
  const left = Math.min(Math.max(edge, at.left + at.width / 2 - box.width / 2), width - box.width - edge);
  const above = at.top - box.height - edge;
  bubble.style.right = `${width - left - box.width - scrollX}px`;  // from the right: a page made narrower stays narrow
  bubble.style.top = `${(above > edge ? above : at.bottom + edge) + scrollY}px`;
  button.setAttribute('aria-describedby', bubble.id);
  owner = button;
}

addEventListener('resize', hideBubble);
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') hideBubble();
});

/** {element, update(query, settings), leave()}. */
export function neuronGrid(place, name, traced) {
  const list = h('ul', {class: 'neurons', 'aria-label': `Neurons of ${place.name}`});
  const more = h('button', {class: 'more', onclick: () => next()}, 'Show neurons');
  const note = h('p', {class: 'error', role: 'alert', hidden: true});
  const element = h('section', {class: 'neuron-grid'}, h('h4', {}, name, h('small', {class: 'quiet'}, ` ${place.name}`)), list, note, more);
  const neurons = new Map();
  let query = null, settings = null, asked = '';
  let loaded = 0, total = null, wanted = pageSize;
  let seen = false;
  const reading = latest(), readSoon = debounced(() => read(true), 150);

  function cell(neuron) {
    neurons.set(neuron.unit, neuron);
    return h('li', {}, h('button', {class: neuron.votes ? 'neuron' : 'neuron mute', data: {place: place.name, unit: neuron.unit}},
    look(neuron, '', 84), h('span', {class: 'unit'}, hidden('Neuron '), neuron.unit, hidden(`, value ${number(neuron.value)}, `)),
    neuron.label === undefined ? null : h('span', {class: 'quiet'}, `mostly ${className(traced, neuron.label)}, ${percent(neuron.label_share, 0)}`)));
  }

  /** Reads on from the first neuron that is not there; `anew`: from the beginning, over what is shown. */
  async function read(anew) {
    const signal = reading.next();
    if (anew) loaded = 0;
    element.setAttribute('aria-busy', 'true');
    note.hidden = true;
    try {
      while (loaded < wanted && (total === null || loaded < total)) {
        const part = await session.post('retrace/neurons', {...query, place: place.name, first: loaded, count: pageSize,
          show: {sources: settings.closest}}, signal);
        total = part.total;
        part.neurons.forEach((neuron, i) => {
          const fresh = cell(neuron);
          const old = list.children[loaded + i];
          if (old) morph(old, fresh);
          else list.append(fresh);
        });
        loaded += part.neurons.length;
        if (part.neurons.length === 0) break;
      }
      while (list.children.length > Math.max(loaded, 0)) list.lastChild.remove();
    } catch (error) {
      if (error.name === 'AbortError') return;
      note.textContent = error.message;
      note.hidden = false;
    }
    element.setAttribute('aria-busy', 'false');
    more.hidden = total !== null && loaded >= total;
    more.textContent = total === null ? 'Show neurons' : `Show more (${count(loaded)} of ${count(total)})`;
  }

  function next() {
    if (total !== null && loaded >= total) return;
    wanted = loaded + pageSize;
    read(false);
  }

  const watch = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watch.disconnect();
    seen = true;
    if (query) read(true);
  }, {rootMargin: '200px'});
  watch.observe(element);

  const over = (event) => {
    const button = event.target.closest('.neuron');
    const neuron = button && neurons.get(Number(button.dataset.unit));
    if (neuron) showBubble(button, neuron, place, traced);
  };
  const out = (event) => {
    if (!event.relatedTarget?.closest?.('.neuron')) hideBubble();
  };
  list.addEventListener('mouseover', over);
  list.addEventListener('mouseout', out);
  list.addEventListener('focusin', over);
  list.addEventListener('focusout', out);

  return {element,
    update(q, s) {
      const text = JSON.stringify([q, s.closest]);
      query = q;
      settings = s;
      if (text === asked) return;
      asked = text;
      total = null;
      reading.end();
      if (seen) readSoon();
    },
    leave() {
      watch.disconnect();
      readSoon.cancel();
      reading.end();
      hideBubble();
    }};
}
