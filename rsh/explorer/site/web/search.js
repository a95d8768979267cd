// @ts-check
// A search as `rsh.search` does it: the same tiles, in the order (distance, -score, row), where the
// score is that of the query's soft bits. Python orders ties by features, which a site does not hold.

import { NO_ROW } from "./gallery.js";
import { codeOf, rowsOf, softBitsOf } from "./query.js";
import { bytesOf, countByDistance, countsOfScores, precisionAt, RELEVANT, UNJUDGED } from "./scan.js";

/** @import { Candidates } from "./candidates.js" */
/** @import { Counts } from "./scan.js" */
/** @import { Gallery } from "./gallery.js" */
/** @import { Query, SearchOptions } from "./types" */

export const RERANK_DEPTH = 100; // tiles that are re-ranked

/** Whole numbers, one a bit, and what they are multiples of. @typedef {{ bits: Float64Array, scale: number }} Weights */
/** @typedef {{ rows: Int32Array, distances: Uint16Array, scores: Float64Array | null, labelSets: Int32Array }} Ranked */

export class SearchResult {
  /**
   * @param {Gallery} gallery
   * @param {Query} query
   * @param {SearchOptions} options
   * @param {object} counted
   * @param {{ all: Counts, labeled: Counts }} counted.counts of all tiles that were compared with the query, found or
   *   not, and of those with a label
   * @param {number} counted.available how many of them can be found
   * @param {Ranked} ranked best first, with all that tie with the last of topK
   * @param {number} count how many of them are found
   */
  constructor(gallery, query, options, { counts, available }, ranked, count) {
    this.gallery = gallery;
    this.query = query;
    this.options = options;
    this.ranked = ranked;
    this.rows = ranked.rows.subarray(0, count);
    this.distances = ranked.distances.subarray(0, count);
    this.scores = ranked.scores?.subarray(0, count) ?? null;
    this.verdicts = gallery.verdicts(query.row);
    this.counts = counts.all;
    this.labeledCounts = counts.labeled;
    this.available = available;
    this.judged = Array.from(ranked.labelSets.subarray(0, count), (labelSet) => this.verdicts[labelSet]);
    this.classLeftOut = options.hasFilter && !this.counts.relevant.some(Boolean) && this.hasOthersRelevant();
    this.hasVerdicts = this.verdicts.includes(RELEVANT) && !this.classLeftOut;
    this.ties = tieGroups(this.scores ?? this.distances);
  }

  /** Whether a search without a filter could find another tile with a label of the query. */
  hasOthersRelevant() {
    const { gallery, options, query, verdicts } = this;
    const canFind = (/** @type {number} */ row) => options.includeHeldOut || !gallery.isHeldOut[row];
    return gallery.labelSets.some((each, row) => verdicts[each] === RELEVANT && row !== query.row && canFind(row));
  }

  /** What the tiles are ordered by. */
  get order() {
    return hasFeedback(this.query) ? "feedback" : this.options.order;
  }

  /**
   * Whether a tile has a label of the query; null if one of both has none.
   * @param {number} row
   */
  relevance(row) {
    const verdict = this.verdicts[this.gallery.labelSet(row)];
    return this.hasVerdicts && verdict !== UNJUDGED ? verdict === RELEVANT : null;
  }

  get numRelevant() {
    return this.hasVerdicts ? this.judged.filter((verdict) => verdict === RELEVANT).length : 0;
  }

  get numJudged() {
    return this.hasVerdicts ? this.judged.filter((verdict) => verdict !== UNJUDGED).length : 0;
  }

  /** How many tiles were compared with the query. */
  get numCompared() {
    return sum(this.counts.items);
  }

  get farthest() {
    return this.distances.reduce((most, far) => Math.max(most, far), -1);
  }

  /** Share of the judged tiles with a label of the query, the mean over all orders of ties. */
  get precision() {
    const { rows, scores, labelSets } = this.ranked;
    if (!scores || !this.numJudged) return this.precisionByBits;
    const verdicts = Array.from(labelSets, (labelSet) => this.verdicts[labelSet]);
    const known = Array.from(rows, (_, place) => place).filter((place) => verdicts[place] !== UNJUDGED);
    const counts = countsOfScores(
      known.map((place) => scores[place]),
      known.map((place) => verdicts[place] === RELEVANT),
    );
    return precisionAt(counts, this.numJudged);
  }

  get precisionByBits() {
    return this.numJudged ? precisionAt(this.labeledCounts, this.numJudged) : null;
  }

  /** How many tiles are as far as the last one, or have its score. */
  get tied() {
    const last = this.rows.length - 1;
    if (last < 0) return null;
    const { scores } = this.ranked;
    if (!scores) return this.counts.items[this.distances[last]];
    return scores.reduce((sum, score) => sum + (score === scores[last] ? 1 : 0), 0);
  }

  /** How many tiles tie for the last places, and how many places; null if all have one. */
  get cutoffTies() {
    const last = this.ties[this.ties.length - 1] ?? 0;
    const places = this.ties.reduce((sum, tie) => sum + (tie === last ? 1 : 0), 0);
    return this.tied && this.tied > places ? /** @type {const} */ ([this.tied, places]) : null;
  }

  /** How many tiles were ranked by a score; 0 if by distance alone. */
  get pool() {
    return this.ranked.scores ? this.ranked.rows.length : 0;
  }
}

/** @param {Query} query */
export const hasFeedback = (query) => query.positive.length + query.negative.length > 0;

/** @param {ArrayLike<number>} keys */
function tieGroups(keys) {
  const groups = new Int32Array(keys.length);
  for (let place = 1; place < keys.length; place++) {
    groups[place] = groups[place - 1] + (keys[place] === keys[place - 1] ? 0 : 1);
  }
  return groups;
}

/**
 * The tiles but the query that a search looks at, 1 each: not held out, unless these are included, and passing the
 * filter.
 * @param {Candidates} tiles
 * @param {Query} query
 * @param {SearchOptions} options
 */
function othersOf(tiles, query, { includeHeldOut, passes }) {
  const { isHeldOut, size } = tiles;
  const others = passes ? passes.slice() : new Uint8Array(size).fill(1);
  if (!includeHeldOut) for (let place = 0; place < size; place++) others[place] &= 1 - isHeldOut[place];
  if (query.row !== NO_ROW) without(tiles, [query.row], others);
  return others;
}

/**
 * Leave tiles out; how many were left out.
 * @param {Candidates} tiles
 * @param {readonly number[]} rows
 * @param {Uint8Array} others in which they become 0
 */
function without(tiles, rows, others) {
  const places = rows.map((row) => tiles.place(row)).filter((place) => place >= 0 && others[place]);
  for (const place of places) others[place] = 0;
  return places.length;
}

/**
 * Search with a tile or an image.
 * @param {Gallery} gallery
 * @param {Query} query
 * @param {SearchOptions} options
 * @returns {Promise<SearchResult>}
 */
export async function search(gallery, query, options) {
  const { positive, negative } = query;
  const given = [...positive, ...negative];
  const [own, plus, minus] = await Promise.all([
    softBitsOf(gallery, query),
    gallery.softBits([...positive]),
    gallery.softBits([...negative]),
    gallery.locate(rowsOf(query)),
  ]);
  const steered = hasFeedback(query);
  const { soft_scale: scale } = gallery.manifest;
  const weights = steered ? rocchio(own, plus, minus, scale) : { bits: Float64Array.from(own), scale };
  const code = codeOf(gallery, query);
  const isReranked = !steered && options.order !== "bits";
  const least = rowsOf(query).length + (isReranked ? Math.max(options.topK, RERANK_DEPTH) : options.topK);
  const { includeHeldOut } = options;
  const near = steered ? codeOfSigns(weights, code.length) : code;
  const tiles = await gallery.candidates(near, { least, includeHeldOut });
  const others = othersOf(tiles, query, options);
  const distances = tiles.scanner.scan(code);
  const { numBits } = gallery;
  const counts = countByDistance(distances, others, tiles.labelSets, gallery.verdicts(query.row), numBits);
  const available = sum(counts.all.items) - without(tiles, given, others);
  const topK = Math.min(options.topK, available);
  const counted = { counts, available };
  if (steered) {
    const best = bestOf(tiles, placesWithin(others, distances, numBits), weights, topK);
    const ranked = rank(gallery, tiles, best, distances, { weights, first: "score" });
    return new SearchResult(gallery, query, options, counted, ranked, topK);
  }
  const inRadius = options.radius !== null;
  const depth = options.order === "bits" ? topK : Math.min(Math.max(topK, RERANK_DEPTH), available);
  const within = placesWithin(others, distances, options.radius ?? reachOf(counts.all, depth));
  const first = options.order === "bits" ? "distance" : options.order;
  const ranked = rank(gallery, tiles, within, distances, { weights, first, code });
  const count = inRadius ? within.length : topK;
  return new SearchResult(gallery, query, options, counted, ranked, count);
}

/** @param {Int32Array} numbers */
export const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/**
 * The places of the tiles at most so far away, ascending.
 * @param {Uint8Array} others which tiles count, 1 each
 * @param {Uint16Array} distances
 * @param {number} reach
 */
export function placesWithin(others, distances, reach) {
  const places = [];
  for (let place = 0; place < others.length; place++) {
    if (others[place] && distances[place] <= reach) places.push(place);
  }
  return Int32Array.from(places);
}

/**
 * The distance within which there are at least `depth` tiles.
 * @param {Counts} counts
 * @param {number} depth
 */
export function reachOf({ items }, depth) {
  let reach = 0;
  for (let found = items[0]; found < depth && reach < items.length - 1; ) found += items[++reach];
  return reach;
}

/**
 * Tiles with the highest scores, and all that tie with the last of them; so few that they are quickly sorted.
 * @param {Candidates} tiles
 * @param {Int32Array} places
 * @param {Weights} weights
 * @param {number} topK
 */
function bestOf(tiles, places, weights, topK) {
  const scores = scoreAll(tiles, places, weights);
  const best = new Float64Array(topK).fill(-Infinity); // ascending
  for (const score of scores) {
    if (score <= best[0]) continue;
    let place = 1;
    for (; place < topK && best[place] < score; place++) best[place - 1] = best[place];
    best[place - 1] = score;
  }
  return places.filter((_, at) => scores[at] >= best[0]);
}

/**
 * Sort tiles by distance or by a score; then by the query's soft bits, by distance, and by row.
 * @param {Gallery} gallery
 * @param {Candidates} tiles
 * @param {Int32Array} places of those to sort
 * @param {Uint16Array} distances of all candidates
 * @param {{ weights: Weights, first: string, code?: Uint32Array }} by code of the query, to order by a part of it
 * @returns {Ranked}
 */
export function rank(gallery, tiles, places, distances, { weights, first, code }) {
  const soft = scoreAll(tiles, places, weights);
  /** @type {Float64Array | null} */
  let scores = null;
  if (first === "score" || first === "asymmetric") scores = soft;
  else if (code && first !== "distance") scores = scoreParts(gallery, tiles, places, code, first);
  const rows = Int32Array.from(places, (place) => tiles.row(place));
  const order = Array.from(places, (_, at) => at);
  const far = (/** @type {number} */ at) => distances[places[at]];
  order.sort((one, other) => {
    const byScore = scores ? scores[other] - scores[one] : far(one) - far(other);
    return byScore || soft[other] - soft[one] || far(one) - far(other) || rows[one] - rows[other];
  });
  return {
    rows: Int32Array.from(order, (at) => rows[at]),
    distances: Uint16Array.from(order, far),
    scores: scores && Float64Array.from(order, (at) => /** @type {Float64Array} */ (scores)[at]),
    labelSets: Int32Array.from(order, (at) => tiles.labelSets[places[at]]),
  };
}

/**
 * The mean over the bits of weight times sign, -1 to 1; equal codes have equal scores.
 * @param {Candidates} tiles
 * @param {Int32Array} places
 * @param {Weights} weights
 */
function scoreAll({ scanner }, places, { bits, scale }) {
  const bytes = scanner.perCode * 4;
  const tables = new Float64Array(bytes * 256);
  for (let byte = 0; byte < bytes; byte++) {
    for (let value = 0; value < 256; value++) {
      let sum = 0;
      for (let bit = 0; bit < 8; bit++) sum += (bits[byte * 8 + bit] ?? 0) * ((value >> (7 - bit)) & 1 ? 1 : -1);
      tables[byte * 256 + value] = sum;
    }
  }
  const codes = new Uint8Array(scanner.words.buffer);
  const scores = new Float64Array(places.length);
  for (let at = 0; at < places.length; at++) {
    const start = places[at] * bytes;
    let sum = 0;
    for (let byte = 0; byte < bytes; byte++) sum += tables[byte * 256 + codes[start + byte]];
    scores[at] = sum / (bits.length * scale);
  }
  return scores;
}

/**
 * The share of bits of a part that agree with the query less the share that differ.
 * @param {Gallery} gallery
 * @param {Candidates} tiles
 * @param {Int32Array} places
 * @param {Uint32Array} words of the query's code
 * @param {string} part "class-bits" or "look-bits"
 */
function scoreParts(gallery, tiles, places, words, part) {
  const { num_bits: bits, look_bits: look } = gallery.manifest;
  const [start, stop] = part === "look-bits" ? [bits - look, bits] : [0, bits - look];
  const signs = new Float64Array(bits);
  const code = bytesOf(words);
  for (let bit = start; bit < stop; bit++) signs[bit] = (code[bit >> 3] >> (7 - (bit & 7))) & 1 ? 1 : -1;
  return scoreAll(tiles, places, { bits: signs, scale: (stop - start) / bits });
}

/**
 * Tiles marked + and - move the query, see `rsh.search.feedback`. All parts are brought to one denominator, so that
 * scores are whole numbers and equal ones are exactly equal.
 * @param {Int8Array} own
 * @param {Int8Array[]} positive
 * @param {Int8Array[]} negative
 * @param {number} softScale of all
 * @returns {Weights}
 */
function rocchio(own, positive, negative, softScale) {
  const [plus, minus] = [Math.max(positive.length, 1), Math.max(negative.length, 1)];
  const sum = (/** @type {Int8Array[]} */ codes, /** @type {number} */ bit) =>
    codes.reduce((total, code) => total + code[bit], 0);
  const bits = Float64Array.from(
    own,
    (value, bit) => 4 * plus * minus * value + 4 * minus * sum(positive, bit) - 3 * plus * sum(negative, bit),
  );
  const total = 1 + (positive.length ? 1 : 0) + (negative.length ? 0.75 : 0);
  return { bits, scale: total * 4 * plus * minus * softScale };
}

/**
 * The code of the signs of weights.
 * @param {Weights} weights
 * @param {number} words
 */
function codeOfSigns({ bits }, words) {
  const bytes = new Uint8Array(4 * words);
  bits.forEach((weight, bit) => {
    if (weight >= 0) bytes[bit >> 3] |= 128 >> (bit & 7);
  });
  return new Uint32Array(bytes.buffer);
}
