// SPDX-License-Identifier: MIT
// The cube of red, green and blue, 0 to 255 each, with colours as points in it; turned by mouse, finger, keys or buttons.
import {h} from './dom.js';

const named = {
  reference: ['RGB-Reference', '#ff8c00'], predicted: ['RGB-Predicted', '#00918f'], weighted: ['RGB-Weighted', '#000000'],
};
const turns = {ArrowLeft: [-0.2, 0, '←', 'Turn left'], ArrowRight: [0.2, 0, '→', 'Turn right'],
  ArrowUp: [0, 0.2, '↑', 'Look from higher'], ArrowDown: [0, -0.2, '↓', 'Look from lower']};
const css = ([r, g, b]) => `rgb(${Math.round(r)},${Math.round(g)},${Math.round(b)})`;

/** Lines from corner to corner: 12 pairs of points. */
const edges = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((a) => [1, 2, 4].filter((bit) => !(a & bit)).map((bit) =>
  [a, a | bit].map((corner) => [1, 2, 4].map((d) => (corner & d ? 255 : 0)))));

let loading = null;

/** Plotly as /plotly.js brings it, loaded when first needed; null if the program was built without it. */
function loadPlotly() {
  loading ??= new Promise((done) => {
    // Plotly reads its letters back from canvases; unless they are made for that, Chromium complains on the console.
    const getContext = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (kind, options) {
      return getContext.call(this, kind, kind === '2d' ? {willReadFrequently: true, ...options} : options);
    };
    const script = h('script', {src: '/plotly.js', onload: () => done(window.Plotly ?? null), onerror: () => done(null)});
    document.head.append(script);
  });
  return loading;
}

const hasWebGl = () => {
  try {
    return Boolean(document.createElement('canvas').getContext('webgl'));
  } catch {
    return false;
  }
};

/** Size of a point, in pixels: its area is its weight's part of the largest. */
const sizes = (points, all) => {
  const most = Math.max(...points.map((p) => p.weight ?? 0));
  return points.map((p) => (p.weight === undefined || !(most > 0) ? all : 4 + 14 * Math.sqrt(Math.max(0, p.weight) / most)));
};

/** By Plotly: {draw(points, markers), turn(eye)}. */
function solidCube(Plotly, box, look, turned) {
  const place = () => {
    const far = Math.max(2.1, 2.8 * box.clientHeight / Math.max(1, box.clientWidth));  // in a narrow box the cube is as wide as it
    return {x: far * Math.cos(look.up) * Math.cos(look.round), y: far * Math.cos(look.up) * Math.sin(look.round), z: far * Math.sin(look.up)};
  };
  let listens = false;
  return {
    async draw(points, markers) {
      const style = getComputedStyle(box);
      const ink = style.color, line = style.getPropertyValue('--cube-line').trim(), edge = style.getPropertyValue('--cube-edge').trim();
      const axis = (name) => ({title: {text: name}, range: [-2, 257], tickvals: [0, 85, 170, 255], color: ink, gridcolor: line,
        zeroline: false, showspikes: false});
      const lines = {type: 'scatter3d', mode: 'lines', hoverinfo: 'skip', line: {color: edge, width: 2}, x: [], y: [], z: []};
      for (const [a, b] of edges) ['x', 'y', 'z'].forEach((d, i) => lines[d].push(a[i], b[i], null));
      const column = (i) => points.map((p) => p.rgb[i]);
      await Plotly.react(box, [lines,
        {type: 'scatter3d', mode: 'markers', x: column(0), y: column(1), z: column(2), text: points.map((p) => p.label ?? ''),
          marker: {size: sizes(points, 6), opacity: 1, color: points.map((p) => css(p.rgb)),
            line: {color: edge, width: points.length > 500 ? 0 : 1}},
          hovertemplate: '%{text}<br>red %{x:.0f}, green %{y:.0f}, blue %{z:.0f}<extra></extra>'},
        ...markers.map((m) => ({type: 'scatter3d', mode: 'markers', x: [m.rgb[0]], y: [m.rgb[1]], z: [m.rgb[2]],
          marker: {symbol: 'diamond', size: 9, color: named[m.kind][1], line: {color: '#fff', width: 2}},
          hovertemplate: `${named[m.kind][0]}<br>red %{x:.0f}, green %{y:.0f}, blue %{z:.0f}<extra></extra>`}))],
      {paper_bgcolor: 'rgba(0,0,0,0)', font: {color: ink, size: 12}, margin: {l: 0, r: 0, t: 0, b: 0}, showlegend: false,
        scene: {xaxis: axis('red'), yaxis: axis('green'), zaxis: axis('blue'), aspectmode: 'cube', dragmode: 'turntable',
          camera: {eye: place(), center: {x: 0, y: 0, z: -0.2}}}},
      {displaylogo: false, displayModeBar: false, responsive: true});
      if (listens) return;
      listens = true;
      box.on('plotly_relayout', (event) => {
        const eye = event['scene.camera']?.eye;
        if (!eye) return;
        look.round = Math.atan2(eye.y, eye.x);
        look.up = Math.asin(eye.z / Math.hypot(eye.x, eye.y, eye.z));
        turned();
      });
    },
    turn: () => Plotly.relayout(box, {'scene.camera.eye': place()}),
    remove: () => Plotly.purge(box),
  };
}

/** By hand on a canvas, without perspective: what is left without Plotly or WebGL. */
function flatCube(box, look, turned) {
  const canvas = h('canvas', {'aria-hidden': 'true'});
  box.append(canvas);
  let shown = [[], []];
  const paint = () => {
    const wide = box.clientWidth, high = box.clientHeight, scale = window.devicePixelRatio || 1;
    if (!wide || !high) return;
    canvas.width = wide * scale;
    canvas.height = high * scale;
    const context = canvas.getContext('2d');
    context.scale(scale, scale);
    const style = getComputedStyle(box);
    const size = Math.min(wide, high) / 1.9 / 255;
    const [cr, sr, cu, su] = [Math.cos(look.round), Math.sin(look.round), Math.cos(look.up), Math.sin(look.up)];
    const project = ([r, g, b]) => {
      const x = r - 127.5, y = g - 127.5, z = b - 127.5;
      return {x: wide / 2 + size * (cr * y - sr * x), y: high / 2 - size * (cu * z - su * (cr * x + sr * y)),
        near: cu * (cr * x + sr * y) + su * z};
    };
    context.strokeStyle = style.getPropertyValue('--cube-edge');
    for (const [a, b] of edges) {
      const from = project(a), to = project(b);
      context.beginPath();
      context.moveTo(from.x, from.y);
      context.lineTo(to.x, to.y);
      context.stroke();
    }
    context.fillStyle = style.color;
    context.font = '12px system-ui, sans-serif';
    context.textAlign = 'center';
    [['red', [275, 0, 0]], ['green', [0, 275, 0]], ['blue', [0, 0, 275]]].forEach(([name, at]) => {
      const {x, y} = project(at);
      context.fillText(name, x, y + 4);
    });
    const [points, markers] = shown, radii = sizes(points, 5);
    const all = [...points.map((p, i) => ({...project(p.rgb), colour: css(p.rgb), radius: radii[i] / 2})),
      ...markers.map((m) => ({...project(m.rgb), colour: named[m.kind][1], radius: 6, diamond: true}))];
    for (const p of all.sort((a, b) => a.near - b.near)) {
      context.fillStyle = p.colour;
      context.beginPath();
      if (p.diamond) {
        [[0, -1], [1, 0], [0, 1], [-1, 0]].forEach(([dx, dy]) => context.lineTo(p.x + p.radius * dx, p.y + p.radius * dy));
      } else {
        context.arc(p.x, p.y, p.radius, 0, 7);
      }
      context.closePath();
      context.fill();
      context.strokeStyle = p.diamond ? '#fff' : style.getPropertyValue('--cube-edge');
      if (p.diamond || points.length <= 500) context.stroke();
    }
  };
  let held = null;
  canvas.addEventListener('pointerdown', (event) => { held = event; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener('pointermove', (event) => {
    if (!held) return;
    look.round -= (event.clientX - held.clientX) / 120;
    look.up = Math.max(-1.5, Math.min(1.5, look.up + (event.clientY - held.clientY) / 120));
    held = event;
    paint();
    turned();
  });
  for (const end of ['pointerup', 'pointercancel']) canvas.addEventListener(end, () => { held = null; });
  return {
    draw: (points, markers) => { shown = [points, markers]; paint(); },
    turn: paint,
    remove: () => {},
  };
}

/** drawCube(element, points, markers, {label}) -> Promise of {draw(points, markers), remove(), solid}
 *
 * points: [{rgb: [0..255, 0..255, 0..255], weight: number or left out, label: 'shown when pointed at'}], drawn in their
 * own colour, their area as their weight (all alike without weights). markers: [{kind: 'reference' (orange), 'predicted'
 * (teal) or 'weighted' (black), rgb}], drawn as diamonds. The cube, its buttons and a key of the markers become the
 * element's only children; `draw` shows others in the same cube, seen from the same side; `remove` frees what the browser
 * holds for it (to be called when the element is given up). `solid` is false where there is no Plotly or no WebGL and the
 * cube is drawn flat; the page says so. */
export async function drawCube(element, points, markers = [], {label = 'Cube of colours'} = {}) {
  const look = {round: -0.85, up: 0.38};
  const box = h('div', {class: 'cube', tabindex: 0, role: 'group', 'aria-label': `${label}, turned with the arrow keys`});
  const tools = h('div', {class: 'row cube-tools'});
  const key = h('p', {class: 'row cube-key quiet'});
  element.replaceChildren(tools, box, key);
  const say = () => { box.dataset.look = `${look.round.toFixed(3)} ${look.up.toFixed(3)}`; };
  const Plotly = hasWebGl() ? await loadPlotly() : null;
  let cube = null;
  if (Plotly) {
    cube = solidCube(Plotly, box, look, say);
    try {
      await cube.draw(points, markers);
    } catch {
      cube = null;
      box.replaceChildren();
    }
  }
  const solid = cube !== null;
  cube ??= flatCube(box, look, say);
  const note = solid ? null : h('span', {}, Plotly ? 'This browser has no WebGL: drawn flat.' :
    'The program was built without plotly.js (no network then), or this browser has no WebGL: drawn flat.');
  const turn = ([round, up]) => {
    look.round += round;
    look.up = Math.max(-1.5, Math.min(1.5, look.up + up));
    cube.turn();
    say();
  };
  tools.append(...Object.values(turns).map((t) => h('button', {type: 'button', 'aria-label': t[3], onclick: () => turn(t)}, t[2])));
  box.addEventListener('keydown', (event) => {
    if (!turns[event.key]) return;
    event.preventDefault();
    turn(turns[event.key]);
  });
  const tellKey = (shown) => key.replaceChildren(...shown.map((m) => h('span', {class: `cube-mark ${m.kind}`}, named[m.kind][0])),
    ...(note ? [note] : []));
  if (!solid) cube.draw(points, markers);
  tellKey(markers);
  say();
  let shown = [points, markers];
  const scheme = window.matchMedia('(prefers-color-scheme: dark)');
  const again = () => cube.draw(...shown);
  scheme.addEventListener('change', again);
  const resized = new ResizeObserver(() => cube.turn());
  resized.observe(box);
  return {
    solid,
    remove() {
      scheme.removeEventListener('change', again);
      resized.disconnect();
      cube.remove();
    },
    async draw(others, marks = []) {
      shown = [others, marks];
      await cube.draw(others, marks);
      tellKey(marks);
    },
  };
}
