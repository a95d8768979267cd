// @ts-check
// All points of a scatter plot, drawn by our own hand into the memory of a canvas: small discs with
// soft edges, mixed with what lies below. That takes 2 ms for 20,000 points and 7 ms for 100,000,
// where as many calls of the canvas take 50 times that, and WebGL without a graphics card 10 times. A
// million is drawn in slices, frame by frame. Rows are shuffled by a hash of their ids, so that any
// slice is a fair sample, and no class lies over another because it comes later.
import { contextOf } from "./palette.js";

/**
 * @import { DotColoring } from "./types"
 * @import { ScatterView } from "./scatter_view.js"
 */

/**
 * @typedef {object} Pass
 * @property {Int32Array | null} rows which to draw, or null for all
 * @property {number} [from] of those the ones with a value from this on
 * @property {number} [to] and below this; without both, any value
 * @property {number} radius CSS pixels
 * @property {number} alpha 0 to 1
 * @property {number | null} edge pixel color of a thin line around each dot, or null
 * @property {number} [color] pixel color of all; without, that of their values
 */

/** @typedef {{ offsets: Int32Array, covers: Int32Array }} Mask */
/** @typedef {Pass & { step: number, count: number, mask: Mask, around: Mask | null }} Started */
/** @typedef {{ values: Uint8Array | Uint16Array, table: Uint32Array }} Values */
/** @typedef {{ ratio: number, margin: number, image: ImageData, pixels: Uint32Array }} Memory */
/** @typedef {Values & Memory & { view: ScatterView }} Canvas */

const BATCH = 8192; // points between two looks at the clock
const EDGE = 0.7; // CSS pixels of a thin line around a dot
const RING = 1.2; // CSS pixels of that around a selected one

/**
 * The radius of a dot, CSS pixels: many on the screen are small, and grow as one zooms in.
 * @param {number} count how many are on the screen
 */
export function dotRadius(count) {
  return Math.min(Math.max(4 - Math.log10(Math.max(count, 1) / 500), 1), 5);
}

/**
 * A disc, or a ring from `inner` on, as offsets into the memory of a canvas and how much of each pixel
 * it covers, 0 to 256.
 * @param {number} radius
 * @param {number} width of the canvas, pixels
 * @param {number} alpha
 * @param {number} inner
 * @returns {Mask}
 */
function maskOf(radius, width, alpha, inner = 0) {
  const reach = Math.ceil(radius + 0.5);
  const offsets = [];
  const covers = [];
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const [far, near] = [radius, inner].map((edge) => Math.min(Math.max(edge + 0.5 - Math.hypot(dx, dy), 0), 1));
      const cover = Math.round((inner ? far - near : far) * alpha * 256);
      if (cover < 8) continue;
      offsets.push(dy * width + dx);
      covers.push(cover);
    }
  }
  return { offsets: Int32Array.from(offsets), covers: Int32Array.from(covers) };
}

/**
 * Mix a mask of one color into the pixels. Red and blue are mixed in one multiplication, green in
 * another; all pixels stay opaque.
 * @param {Uint32Array} pixels
 * @param {number} at
 * @param {Mask} mask
 * @param {number} color
 */
function stamp(pixels, at, { offsets, covers }, color) {
  const [redBlue, green] = [color & 0xff00ff, color & 0xff00];
  for (let place = 0; place < offsets.length; place++) {
    const [there, cover] = [at + offsets[place], covers[place]];
    const [oldRedBlue, oldGreen] = [pixels[there] & 0xff00ff, pixels[there] & 0xff00];
    pixels[there] =
      0xff000000 |
      ((oldRedBlue + (Math.imul(redBlue - oldRedBlue, cover) >>> 8)) & 0xff00ff) |
      ((oldGreen + (Math.imul(green - oldGreen, cover) >>> 8)) & 0xff00);
  }
}

export class Dots {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.ctx = contextOf(canvas, { willReadFrequently: true });
    /** @type {Started[]} */
    this.passes = [];
    /** @type {Canvas | null} */
    this.canvas = null;
  }

  /**
   * Begin an image.
   * @param {ScatterView} view
   * @param {Values} values of all rows, and the pixel color of each value
   * @param {Pass[]} passes in the order in which they are drawn
   * @param {number} ratio device pixels a CSS pixel
   * @param {(ctx: CanvasRenderingContext2D) => void} ground paints what lies below, in CSS pixels
   */
  start(view, { values, table }, passes, ratio, ground) {
    const { ctx } = this;
    const reach = Math.max(...passes.map(({ radius }) => radius), 1) + RING;
    const margin = Math.ceil(reach * ratio) + 2; // so that dots at the border need no cutting
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ground(ctx);
    const image = ctx.getImageData(-margin, -margin, ctx.canvas.width + 2 * margin, ctx.canvas.height + 2 * margin);
    const { width } = image;
    this.canvas = { view, values, table, ratio, margin, image, pixels: new Uint32Array(image.data.buffer) };
    this.passes = passes.map((pass) => ({
      ...pass,
      step: 0,
      count: pass.rows?.length ?? view.count,
      mask: maskOf(pass.radius * ratio, width, pass.alpha),
      around:
        pass.edge === null ? null : maskOf((pass.radius + EDGE) * ratio, width, pass.alpha * 0.6, pass.radius * ratio),
    }));
  }

  /**
   * Draw on until a moment of performance.now(), and show it.
   * @param {number} until
   * @returns {boolean} whether all is drawn
   */
  advance(until) {
    if (!this.canvas) return true;
    while (this.passes.length) {
      const pass = this.passes[0];
      const end = Math.min(pass.step + BATCH, pass.count);
      draw(this.canvas, pass, pass.step, end);
      pass.step = end;
      if (end === pass.count) this.passes.shift();
      if (performance.now() > until) break;
    }
    const { image, margin } = this.canvas;
    const { width, height } = this.ctx.canvas;
    this.ctx.putImageData(image, -margin, -margin, margin, margin, width, height);
    if (this.passes.length) return false;
    this.canvas = null;
    return true;
  }
}

/**
 * @param {Canvas} canvas
 * @param {Started} pass
 * @param {number} start
 * @param {number} end
 */
function draw({ view, values, table, ratio, margin, image, pixels }, pass, start, end) {
  const { rows, from = 0, to = Infinity, mask, around, edge, color } = pass;
  const { xy, scale, center, size } = view;
  const { width } = image;
  const [right, bottom] = [size[0] * ratio + 1, size[1] * ratio + 1];
  const grow = scale * ratio;
  const [shiftX, shiftY] = [(size[0] / 2) * ratio - center[0] * grow, (size[1] / 2) * ratio + center[1] * grow];
  for (let step = start; step < end; step++) {
    const row = rows ? rows[step] : step;
    const x = xy[2 * row] * grow + shiftX;
    const y = shiftY - xy[2 * row + 1] * grow;
    // Written so that NaN, a tile without a place, fails it.
    if (!(x > -1 && y > -1 && x < right && y < bottom)) continue;
    const value = values[row];
    if (value < from || value >= to) continue;
    const at = (Math.round(y) + margin) * width + Math.round(x) + margin;
    stamp(pixels, at, mask, color ?? table[value]);
    if (around && edge !== null) stamp(pixels, at, around, edge);
  }
}

/**
 * The passes of an image.
 * @param {DotColoring} coloring
 * @param {object} how
 * @param {number | null} how.only a value to highlight, or null
 * @param {Int32Array} how.selected rows
 * @param {number} how.radius
 * @param {boolean} how.world
 * @param {number | null} how.edge
 * @param {number} how.outline pixel color of the ring around selected dots
 * @returns {Pass[]}
 */
export function passesOf({ layers, ends, num_values: missing }, { only, selected, radius, world, edge, outline }) {
  const dim = only !== null || selected.length > 0;
  // Values on a scale are read by their shade, so that they must not mix with what is below.
  const full = ends.length ? 0.9 : world ? 0.65 : 0.45;
  /** @type {Pass[]} */
  const all = layers.map(([from, to]) => {
    const unknown = from === missing;
    const alpha = dim ? (world ? 0.16 : 0.1) : unknown ? 0.35 : full;
    return {
      rows: null,
      from,
      to,
      radius: unknown ? radius * 0.85 : radius,
      alpha,
      edge: dim || unknown || ends.length ? null : edge,
    };
  });
  if (only !== null) all.push({ rows: null, from: only, to: only + 1, radius, alpha: 0.95, edge });
  if (selected.length) {
    // All outlines first and all dots after: a crowd gets one outline, and keeps its colors.
    all.push({ rows: selected, radius: radius + RING, alpha: 1, edge: null, color: outline });
    all.push({ rows: selected, radius, alpha: 1, edge: null });
  }
  return all;
}
