// SPDX-License-Identifier: MIT
// Test samples, retraced.
import {answerView} from './answer_view.js';
import {latest, session} from './api.js';
import {count, h} from './dom.js';
import {showNeuron} from './neuron_dialog.js';
import {queryOf, shown} from './settings.js';
import {showSource} from './source_dialog.js';

const together = 3;  // requests at a time

/** Numbers typed by hand: [7, 42], each once, at most 100. */
function typed(text) {
  return [...new Set(text.split(/[\s,;]+/).filter(Boolean).map(Number))].slice(0, 100);
}

export function show(panel, page, given, frame) {
  let settings = given;
  const asking = latest();
  let running = false, askedOf = null;  // whether answers are under way, and of which network
  let mixed = false;     // an answer came of another network than the one whose places are known: it is asked for again
  let cards = new Map();  // by id: {box, view, query, answer}
  const summary = h('p', {class: 'summary', role: 'status'});
  const staleNote = h('div', {class: 'notice stale-note', hidden: true, role: 'status'},
    h('span', {}, 'The network has changed: these are answers of the one before.'),
    h('button', {class: 'main', onclick: () => retrace()}, 'Retrace again'));
  const save = (path, text) => h('button', {disabled: true, onclick: (event) => keep(path, event.target)}, text);
  const saves = [save('answer/report.html', 'Save as report'), save('answer/answer.json', 'Save as JSON')];
  const list = h('div', {class: 'grid answers'});
  panel.append(h('div', {class: 'row above'}, summary, h('div', {class: 'row saves'}, saves)), staleNote, list);

  const answered = () => [...cards.values()].filter((card) => card.answer);

  async function keep(path, button) {
    const cardsNow = answered();
    if (cardsNow.length === 0) return;
    const text = button.textContent;
    button.disabled = true;
    button.textContent = 'Saving …';
    await page.attempt(() => session.download(path, {...cardsNow[0].query, of: cardsNow.map((card) => card.query.of),
      show: shown(settings)}));
    button.textContent = text;
    button.disabled = false;
  }

  function summarise(running, extra = '') {
    const done = answered();
    const judged = done.filter((c) => c.answer.sample.label !== null && c.answer.prediction !== null);
    const right = judged.filter((c) => c.answer.sample.label === c.answer.prediction).length;
    const agree = done.filter((c) => c.answer.voted.agreement).length;
    const parts = [running ? `Retracing ${count(done.length)} of ${count(cards.size)} …` :
      `${count(done.length)} ${done.length === 1 ? 'prediction' : 'predictions'} retraced`];
    if (!running && judged.length > 1) parts.push(`${count(right)} right`, `the sources agree with ${count(agree)}`);
    summary.textContent = parts.join(', ') + extra;
    saves.forEach((button) => { button.disabled = done.length === 0 || running; });
  }

  async function chosen(signal) {
    if (settings.which === 'ids') return {ids: typed(settings.ids)};
    return session.post('retrace/samples', {which: settings.which, count: Math.min(settings.evaluations, frame.traced.test),
      ...(settings.which === 'random' ? {seed: settings.seed} : {})}, signal);
  }

  function fail(message, retry = true) {
    running = false;
    cards.forEach((card) => card.view?.leave());
    cards = new Map();
    list.replaceChildren(h('div', {class: 'card empty'}, h('p', {class: 'error'}, message), retry ? h('button', {onclick: retrace}, 'Try again') : null));
    summarise(false);
  }

  async function one(id, card, signal) {
    card.box.setAttribute('aria-busy', 'true');
    try {
      const query = queryOf(settings, frame.traced, {test: id});
      const answer = await session.post('retrace', {...query, show: shown(settings)}, signal);
      if (answer.model_version !== frame.traced.model_version) {
        mixed = true;
        return;
      }
      card.query = {...query, model_version: answer.model_version};
      card.answer = answer;
      if (card.view) {
        card.view.update(query, answer, settings);
        card.view.stale(answer.model_version !== page.state.model_version);
        card.box.replaceChildren(card.view);
      } else {
        card.view = answerView(page, query, answer, {traced: frame.traced, settings,
          onSource: (q, source) => showSource(page, q, source), onNeuron: (q, place, unit) => showNeuron(page, q, place, unit)});
        card.box.replaceChildren(card.view);
      }
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      card.answer = null;
      card.box.replaceChildren(h('div', {class: 'card empty'}, h('p', {class: 'error'}, error.message), h('button', {onclick: retrace}, 'Try again')));
    } finally {
      if (!signal.aborted) card.box.removeAttribute('aria-busy');
    }
  }

  /** Answers that came without their familiarity get it when it is known. */
  async function familiarity(signal) {
    for (const card of answered()) {
      const deadline = Date.now() + 120000;
      while (card.answer?.familiarity === undefined && Date.now() < deadline) {
        const told = await session.post('retrace/familiarity', card.query, signal);
        if (told.model_version !== card.answer.model_version) return;
        if (told.familiarity === undefined) {
          await new Promise((go) => setTimeout(go, 250));
          if (signal.aborted) return;
        } else {
          card.answer = {...card.answer, familiarity: told.familiarity};
          card.view.familiarity(told.familiarity);
        }
      }
    }
  }

  async function retrace() {
    const signal = asking.next();
    running = true;
    askedOf = frame.traced.model_version;
    mixed = false;
    staleNote.hidden = true;
    try {
      const told = await chosen(signal);
      if (told.ids.length === 0) return fail('Type the numbers of the test samples you want to see.', false);
      const before = cards;
      cards = new Map(told.ids.map((id) => [id, before.get(id) ??
        {box: h('div', {class: 'answer-box'}, h('div', {class: 'card answer waiting', 'aria-busy': 'true'}, h('h3', {}, `Test sample ${id}`),
          h('p', {class: 'quiet'}, 'retracing …'))), view: null, query: null, answer: null}]));
      for (const [id, card] of before) if (!cards.has(id)) card.view?.leave();
      // A view's traced places are those of the network it was made with.
      for (const card of cards.values()) {
        if (card.answer && card.answer.model_version !== page.state.model_version) {
          card.view?.leave();
          card.view = null;
        }
      }
      const boxes = [...cards.values()].map((card) => card.box);
      if (boxes.length !== list.children.length || boxes.some((box, i) => box !== list.children[i])) list.replaceChildren(...boxes);
      const extra = told.wrong === undefined ? '' : `; ${count(told.wrong)} of ${count(frame.traced.test)} test samples are predicted wrongly`;
      if (cards.size > 1) summarise(true);
      const waiting = [...cards];
      await Promise.all(Array.from({length: together}, async () => {
        for (let next; (next = waiting.shift());) {
          await one(next[0], next[1], signal);
          if (!signal.aborted && cards.size > 1) summarise(true);
        }
      }));
      if (signal.aborted) return undefined;
      running = false;
      summarise(false, extra);
      await familiarity(signal);
    } catch (error) {
      if (error.name === 'AbortError' || signal.aborted) return undefined;
      fail(error.message);
    }
    return undefined;
  }

  retrace();
  return {
    settings(now) {
      settings = now;
      retrace();
    },
    state(now) {
      if (mixed || running && now.model_version !== askedOf) return retrace();
      const old = answered().some((card) => card.answer.model_version !== now.model_version);
      staleNote.hidden = !old;
      answered().forEach((card) => card.view.stale(card.answer.model_version !== now.model_version));
      return undefined;
    },
    event(name) {
      if (name === 'again' && (cards.size === 0 || answered().length < cards.size)) retrace();
    },
    leave() {
      asking.end();
      cards.forEach((card) => card.view?.leave());
    },
  };
}
