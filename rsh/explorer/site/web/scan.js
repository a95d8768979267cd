// @ts-check
// Hamming distances of packed codes, and counts by distance.

// What a query makes of a label set.
export const OTHER = 0;
export const RELEVANT = 1; // it shares a label with the query's
export const UNJUDGED = 2; // it has no label

const PAGE = 65536; // bytes by which the memory of WebAssembly grows

/**
 * How many bits of a word of 32 bits are 1.
 * @param {number} word
 */
export function bitCount(word) {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return (((bits + (bits >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}

/** The bytes of the words of a code. @param {Uint32Array} code */
export const bytesOf = (code) => new Uint8Array(code.buffer, code.byteOffset, code.byteLength);

/**
 * The loops of scan.wat, with addresses in bytes; null where the browser or the host forbids WebAssembly.
 * @typedef {object} CompiledScan
 * @property {WebAssembly.Memory} memory
 * @property {(code: number, stop: number, query: number, distance: number) => void} scan64
 * @property {(code: number, stop: number, query: number, distance: number, size: number) => void} scan
 */

/** @returns {CompiledScan | null} */
export function compileScan() {
  try {
    const bytes = Uint8Array.from(atob(COMPILED_SCAN), (letter) => letter.charCodeAt(0));
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
    return /** @type {CompiledScan} */ (/** @type {unknown} */ (exports));
  } catch {
    return null;
  }
}

/** Codes in memory, which are compared with one at a time. */
export class CodeScanner {
  /**
   * @param {number} perCode words of a code
   * @param {CompiledScan | null} compiled
   */
  constructor(perCode, compiled = compileScan()) {
    this.perCode = perCode;
    this.compiled = compiled;
    /** The words of all codes. */
    this.words = new Uint32Array(0);
    this.distances = new Uint16Array(0);
  }

  /**
   * Make room for codes, which `words` then takes; those before are lost.
   * @param {number} count
   */
  reserve(count) {
    const size = count * this.perCode * 4;
    const query = this.perCode * 4;
    const needed = size + query + count * 2; // the query lies behind the codes
    let buffer = new ArrayBuffer(0);
    if (this.compiled) {
      const missing = needed - this.compiled.memory.buffer.byteLength;
      if (missing > 0) this.compiled.memory.grow(Math.ceil(missing / PAGE));
      buffer = /** @type {ArrayBuffer} */ (this.compiled.memory.buffer);
    } else buffer = new ArrayBuffer(needed);
    this.words = new Uint32Array(buffer, 0, size / 4);
    this.distances = new Uint16Array(buffer, size + query, count);
    return this.words;
  }

  /**
   * The Hamming distance of each code to one; the next call writes over them.
   * @param {Uint32Array} code
   */
  scan(code) {
    const { compiled, words, distances, perCode } = this;
    if (!compiled) scan(code, words, distances);
    else {
      const query = new Uint32Array(words.buffer, words.byteLength, perCode);
      query.set(code);
      const ends = /** @type {const} */ ([0, words.byteLength, query.byteOffset, distances.byteOffset]);
      if (perCode === 2) compiled.scan64(...ends);
      else compiled.scan(...ends, perCode * 4);
    }
    return distances;
  }
}

/**
 * The Hamming distance of each code to one, where there is no WebAssembly.
 * @param {Uint32Array} query words of one code
 * @param {Uint32Array} codes words of all codes
 * @param {Uint16Array} distances (n,), are written
 */
function scan(query, codes, distances) {
  const words = query.length;
  if (words === 1) {
    const [first] = query;
    for (let row = 0; row < distances.length; row++) distances[row] = bitCount(codes[row] ^ first);
  } else if (words === 2) {
    const [first, second] = query;
    for (let row = 0, at = 0; row < distances.length; row++, at += 2) {
      distances[row] = bitCount(codes[at] ^ first) + bitCount(codes[at + 1] ^ second);
    }
  } else {
    for (let row = 0, at = 0; row < distances.length; row++) {
      let bits = 0;
      for (let word = 0; word < words; word++, at++) bits += bitCount(codes[at] ^ query[word]);
      distances[row] = bits;
    }
  }
}

/**
 * How many tiles there are at each distance.
 * @typedef {object} Counts
 * @property {Int32Array} items
 * @property {Int32Array} relevant those with a label of the query
 */

/**
 * Count tiles by distance.
 * @param {Uint16Array} distances
 * @param {Uint8Array} others which of them count, 1 each
 * @param {ArrayLike<number>} labelSets of each tile
 * @param {Uint8Array} verdicts on each label set
 * @param {number} numBits
 */
export function countByDistance(distances, others, labelSets, verdicts, numBits) {
  const [all, labeled, relevant] = [0, 1, 2].map(() => new Int32Array(numBits + 1));
  for (let row = 0; row < others.length; row++) {
    if (!others[row]) continue;
    const far = distances[row];
    all[far] += 1;
    const verdict = verdicts[labelSets[row]];
    if (verdict !== UNJUDGED) labeled[far] += 1;
    if (verdict === RELEVANT) relevant[far] += 1;
  }
  return { all: { items: all, relevant }, labeled: { items: labeled, relevant } };
}

/**
 * The share of relevant tiles among the first ones, the mean over all orders of ties.
 * @param {Counts} counts
 * @param {number} topK
 */
export function precisionAt({ items, relevant }, topK) {
  let [before, found] = [0, 0];
  for (let place = 0; place < items.length && before < topK; place++) {
    if (items[place]) found += (relevant[place] * Math.min(topK - before, items[place])) / items[place];
    before += items[place];
  }
  return found / topK;
}

/**
 * The average precision, the mean over all orders of ties; null if no tile is relevant. See `rsh.metrics.ranking`.
 * @param {Counts} counts
 */
export function averagePrecision({ items, relevant }) {
  let [before, found, sum] = [0, 0, 0];
  for (let place = 0; place < items.length; place++) {
    const [n, p] = [items[place], relevant[place]];
    if (p) {
      let harmonic = 0;
      for (let rank = before + 1; rank <= before + n; rank++) harmonic += 1 / rank;
      const slope = (p - 1) / Math.max(n - 1, 1);
      sum += (p / n) * ((found + 1) * harmonic + slope * (n - (before + 1) * harmonic));
    }
    before += n;
    found += p;
  }
  return found ? sum / found : null;
}

/**
 * Counts by score: a place for each different one, the highest first.
 * @param {ArrayLike<number>} scores
 * @param {ArrayLike<boolean>} relevant
 * @returns {Counts}
 */
export function countsOfScores(scores, relevant) {
  const order = Array.from(scores, (_, place) => place).sort((one, other) => scores[other] - scores[one]);
  /** @type {number[]} */
  const items = [];
  /** @type {number[]} */
  const hits = [];
  order.forEach((place, rank) => {
    if (!rank || scores[place] !== scores[order[rank - 1]]) {
      items.push(0);
      hits.push(0);
    }
    items[items.length - 1] += 1;
    hits[hits.length - 1] += relevant[place] ? 1 : 0;
  });
  return { items: Int32Array.from(items), relevant: Int32Array.from(hits) };
}
