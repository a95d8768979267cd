// @ts-check
// Coarse lists of a large gallery, as `rsh.explorer.site.lists` writes them: a search reads those nearest to the query.

import { Candidates, hasFewSets } from "./candidates.js";
import { bitCount, CodeScanner } from "./scan.js";

/** @import { Store } from "./store.js" */
/** @import { Manifest } from "./types" */

/**
 * The tiles of a list.
 * @typedef {object} List
 * @property {Uint32Array} rows
 * @property {Uint32Array} words of their codes
 * @property {Uint8Array | Uint16Array} labelSets
 * @property {Uint8Array} splits
 */
/** What a list has of one tile, and its place in the order of the lists. @typedef {{ place: number, code: Uint32Array, labelSet: number, split: number }} Listed */

export class Lists {
  /**
   * @param {Store} store
   * @param {Manifest} manifest
   * @param {Uint32Array} centers words of the codes of the centers
   * @param {Uint32Array} numbers place of the first tile of each list, how many tiles there are, and how many of each
   *   list are held out
   */
  constructor(store, manifest, centers, numbers) {
    this.store = store;
    this.manifest = manifest;
    this.centers = centers;
    this.size = (numbers.length - 1) / 2;
    this.starts = numbers.subarray(0, this.size + 1);
    this.heldOut = numbers.subarray(this.size + 1);
    this.numHeldOut = this.heldOut.reduce((sum, count) => sum + count, 0);
    this.perCode = centers.length / this.size;
    this.scanner = new CodeScanner(this.perCode);
    this.nprobe = manifest.lists?.nprobe ?? this.size;
    /** Lists that were searched last, in words. */
    this.probed = "";
    this.searched = new Candidates(this.scanner, new Uint8Array(0), new Uint8Array(0), new Uint32Array(0));
    /** Of each candidate: place in the order of the lists. */
    this.places = new Uint32Array(0);
    this.splits = new Uint8Array(0);
    /** By row. @type {Map<number, Listed>} */
    this.located = new Map();
  }

  /**
   * @param {Store} store
   * @param {Manifest} manifest
   */
  static async open(store, manifest) {
    const [centers, numbers] = await Promise.all(["centers", "lists"].map((name) => store.whole(`data/${name}.bin`)));
    return new Lists(store, manifest, new Uint32Array(centers), new Uint32Array(numbers));
  }

  /**
   * The tiles of the nearest lists, until the next call.
   * @param {Uint32Array} code
   * @param {{ least: number, includeHeldOut: boolean }} options
   */
  async candidates(code, options) {
    const numbers = this.nearest(code, options);
    if (numbers.join() === this.probed) return this.searched;
    const lists = await Promise.all(numbers.map((number) => this.list(number)));
    const size = lists.reduce((sum, { rows }) => sum + rows.length, 0);
    const words = this.scanner.reserve(size);
    const labelSets = hasFewSets(this.manifest) ? new Uint8Array(size) : new Uint16Array(size);
    const [rows, isHeldOut] = [new Uint32Array(size), new Uint8Array(size)];
    [this.places, this.splits] = [new Uint32Array(size), new Uint8Array(size)];
    let at = 0;
    lists.forEach((list, one) => {
      words.set(list.words, at * this.perCode);
      rows.set(list.rows, at);
      labelSets.set(list.labelSets, at);
      this.splits.set(list.splits, at);
      const start = this.starts[numbers[one]];
      for (let place = 0; place < list.rows.length; place++) this.places[at + place] = start + place;
      at += list.rows.length;
    });
    for (let place = 0; place < size; place++) isHeldOut[place] = this.isHeldOut(this.splits[place]) ? 1 : 0;
    this.probed = numbers.join();
    this.searched = new Candidates(this.scanner, labelSets, isHeldOut, rows);
    return this.searched;
  }

  /** @param {number} split */
  isHeldOut(split) {
    return this.manifest.splits[split] === "query";
  }

  /**
   * The numbers of the nearest lists, the nearest first, and of further ones until they hold enough tiles.
   * @param {Uint32Array} code
   * @param {{ least: number, includeHeldOut: boolean }} options
   */
  nearest(code, { least, includeHeldOut }) {
    const far = new Uint16Array(this.size);
    for (let list = 0, at = 0; list < this.size; list++) {
      for (let word = 0; word < this.perCode; word++, at++) far[list] += bitCount(this.centers[at] ^ code[word]);
    }
    const numbers = Array.from(far, (_, list) => list);
    numbers.sort((one, other) => far[one] - far[other] || one - other);
    let stop = 0;
    for (let held = 0; stop < this.size && (stop < this.nprobe || held < least); stop++) {
      const list = numbers[stop];
      held += this.starts[list + 1] - this.starts[list] - (includeHeldOut ? 0 : this.heldOut[list]);
    }
    return numbers.slice(0, stop);
  }

  /**
   * @param {number} number
   * @returns {Promise<List>}
   */
  async list(number) {
    const size = this.starts[number + 1] - this.starts[number];
    if (!size)
      return {
        rows: new Uint32Array(0),
        words: new Uint32Array(0),
        labelSets: new Uint8Array(0),
        splits: new Uint8Array(0),
      };
    const bytes = await this.store.whole(`data/list-${number}.bin`);
    const [words, sets] = [4 * size, 4 * size * (1 + this.perCode)];
    const few = hasFewSets(this.manifest);
    return {
      rows: new Uint32Array(bytes, 0, size),
      words: new Uint32Array(bytes, words, size * this.perCode),
      labelSets: few ? new Uint8Array(bytes, sets, size) : new Uint16Array(bytes, sets, size),
      splits: new Uint8Array(bytes, sets + size * (few ? 1 : 2), size),
    };
  }

  /** What is known of a tile, which must be located. @param {number} row */
  at(row) {
    return /** @type {Listed} */ (this.located.get(row));
  }

  /**
   * Find tiles in their lists.
   * @param {Iterable<number>} rows
   */
  async locate(rows) {
    const wanted = new Set([...rows].filter((row) => !this.located.has(row)));
    if (!wanted.size) return;
    const { searched, places, splits, perCode } = this;
    for (let at = 0; at < searched.size; at++) {
      const row = searched.row(at);
      if (!wanted.delete(row)) continue;
      const code = this.scanner.words.slice(at * perCode, (at + 1) * perCode);
      this.located.set(row, { place: places[at], code, labelSet: searched.labelSets[at], split: splits[at] });
    }
    await Promise.all([...wanted].map((row) => this.locateOne(row)));
  }

  /** @param {number} row */
  async locateOne(row) {
    const place = await this.placeOf(row);
    const number = this.listAt(place);
    const { rows, words, labelSets, splits } = await this.list(number);
    const at = place - this.starts[number];
    if (rows[at] !== row) throw this.store.harmed(this.fileOf("order", row), "was altered");
    const code = words.slice(at * this.perCode, (at + 1) * this.perCode);
    this.located.set(row, { place, code, labelSet: labelSets[at], split: splits[at] });
  }

  /**
   * The place of a tile in the order of the lists.
   * @param {number} row
   */
  async placeOf(row) {
    return this.located.get(row)?.place ?? this.numberOf("order", row);
  }

  /**
   * A number of the files that have one for each tile.
   * @param {"order" | "ids"} name
   * @param {number} at
   */
  async numberOf(name, at) {
    const start = 4 * (at % this.manifest.soft_rows);
    const bytes = await this.store.part(this.fileOf(name, at), start, start + 4);
    return new DataView(bytes).getUint32(0, true);
  }

  /**
   * @param {"order" | "ids"} name
   * @param {number} at
   */
  fileOf(name, at) {
    return `data/${name}-${Math.floor(at / this.manifest.soft_rows)}.bin`;
  }

  /** The number of the list with a place. @param {number} place */
  listAt(place) {
    let [low, high] = [0, this.size];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.starts[middle] <= place) low = middle;
      else high = middle;
    }
    return low;
  }

  /**
   * The row of a tile by chance, of a held-out one if its list has any.
   * @param {number} other row that it must not be
   */
  async randomRow(other) {
    const size = this.starts[this.size];
    const { rows, splits } = await this.list(this.listAt(Math.floor(Math.random() * size)));
    const others = Array.from(rows, (_, place) => place).filter((place) => rows[place] !== other);
    const heldOut = others.filter((place) => this.isHeldOut(splits[place]));
    const some = heldOut.length ? heldOut : others;
    return some.length ? rows[some[Math.floor(Math.random() * some.length)]] : other;
  }
}
