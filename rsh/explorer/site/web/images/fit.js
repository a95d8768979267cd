// @ts-check
// The center square of an image, resized as Pillow does it: the same numbers as `rsh.data.decoded.decode_tile`.
// Source: ImageOps.fit of Pillow, and its src/libImaging/Resample.c: bicubic, antialiased, in whole numbers.

const SUPPORT = 2; // pixels on each side that a bicubic filter reads
const SLOPE = -0.5; // of the filter
const SCALE = 2 ** 22; // weights are multiples of its inverse
const CHANNELS = 3;

/** Pixels, four bytes each, of which the last is not read. @typedef {{ data: Uint8ClampedArray, width: number, height: number }} Pixels */
/** Which pixels one result is made of, and their weights. @typedef {{ first: number, weights: Int32Array }} Taps */

/** One channel: its first number, and how far the next ones lie in a row and in a column. @typedef {{ data: Uint8Array | Uint8ClampedArray, first: number, across: number, down: number }} Plane */

/**
 * The center square of an image, resized.
 * @param {Pixels} pixels
 * @param {number} side of the square, pixels
 * @returns {Uint8Array} (3, side, side)
 */
export function fitSquare({ data, width, height }, side) {
  const shortest = Math.min(width, height);
  const [columns, rows] = [width, height].map((length) => tapsOf(length, (length - shortest) / 2, shortest, side));
  const rowsFirst = height - shortest <= Math.abs(shortest - side); // so Pillow 13 rounds in tall images
  const planes = new Uint8Array(CHANNELS * side * side);
  for (let channel = 0, at = 0; channel < CHANNELS; channel++) {
    const plane = { data, first: channel, across: 4, down: 4 * width };
    const small = rowsFirst ? resize(plane, columns, rows) : turned(resize(turned(plane), rows, columns));
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) planes[at++] = small.data[x * small.across + y * small.down];
    }
  }
  return planes;
}

/** The same with rows for columns. @type {(plane: Plane) => Plane} */
const turned = ({ across, down, ...plane }) => ({ ...plane, across: down, down: across });

/**
 * Resize a plane along its rows, and then along its columns.
 * @param {Plane} plane
 * @param {Taps[]} columns
 * @param {Taps[]} rows
 */
function resize(plane, columns, rows) {
  const last = rows[rows.length - 1];
  const narrow = resizeRows(plane, columns, rows[0].first, last.first + last.weights.length);
  return turned(resizeRows(turned(narrow), rows, 0, columns.length));
}

/**
 * Which pixels of a line each result is made of.
 * @param {number} length of the line
 * @param {number} offset where the part begins that is resized
 * @param {number} extent of this part
 * @param {number} count of results
 * @returns {Taps[]}
 */
function tapsOf(length, offset, extent, count) {
  const start = Math.fround(offset); // Pillow's box has numbers of 32 bits
  const scale = Math.fround(Math.fround(offset + extent) - start) / count;
  const stretch = Math.max(scale, 1);
  return Array.from({ length: count }, (_, number) => {
    const center = start + (number + 0.5) * scale;
    const first = Math.max(Math.trunc(center - SUPPORT * stretch + 0.5), 0);
    const stop = Math.min(Math.trunc(center + SUPPORT * stretch + 0.5), length);
    const weights = Array.from({ length: stop - first }, (_, at) =>
      bicubic((at + first - center + 0.5) * (1 / stretch)),
    );
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: Int32Array.from(weights, (weight) => roundAway((weight / sum) * SCALE)) };
  });
}

/** @param {number} at pixels from the center */
function bicubic(at) {
  const x = Math.abs(at);
  if (x < 1) return ((SLOPE + 2) * x - (SLOPE + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * SLOPE : 0;
}

/** A half is rounded away from 0. @param {number} value */
const roundAway = (value) => Math.trunc(value < 0 ? value - 0.5 : value + 0.5);

/**
 * Resize some rows of a plane.
 * @param {Plane} plane
 * @param {Taps[]} taps
 * @param {number} start the first row
 * @param {number} stop the last one + 1
 * @returns {Plane} of these rows, with their numbers
 */
function resizeRows({ data, first: origin, across, down }, taps, start, stop) {
  const count = taps.length;
  const resized = new Uint8Array(count * (stop - start));
  for (let row = start, at = 0; row < stop; row++) {
    for (const { first, weights } of taps) {
      let sum = SCALE / 2;
      for (let tap = 0, from = origin + row * down + first * across; tap < weights.length; tap++, from += across) {
        sum += data[from] * weights[tap];
      }
      resized[at++] = Math.min(Math.max(Math.floor(sum / SCALE), 0), 255);
    }
  }
  return { data: resized, first: -start * count, across: 1, down: count };
}
