// SPDX-License-Identifier: MIT
// What the words mean, where they are met.
import {h} from './dom.js';

const network = [
  ['Neuron', 'adds up what reaches it, each part times a weight of its own; what comes out is one number.'],
  ['Layer', 'neurons side by side, which all look at the same values; the next layer looks at theirs.'],
  ['Activation', 'bends what comes out of a neuron, so that layers can do more together than one alone.'],
  ['Parameters', 'the weights of all neurons: the numbers that training changes.'],
  ['Seed', 'a number that all that is random follows from, the first weights above all.'],
];
const training = [
  ['Epoch', 'one pass over all training samples.'],
  ['Learning rate', 'how far the weights move at each step: too small learns slowly, too large not at all.'],
  ['Batch', 'how many samples are looked at between two steps.'],
  ['Loss', 'how wrong the answers are, as one number that training makes smaller. MSE, mean squared error, is the distance to the wanted values; cross-entropy asks how probable the right class is.'],
  ['Optimiser', 'the rule by which the weights move. Adam suits nearly everything.'],
  ['Accuracy', 'the share of samples that are given their class.'],
  ['Training, test', 'the network learns from the first; only the second tell what it can do with what it never saw.'],
];
const retracing = [
  ['Source', 'a training sample for which neurons did nearly the same as for the sample that is asked about.'],
  ['Vote', 'every neuron votes for its closest sources, so many as are chosen above; the votes of all are counted.'],
  ['Blend', 'the sources laid over each other, each as strong as its share of the votes.'],
  ['Before, behind', 'a neuron has a value before its activation and one behind it. ReLU makes many of the latter 0: those neurons tell little.'],
  ['Ties', 'sources that are equally close to a neuron, mostly where its value is 0.'],
  ['Certainty', '0 % if all classes have equally many votes, 100 % if one has them all.'],
  ['Margin', 'how much of all votes the first class has more than the second.'],
  ['Familiarity', 'how many of the training samples are less like the others than this sample is.'],
];

const list = (words) => h('dl', {class: 'terms'}, words.map(([word, text]) => h('div', {}, h('dt', {}, word), h('dd', {}, text))));
const folded = (words) => h('details', {class: 'words-mean'}, h('summary', {}, 'What the words mean'), list(words));

export const networkTerms = () => folded(network);
export const trainingTerms = () => folded(training);
export const retracingTerms = () => folded(retracing);
