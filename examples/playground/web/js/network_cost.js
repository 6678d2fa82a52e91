// SPDX-License-Identifier: MIT
// What a network takes: parameters, memory, time; of how many samples is asked here.
import {bytes, count, debounced, field, h, seconds} from './dom.js';

/** {element, refresh(stale)}; asked() is called when another number of samples was typed (net.samples). */
export function networkCost(net, asked) {
  const takes = h('dl', {class: 'net-takes'});
  const room = h('progress', {max: 1, 'aria-label': 'Share of the memory of this tab'});
  const roomText = h('p', {class: 'net-room'});
  const input = h('input', {type: 'number', min: 1, step: 1, value: net.samples, oninput: change});
  const error = h('small', {class: 'error', id: 'net-samples-error'});
  input.setAttribute('aria-describedby', error.id);
  const element = h('section', {class: 'card net-sticky'}, h('h3', {}, 'What it takes'), takes,
    h('div', {class: 'net-memory'}, field('Training samples to record', input), error, room, roomText));

  const askSoon = debounced(asked, 150);
  function change() {
    const all = net.page.state.data?.train.samples ?? 1;
    const value = Number(input.value);
    const fits = input.value.trim() !== '' && Number.isInteger(value) && value >= 1 && value <= all;
    input.setAttribute('aria-invalid', !fits);
    error.textContent = fits ? '' : `A whole number from 1 to ${count(all)}.`;
    if (!fits) return;
    net.samples = value;
    askSoon();
  }

  function refresh() {
    const {cost} = net.told;
    const stale = Boolean(net.problem) || !cost;
    const line = (name, value, note) => h('div', {}, h('dt', {}, name, note && !stale ? h('small', {class: 'quiet'}, note) : null), h('dd', {}, stale ? '–' : value));
    takes.replaceChildren(
      line('Parameters', cost && count(cost.parameters), 'the numbers it learns'),
      line('Neurons recorded', cost && count(cost.values), 'values of each sample'),
      line('Recording and index', cost && bytes(cost.recording_bytes), cost && `for ${count(cost.samples)} samples`),
      line('One epoch of training', cost && `about ${seconds(cost.epoch_seconds)}`, cost && `${count(cost.samples)} samples, one core`));
    const total = cost ? cost.recording_bytes + cost.training_bytes : 0;
    const tooMuch = Boolean(cost) && !stale && total > cost.most_bytes;
    room.value = stale ? 0 : Math.min(1, total / cost.most_bytes);
    room.classList.toggle('full', tooMuch);
    roomText.className = tooMuch ? 'net-room error' : 'net-room quiet';
    roomText.textContent = stale ? 'Known again as soon as the layers fit; until then, the last network that did is the one that counts.' : tooMuch ?
      `Too much: ${bytes(total)} with training, and a tab may hold ${bytes(cost.most_bytes)}. ${cost.fitting_samples > 0 ?
        `At most ${count(cost.fitting_samples)} samples fit, or take smaller layers.` : 'Take smaller layers.'}` :
      `${bytes(total)} with training, of the ${bytes(cost.most_bytes)} that a tab may hold.`;
    input.max = net.page.state.data?.train.samples ?? '';
    if (document.activeElement !== input && cost) input.value = cost.samples;
  }
  return {element, refresh};
}
