// @ts-check
// Footprints of tiles: as `rsh.data.places` writes them, and for a map as `rsh.gallery.footprints` finds them.

import { wrapped } from "./regions.js";

/** @import { Gallery } from "./gallery.js" */
/** @import { Point, Ring } from "./regions.js" */

const MOST = 2000; // footprints at once: more are too small to be seen

const POINT = "-?\\d+(?:\\.\\d+)? -?\\d+(?:\\.\\d+)?";
const RING = `\\(${POINT}(?:, ${POINT}){3,}\\)`;
const FOOTPRINT = new RegExp(`^(?:POLYGON \\(${RING}\\)|MULTIPOLYGON \\(\\(${RING}\\)(?:, \\(${RING}\\))*\\))$`);

/**
 * The outlines in a footprint, longitude and latitude, each with its first corner once more; none of anything else.
 * @param {unknown} text
 * @returns {Ring[]}
 */
export function parseRings(text) {
  if (typeof text !== "string" || !FOOTPRINT.test(text)) return [];
  return Array.from(text.matchAll(/\(([^()]+)\)/g), ([, ring]) =>
    ring.split(", ").map((point) => /** @type {Point} */ (point.split(" ").map(Number))),
  );
}

/**
 * The outlines of tiles within a view: where each ring begins and the number of all corners, and these corners.
 * @param {Gallery} gallery
 * @param {number[]} view west, south, east, north in degrees
 * @param {number} most how many tiles
 */
export async function footprintsIn(gallery, view, most = MOST) {
  const { store } = gallery;
  const [places, near] = await Promise.all(["positions", "near"].map((name) => store.whole(`data/${name}.bin`)));
  const order = new Uint32Array(near);
  const rows = rowsWithin(new Float32Array(places), view, gallery.manifest.reach).slice(0, most);
  await gallery.loadFullPacks("footprints", rows, order);
  const found = await Promise.all(rows.map((row) => gallery.packed("footprints", order[row])));
  const starts = [0];
  /** @type {number[]} */
  const corners = [];
  for (const bytes of found) {
    const [rings] = new Uint32Array(bytes, 0, 1);
    for (const count of new Uint32Array(bytes, 4, rings)) starts.push(starts[starts.length - 1] + count);
    for (const degrees of new Float32Array(bytes, 4 + 4 * rings)) corners.push(degrees);
  }
  return { starts: Int32Array.from(starts), corners: Float32Array.from(corners) };
}

/**
 * The rows of tiles whose center is in a view or near it, ascending.
 * @param {Float32Array} places longitude and latitude of each tile, degrees
 * @param {number[]} view
 * @param {number[]} reach half the width and height of a footprint, degrees
 */
function rowsWithin(places, [west, south, east, north], [width, height]) {
  const span = east < west ? (((east - west) % 360) + 360) % 360 : east - west;
  const middle = west + span / 2;
  const isWhole = span + 2 * width >= 360;
  const rows = [];
  for (let row = 0; row < places.length / 2; row++) {
    const [x, y] = [places[2 * row], places[2 * row + 1]];
    if (!(y >= south - height && y <= north + height)) continue;
    if (isWhole || Math.abs(wrapped(x - middle)) <= span / 2 + width) rows.push(row);
  }
  return rows;
}
