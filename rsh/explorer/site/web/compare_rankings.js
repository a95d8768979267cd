// @ts-check
// Two rankings of one query, compared as `rsh.analysis.compare_rankings` and `rsh.metrics.overlap` do it.

import { InputError } from "./errors.js";
import { averagePrecision, countByDistance, precisionAt, RELEVANT, UNJUDGED } from "./scan.js";
import { placesWithin, rank, reachOf, sum } from "./search.js";

/** @import { Gallery } from "./gallery.js" */
/** @import { Counts } from "./scan.js" */

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
 * @property {(boolean | null)[]} relevant whether each tile has a label of the query; null if one of both has none
 * @property {boolean[]} onlyHere whether the other side finds it in no order of its ties
 * @property {number | null} averagePrecision
 * @property {number | null} precision
 */

/**
 * What a query sees in a gallery.
 * @typedef {object} Side
 * @property {Gallery} gallery
 * @property {Uint16Array} distances of all tiles
 * @property {Uint8Array} others the tiles that can be found, 1 each
 * @property {Record<"all" | "labeled", Counts>} counts of these tiles
 */

/**
 * Compare the nearest tiles of a tile in two galleries of the same tiles.
 * @param {Gallery[]} galleries two
 * @param {number} row of the query
 * @param {{ topK: number, includeHeldOut: boolean }} options
 * @throws {InputError} a gallery holds no tile that could be found
 */
export async function compareRankings(galleries, row, { topK: wanted, includeHeldOut }) {
  const sides = galleries.map((gallery) => sideOf(gallery, row, includeHeldOut));
  const [left, right] = sides;
  const can = galleries.map((gallery) => gallery.size - (includeHeldOut ? 0 : gallery.numHeldOut) - 1);
  const topK = Math.max(Math.min(wanted, ...can), 1);
  const kept = left.others.map((can, tile) => can & right.others[tile]);
  const counts = sides.map((side) => countsOf(side, kept, row).all);
  const shared = sum(counts[0].items);
  const depth = Math.min(topK, shared);
  const cuts = counts.map((each) => cutOf(each, depth));
  const byOther = (/** @type {number} */ side, /** @type {number} */ tile) =>
    depth > 0 && kept[tile] === 1 && sides[1 - side].distances[tile] <= cuts[1 - side].last;
  return {
    topK,
    shared,
    overlap: depth ? overlapOf([left.distances, right.distances], kept, cuts, depth) : null,
    sides: await Promise.all(sides.map((side, at) => sideResult(side, row, (tile) => byOther(at, tile), topK))),
  };
}

/**
 * @param {Gallery} gallery
 * @param {number} row
 * @param {boolean} includeHeldOut
 * @returns {Side}
 */
function sideOf(gallery, row, includeHeldOut) {
  const distances = gallery.distances(gallery.code(row)).slice(); // a search beside this one writes over them
  const others = gallery.isHeldOut.map((heldOut) => (includeHeldOut || !heldOut ? 1 : 0));
  others[row] = 0;
  if (!others.includes(1)) {
    throw new InputError(`${gallery.manifest.name} holds no tile that could be found: encode more tiles`);
  }
  return { gallery, distances, others, counts: countsOf({ gallery, distances }, others, row) };
}

/**
 * @param {Pick<Side, "gallery" | "distances">} side
 * @param {Uint8Array} others the tiles that count
 * @param {number} row of the query
 */
function countsOf({ gallery, distances }, others, row) {
  return countByDistance(distances, others, gallery.labelSets, gallery.verdicts(row), gallery.numBits);
}

/**
 * @param {Counts} counts
 * @param {number} depth
 * @returns {Cut}
 */
function cutOf({ items }, depth) {
  let [last, nearer] = [0, 0];
  while (nearer + items[last] < depth) nearer += items[last++];
  return { last, tied: items[last], places: depth - nearer };
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
 * @param {Side} side
 * @param {number} row of the query
 * @param {(tile: number) => boolean} byOther whether the other side finds a tile in any order of its ties
 * @param {number} topK
 * @returns {Promise<SideResult>}
 */
async function sideResult({ gallery, distances, others, counts }, row, byOther, topK) {
  const verdicts = gallery.verdicts(row);
  const within = placesWithin(others, distances, reachOf(counts.all, topK));
  const [own] = await gallery.softBits([row]);
  const weights = { bits: Float64Array.from(own), scale: gallery.manifest.soft_scale };
  const ranked = rank(gallery, gallery.all, within, distances, { weights, first: "distance" });
  const rows = Array.from(ranked.rows.subarray(0, topK));
  const relevant = rows.map((tile) => {
    const verdict = verdicts[gallery.labelSet(tile)];
    return !verdicts.includes(RELEVANT) || verdict === UNJUDGED ? null : verdict === RELEVANT;
  });
  const judged = relevant.filter((each) => each !== null).length;
  return {
    gallery,
    rows,
    distances: Array.from(ranked.distances.subarray(0, topK)),
    relevant,
    onlyHere: rows.map((tile) => !byOther(tile)),
    averagePrecision: averagePrecision(counts.labeled),
    precision: judged ? precisionAt(counts.labeled, judged) : null,
  };
}
