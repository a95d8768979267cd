// @ts-check
// The geometry of a scatter plot: where data lies on the screen, and which point is near a place.

/** @import { Point } from "./types" */

/** @typedef {[left: number, bottom: number, right: number, top: number]} Box */

export const CELLS = 128; // a side of the picking grid
const MARGIN = 26; // CSS pixels around the fitted points
const WHOLE = 3; // places that fill more than a third of the map are shown on the whole Earth
const NARROWEST = 0.02; // degrees that the map shows at least when it opens, about 2 km
const DEEPEST = { map: 1e6, plot: 400 }; // as far as one can zoom in

export class ScatterView {
  /**
   * @param {Float32Array} xy pairs, NaN where a tile has no place
   * @param {boolean} world whether x and y are degrees of longitude and latitude
   */
  constructor(xy, world) {
    this.xy = xy;
    this.count = xy.length / 2;
    this.world = world;
    this.points = boundsOf(xy);
    this.bounds = world ? /** @type {Box} */ ([-180, -90, 180, 90]) : this.points;
    /** @type {Point} */
    this.size = [1, 1];
    this.zoom = 1;
    /** @type {Point} */
    this.center = this.middle;
    // Rows sorted by grid cell, so that picking looks at a few cells and not at every point.
    const { starts, sorted } = this.grid();
    this.starts = starts;
    this.sorted = sorted;
    this.reset();
  }

  /** Show all points; on the map the whole Earth with them, unless they are a small part of it. */
  reset() {
    const [left, bottom, right, top] = this.points;
    const closer = Math.min(360 / Math.max(right - left, NARROWEST), 180 / Math.max(top - bottom, NARROWEST)) * 0.8;
    this.zoom = this.world && closer > WHOLE ? closer : 1;
    this.center = this.zoom > 1 ? [(left + right) / 2, (bottom + top) / 2] : this.middle;
  }

  /** @returns {Point} */
  get middle() {
    const [left, bottom, right, top] = this.bounds;
    return [(left + right) / 2, (bottom + top) / 2];
  }

  /**
   * While the page is laid out, a plot may have no height yet: the scale must not be 0 or negative.
   * @type {(width: number, height: number) => void}
   */
  resize(width, height) {
    this.size = [Math.max(width, 1), Math.max(height, 1)];
  }

  // CSS pixels a data unit, the same both ways: distances in a plot must not be stretched.
  get scale() {
    const [left, bottom, right, top] = this.bounds;
    const margin = this.world ? 0 : 2 * MARGIN;
    const wide = Math.max(this.size[0] - margin, 1) / (right - left || 1);
    const high = Math.max(this.size[1] - margin, 1) / (top - bottom || 1);
    return Math.min(wide, high) * this.zoom;
  }

  /** @type {(x: number, y: number) => Point} */
  toScreen(x, y) {
    const { scale, center, size } = this;
    return [(x - center[0]) * scale + size[0] / 2, (center[1] - y) * scale + size[1] / 2];
  }

  /** @type {(x: number, y: number) => Point} */
  toData(x, y) {
    const { scale, center, size } = this;
    return [(x - size[0] / 2) / scale + center[0], center[1] - (y - size[1] / 2) / scale];
  }

  /** @param {number} row */
  pointOnScreen(row) {
    return this.toScreen(this.xy[2 * row], this.xy[2 * row + 1]);
  }

  /**
   * Whether there is a point of this row.
   * @param {number | null} row
   * @returns {row is number}
   */
  has(row) {
    return row !== null && row >= 0 && row < this.count && Number.isFinite(this.xy[2 * row]);
  }

  /**
   * Zoom, and keep the data point under (x, y) where it is.
   * @type {(factor: number, x?: number, y?: number) => void}
   */
  zoomBy(factor, x = this.size[0] / 2, y = this.size[1] / 2) {
    const before = this.toData(x, y);
    this.zoom = Math.min(Math.max(this.zoom * factor, 1), this.world ? DEEPEST.map : DEEPEST.plot);
    if (this.zoom === 1) {
      this.center = this.middle;
      return;
    }
    const after = this.toData(x, y);
    this.center = [this.center[0] + before[0] - after[0], this.center[1] + before[1] - after[1]];
    this.keepInside();
  }

  /** @type {(dx: number, dy: number) => void} */
  panBy(dx, dy) {
    const { scale } = this;
    this.center = [this.center[0] - dx / scale, this.center[1] + dy / scale];
    this.keepInside();
  }

  keepInside() {
    const [left, bottom, right, top] = this.bounds;
    // The world fills its frame: no sea beyond the map's edge.
    const [wide, high] = this.world ? this.size.map((side) => side / 2 / this.scale) : [0, 0];
    /** @type {(value: number, low: number, high: number) => number} */
    const clamp = (value, low, high) => (low > high ? (low + high) / 2 : Math.min(Math.max(value, low), high));
    this.center = [clamp(this.center[0], left + wide, right - wide), clamp(this.center[1], bottom + high, top - high)];
  }

  /** @returns {{ starts: Int32Array, sorted: Int32Array }} */
  grid() {
    const cells = new Int32Array(this.count).fill(-1);
    const starts = new Int32Array(CELLS * CELLS + 1);
    for (let row = 0; row < this.count; row++) {
      if (!this.has(row)) continue;
      cells[row] = this.cell(this.xy[2 * row], 0) + CELLS * this.cell(this.xy[2 * row + 1], 1);
      starts[cells[row] + 1]++;
    }
    for (let cell = 0; cell < CELLS * CELLS; cell++) starts[cell + 1] += starts[cell];
    const sorted = new Int32Array(starts[CELLS * CELLS]);
    const next = starts.slice();
    for (let row = 0; row < this.count; row++) if (cells[row] >= 0) sorted[next[cells[row]]++] = row;
    return { starts, sorted };
  }

  /**
   * The column (axis 0) or line (axis 1) of the grid that a value falls into.
   * @param {number} value
   * @param {0 | 1} axis
   */
  cell(value, axis) {
    const [low, high] = axis ? [this.points[1], this.points[3]] : [this.points[0], this.points[2]];
    return Math.min(Math.max(Math.floor(((value - low) / (high - low || 1)) * CELLS), 0), CELLS - 1);
  }

  /** About how many points are on the screen, whole cells counted. */
  numVisible() {
    const [left, top] = this.toData(0, 0);
    const [right, bottom] = this.toData(...this.size);
    const [first, last] = [this.cell(left, 0), this.cell(right, 0)];
    let sum = 0;
    for (let j = this.cell(bottom, 1); j <= this.cell(top, 1); j++) {
      sum += this.starts[last + CELLS * j + 1] - this.starts[first + CELLS * j];
    }
    return sum;
  }

  /**
   * The row nearest to a place on the screen within some pixels, or null.
   * @type {(x: number, y: number, reach: number) => number | null}
   */
  pick(x, y, reach) {
    const [dataX, dataY] = this.toData(x, y);
    const far = reach / this.scale;
    let best = null;
    let least = far * far;
    for (let j = this.cell(dataY - far, 1); j <= this.cell(dataY + far, 1); j++) {
      for (let i = this.cell(dataX - far, 0); i <= this.cell(dataX + far, 0); i++) {
        const cell = i + CELLS * j;
        for (let place = this.starts[cell]; place < this.starts[cell + 1]; place++) {
          const row = this.sorted[place];
          const distance = (this.xy[2 * row] - dataX) ** 2 + (this.xy[2 * row + 1] - dataY) ** 2;
          if (distance <= least) [best, least] = [row, distance];
        }
      }
    }
    return best;
  }

  /**
   * The nearest row up, down, left or right of another, or null; sideways counts double.
   * @type {(from: number, dx: number, dy: number) => number | null}
   */
  neighbor(from, dx, dy) {
    const [x, y] = [this.xy[2 * from], this.xy[2 * from + 1]];
    let best = null;
    let least = Infinity;
    for (let row = 0; row < this.count; row++) {
      const along = (this.xy[2 * row] - x) * dx + (this.xy[2 * row + 1] - y) * dy;
      const aside = Math.abs((this.xy[2 * row] - x) * dy - (this.xy[2 * row + 1] - y) * dx);
      const cost = along + 2 * aside;
      if (along > 0 && aside <= along && cost < least) [best, least] = [row, cost];
    }
    return best;
  }
}

/**
 * @param {Float32Array} xy
 * @returns {Box}
 */
function boundsOf(xy) {
  /** @type {Box} */
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (let place = 0; place < xy.length; place++) {
    const axis = place % 2;
    if (!Number.isFinite(xy[place])) continue;
    box[axis] = Math.min(box[axis], xy[place]);
    box[axis + 2] = Math.max(box[axis + 2], xy[place]);
  }
  return Number.isFinite(box[0]) ? box : [0, 0, 1, 1];
}
