// SPDX-License-Identifier: MIT
// The tab Dataset: what the network learns from.
import {datasets, latest, session} from './api.js';
import {drawCube} from './cube.js';
import {bytes, count, h} from './dom.js';
import {ownData} from './own_data.js';
import {sampleBrowser, short} from './samples.js';

export const title = 'Dataset';

/** Asks in a dialog of the page; a promise of true or false. */
function confirm(question, yes, no = 'Keep it') {
  return new Promise((done) => {
    const box = h('dialog', {class: 'card ask', 'aria-label': yes}, h('p', {}, question), h('div', {class: 'row'},
      h('button', {class: 'main', onclick: () => box.close('yes')}, yes),
      h('button', {onclick: () => box.close('no')}, no)));
    box.addEventListener('close', () => { box.remove(); done(box.returnValue === 'yes'); });
    document.body.append(box);
    box.showModal();
  });
}

const isOwn = (data) => data && !['mnist', 'hsv_rgb'].includes(data.name);

export function show(panel, page) {
  const cards = h('div', {class: 'picks', role: 'group', 'aria-label': 'Data sets'}, h('p', {class: 'quiet'}, 'Looking for data …'));
  const note = h('p', {class: 'quiet data-note'});
  const own = h('section', {class: 'card own', 'aria-label': 'Your own data', hidden: true});
  const about = h('section', {class: 'card about-data', 'aria-label': 'What is in it'});
  const samples = h('section', {class: 'card', 'aria-label': 'Samples'});
  const cubeBox = h('section', {class: 'card', 'aria-label': 'Cube of colours', hidden: true});
  const below = h('div', {class: 'two data-view', style: {visibility: 'hidden'}}, about, h('div', {class: 'grid'}, samples, cubeBox));  // until it cannot be pushed down any more
  panel.append(h('h2', {}, title), h('p', {class: 'intro'}, 'What the network learns from, and what it will be asked about. ' +
    'Every prediction is later traced back to samples you see here.'),
    cards, note, own, below);

  let known = null;       // GET datasets
  let shownData = null;   // what facts, samples and cube belong to
  let facts = null;
  let picked = null;      // name of the data that were asked for last, until they are here
  const reading = latest(), colours = latest();
  let cube = null;
  let upload = null;
  let followed = false;   // by what is shown: data of one's own that were sent
  const left = new AbortController();

  const key = (data) => JSON.stringify(data);

  /** Whether what would be lost may go. */
  async function mayGo() {
    const {model, data} = page.state;
    const lost = [model ? 'the trained network, which belongs to the present data' : null,
      isOwn(data) ? `the data of "${data.title}", which you would have to choose again` : null].filter(Boolean);
    return lost.length === 0 || confirm(`Changing the data drops ${lost.join(', and ')}.`, 'Change the data');
  }

  function card(info, chosen, preview, counts, onclick, extra = {}) {
    return h('button', {class: 'pick', type: 'button', 'aria-pressed': String(chosen), onclick, ...extra},
      preview, h('span', {class: 'pick-name'}, info.title, chosen ? h('span', {class: 'tag'}, 'chosen') : null),
      h('span', {class: 'quiet'}, info.sentence), h('span', {class: 'pick-counts'}, counts));
  }

  const outputs = (info) => (info.classes > 0 ? `${count(info.classes)} classes` : `${count(info.targets)} target values`);

  function showCards() {
    if (!known) return;
    const focused = [...cards.children].indexOf(document.activeElement);
    const {data} = page.state;
    cards.replaceChildren(...known.cards.map((info) => {
      if (info.error) {
        return h('div', {class: 'pick'}, h('span', {class: 'pick-name'}, info.title), h('span', {class: 'error'}, info.error));
      }
      return card(info, data?.name === info.name, h('img', {class: 'pick-picture', src: info.preview, alt: ''}),
        `${count(info.train)} to train, ${count(info.test)} to test · ${count(info.inputs)} inputs · ${outputs(info)}`,
        () => pick(info));
    }), card({title: isOwn(data) ? data.title : 'Your own file', sentence: isOwn(data) ?
      'Your own data, in this tab only. Choose again for another file.' : 'A table (CSV) or pictures with labels (IDX).'},
    isOwn(data), isOwn(data) && facts?.preview ? h('img', {class: 'pick-picture', src: facts.preview, alt: ''}) :
      h('span', {class: 'pick-picture table-picture', 'aria-hidden': 'true'}, ...Array.from({length: 18}, () => h('i'))),
    isOwn(data) ? `${count(data.train.samples)} to train, ${count(data.test.samples)} to test · ${count(data.train.features)} inputs · ` +
      outputs({classes: data.train.classes.length, targets: data.train.targets}) :
      `up to ${bytes(known.limits.csv_bytes)} as CSV, ${bytes(known.limits.idx_bytes)} as IDX`,
    () => showOwn(own.hidden), {'aria-expanded': String(!own.hidden)}));
    if (focused >= 0) cards.children[focused]?.focus();
    const digits = known.cards.find((info) => info.name === 'mnist');
    const part = data?.name === 'mnist' && digits && !digits.whole && !digits.error;
    note.hidden = !part && data?.name !== 'mnist';
    note.replaceChildren(...(part ? [`This is the part of MNIST that ships with the playground: the first ${count(digits.train)} and ` +
      `${count(digits.test)} of 60,000 and 10,000. For the whole set run `, h('code', {}, 'sh examples/fetch_mnist.sh'),
      ' and start the playground again.'] : ['This is the whole of MNIST.']));
  }

  async function pick(info) {
    if ((picked ?? page.state.data?.name) === info.name) return;
    const drops = Boolean(page.state.model);
    if (await page.attempt(() => page.idle() ?? true) !== true || !await mayGo()) return;
    picked = info.name;
    cards.setAttribute('aria-busy', 'true');
    const well = await page.attempt(() => page.change(() => session.put('data', {name: info.name, drop_model: drops})));
    if (picked === info.name) {
      picked = null;
      cards.removeAttribute('aria-busy');
    }
    if (well && !left.signal.aborted) showOwn(false);
  }

  function taken() {
    if (left.signal.aborted) return;
    showOwn(false);
    if (!followed) refresh();  // what was chosen since stays
  }

  function showOwn(open) {
    own.hidden = !open;
    if (open && !upload) upload = ownData(own, page, known.limits, {taken, mayGo: () => {
      followed = false;
      return mayGo();
    }});
    if (open) own.querySelector('input')?.focus();
    showCards();
  }

  function showFacts() {
    const parts = [['train', facts.train], ['test', facts.test]];
    const names = page.state.data.train.classes;
    const total = (part) => Math.max(1, part.samples);
    const share = (part, i) => (part.counts[i] ?? 0) / total(part);
    const mostShare = Math.max(1e-9, ...names.flatMap((_, i) => [share(facts.train, i), share(facts.test, i)]));
    const bar = (part, name, i) => {
      const fill = h('i', {class: `bar ${name}`, style: {width: `${100 * share(part, i) / mostShare}%`}});
      return h('span', {class: 'bar-track'}, fill);
    };
    const balance = names.length === 0 ? [] : [
      h('h3', {}, 'Class balance'),
      h('p', {class: 'row quiet balance-legend'}, h('span', {class: 'mark train'}, 'train'), h('span', {class: 'mark test'}, 'test')),
      h('div', {class: 'scroll tall', tabindex: 0, role: 'group', 'aria-label': 'Class balance'},
        h('table', {class: 'balance'},
          h('thead', {class: 'hidden'}, h('tr', {}, h('th', {}, 'class'), h('th', {}, 'part of the samples'), h('th', {}, 'to train'), h('th', {}, 'to test'))),
          h('tbody', {}, names.map((name, i) => h('tr', {},
            h('th', {scope: 'row'}, h('button', {class: 'plain', 'aria-label': `Show samples of class ${name}`,
              onclick: () => browser.filter(i)}, name)),
            h('td', {class: 'bars'}, bar(facts.train, 'train', i), bar(facts.test, 'test', i)),
            h('td', {}, count(facts.train.counts[i] ?? 0)), h('td', {class: 'quiet'}, count(facts.test.counts[i] ?? 0))))))),
    ];
    const table = facts.train.features?.length > 0 ? [
      h('h3', {}, 'Inputs of the training part'),
      h('div', {class: 'scroll tall', tabindex: 0, role: 'group', 'aria-label': 'Statistics of the inputs'},
        h('table', {class: 'data'}, h('thead', {}, h('tr', {}, ['input', 'min', 'mean', 'max', 'dev.'].map((text) => h('th', {scope: 'col'}, text)))),
          h('tbody', {}, facts.train.features.map((f, i) => h('tr', {}, h('th', {scope: 'row'}, featureName(i)),
            [f.minimum, f.mean, f.maximum, f.deviation].map((x) => h('td', {}, short(x)))))))),
      facts.train.features.length < page.state.data.train.features ?
        h('p', {class: 'quiet'}, `The first ${facts.train.features.length} of ${count(page.state.data.train.features)} inputs.`) : null,
      facts.standardized ? h('p', {class: 'quiet'}, 'The network is given (value − mean) / deviation; all tables show the values of your file.') : null,
    ] : [];
    const pictures = facts.train.mean_picture ? [
      h('h3', {}, 'Mean of all'),
      h('div', {class: 'row'}, parts.map(([name, part]) => h('figure', {class: 'mean'},
        h('img', {class: 'sample', src: part.mean_picture, alt: `mean of the pictures to ${name} with`}), h('figcaption', {class: 'quiet'}, name)))),
    ] : [];
    about.replaceChildren(
      h('h3', {}, page.state.data.title),
      h('dl', {class: 'totals'},
        parts.map(([name, part]) => [h('dt', {}, `to ${name}`), h('dd', {}, count(part.samples))]),
        h('dt', {}, 'inputs each'), h('dd', {}, count(page.state.data.train.features)),
        names.length > 0 ? [h('dt', {}, 'classes'), h('dd', {}, count(names.length))] :
          [h('dt', {}, 'target values'), h('dd', {}, count(page.state.data.train.targets))],
        facts.train.minimum === undefined ? null : [h('dt', {}, 'inputs: min, mean, max'),
          h('dd', {}, [facts.train.minimum, facts.train.mean, facts.train.maximum].map(short).join(', '))],
        h('dt', {}, 'memory'), h('dd', {}, bytes(facts.bytes))),
      ...balance, ...table.filter(Boolean), ...pictures);
  }

  const featureName = (i) => facts?.feature_names?.[i] ??
    (page.state.data.name === 'hsv_rgb' ? ['hue', 'saturation', 'value'][i] : `input ${i + 1}`);

  const browser = sampleBrowser(samples, page, {featureName, targetName: (i) => facts?.target_names?.[i] ?? `target ${i + 1}`});

  async function showCube() {
    const coloured = page.state.data.name === 'hsv_rgb';
    cubeBox.hidden = !coloured;
    cube?.remove();
    cube = null;
    if (!coloured) return cubeBox.replaceChildren();
    const place = h('div', {class: 'cube-place'}, h('p', {class: 'quiet'}, 'Drawing the cube …'));
    const explained = h('p', {class: 'quiet cube-note'});
    const choice = h('select', {id: 'cube-set', 'aria-label': 'Colours of the cube', onchange: () => show()},
      h('option', {value: 'train'}, 'to train'), h('option', {value: 'test'}, 'to test'));
    cubeBox.replaceChildren(h('div', {class: 'row spread'}, h('h3', {}, 'Cube of colours'), choice), explained, place);
    const fill = async () => {
      const signal = colours.next();
      const {colours: some, total, set} = await session.get(`data/colours?set=${choice.value}`, signal);
      const points = some.map(([r, g, b, id]) => ({rgb: [r, g, b], label: `sample ${count(id)}`}));
      explained.textContent = `${count(some.length)} of the ${count(total)} colours to ${set}: ` + (set === 'train' ?
        'a regular grid of red, green and blue.' : 'hue, saturation and value drawn at random, so dark colours crowd at black. ') +
        ' Turn it by mouse, finger or the arrow keys.';
      if (cube) return cube.draw(points);
      const drawn = await drawCube(place, points, []);
      if (signal.aborted) return drawn.remove();
      cube = drawn;
    };
    const show = () => fill().catch((error) => {
      if (error.name !== 'AbortError') place.replaceChildren(h('p', {class: 'error'}, error.message));
    });
    return show();
  }

  async function refresh() {
    const signal = reading.next();
    followed = true;
    colours.end();
    shownData = key(page.state.data);
    facts = null;
    showCards();
    about.replaceChildren(h('h3', {}, page.state.data?.title ?? 'No data'), h('p', {class: 'quiet'}, 'Counting …'));
    if (!page.state.data) return;
    browser.restart();
    showCube();
    try {
      const answer = await session.get('data/facts', signal);
      if (signal.aborted) return;
      facts = answer;
      showFacts();
      showCards();
      browser.renamed();
    } catch (error) {
      if (error.name !== 'AbortError') about.replaceChildren(h('p', {class: 'error'}, error.message));
    }
  }

  refresh();
  page.attempt(async () => {
    known = await datasets();
    if (!left.signal.aborted) showCards();
  }).then(() => { below.style.visibility = ''; });

  return {
    state() {
      if (key(page.state.data) !== shownData) refresh();
    },
    event(name) {
      upload?.heard();
      if (name === 'again' && panel.querySelector('.data-view .error:not([hidden])')) refresh();
    },
    tells: (job) => Boolean(upload?.tells(job)),
    leave() {
      left.abort();
      reading.end();
      colours.end();
      browser.leave();
      cube?.remove();
    },
  };
}
