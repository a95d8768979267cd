// @ts-check
// The row of a tile by its id, without the ids of all tiles: rows are in the order of hashes of their ids
// (`rsh.codes.order`), which are evenly spread, so that a hash says nearly where its row is.

/** @import { Gallery } from "./gallery.js" */

export const NOT_FOUND = -1;
const MOST_READ = 24; // tiles: another program may have written them in another order
const LARGEST = (1n << 63n) - 1n;

// BLAKE2b, RFC 7693, with words of 64 bits and a digest of 8 bytes
const WORD = (1n << 64n) - 1n;
const START = [
  ...[0x6a09e667f3bcc908n, 0xbb67ae8584caa73bn, 0x3c6ef372fe94f82bn, 0xa54ff53a5f1d36f1n],
  ...[0x510e527fade682d1n, 0x9b05688c2b3e6c1fn, 0x1f83d9abfb41bd6bn, 0x5be0cd19137e2179n],
];
const PARAMETERS = 0x01010008n; // a digest of 8 bytes, no key
const BLOCK = 128; // bytes
const ORDERS = [
  "0123456789abcdef",
  "ea489fd61c02b753",
  "b8c052fdae367194",
  "7931dcbe265a40f8",
  "905724afe1bc683d",
  "2c6a0b834d75fe19",
  "c51fed4a0763928b",
  "db7ec13950f4862a",
  "6fe9b308c2d714a5",
  "a2847615fb9e3cd0",
].map((order) => Array.from(order, (digit) => parseInt(digit, 16)));
const MIXED = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
];

/**
 * @param {bigint} word
 * @param {bigint} bits
 */
const turned = (word, bits) => ((word >> bits) | (word << (64n - bits))) & WORD;

/**
 * The hash of an id that rows are ordered by, 63 bits.
 * @param {string} id
 */
export function hashOf(id) {
  const bytes = new TextEncoder().encode(id);
  const blocks = Math.max(Math.ceil(bytes.length / BLOCK), 1);
  const padded = new DataView(new ArrayBuffer(blocks * BLOCK));
  new Uint8Array(padded.buffer).set(bytes);
  const hash = [...START];
  hash[0] ^= PARAMETERS;
  for (let block = 0; block < blocks; block++) {
    const isLast = block === blocks - 1;
    const message = Array.from({ length: 16 }, (_, word) => padded.getBigUint64(block * BLOCK + 8 * word, true));
    compress(hash, message, BigInt(isLast ? bytes.length : (block + 1) * BLOCK), isLast);
  }
  const digest = new DataView(new ArrayBuffer(8));
  digest.setBigUint64(0, hash[0], true);
  return digest.getBigUint64(0) >> 1n;
}

/**
 * @param {bigint[]} hash is changed
 * @param {bigint[]} message
 * @param {bigint} count bytes so far
 * @param {boolean} isLast
 */
function compress(hash, message, count, isLast) {
  const state = [...hash, ...START];
  state[12] ^= count;
  if (isLast) state[14] ^= WORD;
  for (let round = 0; round < 12; round++) {
    const order = ORDERS[round % 10];
    MIXED.forEach(([a, b, c, d], place) => {
      for (const [word, first, second] of /** @type {const} */ ([
        [order[2 * place], 32n, 24n],
        [order[2 * place + 1], 16n, 63n],
      ])) {
        state[a] = (state[a] + state[b] + message[word]) & WORD;
        state[d] = turned(state[d] ^ state[a], first);
        state[c] = (state[c] + state[d]) & WORD;
        state[b] = turned(state[b] ^ state[c], second);
      }
    });
  }
  for (let word = 0; word < 8; word++) hash[word] ^= state[word] ^ state[word + 8];
}

/**
 * The row of a tile by its id; NOT_FOUND if there is none, or if the rows are in another order.
 * @param {Gallery} gallery
 * @param {string} id
 */
export async function rowByHash(gallery, id) {
  const wanted = hashOf(id);
  let [low, high, least, most] = [0, gallery.size - 1, 0n, LARGEST];
  for (let read = 0; read < MOST_READ && low <= high; read++) {
    const part = Number(wanted - least) / Math.max(Number(most - least), 1);
    const place = Math.min(Math.max(low + Math.round(part * (high - low)), low), high);
    const row = await gallery.rowByHash(place);
    const known = await gallery.idOf(row);
    if (known === id) return row;
    const hash = hashOf(known);
    if (wanted < hash) [high, most] = [place - 1, hash];
    else if (wanted > hash) [low, least] = [place + 1, hash];
    else return NOT_FOUND;
  }
  return NOT_FOUND;
}
