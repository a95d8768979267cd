// @ts-check
import { CELLS } from "./scatter_view.js";

/**
 * @import { Point } from "./types"
 * @import { ScatterView } from "./scatter_view.js"
 */

/**
 * The rows that lie inside a line drawn by hand, ascending. The line is closed, and where it crosses
 * itself what is enclosed twice lies outside.
 *
 * A cell of the view's grid that the line does not touch lies inside or outside as a whole: only the
 * points of the others are looked at one by one.
 * @param {ScatterView} view
 * @param {Point[]} points CSS pixels of the stage
 */
export function rowsInside(view, points) {
  const line = points.map(([x, y]) => view.toData(x, y));
  const xs = line.map(([x]) => view.cell(x, 0));
  const ys = line.map(([, y]) => view.cell(y, 1));
  const touched = new Uint8Array(CELLS * CELLS);
  line.forEach((_, here) => {
    const next = (here + 1) % line.length;
    for (let j = Math.min(ys[here], ys[next]); j <= Math.max(ys[here], ys[next]); j++) {
      touched.fill(1, Math.min(xs[here], xs[next]) + CELLS * j, Math.max(xs[here], xs[next]) + CELLS * j + 1);
    }
  });
  const rows = [];
  for (let j = Math.min(...ys); j <= Math.max(...ys); j++) {
    for (let i = Math.min(...xs); i <= Math.max(...xs); i++) {
      const cell = i + CELLS * j;
      const [start, end] = [view.starts[cell], view.starts[cell + 1]];
      // Cells at the border hold what lies beyond it, too: of no cell is its middle taken.
      const first = 2 * view.sorted[start];
      if (start === end || (!touched[cell] && !encloses(line, view.xy[first], view.xy[first + 1]))) continue;
      for (let place = start; place < end; place++) {
        const row = view.sorted[place];
        if (!touched[cell] || encloses(line, view.xy[2 * row], view.xy[2 * row + 1])) rows.push(row);
      }
    }
  }
  return Int32Array.from(rows).sort();
}

/**
 * Whether a ray from the point to the right crosses the closed line an odd number of times.
 * @type {(line: Point[], x: number, y: number) => boolean}
 */
function encloses(line, x, y) {
  let inside = false;
  let [lastX, lastY] = line[line.length - 1];
  for (const [nextX, nextY] of line) {
    if (nextY > y !== lastY > y && x < ((lastX - nextX) * (y - nextY)) / (lastY - nextY) + nextX) inside = !inside;
    [lastX, lastY] = [nextX, nextY];
  }
  return inside;
}

/**
 * A line drawn by hand with few corners: those that lie farthest from the straight line between others stay.
 * Source: Douglas and Peucker 1973.
 * @param {Point[]} points
 * @param {number} most corners
 */
export function simplified(points, most) {
  const kept = new Set([0, points.length - 1]);
  /** @type {[from: number, to: number][]} */
  const spans = [[0, points.length - 1]];
  /** @type {(from: number, to: number) => [place: number, far: number]} */
  const farthest = (from, to) => {
    const [[ax, ay], [bx, by]] = [points[from], points[to]];
    const length = Math.hypot(bx - ax, by - ay);
    let best = /** @type {[number, number]} */ ([-1, 0]);
    for (let place = from + 1; place < to; place++) {
      const [x, y] = points[place];
      const far = length ? Math.abs((bx - ax) * (ay - y) - (ax - x) * (by - ay)) / length : Math.hypot(x - ax, y - ay);
      if (far > best[1]) best = [place, far];
    }
    return best;
  };
  while (kept.size < most && spans.length) {
    const found = spans.map(([from, to]) => farthest(from, to));
    const widest = found.reduce((best, [, far], place) => (far > found[best][1] ? place : best), 0);
    const [place, far] = found[widest];
    if (place < 0 || far < 0.5) break;
    const [[from, to]] = spans.splice(widest, 1);
    spans.push([from, place], [place, to]);
    kept.add(place);
  }
  return [...kept].sort((a, b) => a - b).map((place) => points[place]);
}

/**
 * Two ascending lists of rows as one.
 * @param {Int32Array<ArrayBuffer>} rows
 * @param {Iterable<number>} others
 */
export function joined(rows, others) {
  return Int32Array.from(new Set([...rows, ...others])).sort();
}

/**
 * A list with one row added, or removed where it is there.
 * @param {Int32Array<ArrayBuffer>} rows
 * @param {number} row
 */
export function toggled(rows, row) {
  return rows.includes(row) ? rows.filter((other) => other !== row) : joined(rows, [row]);
}
