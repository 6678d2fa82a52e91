// SPDX-License-Identifier: MIT
// The defaults are those of RENN's first playground. Where they learn badly, what to choose in their place.
import {ApiError, session} from './api.js';

const classes = (page) => page.state.data.train.targets === 0;

/** The loss that suits the data; with it goes an output without activation. */
export const goodLoss = (page) => (classes(page) ? 'Cross-Entropy' : 'MSE');

/** Why something else is better than the plan with this loss; null if it is well. */
export function whyChange(page, loss) {
  const output = page.state.plan.output_activation;
  if (loss === 'Cross-Entropy' && output !== 'None') {
    return `Cross-entropy takes the raw outputs of the network, but the output activation, ${output}, changes them first${
      output === 'ReLU' ? ' and silences all that are negative' : ''}.`;
  }
  if (output !== 'ReLU') return null;
  return classes(page) ? 'The defaults, as in RENN\'s first playground, put a ReLU behind the output: classes that it silences are never answered.' :
    'The default, as in RENN\'s first playground, puts a ReLU behind the output: a value that it silences stays 0.';
}

export const goodName = (page) => (classes(page) ? 'cross-entropy, no activation behind the output' : 'no activation behind the output');

/** Takes the output activation away; the loss is the caller's. */
export const takeGoodOutput = (page) => page.change(async () => {
  const {plan: now} = await session.get('plan');
  const {plan, error} = await session.put('plan', {...now, output_activation: 'None'});
  if (!plan) throw new ApiError(422, error.kind, error.message);
});
