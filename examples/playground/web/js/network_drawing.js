// SPDX-License-Identifier: MIT
// A small picture of a network: a column a layer, as tall as the layer is wide.
import {count, svg} from './dom.js';
import {kinds} from './network_rows.js';

export const sizes = (out) => (out.length === 3 ? `${out[0] > 1 ? `${out[0]} × ` : ''}${out[1]} × ${out[2]}` : count(out[0]));
export const product = (out) => out.reduce((a, b) => a * b, 1);

/** The layers that the server made of a row. */
export const madeOf = (told, row) => told?.layers?.filter((layer) => layer.row === row) ?? [];

const most = 9;  // dots in a column
const middle = 96;  // where the columns are centred
const labels = 196;

/** How many dots stand for so many values. */
const dots = (size) => (size <= 3 ? size : Math.min(most, Math.max(3, Math.round(Math.log2(size)))));

/** Where the dots of a column are, from the top; a gap in the middle says that there are more. */
function heights(size) {
  const n = dots(size);
  const gap = size > n ? 8 : 0;
  return Array.from({length: n}, (_, i) => middle + (i - (n - 1) / 2) * 16 + (i < n / 2 ? -gap : gap));
}

/** What of a column touches its neighbours. */
const touching = (column) => (column.image ? [middle - column.side / 2, middle + column.side / 2] : heights(column.size));

/** Half of its width. */
const reach = (column) => (column.image ? column.side / 2 + (Math.min(4, column.image[0]) - 1) * 2.5 : 0);

function picture(column, x) {
  if (!column.image) {
    const at = heights(column.size);
    const gone = column.kind === 'Dropout';
    return [at.map((y, i) => svg('circle', {cx: x, cy: y, r: 4.5,
      class: gone && i % 2 ? 'net-dot gone' : `net-dot ${column.place ?? ''}`})),
    column.size > at.length ? [-3, 0, 3].map((d) => svg('circle', {cx: x, cy: middle + d, r: 1, class: 'net-more'})) : []];
  }
  const [channels] = column.image;
  const sheets = Math.min(4, channels);
  const {side} = column;
  const parts = Array.from({length: sheets}, (_, i) => svg('rect', {x: x - side / 2 + (sheets - 1 - i) * 5 - (sheets - 1) * 2.5,
    y: middle - side / 2 - (sheets - 1 - i) * 5 + (sheets - 1) * 2.5, width: side, height: side, rx: 4,
    class: `net-sheet ${column.place ?? ''}`}));
  if (column.place === 'in') {  // it is made of pixels
    const lines = [1, 2, 3, 4, 5].map((i) => (i / 6 - 0.5) * side)
      .map((d) => `M${x + d} ${middle - side / 2}V${middle + side / 2}M${x - side / 2} ${middle + d}H${x + side / 2}`);
    if (sheets === 1) parts.push(svg('path', {d: lines.join(''), class: 'net-pixels'}));
  }
  return parts;
}

const shortKinds = {MaxPool: 'Max pool', AveragePool: 'Avg pool', BatchNorm: 'Batch norm', LayerNorm: 'Layer norm'};

/** The columns of the network that is composed; net is what network.js keeps of it. */
export function columnsOf({rows, plan, told, problem}) {
  const image = told.input.length === 3 ? told.input : null;
  const wrongRow = Number(/^layers\.(\d+)/.exec(problem?.kind ?? '')?.[1] ?? -1);
  let now = told.input;
  return [{size: product(told.input), image, title: image ? `${image[1]} × ${image[2]}` : sizes(told.input), kind: 'Input',
    detail: image && image[0] > 1 ? `${image[0]} channels` : '', place: 'in', row: null},
  ...rows.map((row, i) => {
    const made = madeOf(told, i);
    if (!problem && made.length) now = made.at(-1).out;
    else if (row.kind === 'Dense') now = [Number(row.size) || 1];
    return {size: product(now), image: now.length === 3 ? now : null,
      title: now.length === 3 ? `${now[1]} × ${now[2]}` : count(now[0]),
      kind: row.kind === 'Convolution' ? `Conv ${row.size}` : shortKinds[row.kind] ?? row.kind,
      detail: kinds[row.kind].activation && row.activation !== 'None' ? row.activation : '', row: i, wrong: wrongRow === i};
  }),
  {size: told.output, image: null, title: count(told.output), kind: 'Output',
    detail: plan.output_activation === 'None' ? '' : plan.output_activation, place: 'out', row: rows.length}];
}

/** columns: {size, image (channels, height, width) or null, title, detail, kind, place, row, wrong}. */
export function drawing(columns, width, {open = null, onpick = () => {}} = {}) {
  const step = Math.max(64, Math.min(210, width / columns.length));
  const total = Math.max(width, step * columns.length);
  const left = (total - step * columns.length) / 2 + step / 2;
  const largest = Math.max(1, ...columns.filter((c) => c.image).map((c) => c.image[1]));
  for (const column of columns) {
    if (column.image) column.side = Math.min(step - 24, 22 + 44 * Math.sqrt(column.image[1] / largest));
  }
  const picture_of = svg('svg', {width: total, height: 250, viewBox: `0 0 ${total} 250`, role: 'img', class: step < 90 ? 'net-svg narrow' : 'net-svg',
    'aria-label': `The network: ${columns.map((c) => [c.title, c.kind, c.detail].filter(Boolean).join(' ')).join(', then ')}`});
  columns.slice(1).forEach((column, i) => {
    const from = left + i * step, to = from + step;
    const away = reach(columns[i]), near = reach(column);
    const lines = touching(columns[i]).flatMap((a) => touching(column).map((b) => `M${from + away} ${a}L${to - near} ${b}`));
    picture_of.append(svg('path', {d: lines.join(''), class: 'net-lines'}));
  });
  columns.forEach((column, i) => {
    const x = left + i * step;
    const group = svg('g', {class: `net-column${open !== null && open === column.row ? ' open' : ''}${column.wrong ? ' faulty' : ''}`},
      svg('rect', {x: x - step / 2 + 4, y: 2, width: step - 8, height: 246, rx: 10, class: 'net-touch'}),
      picture(column, x),
      svg('text', {x, y: labels, class: 'net-size'}, column.title),
      svg('text', {x, y: labels + 18, class: 'net-kind'}, column.kind),
      svg('text', {x, y: labels + 35, class: 'net-detail'}, column.detail ?? ''));
    if (column.row !== null) group.addEventListener('click', () => onpick(column.row));
    else group.classList.add('fixed');
    picture_of.append(group);
  });
  return picture_of;
}
