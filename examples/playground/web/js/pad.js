// SPDX-License-Identifier: MIT
// A pad to draw on: with mouse, finger or pen, or with keys, a cell of the picture at a time.
import {h} from './dom.js';

/** {element, canvas, cell, clear(), undo(), load(image), restore(image data), empty(), tool}: tool is {size, erase, colour}, sizes in cells;
 * changed() is called after every change, said(text) with what keys did. */
export function drawingPad({width, height, changed, said}) {
  const cell = Math.max(1, Math.floor(280 / Math.max(width, height)));
  const canvas = h('canvas', {class: 'pad', width: width * cell, height: height * cell, tabindex: 0, role: 'application',
    'aria-roledescription': 'drawing pad', 'aria-label': `Drawing pad of ${width} by ${height} cells`, 'aria-describedby': 'pad-keys'});
  const context = canvas.getContext('2d', {willReadFrequently: true});
  const cursor = h('span', {class: 'pad-cursor', hidden: true, 'aria-hidden': 'true'});
  const element = h('div', {class: 'pad-frame'}, canvas, cursor);
  const tool = {size: 2.4, erase: false, colour: '#ffffff'};
  const past = [];
  let pen = null;      // last point of the pointer that draws, and its id: other fingers and the palm do not count
  let at = {x: Math.floor(width / 2), y: Math.floor(height / 2)};
  let down = false;    // the key pen
  let blank = true;

  function black() {
    context.fillStyle = '#000';
    context.fillRect(0, 0, canvas.width, canvas.height);
  }
  black();

  function remember() {
    past.push({image: context.getImageData(0, 0, canvas.width, canvas.height), blank});
    if (past.length > 40) past.shift();
  }

  function line(from, to) {
    context.strokeStyle = context.fillStyle = tool.erase ? '#000' : tool.colour;
    context.lineWidth = tool.size * cell;
    context.lineCap = context.lineJoin = 'round';
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x + 0.01, to.y);
    context.stroke();
    blank = blank && tool.erase;
    changed();
  }

  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    return {x: (event.clientX - box.left) * canvas.width / box.width, y: (event.clientY - box.top) * canvas.height / box.height};
  };
  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0 || pen) return;
    event.preventDefault();
    canvas.focus({preventScroll: true});
    canvas.setPointerCapture(event.pointerId);
    cursor.hidden = true;
    remember();
    pen = {...point(event), id: event.pointerId};
    line(pen, pen);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (event.pointerId !== pen?.id) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const one of passed.length ? passed : [event]) {
      const next = point(one);
      line(pen, next);
      pen = {...next, id: pen.id};
    }
  });
  for (const name of ['pointerup', 'pointercancel']) {
    canvas.addEventListener(name, (event) => { if (event.pointerId === pen?.id) pen = null; });
  }

  function showCursor() {
    cursor.hidden = false;
    cursor.classList.toggle('down', down);
    cursor.style.left = `${(100 * at.x) / width}%`;
    cursor.style.top = `${(100 * at.y) / height}%`;
    cursor.style.width = `${100 / width}%`;
    cursor.style.height = `${100 / height}%`;
  }
  const middle = ({x, y}) => ({x: (x + 0.5) * cell, y: (y + 0.5) * cell});

  canvas.addEventListener('keydown', (event) => {
    const step = {ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1]}[event.key];
    if (step) {
      event.preventDefault();
      const before = at;
      at = {x: Math.min(width - 1, Math.max(0, at.x + step[0])), y: Math.min(height - 1, Math.max(0, at.y + step[1]))};
      if (down || event.shiftKey) {
        if (!down && !event.repeat) remember();
        line(middle(before), middle(at));
      }
      showCursor();
      said(`column ${at.x + 1}, row ${at.y + 1}${down || event.shiftKey ? tool.erase ? ', erasing' : ', drawing' : ''}`);
    } else if (event.key === ' ' || event.key === 'Enter') {
      event.preventDefault();
      if (event.repeat) return;
      down = !down;
      if (down) {
        remember();
        line(middle(at), middle(at));
      }
      showCursor();
      said(down ? 'pen down' : 'pen up');
    } else if (event.key === 'Escape' && down) {
      down = false;
      showCursor();
      said('pen up');
    } else if (event.key.toLowerCase() === 'z' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      undo();
    } else if (event.key === 'Delete' || event.key === 'Backspace') {
      event.preventDefault();
      clear();
      said('cleared');
    }
  });
  canvas.addEventListener('focus', () => { if (canvas.matches(':focus-visible')) showCursor(); });
  canvas.addEventListener('blur', () => {
    cursor.hidden = true;
    down = false;
  });

  function undo() {
    const last = past.pop();
    if (!last) return;
    context.putImageData(last.image, 0, 0);
    blank = last.blank;
    changed();
  }
  function clear() {
    if (blank) return;
    remember();
    black();
    blank = true;
    changed();
  }
  function put(draw) {
    remember();
    draw();
    blank = false;
    changed();
  }
  /** A picture in place of what is there. */
  function load(image) {
    put(() => {
      context.imageSmoothingEnabled = false;
      context.drawImage(image, 0, 0, canvas.width, canvas.height);
    });
  }
  /** What another pad of this size showed. */
  const restore = (image) => put(() => context.putImageData(image, 0, 0));
  return {element, canvas, tool, clear, undo, load, restore, empty: () => blank, undoable: () => past.length > 0};
}
