// SPDX-License-Identifier: MIT
// Changes a piece of page into another one in place, so that nothing flickers, jumps or loses the focus.

/** Makes `old` look like `wanted`, which is used up. Listeners stay those of `old`: one on an outer element is best.
 * Elements with data-keep stay as they are, with all in them, where both have one in the same place of the same value. */
export function morph(old, wanted) {
  if (old.nodeType !== wanted.nodeType || old.nodeName !== wanted.nodeName ||
      old.dataset?.keep !== wanted.dataset?.keep) {
    old.replaceWith(wanted);
    return;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== wanted.data) old.data = wanted.data;
    return;
  }
  if (old.dataset.keep) return;
  for (const {name} of [...old.attributes]) {
    if (name !== 'style' && !wanted.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const {name, value} of wanted.attributes) {
    if (name !== 'style' && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (old.style.cssText !== wanted.style.cssText) old.style.cssText = wanted.style.cssText;
  const before = [...old.childNodes];
  const after = [...wanted.childNodes];
  after.forEach((child, i) => (i < before.length ? morph(before[i], child) : old.append(child)));
  before.slice(after.length).forEach((child) => child.remove());
}
