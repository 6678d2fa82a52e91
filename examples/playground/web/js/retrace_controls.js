// SPDX-License-Identifier: MIT
// The controls of the tab Visualization: which predictions, and how they are retraced.
import {dial, evenSteps, roundSteps} from './dial.js';
import {count, field, h, select} from './dom.js';
import {layersOf} from './places.js';
import {customOf, tiesPolicies, views} from './settings.js';
import {retracingTerms} from './terms.js';

function check(label, checked, onchange) {
  const box = h('input', {type: 'checkbox', checked, onchange: () => onchange(box.checked)});
  return {box, element: h('label', {class: 'check'}, box, label)};
}

/** Rows of the view Custom: a layer each. */
function customRows(settings, traced, change) {
  return layersOf(traced.places).map((layer, i, all) => {
    const key = layer.pre ?? layer.post;
    const put = (some) => {
      now = {...now, ...some};
      change(key, now);
    };
    let now = customOf(settings, layer);
    const name = i + 1 === all.length ? 'Output' : `Layer ${i + 1}`;
    const error = h('small', {class: 'error', role: 'alert'});
    const limit = (which, value) => h('input', {type: 'number', min: 0, max: layer.units - 1, step: 1, value,
      'aria-label': `${name}, ${which} neuron`, oninput: (event) => {
        const n = Number(event.target.value);
        const next = {...now, [which === 'first' ? 'from' : 'to']: n};
        const well = event.target.value !== '' && Number.isInteger(n) && n >= 0 && n < layer.units && next.from <= next.to;
        event.target.setAttribute('aria-invalid', !well);
        error.textContent = well ? '' : `From 0 to ${layer.units - 1}, the first before the last.`;
        if (well) put(next);
      }});
    return h('fieldset', {class: 'layer'}, h('legend', {class: 'hidden'}, name),
      check(name, now.use, (use) => put({use})).element,
      h('div', {class: 'range'}, limit('first', now.from), 'to', limit('last', now.to)),
      layer.post && layer.pre ? check('include activation layer', now.post, (post) => put({post})).element : null,
      error);
  });
}

/** {element, update(settings)}. change(some): what the reader changed. */
export function controls(given, traced, change) {
  let settings = given;
  const hasPost = traced.places.some((place) => place.kind === 'post');

  const most = Math.min(100, traced.test);
  const evaluations = dial({label: 'Evaluations', steps: evenSteps(most), value: Math.min(settings.evaluations, most),
    hint: `of ${count(traced.test)} test samples`, onchange: (n) => change({evaluations: n})});
  const ids = h('input', {type: 'text', value: settings.ids, placeholder: '0, 7, 42', inputmode: 'numeric',
    oninput: () => {
      const well = /^[\s\d,;]*$/.test(ids.value);
      ids.setAttribute('aria-invalid', !well);
      idsError.textContent = well ? '' : 'Numbers with commas between them, please.';
      if (well) change({ids: ids.value});
    }});
  const idsError = h('small', {class: 'error', role: 'alert'});
  const idsField = field('Numbers of test samples', ids);
  idsField.append(idsError);
  const seed = dial({label: 'Seed', steps: [0, ...roundSteps(1, 99999, 4, true)], value: settings.seed, onchange: (n) => change({seed: n})});
  const which = select([['first', 'The first ones'], ['ids', 'Chosen by number'], ['random', 'Drawn at random'],
    ...(traced.labels ? [['wrong', 'Wrong predictions first']] : [])], settings.which, (value) => change({which: value}));
  const samples = h('section', {class: 'grid'}, h('h3', {}, 'Which predictions'), field('Test samples', which),
    evaluations.element, idsField, seed.element);

  const mostK = Math.min(10000, traced.recorded);
  const k = dial({label: 'Closest sources of a neuron', steps: roundSteps(1, mostK, 12, true),
    value: Math.min(settings.k, mostK), hint: `of ${count(traced.recorded)} recorded samples get its vote`, onchange: (n) => change({k: n})});
  const closest = dial({label: 'Show closest', steps: evenSteps(20), value: settings.closest,
    onchange: (n) => change({closest: n})});
  const view = select(views, settings.view, (value) => change({view: value}));
  const ties = select(tiesPolicies, settings.ties, (value) => change({ties: value}));
  const pre = check('before the activation', settings.pre, (value) => change({pre: value}));
  const post = check('behind the activation', settings.post && hasPost, (value) => change({post: value}));
  const kinds = h('fieldset', {class: 'field'}, h('legend', {class: 'quiet'}, 'Neurons vote with their values'),
    pre.element, hasPost ? post.element : null);
  const custom = h('fieldset', {class: 'grid custom'}, h('legend', {class: 'quiet'}, 'Neurons that vote'),
    customRows(settings, traced, (key, chosen) => change({custom: {...settings.custom, [key]: chosen}})));

  const looks = h('div', {class: 'grid'}, field('View', view), closest.element);
  const form = h('form', {class: 'grid', onsubmit: (event) => event.preventDefault()}, samples,
    h('section', {class: 'grid'}, h('h3', {}, 'How they are retraced'), looks, k.element, custom, kinds, field('Ties', ties)),
    retracingTerms());
  const narrow = matchMedia('(max-width: 820px)');
  const element = h('details', {class: 'card controls', open: !narrow.matches}, h('summary', {}, 'Settings'), form);
  narrow.addEventListener('change', () => { element.open = !narrow.matches; });

  function update(now) {
    settings = now;
    element.hidden = ['off', 'classes'].includes(now.mode);  // nothing is retraced there
    samples.hidden = now.mode !== 'samples';
    looks.hidden = now.mode === 'training';
    evaluations.element.hidden = now.which === 'ids';
    idsField.hidden = now.which !== 'ids';
    seed.element.hidden = now.which !== 'random';
    const each = now.view === 'custom' && now.mode !== 'training';
    custom.hidden = !each;
    kinds.hidden = each;
    evaluations.set(now.evaluations);
    k.set(Math.min(now.k, mostK));
    closest.set(now.closest);
    view.value = now.view;
    which.value = now.which;
    ties.value = now.ties;
    pre.box.checked = now.pre;
    post.box.checked = now.post && hasPost;
  }
  update(settings);
  return {element, update};
}
