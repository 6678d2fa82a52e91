// SPDX-License-Identifier: MIT
// The tab Training: how to train, how it goes, what came of it.
import {latest, session} from './api.js';
import {curves} from './curves.js';
import {count, h} from './dom.js';
import {trainingForm} from './training_form.js';
import {result} from './training_result.js';
import {active, timeLeft} from './work.js';

export const title = 'Training';

const whatHappens = () => h('ol', {class: 'what-happens'}, [
  ['It learns', 'Epoch by epoch the weights move so that the loss falls. The curves are drawn here meanwhile.'],
  ['It is recorded', 'Every training sample runs through the finished network once more, and what each neuron does is kept.'],
  ['It can be asked', 'For any prediction, the neurons name the training samples they did nearly the same for: its sources.'],
].map(([name, text]) => h('li', {}, h('strong', {}, name), h('span', {class: 'quiet'}, text))));

/** A run that is not over. */
const unfinished = (run) => (run && run.outcome === null ? run : null);

/** How far the axis reaches while epochs are added: seldom moved, never much too far. */
const room = (epochs) => [10, 20, 50, 100, 200, 500].find((end) => end >= 1.2 * epochs) ?? 500 * Math.ceil(1.2 * epochs / 500);

export function show(panel, page) {
  const where = h('div', {class: 'grid'});
  panel.append(h('h2', {}, title), h('p', {class: 'intro'},
    'The network learns from the training samples. Then they run through it once more, and what each neuron does is recorded: its predictions are traced back to that.'),
    where);
  let info = {run: null, further: null}, parts = null;
  let begun = page.state.job?.number;  // the work that was heard of last
  const asking = latest();

  function build() {
    if (!page.state.data) {
      where.replaceChildren(h('p', {class: 'card'}, 'There are no data yet. ', h('button', {onclick: () => page.go('dataset')}, 'Choose a data set')));
      parts = null;
      return;
    }
    const status = h('p', {class: 'quiet', id: 'how-it-goes'});
    const drawn = curves(), outcome = h('div', {class: 'grid'}), steps = whatHappens();
    const how = trainingForm(page, start);
    where.replaceChildren(h('div', {class: 'two training'}, how.element, h('div', {class: 'grid'},
      h('section', {class: 'card grid', 'aria-label': 'Curves'}, status, steps, drawn.element), outcome)));
    parts = {how, status, steps, drawn, outcome, told: 0, shown: undefined};
  }

  /** What the curves are of: what runs or came to nothing, else what the network has learnt. */
  function drawCurves() {
    const {run} = info, {model, job} = page.state;
    const running = run && run.outcome === null && active(job) && job.kind === 'train';
    const failed = run && run.history.length > run.epochs_before && ['cancelled', 'diverged', 'failed'].includes(run.outcome);
    const of = running || failed ? run : model ? {history: model.history, before: model.report?.before, options: model.report?.options} : null;
    const first = of?.before ? 0 : 1;
    const last = Math.max(1, of?.history.at(-1)?.number ?? 1);
    const epochs = running ? Math.min(run.epochs_before + run.options.epochs, room(last)) : last;
    parts.drawn.show(of && {history: of.history, before: of.before, xs: [Math.min(first, epochs - 1), epochs], regression: page.state.data.train.targets > 0,
      loss: of.options?.loss ?? 'MSE', mark: run && of === run && run.epochs_before > 0 ? run.epochs_before : null});
  }

  function tellStatus(force = false) {
    const {run} = info, {job, model} = page.state, now = performance.now();
    if (active(job) && job.kind === 'train' && run && run.outcome === null) {
      if (!force && now - parts.told < 500) return;
      parts.told = now;
      const epoch = Math.min(run.options.epochs, Math.floor(job.done / run.options.train) + 1);
      const seed = `${run.drawn ? 'drawn ' : ''}seed ${run.seed}`;
      const rate = job.rate === null || job.phase !== 'training' ? '' : ` · ${count(Number(job.rate.toPrecision(2)))} samples/s · ${
        Number((job.rate / run.options.train).toPrecision(2))} epochs/s`;
      const leftOver = {paused: ' · paused', cancelling: ' · ending'}[job.state] ?? (job.remaining === null ? '' : ` · ${timeLeft(job.remaining)}`);
      parts.status.textContent = (job.phase === 'training' || job.phase === '' ?
        `Epoch ${run.epochs_before + epoch} of ${run.epochs_before + run.options.epochs}${rate}` :
        `${job.phase === 'recording' ? 'Recording what every neuron does' : job.phase === 'indexing' ? 'Sorting every neuron\'s values' : 'Measuring'}`) +
        `${leftOver} · ${seed}`;
      parts.status.className = 'quiet';
      parts.steps.hidden = true;
      return;
    }
    const told = {cancelled: 'The last training was cancelled.', diverged: run?.message, failed: run?.message}[run?.outcome];
    parts.status.className = told && run.outcome !== 'cancelled' ? 'error' : 'quiet';
    parts.status.textContent = told ? `${told.charAt(0).toUpperCase()}${told.slice(1)}${
      run.outcome === 'cancelled' ? (model ? ' The network of before is unchanged.' : ' Nothing was kept.') : ''}` :
      run?.outcome === 'kept' ? `Ended early: what was learnt by epoch ${model?.history.length ?? ''} was kept.` :
      model ? '' : 'Nothing is trained yet. Press Train, and this happens:';
    parts.status.hidden = !parts.status.textContent;
    parts.steps.hidden = Boolean(told || run?.outcome === 'kept' || model);
  }

  function tellResult() {
    if (parts.shown !== page.state.model_version) {
      parts.shown = page.state.model_version;
      parts.result = page.state.model ? result(page, () => page.attempt(parts.how.trainWell)) : null;
      parts.outcome.replaceChildren(...(parts.result ? [parts.result.element] : []));
    }
    parts.result?.old(active(page.state.job) && page.state.job.kind === 'train');
  }

  function tellAll() {
    if (!parts) return;
    parts.status.hidden = false;
    parts.how.info = info;
    drawCurves();
    tellStatus(true);
    tellResult();
  }

  async function ask() {
    const signal = asking.next();
    const now = await page.attempt(() => session.get('train', signal));
    if (!now || signal.aborted) return;
    // Epochs may have been told while this was under way.
    const known = unfinished(info.run), run = unfinished(now.run);
    if (known && run && known.seed === run.seed && known.epochs_before === run.epochs_before) {
      run.history.push(...known.history.filter(({number}) => number > (run.history.at(-1)?.number ?? 0)));
    }
    info = now;
    tellAll();
  }

  async function start(options) {
    await page.begin(() => session.post('train', options));
    await ask();
    if (parts && parts.status.getBoundingClientRect().top > innerHeight - 100) parts.status.scrollIntoView({block: 'start'});
  }

  build();
  tellAll();
  ask();
  return {
    state(now, old) {
      if (JSON.stringify(now.data) !== JSON.stringify(old.data)) {
        info = {run: null, further: null};
        build();
      }
      tellAll();
      if (now.model_version !== old?.model_version || JSON.stringify(now.plan) !== JSON.stringify(old?.plan)) ask();
    },
    event(name, data) {
      if (!parts) return;
      const run = unfinished(info.run);
      if (name === 'epoch' && run) {
        if ((run.history.at(-1)?.number ?? 0) < data.number) run.history.push(data);
        drawCurves();
      } else if (name === 'again') {
        ask();
      } else if (name === 'before' && run) {
        run.before = data;
        drawCurves();
      } else if (name === 'job') {
        tellStatus(data.state !== parts.state || data.phase !== parts.phase);
        [parts.state, parts.phase] = [data.state, data.phase];
        tellResult();
        if (data.kind === 'train' && (!active(data) || data.number !== begun)) ask();
        else parts.how.tell();
        begun = data.number;
      }
    },
    leave: asking.end,
  };
}
