// SPDX-License-Identifier: MIT
// Line charts as inline SVG: drawn at the size they have, read by pointer and by keys.
import {h, svg} from './dom.js';

const margin = {top: 10, right: 12, bottom: 40, left: 50};

/** About `wanted` round numbers from low to high. */
function linearTicks(low, high, wanted) {
  const rough = (high - low) / Math.max(1, wanted), power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((s) => s * power).find((s) => s >= rough * 0.999) ?? 10 * power;
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i) ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

/** Powers of ten, with 2 and 5 between them where there are few. */
function logTicks(low, high) {
  const decades = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); ++e) decades.push(10 ** e);
  const fine = decades.filter((t) => t >= low && t <= high).length < 3 ? [1, 2, 5] : [1];
  return decades.flatMap((t) => fine.map((f) => Number((f * t).toPrecision(6)))).filter((t) => t >= low * 0.999 && t <= high * 1.001);
}

/** A number with three significant digits. */
export const short = (y) => (y === null || y === undefined ? '–' : y === 0 ? '0' :
  Math.abs(y) >= 1e4 || Math.abs(y) < 1e-3 ? y.toExponential(1) : String(Number(y.toPrecision(3))));

/** lineChart({title, of: 'epoch', format, unit}): {element, update({series, xs: [first, last], marks, log, ys})}.
 * A series is {name, points: [[x, y or null]...]}; up to four, told apart by colour and by dashes. marks are vertical
 * lines, {x, text}. ys fixes the range of the values. */
export function lineChart({title, of, format = short, controls = null}) {
  const legend = h('div', {class: 'legend'});
  const plot = h('div', {class: 'plot', tabindex: 0, role: 'slider', 'aria-label': `${title}: values by ${of}`,
    'aria-valuemin': 0, 'aria-valuemax': 0, 'aria-valuenow': 0});
  const element = h('figure', {class: 'chart'},
    h('figcaption', {class: 'row'}, h('h3', {}, title), controls), legend, plot);
  let given = {series: [], xs: [0, 1], marks: [], log: false, ys: null};
  let cursor = null;  // an x that is pointed at
  let scale = null;

  const all = () => [...new Set(given.series.flatMap((s) => s.points.map(([x]) => x)))].sort((a, b) => a - b);
  const valueAt = (series, x) => series.points.find(([at]) => at === x)?.[1] ?? null;

  function read() {
    const xs = all(), x = cursor ?? xs.at(-1);
    legend.replaceChildren(...given.series.map((series, i) => h('span', {class: `key s${i + 1}`},
      svg('svg', {width: 22, height: 8, 'aria-hidden': 'true'}, svg('line', {x1: 1, x2: 21, y1: 4, y2: 4})),
      h('span', {}, series.name), h('b', {}, x === undefined ? '' : format(valueAt(series, x))))),
    h('span', {class: 'at quiet'}, x === undefined ? '' : `${of} ${x}`));
    plot.setAttribute('aria-valuemin', xs[0] ?? 0);
    plot.setAttribute('aria-valuemax', xs.at(-1) ?? 0);
    plot.setAttribute('aria-valuenow', x ?? 0);
    plot.setAttribute('aria-valuetext', x === undefined ? 'no values yet' :
      `${of} ${x}: ${given.series.map((s) => `${s.name} ${format(valueAt(s, x))}`).join(', ')}`);
  }

  function point() {
    plot.querySelector('.cursor')?.remove();
    if (cursor === null || !scale) return;
    const at = scale.x(cursor);
    plot.firstChild.append(svg('g', {class: 'cursor'},
      svg('line', {x1: at, x2: at, y1: margin.top, y2: scale.height - margin.bottom}),
      given.series.map((s, i) => {
        const y = valueAt(s, cursor);
        return y === null || (given.log && y <= 0) ? null : svg('circle', {class: `s${i + 1}`, cx: at, cy: scale.y(y), r: 4});
      })));
  }

  function draw() {
    const width = Math.max(160, plot.clientWidth), height = width < 420 ? 205 : 240;
    const drawn = (y) => y !== null && y !== undefined && Number.isFinite(y) && (!given.log || y > 0);
    const values = given.series.flatMap((s) => s.points.map(([, y]) => y)).filter(drawn);
    let [low, high] = given.ys ?? [Math.min(...values), Math.max(...values)];
    if (!values.length && !given.ys) [low, high] = given.log ? [0.01, 1] : [0, 1];
    if (given.log) {
      if (high / low < 2) [low, high] = [low / 1.5, high * 1.5];
    } else if (!given.ys) {
      if (low > 0) low = 0;
      if (high <= low) high = low + 1;
      high += 0.04 * (high - low);
    }
    const place = given.log ? Math.log10 : (y) => y;
    const [first, last] = given.xs, span = Math.max(1, last - first);
    scale = {height,
      x: (x) => margin.left + (x - first) / span * (width - margin.left - margin.right),
      y: (y) => height - margin.bottom - (place(y) - place(low)) / (place(high) - place(low)) * (height - margin.top - margin.bottom)};
    const yTicks = given.log ? logTicks(low, high) : linearTicks(low, high, 4);
    const xTicks = linearTicks(first, first + span, Math.min(span, Math.floor(width / 80))).filter(Number.isInteger);
    const path = (points) => {
      let text = '', pen = 'M';
      for (const [x, y] of points) {
        if (!drawn(y)) { pen = 'M'; continue; }
        text += `${pen}${scale.x(x).toFixed(1)} ${scale.y(y).toFixed(1)}`;
        pen = 'L';
      }
      return text;
    };
    plot.replaceChildren(svg('svg', {width, height, viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true'},
      svg('g', {class: 'gridlines'}, yTicks.map((y) => svg('line', {x1: margin.left, x2: width - margin.right, y1: scale.y(y), y2: scale.y(y)}))),
      svg('g', {class: 'ticks'},
        yTicks.map((y) => svg('text', {x: margin.left - 8, y: scale.y(y) + 4, 'text-anchor': 'end'}, format(y, true))),
        xTicks.map((x) => svg('text', {x: scale.x(x), y: height - 22, 'text-anchor': 'middle'}, String(x))),
        svg('text', {x: (margin.left + width - margin.right) / 2, y: height - 5, 'text-anchor': 'middle'}, of)),
      (given.marks ?? []).map((mark) => svg('g', {class: 'mark'},
        svg('line', {x1: scale.x(mark.x), x2: scale.x(mark.x), y1: margin.top, y2: height - margin.bottom}),
        svg('text', {x: scale.x(mark.x) + 5, y: margin.top + 10}, mark.text))),
      given.series.map((s, i) => svg('g', {class: `line s${i + 1}`}, svg('path', {d: path(s.points)}),
        s.points.length <= 12 ? s.points.filter(([, y]) => drawn(y)).map(([x, y]) =>
          svg('circle', {cx: scale.x(x), cy: scale.y(y), r: 2.5})) : null))));
    point();
    read();
  }

  function pointAt(x) {
    cursor = x;
    point();
    read();
  }
  plot.addEventListener('pointermove', (event) => {
    const xs = all();
    if (!xs.length || !scale) return;
    const at = event.clientX - plot.getBoundingClientRect().left;
    pointAt(xs.reduce((best, x) => (Math.abs(scale.x(x) - at) < Math.abs(scale.x(best) - at) ? x : best)));
  });
  plot.addEventListener('pointerleave', () => pointAt(null));
  plot.addEventListener('blur', () => pointAt(null));
  plot.addEventListener('keydown', (event) => {
    const xs = all(), at = cursor === null ? xs.length - 1 : xs.indexOf(cursor);
    const to = {ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, PageDown: at - 10, PageUp: at + 10,
      Home: 0, End: xs.length - 1}[event.key];
    if (to === undefined || !xs.length) return;
    event.preventDefault();
    pointAt(xs[Math.max(0, Math.min(xs.length - 1, to))]);
  });
  new ResizeObserver(() => { if (plot.isConnected && plot.clientWidth) draw(); }).observe(plot);

  return {element,
    update(next) {
      given = {...given, ...next};
      if (cursor !== null && !all().includes(cursor)) cursor = null;
      if (plot.isConnected) draw();
    }};
}
