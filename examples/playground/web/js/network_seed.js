// SPDX-License-Identifier: MIT
// The seed of a network: drawn each time, or a number that is typed.
import {field, h} from './dom.js';

/** What is wrong with the seed as it was typed, null if nothing is. */
export const seedComplaint = ({seed}) => (seed === null || (/^\d{1,5}$/.test(String(seed).trim())) ? null :
  'A whole number from 0 to 99999.');

/** {element, refresh()}: refresh() shows the seed of net.plan, but for one that is being typed, which stays. */
export function networkSeed(net) {
  const error = h('small', {class: 'error', id: 'net-seed-error'});
  const number = h('input', {type: 'number', min: 0, max: 99999, step: 1, placeholder: 'drawn anew each time',
    data: {focus: 'seed'}, 'aria-describedby': 'net-seed-error', oninput: () => {
      net.plan.seed = number.value;
      tell();
      const message = seedComplaint(net.plan);
      net.problem = message ? {kind: 'seed', message} : net.problem;
      net.sendSoon();
    }});
  const random = h('input', {type: 'checkbox', onchange: () => {
    net.plan.seed = random.checked ? null : Math.floor(100000 * Math.random());
    refresh();
    net.send();
  }});
  const box = field('Number, 0 to 99999', number);
  box.append(error);
  const element = h('section', {class: 'card'}, h('h3', {}, 'Seed'), h('div', {class: 'grid net-seed'},
    h('p', {class: 'quiet'}, 'All that is random follows from it: the same seed, the same network.'),
    h('label', {class: 'check'}, random, ' Random'), box));

  function tell() {
    const message = seedComplaint(net.plan);
    number.setAttribute('aria-invalid', Boolean(message));
    error.textContent = message ?? '';
  }
  function refresh() {
    const {plan} = net;
    if (document.activeElement === number && plan.seed !== null) plan.seed = number.value;
    else number.value = plan.seed ?? '';
    random.checked = number.disabled = plan.seed === null;
    tell();
  }
  return {element, refresh};
}
