// SPDX-License-Identifier: MIT
// What an answer says, in plain words.
import {percent} from './dom.js';
import {className} from './look.js';

/** How far an answer may be believed, as sentences: [{text, tone}], tone 'true', 'wrong' or ''. */
export function words(answer, traced) {
  const {voted, prediction} = answer;
  const said = [];
  if (voted.votes === 0) return [{text: 'No neuron voted: with these ties there is nothing to tell.', tone: 'wrong'}];
  if (voted.evidence) {
    const share = percent(voted.evidence[voted.evidence_class] ?? 0, 0);
    const evidence = className(traced, voted.evidence_class);
    const says = className(traced, prediction);
    said.push(voted.agreement ?
      {text: `The sources speak for ${evidence}, with ${share} of the votes, and so does the network.`, tone: 'true'} :
      {text: `The sources speak for ${evidence}, with ${share} of the votes, but the network says ${says}: be careful.`,
        tone: 'wrong'});
    const next = Math.max(0, ...voted.evidence.filter((_, i) => i !== voted.evidence_class));
    const second = className(traced, voted.evidence.findIndex((part, i) => i !== voted.evidence_class && part === next));
    const times = voted.evidence[voted.evidence_class] / next;
    if (next === 0) said.push({text: 'No other class has any votes.', tone: ''});
    else if (times < 1.15) said.push({text: `A close call: ${second} has nearly as many (${percent(next, 0)}).`, tone: ''});
    else said.push({text: `That is ${times < 10 ? times.toFixed(1) : Math.round(times)} times what the next class, ${second}, has.`, tone: ''});
  }
  const f = answer.familiarity;
  if (f !== undefined && f !== null) {
    said.push(f < 0.02 ? {text: 'Hardly anything like it was trained on: do not rely on the answer.', tone: 'wrong'} :
      f < 0.2 ? {text: 'It is less like the training samples than most of them are like each other.', tone: ''} :
        {text: 'It is as much like the training samples as they are like each other.', tone: ''});
  }
  return said;
}
