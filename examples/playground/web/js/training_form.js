// SPDX-License-Identifier: MIT
// How to train: what is asked, what follows from it, and the buttons that begin.
import {session} from './api.js';
import {dial, evenSteps, powersOfTwo, roundSteps} from './dial.js';
import {bytes, count, field, h, seconds, select} from './dom.js';
import {goodLoss, goodName, takeGoodOutput, whyChange} from './good_choice.js';
import {trainingTerms} from './terms.js';
import {active, workName} from './work.js';

const defaults = {epochs: 10, learning_rate: 0.001, train: 10000, test: 2000, batch: 64, test_batch: 64, loss: 'MSE',
  optimizer: 'Adam', momentum: 0};
let wanted = null;  // what was chosen, of the data set with this name

function choices(state) {
  wanted ??= JSON.parse(sessionStorage.getItem('training') ?? 'null');
  if (wanted?.data !== state.data.name) {
    wanted = {...defaults, ...(state.model?.report?.options ?? {}), data: state.data.name};
  }
  return wanted;
}
const keep = () => sessionStorage.setItem('training', JSON.stringify(wanted));
const regression = (data) => data.train.targets > 0;

/** {element, tell(), info, trainWell()}; start(options) begins. `info` is set to what GET train told; tell() follows all
 * that may have changed since, trainWell() begins anew with what learns better than the defaults. */
export function trainingForm(page, start) {
  const data = page.state.data, set = choices(page.state);
  for (const [samples, batch, there] of [['train', 'batch', data.train.samples], ['test', 'test_batch', data.test.samples]]) {
    set[samples] = Math.max(1, Math.min(set[samples], there));
    set[batch] = Math.min(set[batch], set[samples]);
  }
  if (regression(data)) set.loss = 'MSE';
  const taken = (there) => `${data.name === 'mnist' ? 'the first of' : 'spread over all'} ${count(there)}`;
  const dials = {};
  const add = (name, label, steps, more = {}) => {
    dials[name] = dial({label, steps, value: set[name], ...more, onchange: (value) => {
      set[name] = value;
      keep();
      more.changed?.(value);
      tell();
    }});
    return dials[name].element;
  };
  const whyGood = h('p'), need = h('p', {class: 'quiet note need'});
  const better = h('div', {class: 'good-choice note', hidden: true}, h('p', {}, h('strong', {}, 'A good choice: '), goodName(page), '.'), whyGood,
    h('button', {onclick: () => page.attempt(async () => { await takeGood(); main.focus(); })}, 'Take the good choice'));
  const told = h('p', {class: 'error', role: 'alert', hidden: true});
  const momentum = h('div', {}, add('momentum', 'Momentum', [0, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999], {whole: false}));
  const lossChoice = select(regression(data) ? [['MSE', 'MSE']] :
    [['MSE', 'MSE'], ['Cross-Entropy', 'Cross-entropy']], set.loss, (value) => { set.loss = value; keep(); tell(); });
  lossChoice.disabled = regression(data);
  const optimizerChoice = select([['Adam', 'Adam'], ['AdamW', 'AdamW'], ['SGD', 'SGD']], set.optimizer,
    (value) => { set.optimizer = value; keep(); tell(); });
  const controls = h('fieldset', {class: 'grid'},
    h('legend', {class: 'hidden'}, 'How to train'),
    add('epochs', 'Epochs', roundSteps(1, 1000, 12, true)),
    add('learning_rate', 'Learning rate', roundSteps(1e-7, 10, 12, false), {whole: false}),
    h('div', {class: 'side-by-side'},
      add('train', 'Training samples', evenSteps(data.train.samples), {hint: taken(data.train.samples),
        changed: (n) => dials.batch.limit(powersOfTwo(n))}),
      add('test', 'Test samples', evenSteps(data.test.samples), {hint: taken(data.test.samples),
        changed: (n) => dials.test_batch.limit(powersOfTwo(n))}),
      add('batch', 'Training batch', powersOfTwo(set.train)),
      add('test_batch', 'Test batch', powersOfTwo(set.test))),
    h('div', {class: 'side-by-side'},
      field('Loss', lossChoice, regression(data) ? 'Mean squared error: these data ask for values, not classes.' : null),
      field('Optimiser', optimizerChoice)),
    momentum);
  const main = h('button', {class: 'main', onclick: () => begin(false)}, 'Train');
  const further = h('button', {class: 'main', onclick: () => begin(true), hidden: true}, 'Train further');
  const why = h('p', {class: 'quiet note', hidden: true});
  const element = h('section', {class: 'card grid', 'aria-labelledby': 'how'}, h('h3', {id: 'how'}, 'How to train'), better, controls, need, told,
    h('div', {class: 'row'}, further, main), why, trainingTerms());
  let info = null;

  async function takeGood() {
    await takeGoodOutput(page);
    lossChoice.value = set.loss = goodLoss(page);
    keep();
    tell();
  }

  async function begin(goesOn) {
    told.hidden = true;
    const wrong = Object.values(dials).filter((d) => d.element.offsetParent && !d.check());
    if (wrong.length) return wrong[0].number.focus();
    for (const [name, d] of Object.entries(dials)) set[name] = d.value;
    keep();
    const {data: _, ...options} = set;
    try {
      const begun = start({...options, further: goesOn});
      tell();
      await begun;
    } catch (error) {
      const at = dials[error.kind];
      if (at) {
        at.refuse(error.message);
        at.number.focus();
      } else {
        told.textContent = error.message;
        told.hidden = false;
      }
    }
    tell();
  }

  /** What tracing will keep, by what the server knows of the plan. */
  let cost = null, costOf = '';
  function tellNeed() {
    const of = JSON.stringify(page.state.plan);
    if (of !== costOf) {
      [cost, costOf] = [null, of];
      session.get(`plan?samples=${set.train}`).then((answer) => {
        if (of !== costOf) return;
        cost = answer.cost ?? null;
        tellNeed();
      }).catch(() => { if (of === costOf) costOf = ''; });
    }
    if (!cost) return;
    const memory = cost.training_bytes + cost.recording_bytes / cost.samples * set.train, tooMuch = memory > cost.most_bytes;
    need.textContent = `Tracing will keep ${count(cost.values)} values for each of ${count(set.train)} samples: about ${bytes(memory)} with training` +
      `${tooMuch ? `, more than the ${bytes(cost.most_bytes)} there are for a tab` : ''}. ${count(set.epochs)} ${set.epochs === 1 ? 'epoch takes' : 'epochs take'} about ${seconds(cost.epoch_seconds / cost.samples * set.train * set.epochs)}.`;
    need.classList.toggle('error', tooMuch);
    need.classList.toggle('quiet', !tooMuch);
  }

  /** Everything that follows from what is chosen. */
  function tell() {
    const {state} = page;
    momentum.hidden = set.optimizer !== 'SGD';
    const poor = whyChange(page, set.loss);
    better.hidden = !poor;
    whyGood.textContent = poor ?? '';
    tellNeed();

    const busy = Boolean(page.busy()), possible = info?.further, goesOn = Boolean(possible?.same_plan);
    const other = active(state.job) && state.job.kind !== 'train';
    controls.disabled = busy && !other;
    further.hidden = !goesOn;
    main.className = goesOn ? '' : 'main';
    main.textContent = goesOn ? 'Begin anew' : 'Train';
    main.disabled = further.disabled = better.lastChild.disabled = busy;
    why.hidden = !busy && !possible;
    if (busy) {
      why.textContent = !other ? '' : `${workName(state.job.kind)} is running: training can begin when it is done.`;
    } else if (goesOn) {
      const epochs = count(possible.epochs), old = state.model?.report?.options;
      const same = old && ['learning_rate', 'momentum', 'train', 'batch'].every((name) => old[name] === set[name]);
      why.textContent = (possible.state && possible.loss === set.loss && possible.optimizer === set.optimizer ?
        `Further training goes on after epoch ${epochs}, with the weights and the state of ${set.optimizer}, ` +
          `${same ? 'as if it had never stopped' : 'from there on as chosen above'}.` :
        `Further training goes on with the weights of epoch ${epochs}, but ${set.optimizer} begins fresh` +
          `${possible.state ? `: they were trained with ${possible.optimizer} and ${possible.loss}` : ''}.`) +
        ` To begin anew ${state.plan.seed === null ? 'draws new weights' : 'begins with the weights of the seed'}.`;
    } else if (possible) {
      why.textContent = 'The plan of the network was changed, so training begins with new weights. The network trained before stays until the new one is done.';
    }
  }
  return {element, tell, set info(value) { info = value; tell(); },
    async trainWell() {
      page.idle();
      await takeGood();
      await begin(false);
    }};
}
