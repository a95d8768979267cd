// @ts-check
// Pairs of codes at most r bits apart. Of r + 1 parts of two such codes one is equal (multi-index hashing, Norouzi
// et al. 2012, https://doi.org/10.1109/CVPR.2012.6248043), so codes are compared with those that share a part.

import { bitCount } from "../scan.js";

/** Distinct codes, and the tiles that have each. */
export class DistinctCodes {
  /**
   * @param {Uint32Array} words of all tiles
   * @param {number} perCode
   * @param {Int32Array} rows in the order in which they stand for those with the same code
   */
  constructor(words, perCode, rows) {
    this.perCode = perCode;
    const number = new Int32Array(rows.length); // code of each place in `rows`
    const table = new Int32Array(2 ** Math.ceil(Math.log2(2 * rows.length + 1))).fill(-1);
    const last = table.length - 1;
    const first = [];
    for (let place = 0; place < rows.length; place++) {
      const start = rows[place] * perCode;
      let slot = hashOf(words, start, perCode) & last;
      while (table[slot] >= 0 && !same(words, first[table[slot]] * perCode, start, perCode)) slot = (slot + 1) & last;
      if (table[slot] < 0) {
        table[slot] = first.length;
        first.push(rows[place]);
      }
      number[place] = table[slot];
    }
    /** The first tile of each code. */
    this.rows = Int32Array.from(first);
    /** How many tiles have each code. */
    this.sizes = new Int32Array(first.length);
    for (const one of number) this.sizes[one] += 1;
    this.starts = startsOf(this.sizes);
    /** Tiles code by code. */
    this.tiles = new Int32Array(rows.length);
    const next = this.starts.slice();
    for (let place = 0; place < rows.length; place++) this.tiles[next[number[place]]++] = rows[place];
    /** Words of the distinct codes. */
    this.words = new Uint32Array(first.length * perCode);
    first.forEach((row, code) => {
      this.words.set(words.subarray(row * perCode, (row + 1) * perCode), code * perCode);
    });
  }

  get length() {
    return this.rows.length;
  }

  /**
   * @param {number} one
   * @param {number} other
   */
  distance(one, other) {
    let bits = 0;
    for (let word = 0; word < this.perCode; word++) {
      bits += bitCount(this.words[one * this.perCode + word] ^ this.words[other * this.perCode + word]);
    }
    return bits;
  }

  /** The tiles of a code. @param {number} code */
  members(code) {
    return this.tiles.subarray(this.starts[code], this.starts[code] + this.sizes[code]);
  }
}

/** How many words may still be compared. */
export class Budget {
  /** @param {number} words */
  constructor(words) {
    this.words = words;
  }

  /** @param {number} words @returns {boolean} whether they may be compared */
  spend(words) {
    this.words -= words;
    return this.words >= 0;
  }
}

/**
 * Find the pairs of distinct codes that are at most so many bits apart, each once.
 * @param {DistinctCodes} codes
 * @param {number} numBits
 * @param {number} radius
 * @param {Budget} budget
 * @param {(one: number, other: number) => void} take
 * @returns {boolean} whether the budget was enough; if not, no pair is taken
 */
export function nearPairs(codes, numBits, radius, budget, take) {
  if (!radius) return true;
  const every = new Int32Array(codes.length).map((_, place) => place);
  const whole = { members: every, starts: Int32Array.of(0, codes.length) };
  const masks = Array.from({ length: radius + 1 }, (_, part) => maskOf(codes.perCode, numBits, part, radius + 1));
  const parts = masks.map((mask) => bucketsOf(codes, mask));
  const work = parts.reduce((sum, part) => sum + pairsIn(part), 0);
  const isBrute = pairsIn(whole) <= work;
  if (!budget.spend(Math.min(pairsIn(whole), work) * codes.perCode)) return false;
  if (isBrute) takeWithin(codes, whole, radius, [], 0, take);
  else for (const [number, part] of parts.entries()) takeWithin(codes, part, radius, masks, number, take);
  return true;
}

/** @typedef {{ members: Int32Array, starts: Int32Array }} Buckets codes, bucket by bucket */

/**
 * @param {DistinctCodes} codes
 * @param {Buckets} buckets of the codes with an equal part
 * @param {number} radius
 * @param {Uint32Array[]} masks of the parts
 * @param {number} number of this part; a pair counts in the first that is equal
 * @param {(one: number, other: number) => void} take
 */
function takeWithin(codes, { members, starts }, radius, masks, number, take) {
  const { words, perCode } = codes;
  for (let bucket = 0; bucket + 1 < starts.length; bucket++) {
    const stop = starts[bucket + 1];
    for (let place = starts[bucket]; place < stop - 1; place++) {
      const one = members[place] * perCode;
      for (let other = place + 1; other < stop; other++) {
        const at = members[other] * perCode;
        let bits = 0;
        for (let word = 0; word < perCode && bits <= radius; word++)
          bits += bitCount(words[one + word] ^ words[at + word]);
        if (bits > radius) continue;
        if (!masks.length || isFirst(words, one, at, masks, number)) take(members[place], members[other]);
      }
    }
  }
}

/**
 * Whether a part is the first that two codes share; equal hashes alone do not tell.
 * @type {(words: Uint32Array, one: number, other: number, masks: Uint32Array[], number: number) => boolean}
 */
function isFirst(words, one, other, masks, number) {
  for (let part = 0; part < number; part++) if (shares(words, one, other, masks[part])) return false;
  return shares(words, one, other, masks[number]);
}

/** @type {(words: Uint32Array, one: number, other: number, mask: Uint32Array) => boolean} */
function shares(words, one, other, mask) {
  for (let word = 0; word < mask.length; word++)
    if ((words[one + word] ^ words[other + word]) & mask[word]) return false;
  return true;
}

/** @param {Buckets} buckets */
function pairsIn({ starts }) {
  let pairs = 0;
  for (let bucket = 0; bucket + 1 < starts.length; bucket++) {
    const size = starts[bucket + 1] - starts[bucket];
    pairs += (size * (size - 1)) / 2;
  }
  return pairs;
}

/**
 * The bits of a part of a code.
 * @param {number} perCode
 * @param {number} numBits
 * @param {number} part
 * @param {number} parts
 */
function maskOf(perCode, numBits, part, parts) {
  const bytes = new Uint8Array(perCode * 4);
  const [start, stop] = [part, part + 1].map((each) => Math.floor((each * numBits) / parts));
  for (let bit = start; bit < stop; bit++) bytes[bit >> 3] |= 128 >> (bit & 7);
  return new Uint32Array(bytes.buffer);
}

/**
 * Codes whose part has the same hash, together.
 * @param {DistinctCodes} codes
 * @param {Uint32Array} mask
 * @returns {Buckets}
 */
function bucketsOf({ words, perCode, length }, mask) {
  const sizes = new Int32Array(2 ** Math.ceil(Math.log2(2 * length + 1)));
  const last = sizes.length - 1;
  const slots = new Int32Array(length);
  for (let code = 0; code < length; code++) {
    slots[code] = hashOf(words, code * perCode, perCode, mask) & last;
    sizes[slots[code]] += 1;
  }
  const starts = startsOf(sizes);
  const next = starts.slice();
  const members = new Int32Array(length);
  for (let code = 0; code < length; code++) members[next[slots[code]]++] = code;
  return { members, starts };
}

/** @param {Int32Array} sizes */
function startsOf(sizes) {
  const starts = new Int32Array(sizes.length + 1);
  for (let place = 0; place < sizes.length; place++) starts[place + 1] = starts[place] + sizes[place];
  return starts;
}

/**
 * @param {Uint32Array} words
 * @param {number} start
 * @param {number} count
 * @param {Uint32Array} [mask]
 */
function hashOf(words, start, count, mask) {
  let hash = 0;
  for (let word = 0; word < count; word++) {
    hash = Math.imul(hash ^ (mask ? words[start + word] & mask[word] : words[start + word]), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash, 0x85ebca6b);
  return hash ^ (hash >>> 13);
}

/** @type {(words: Uint32Array, one: number, other: number, count: number) => boolean} */
function same(words, one, other, count) {
  for (let word = 0; word < count; word++) if (words[one + word] !== words[other + word]) return false;
  return true;
}
