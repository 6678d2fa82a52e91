// SPDX-License-Identifier: MIT
// The network as a program in C++: shown, copied, kept as a file.
import {h} from './dom.js';

const words = /(\/\/[^\n]*)|("(?:[^"\\\n]|\\.)*"|<[\w/.]+>(?=\n))|\b(auto|catch|char|const|constexpr|float|for|if|inline|int|return|static_cast|throw|try|using)\b|(^#\w+)|\b(\d[\d.e-]*)\b/gm;

/** Code in spans: comments, texts, keywords, numbers. */
function coloured(text) {
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(words)) {
    parts.push(text.slice(at, match.index));
    const kind = ['comment', 'text', 'keyword', 'keyword', 'number'][match.slice(1).findIndex((group) => group !== undefined)];
    parts.push(h('span', {class: `code-${kind}`}, match[0]));
    at = match.index + match[0].length;
  }
  return [...parts, text.slice(at)];
}

/** answer: {text, seed, drawn}; useSeed is called with the seed if it should become that of the plan. */
export function showProgram({text, seed, drawn}, useSeed) {
  const code = h('code', {}, coloured(text));
  const said = h('span', {role: 'status', class: 'true'});
  const copy = h('button', {class: 'main', onclick: async () => {
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(code);
      said.textContent = 'Selected: copy it with Ctrl+C';
    }
  }}, 'Copy');
  const save = h('button', {onclick: () => {
    const link = h('a', {href: URL.createObjectURL(new Blob([text], {type: 'text/x-c++src'})), download: 'network.cpp'});
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }}, 'Download');
  const note = drawn ? h('p', {class: 'quiet'}, `The seed here is Random; the program was given ${seed}. `,
    h('button', {class: 'plain', onclick: (event) => {
      useSeed(seed);
      event.target.parentElement.replaceChildren(`The seed is now ${seed}, here and in the program.`);
    }}, 'Use it here too')) : null;
  const dialog = h('dialog', {class: 'program', 'aria-labelledby': 'program-title'},
    h('h3', {id: 'program-title'}, 'This network in C++'),
    h('p', {class: 'quiet'}, 'The same layers, seeds and training as chosen here, as a type that the compiler checks.'),
    note, h('pre', {class: 'code', tabindex: 0, 'aria-label': 'The program'}, code),
    h('div', {class: 'row'}, copy, save, h('button', {onclick: () => dialog.close()}, 'Close'), said));
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  copy.focus();
}
