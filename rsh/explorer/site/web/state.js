// @ts-check
// What is shown: the query with its history, and the settings, as `rsh.explorer.state` has them.

import { BRIGHTEST, isBrightness, STEP } from "../../panels/lib/brightness.js";
import { InputError } from "./errors.js";
import { outlinesOf, textOf, titleOf, wordsOf, wrongFilter } from "./filters.js";
import { NO_ROW } from "./gallery.js";
import { maskOf } from "./masks.js";
import { hasFeedback } from "./search.js";
import { quote } from "./text.js";

/** @import { Gallery } from "./gallery.js" */
/** @import { Condition, Query, QueryImage, SearchOptions, Settings } from "./types" */

export const MAX_TOP_K = 100;
const MAX_MARKED = 50;
const MAX_CONDITIONS = 6000; // characters in a link, which has room for 8,000 in all

/** Conditions, and which tiles pass them, 1 each; null if all do. @typedef {{ conditions: Condition[], passes: Uint8Array | null }} Filter */
/** @type {Filter} */
const NO_FILTER = { conditions: [], passes: null };

/**
 * What the results of a gallery can be ordered by.
 * @param {Gallery} gallery
 */
export function ordersOf({ manifest: { look_bits: look, num_bits: bits } }) {
  return ["bits", "asymmetric", ...(look && look < bits ? ["class-bits"] : []), ...(look ? ["look-bits"] : [])];
}

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
    this.filter = NO_FILTER;
    this.selection = new Int32Array(0);
    this.stacked = false;
    /** How many times as bright images are drawn. */
    this.brightness = 1;
    /** The side that results are compared with, or "". */
    this.compared = "";
    this.sides = gallery.manifest.choices.map(([name]) => name);
  }

  get numSearched() {
    return this.countFound(NO_FILTER);
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
      hasFilter: this.filter.conditions.length > 0,
      where: this.filter.conditions.map(titleOf).join(" and "),
      outlines: outlinesOf(this.filter.conditions),
      passes: this.filter.passes,
    };
  }

  /**
   * Draw images brighter.
   * @param {number} factor
   * @throws {InputError} there is no such brightness, or images are no composites
   */
  brighten(factor) {
    if (!this.gallery.manifest.composites.length) {
      throw new InputError("its tiles are images, and only composites of bands are drawn brighter");
    }
    if (!isBrightness(factor)) throw new InputError(`choose a number from 1 to ${BRIGHTEST} in steps of ${STEP}`);
    this.brightness = factor;
  }

  /** The query, with those before and after it. */
  get history() {
    return { query: this.query, past: [...this.past], future: [...this.future] };
  }

  set history({ query, past, future }) {
    [this.query, this.past, this.future] = [query, [...past], [...future]];
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

  /** @param {QueryImage} image */
  chooseImage(image) {
    this.searchWith({ row: NO_ROW, image, positive: [], negative: [] });
  }

  /** @param {number} row */
  checkRow(row) {
    if (!Number.isInteger(row) || row < 0 || row >= this.gallery.size) {
      throw new InputError(`there is no tile ${row}: choose 0 to ${this.gallery.size - 1}`);
    }
  }

  async chooseRandom() {
    const { size, isHeldOut, numHeldOut, lists } = this.gallery;
    if (lists) return this.choose(await lists.randomRow(this.query.row));
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
    const query = marked(this.query, row, sign);
    if (query.positive.length + query.negative.length > MAX_MARKED) {
      throw new InputError(`${MAX_MARKED} tiles are marked: unmark one first`);
    }
    this.searchWith(query);
  }

  clearFeedback() {
    this.searchWith({ ...this.query, positive: [], negative: [] });
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

  /**
   * Change the settings.
   * @param {Settings} wanted numbers out of range are clipped
   * @throws {InputError} no such order, or no tile passes the filter; the settings are as before
   */
  searchBy(wanted) {
    const can = ordersOf(this.gallery);
    if (!can.includes(wanted.order)) {
      throw new InputError(`this page orders by ${can.join(", ")}: choose one of them`, "way to rank", wanted.order);
    }
    this.checkPassing(this.filter, wanted.includeHeldOut);
    const settings = { ...wanted, radius: clip(wanted.radius, 0, this.gallery.numBits) };
    this.settings = settings;
    settings.topK = clip(wanted.topK, 1, this.maxTopK);
  }

  /**
   * Find only tiles that meet all conditions.
   * @param {Condition[]} conditions
   * @throws {InputError} one makes no sense, no tile passes, or they do not fit into a link
   */
  async filterBy(conditions) {
    if (conditions.length && this.gallery.lists) {
      throw new InputError(
        "a site of so many tiles has no filters: filter on the dashboard, or publish a part of them",
      );
    }
    const length = conditions.reduce((sum, condition) => sum + quote(textOf(condition), "/").length, 0);
    if (length > MAX_CONDITIONS) {
      const [many, most] = [length, MAX_CONDITIONS].map((number) => number.toLocaleString("en"));
      throw new InputError(
        `these filters have ${many} characters, and at most ${most} fit into a link: remove one, or draw polygons with ` +
          "fewer corners",
      );
    }
    const filter = conditions.length ? { conditions, passes: await maskOf(this.gallery, conditions) } : NO_FILTER;
    this.checkPassing(filter, this.settings.includeHeldOut);
    this.filter = filter;
  }

  /**
   * @param {Filter} filter
   * @param {boolean} includeHeldOut
   */
  checkPassing(filter, includeHeldOut) {
    const { conditions, passes } = filter;
    if (!passes || this.countFound(filter, includeHeldOut)) return;
    const held = passes.some(Boolean);
    const reason = held
      ? "only held-out tiles meet this; include them or relax it"
      : "no searchable tile meets this; relax it";
    throw wrongFilter(reason, conditions.map(wordsOf).join(" and "));
  }

  /** How many tiles can be found, the query included. */
  countFound({ passes } = this.filter, includeHeldOut = this.settings.includeHeldOut) {
    const { isHeldOut, numHeldOut, size } = this.gallery;
    if (!passes) return size - (includeHeldOut ? 0 : numHeldOut);
    let found = 0;
    for (let row = 0; row < size; row++) if (passes[row] && (includeHeldOut || !isHeldOut[row])) found += 1;
    return found;
  }

  /**
   * The rows of one class to choose a query from, held-out tiles first.
   * @param {number} number of the class; that after the last one for tiles without a class
   */
  listTiles(number) {
    const { labelSets, isHeldOut, manifest } = this.gallery;
    const unlabeled = number === manifest.label_names.length;
    const holds = Array.from({ length: manifest.label_sets.length + 1 }, (_, labelSet) => {
      const labels = this.gallery.labelsOfSet(labelSet);
      return unlabeled ? !labels.length : labels.includes(number);
    });
    /** @type {number[]} */
    const heldOut = [];
    /** @type {number[]} */
    const others = [];
    for (let row = 0; row < labelSets.length; row++) {
      if (holds[labelSets[row]]) (isHeldOut[row] ? heldOut : others).push(row);
    }
    return [...heldOut, ...others];
  }
}

/**
 * A query with a tile marked; the same mark again removes it.
 * @param {Query} query
 * @param {number} row
 * @param {"positive" | "negative"} sign
 * @returns {Query}
 */
export function marked(query, row, sign) {
  if (row === query.row) throw new InputError("this tile is the query itself: mark other tiles");
  const without = (/** @type {"positive" | "negative"} */ name) => query[name].filter((each) => each !== row);
  const changed = { ...query, positive: without("positive"), negative: without("negative") };
  if (!query[sign].includes(row)) changed[sign] = [...changed[sign], row];
  return changed;
}

/**
 * @param {Query} one
 * @param {Query} other
 */
function sameQuery(one, other) {
  const tiles = (/** @type {Query} */ { row, positive, negative }) => JSON.stringify([row, positive, negative]);
  return one.image === other.image && tiles(one) === tiles(other);
}

/**
 * @param {number} number
 * @param {number} least
 * @param {number} most
 */
const clip = (number, least, most) => Math.min(Math.max(Math.trunc(number) || 0, least), most);
