// @ts-check
// Two rankings of one query, compared as `rsh.analysis.compare_rankings` and `rsh.metrics.overlap` do it.

import { InputError } from "./errors.js";
import { NO_CLASS } from "./gallery.js";
import { averagePrecision, precisionAt } from "./scan.js";
import { rank } from "./search.js";

/** @import { Gallery } from "./gallery.js" */
/** @import { Counts } from "./scan.js" */

const CANNOT = 65535; // distance of tiles that cannot be found

/**
 * Where a list of the nearest tiles ends: all that are nearer than the last are in it, and of those as near as the
 * last a share, over all orders of ties.
 * @typedef {{ last: number, tied: number, places: number }} Cut
 */

/**
 * How many of the first tiles of two lists are the same.
 * @typedef {{ depth: number, expected: number, least: number, most: number }} Overlap
 */

/**
 * The results of one side, nearest first.
 * @typedef {object} SideResult
 * @property {Gallery} gallery
 * @property {number[]} rows
 * @property {number[]} distances
 * @property {(boolean | null)[]} relevant whether each tile has the query's class; null if one of both is unknown
 * @property {boolean[]} onlyHere whether the other side finds it in no order of its ties
 * @property {number | null} averagePrecision
 * @property {number | null} precision
 */

/**
 * Compare the nearest tiles of a tile in two galleries of the same tiles.
 * @param {Gallery[]} galleries two
 * @param {number} row of the query
 * @param {{ topK: number, includeHeldOut: boolean }} options
 * @throws {InputError} a gallery holds no tile that could be found
 */
export async function compareRankings(galleries, row, { topK: wanted, includeHeldOut }) {
  const far = galleries.map((gallery) => distancesOf(gallery, row, includeHeldOut));
  const can = galleries.map((gallery) => gallery.size - (includeHeldOut ? 0 : gallery.numHeldOut) - 1);
  const topK = Math.max(Math.min(wanted, ...can), 1);
  const [left, right] = far;
  const kept = new Uint8Array(left.length);
  let shared = 0;
  for (let tile = 0; tile < kept.length; tile++) {
    kept[tile] = left[tile] !== CANNOT && right[tile] !== CANNOT ? 1 : 0;
    shared += kept[tile];
  }
  const depth = Math.min(topK, shared);
  const cuts = far.map((each) => cutOf(each, kept, depth));
  const sides = await Promise.all(
    galleries.map((gallery, side) => {
      const byOther = (/** @type {number} */ tile) =>
        depth > 0 && kept[tile] === 1 && far[1 - side][tile] <= cuts[1 - side].last;
      return sideResult(gallery, row, far[side], byOther, topK);
    }),
  );
  return { topK, shared, overlap: depth ? overlapOf(far, kept, cuts, depth) : null, sides };
}

/**
 * Bits for each tile; CANNOT where it cannot be found.
 * @param {Gallery} gallery
 * @param {number} row
 * @param {boolean} includeHeldOut
 */
function distancesOf(gallery, row, includeHeldOut) {
  const far = gallery.distances(gallery.code(row));
  const { isHeldOut } = gallery;
  for (let tile = 0; tile < far.length; tile++) if (!includeHeldOut && isHeldOut[tile]) far[tile] = CANNOT;
  far[row] = CANNOT;
  if (!far.some((each) => each !== CANNOT)) {
    throw new InputError(`${gallery.manifest.name} holds no tile that could be found: encode more tiles`);
  }
  return far;
}

/**
 * @param {Uint16Array} far
 * @param {Uint8Array | null} kept the tiles that count; by default all that can be found
 * @param {number} depth
 * @returns {Cut}
 */
function cutOf(far, kept, depth) {
  const counts = new Int32Array(CANNOT + 1);
  for (let tile = 0; tile < far.length; tile++) if (!kept || kept[tile]) counts[far[tile]] += 1;
  let [last, nearer] = [0, 0];
  while (nearer + counts[last] < depth) nearer += counts[last++];
  return { last, tied: counts[last], places: depth - nearer };
}

/**
 * @param {Uint16Array[]} far
 * @param {Uint8Array} kept
 * @param {Cut[]} cuts
 * @param {number} depth
 * @returns {Overlap}
 */
function overlapOf(far, kept, cuts, depth) {
  const shares = cuts.map(({ places, tied }) => places / tied);
  const counts = new Int32Array(9); // by the two places of a tile: 0 in no list, 1 tied for its last places, 2 in it
  const [left, right] = far;
  const [{ last: leftEnd }, { last: rightEnd }] = cuts;
  const [leftLast, rightLast] = shares.map((share) => (share === 1 ? 2 : 1));
  for (let tile = 0; tile < kept.length; tile++) {
    if (!kept[tile]) continue;
    const place = left[tile] < leftEnd ? 2 : left[tile] === leftEnd ? leftLast : 0;
    counts[3 * place + (right[tile] < rightEnd ? 2 : right[tile] === rightEnd ? rightLast : 0)] += 1;
  }
  const [, , , , tiedInBoth, , , , shared] = counts;
  const certain = [counts[6] + counts[7] + counts[8], counts[2] + counts[5] + counts[8]];
  const tied = [counts[3] + counts[4] + counts[5], counts[1] + counts[4] + counts[7]];
  const tiedAndCertain = [counts[5], counts[7]];
  const expected =
    shared + tiedAndCertain[0] * shares[0] + tiedAndCertain[1] * shares[1] + tiedInBoth * shares[0] * shares[1];
  const places = certain.map((count) => depth - count); // left to the tied tiles
  // The most: places go to tiles certain in the other list, then to those tied in both.
  const given = places.map((count, side) => Math.min(count, tiedAndCertain[side]));
  const more = Math.min(tiedInBoth, ...places.map((count, side) => count - given[side]));
  // The least: places go to tiles that the other list does not hold, then to different tiles of those tied in both;
  // each place left after that adds one tile in common.
  const alone = tied.map((count, side) => count - tiedAndCertain[side] - tiedInBoth);
  const forced = places.reduce((sum, count, side) => sum + Math.max(count - alone[side], 0), 0);
  return {
    depth,
    expected: expected / depth,
    least: (shared + Math.max(forced - tiedInBoth, 0)) / depth,
    most: (shared + given[0] + given[1] + more) / depth,
  };
}

/**
 * @param {Gallery} gallery
 * @param {number} row of the query
 * @param {Uint16Array} far
 * @param {(tile: number) => boolean} byOther whether the other side finds a tile in any order of its ties
 * @param {number} topK
 * @returns {Promise<SideResult>}
 */
async function sideResult(gallery, row, far, byOther, topK) {
  const label = gallery.label(row);
  const reach = rowsWithin(far, cutOf(far, null, topK).last);
  const [own] = await gallery.softBits([row]);
  const weights = { bits: Float64Array.from(own), scale: gallery.manifest.soft_scale };
  const ranked = rank(gallery, gallery.all, reach, far, { weights, first: "distance" });
  const rows = Array.from(ranked.rows.subarray(0, topK));
  const relevant = rows.map((tile) => {
    const other = gallery.label(tile);
    return label === NO_CLASS || other === NO_CLASS ? null : other === label;
  });
  const judged = relevant.filter((each) => each !== null).length;
  const counts = countsOf(gallery, label, far);
  return {
    gallery,
    rows,
    distances: Array.from(ranked.distances.subarray(0, topK)),
    relevant,
    onlyHere: rows.map((tile) => !byOther(tile)),
    averagePrecision: averagePrecision(counts),
    precision: judged ? precisionAt(counts, judged) : null,
  };
}

/**
 * The rows at most so far away, ascending.
 * @param {Uint16Array} far
 * @param {number} last
 */
function rowsWithin(far, last) {
  const rows = [];
  for (let tile = 0; tile < far.length; tile++) if (far[tile] <= last) rows.push(tile);
  return Int32Array.from(rows);
}

/**
 * Counts by distance of the tiles with a class; none if the query has none.
 * @param {Gallery} gallery
 * @param {number} label
 * @param {Uint16Array} far
 * @returns {Counts}
 */
function countsOf(gallery, label, far) {
  const [items, relevant] = [new Int32Array(gallery.numBits + 1), new Int32Array(gallery.numBits + 1)];
  const { labels } = gallery;
  const size = gallery.classes.length;
  for (let tile = 0; tile < far.length && label !== NO_CLASS; tile++) {
    if (far[tile] === CANNOT || labels[tile] >= size) continue;
    items[far[tile]] += 1;
    if (labels[tile] === label) relevant[far[tile]] += 1;
  }
  return { items, relevant };
}
