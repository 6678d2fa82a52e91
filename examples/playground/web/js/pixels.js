// SPDX-License-Identifier: MIT
// From a drawing to what the network sees. A drawing is {width, height, channels, values}: channel after channel, 0 to 1.

/** The mean of what each of width x height pixels covers of a rectangle of the drawing (antialiasing). */
function shrink(drawing, {left, top, right, bottom}, width, height) {
  const values = new Float32Array(drawing.channels * width * height);
  const across = (right - left) / width, down = (bottom - top) / height;
  for (let y = 0; y < height; ++y) {
    const y0 = top + y * down, y1 = y0 + down;
    for (let x = 0; x < width; ++x) {
      const x0 = left + x * across, x1 = x0 + across;
      for (let c = 0; c < drawing.channels; ++c) {
        let sum = 0;
        for (let v = Math.floor(y0); v < Math.min(drawing.height, Math.ceil(y1)); ++v) {
          const high = Math.min(y1, v + 1) - Math.max(y0, v);
          for (let u = Math.floor(x0); u < Math.min(drawing.width, Math.ceil(x1)); ++u) {
            sum += drawing.values[(c * drawing.height + v) * drawing.width + u] * high * (Math.min(x1, u + 1) - Math.max(x0, u));
          }
        }
        values[(c * height + y) * width + x] = sum / (across * down);
      }
    }
  }
  return {width, height, channels: drawing.channels, values};
}

const whole = ({width, height}) => ({left: 0, top: 0, right: width, bottom: height});

/** What encloses all ink; null where there is none. */
export function inkBox({width, height, channels, values}, least = 0.04) {
  let left = width, top = height, right = 0, bottom = 0;
  for (let y = 0; y < height; ++y) {
    for (let x = 0; x < width; ++x) {
      for (let c = 0; c < channels; ++c) {
        if (values[(c * height + y) * width + x] <= least) continue;
        left = Math.min(left, x);
        right = Math.max(right, x + 1);
        top = Math.min(top, y);
        bottom = Math.max(bottom, y + 1);
        break;
      }
    }
  }
  return right > left ? {left, top, right, bottom} : null;
}

/** As it is, with fewer pixels. */
export const plain = (drawing, width, height) => shrink(drawing, whole(drawing), width, height);

/** As MNIST was made: what is drawn is scaled, antialiased, into a box of 20 x 20 (of 28 x 28), its proportions kept, and
 * put so that its centre of mass is in the middle. */
export function likeMnist(drawing, width, height) {
  const box = inkBox(drawing);
  const result = {width, height, channels: drawing.channels, values: new Float32Array(drawing.channels * width * height)};
  if (!box) return result;
  const across = box.right - box.left, down = box.bottom - box.top;
  const scale = Math.min((20 / 28) * width / across, (20 / 28) * height / down);
  const w = Math.max(1, Math.round(across * scale)), h = Math.max(1, Math.round(down * scale));
  const small = shrink(drawing, box, w, h);
  let mass = 0, massX = 0, massY = 0;
  for (let i = 0; i < small.values.length; ++i) {
    mass += small.values[i];
    massX += small.values[i] * (i % w + 0.5);
    massY += small.values[i] * (Math.floor(i / w) % h + 0.5);
  }
  const shift = (size, at, length) => Math.min(size - length, Math.max(0, Math.round(size / 2 - at)));
  const dx = shift(width, massX / mass, w), dy = shift(height, massY / mass, h);
  for (let c = 0; c < drawing.channels; ++c) {
    for (let y = 0; y < h; ++y) {
      for (let x = 0; x < w; ++x) {
        result.values[(c * height + y + dy) * width + x + dx] = small.values[(c * h + y) * w + x];
      }
    }
  }
  return result;
}

/** Bytes for the query, as base64. */
export function encode({values}) {
  let text = '';
  for (const value of values) text += String.fromCharCode(Math.round(255 * Math.min(1, Math.max(0, value))));
  return btoa(text);
}

/** Onto a canvas of as many pixels. */
export function paint(canvas, {width, height, channels, values}) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d');
  const image = context.createImageData(width, height);
  const area = width * height;
  for (let i = 0; i < area; ++i) {
    for (let c = 0; c < 3; ++c) image.data[4 * i + c] = Math.round(255 * values[(channels === 3 ? c : 0) * area + i]);
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

/** A canvas's content as a drawing of so many channels. */
export function read(canvas, channels) {
  const {width, height} = canvas;
  const {data} = canvas.getContext('2d', {willReadFrequently: true}).getImageData(0, 0, width, height);
  const area = width * height;
  const values = new Float32Array(channels * area);
  for (let i = 0; i < area; ++i) {
    for (let c = 0; c < channels; ++c) values[c * area + i] = data[4 * i + c] / 255;
  }
  return {width, height, channels, values};
}
