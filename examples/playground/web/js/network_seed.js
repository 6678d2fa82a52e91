// SPDX-License-Identifier: MIT
// The seed of a network: drawn each time, or a number that is typed.
import {field, h} from './dom.js';

/** What is wrong with the seed as it was typed, null if nothing is. */
export const seedComplaint = ({seed}) => (seed === null || (/^\d{1,5}$/.test(String(seed).trim())) ? null :
  'A whole number from 0 to 99999.');

/** {element, rebuild()}. */
export function networkSeed(net) {
  const host = h('div', {class: 'grid net-seed'});
  const element = h('section', {class: 'card'}, h('h3', {}, 'Seed'), host);

  function rebuild() {
    const {plan} = net;
    const number = h('input', {type: 'number', min: 0, max: 99999, step: 1, value: plan.seed ?? '', placeholder: 'drawn anew each time',
      disabled: plan.seed === null, data: {focus: 'seed'}, 'aria-describedby': 'net-seed-error', oninput: () => {
        plan.seed = number.value;
        const message = seedComplaint(plan);
        number.setAttribute('aria-invalid', Boolean(message));
        error.textContent = message ?? '';
        net.problem = message ? {kind: 'seed', message} : net.problem;
        net.sendSoon();
      }});
    const error = h('small', {class: 'error', id: 'net-seed-error'});
    const random = h('input', {type: 'checkbox', checked: plan.seed === null, onchange: () => {
      plan.seed = random.checked ? null : Math.floor(100000 * Math.random());
      rebuild();
      host.querySelector('input[type=checkbox]').focus();
      net.send();
    }});
    const box = field('Number, 0 to 99999', number);
    box.append(error);
    host.replaceChildren(h('p', {class: 'quiet'}, 'All that is random follows from it: the same seed, the same network.'),
      h('label', {class: 'check'}, random, ' Random'), box);
  }
  return {element, rebuild};
}
