// @ts-check
// Hamming distances of packed codes, and counts by distance.

/**
 * How many bits of a word of 32 bits are 1.
 * @param {number} word
 */
export function bitCount(word) {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return (((bits + (bits >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}

/**
 * The Hamming distance of each code to one.
 * @param {Uint32Array} query words of one code
 * @param {Uint32Array} codes words of all codes
 * @param {Uint16Array} distances (n,), are written
 */
export function scan(query, codes, distances) {
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
 * @property {Int32Array} relevant those of the query's class
 */

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
