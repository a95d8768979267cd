// @ts-check
// What is shown: the query with its history, and the settings, as `rsh.explorer.state` has them.

import { hasFeedback } from "./search.js";
import { SiteError } from "./store.js";

/** @import { Gallery } from "./gallery.js" */
/** @import { Query, SearchOptions, Settings } from "./types" */

const MAX_TOP_K = 100;
const MAX_MARKED = 50;

export class State {
  /** @param {Gallery} gallery */
  constructor(gallery) {
    this.gallery = gallery;
    /** @type {Settings} */
    this.settings = {
      mode: "top_k",
      topK: 20,
      radius: Math.max(Math.floor(gallery.numBits / 16), 1),
      order: "bits",
      includeHeldOut: false,
    };
    this.settings.topK = Math.min(this.settings.topK, this.maxTopK);
    /** @type {Query} */
    this.query = { row: gallery.manifest.first, positive: [], negative: [] };
    /** @type {Query[]} */
    this.past = [];
    /** @type {Query[]} */
    this.future = [];
    this.selection = new Int32Array(0);
    this.stacked = false;
  }

  get numSearched() {
    return this.gallery.size - (this.settings.includeHeldOut ? 0 : this.gallery.numHeldOut);
  }

  get maxTopK() {
    return Math.min(Math.max(this.numSearched - 1, 1), MAX_TOP_K);
  }

  /** @returns {SearchOptions} */
  get options() {
    const { mode, topK, radius, order, includeHeldOut } = this.settings;
    const steered = hasFeedback(this.query);
    return {
      topK,
      radius: mode === "radius" && !steered ? radius : null,
      order: steered ? "bits" : order,
      includeHeldOut,
      hasFilter: false,
      where: "",
      passes: null,
    };
  }

  /** @param {Query} query */
  searchWith(query) {
    if (sameQuery(query, this.query)) return;
    this.past.push(this.query);
    this.future = [];
    this.query = query;
  }

  /** @param {number} row */
  choose(row) {
    this.checkRow(row);
    this.searchWith({ row, positive: [], negative: [] });
  }

  /** @param {number} row */
  checkRow(row) {
    if (!Number.isInteger(row) || row < 0 || row >= this.gallery.size) {
      throw new SiteError(`there is no tile ${row}: choose 0 to ${this.gallery.size - 1}`);
    }
  }

  chooseRandom() {
    const { size, isHeldOut, numHeldOut } = this.gallery;
    const rows = [];
    for (let row = 0; row < size; row++) if ((isHeldOut[row] || !numHeldOut) && row !== this.query.row) rows.push(row);
    if (rows.length) this.choose(rows[Math.floor(Math.random() * rows.length)]);
  }

  /**
   * Mark a tile; the same mark again removes it.
   * @param {number} row
   * @param {"positive" | "negative"} sign
   */
  mark(row, sign) {
    this.checkRow(row);
    if (row === this.query.row) throw new SiteError("this tile is the query: mark others");
    const without = (/** @type {"positive" | "negative"} */ name) => this.query[name].filter((each) => each !== row);
    const had = this.query[sign].includes(row);
    const query = { row: this.query.row, positive: without("positive"), negative: without("negative") };
    if (!had) query[sign] = [...query[sign], row];
    if (query.positive.length + query.negative.length > MAX_MARKED) {
      throw new SiteError(`${MAX_MARKED} tiles are marked: unmark one first`);
    }
    this.searchWith(query);
  }

  clearFeedback() {
    this.searchWith({ row: this.query.row, positive: [], negative: [] });
  }

  back() {
    const query = this.past.pop();
    if (!query) return;
    this.future.push(this.query);
    this.query = query;
  }

  forward() {
    const query = this.future.pop();
    if (!query) return;
    this.past.push(this.query);
    this.query = query;
  }

  /** @param {Settings} wanted numbers out of range are clipped */
  searchBy(wanted) {
    const settings = { ...wanted, radius: clip(wanted.radius, 0, this.gallery.numBits) };
    this.settings = settings;
    settings.topK = clip(wanted.topK, 1, this.maxTopK);
  }

  /**
   * The rows of one class to choose a query from, held-out tiles first.
   * @param {number} number of the class; that after the last one for tiles without a class
   */
  listTiles(number) {
    const { labels, isHeldOut } = this.gallery;
    const rows = [];
    for (const wanted of [1, 0]) {
      for (let row = 0; row < labels.length; row++) {
        if (labels[row] === number && isHeldOut[row] === wanted) rows.push(row);
      }
    }
    return rows;
  }
}

/**
 * @param {Query} one
 * @param {Query} other
 */
const sameQuery = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/**
 * @param {number} number
 * @param {number} least
 * @param {number} most
 */
const clip = (number, least, most) => Math.min(Math.max(Math.trunc(number) || 0, least), most);
