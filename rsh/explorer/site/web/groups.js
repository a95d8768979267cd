// @ts-check
// Groups of the hash space, as `rsh.gallery.groups` has found them: what is said of them, and their tiles.

import { textOf, valuesOf, wrongFilter } from "./filters.js";
import { tidyName } from "./labels/names.js";
import { readNames } from "./labels/overlay.js";
import { NOT_FOUND, rowByHash } from "./lookup.js";

/** @import { Gallery } from "./gallery.js" */
/** @import { Condition, GroupsInWords } from "./types" */

const WORDS = "data/groups.json";
const ROWS = "data/groups.bin"; // 4 bytes a tile
export const NO_GROUP = -1;
const FEW = 20; // tiles that are looked up one by one

export class Groups {
  /** @param {Gallery} gallery */
  constructor(gallery) {
    this.gallery = gallery;
    /** @type {Promise<GroupsInWords> | null} */
    this.words = null;
    /** @type {Promise<Int32Array> | null} */
    this.numbers = null;
    /** The number of the group of each tile that a name was recorded with, by its id. @type {Map<string, number>} */
    this.located = new Map();
  }

  get areKnown() {
    return this.gallery.store.has(ROWS);
  }

  /** Whether there is at least one. */
  get areThere() {
    return this.areKnown && this.gallery.store.files[ROWS].size > 0;
  }

  /** What is said of all groups. @returns {Promise<GroupsInWords>} */
  read() {
    this.words ??= this.gallery.store.once(WORDS).then((bytes) => JSON.parse(new TextDecoder().decode(bytes)));
    this.words.catch(() => {
      this.words = null; // another try may read it
    });
    return this.words;
  }

  /** The number of the group of each tile, NO_GROUP for one in none. @returns {Promise<Int32Array>} */
  readNumbers() {
    this.numbers ??= this.countOff();
    this.numbers.catch(() => {
      this.numbers = null; // another try may read them
    });
    return this.numbers;
  }

  async countOff() {
    const { groups } = await this.read();
    const rows = new Uint32Array(await this.gallery.store.once(ROWS));
    const numbers = new Int32Array(this.gallery.size).fill(NO_GROUP);
    let place = 0;
    groups.forEach(({ size }, number) => {
      for (const end = place + size; place < end; place++) numbers[rows[place]] = number;
    });
    return numbers;
  }

  /**
   * The rows of a group, the most typical first.
   * @param {number} number
   */
  async rowsOf(number) {
    const { groups } = await this.read();
    const start = groups.slice(0, number).reduce((sum, { size }) => sum + size, 0);
    const bytes = await this.gallery.store.part(ROWS, 4 * start, 4 * (start + groups[number].size));
    return new Int32Array(bytes);
  }

  /**
   * Load the most unusual tiles and typical ones of the first groups, which lie together in packs of their own.
   * @param {number[]} rows all of the first places in these packs
   */
  async load(rows) {
    const { gallery } = this;
    if (rows.some((row) => !gallery.items.has(row))) {
      const packs = Array.from({ length: Math.ceil(rows.length / gallery.manifest.pack) }, (_, pack) => pack);
      await Promise.all(packs.map((pack) => gallery.store.whole(`data/typical-${pack}.bin`)));
      await Promise.all(
        rows.map(async (row, place) => {
          if (!gallery.items.has(row)) await gallery.take(row, await gallery.packed("typical", place));
        }),
      );
    }
    await gallery.load(rows); // others can go
  }

  /**
   * The number of the group that holds the tile of an id, NO_GROUP if none does.
   * @param {string} tile
   */
  async find(tile) {
    await this.locate([tile]);
    return this.located.get(tile) ?? NO_GROUP;
  }

  /**
   * Learn which groups hold some tiles: `names` asks for those that names were recorded with.
   * @param {string[]} tiles their ids
   */
  async locate(tiles) {
    const wanted = tiles.filter((tile) => !this.located.has(tile));
    if (!wanted.length || !this.areKnown) return;
    const { groups } = await this.read();
    const ofKeys = new Map(groups.map(({ key }, number) => [key, number]));
    const others = wanted.filter((tile) => !ofKeys.has(tile));
    const rows = await findRows(this.gallery, others);
    const numbers = rows.some((row) => row !== NOT_FOUND) ? await this.readNumbers() : [];
    others.forEach((tile, place) => {
      ofKeys.set(tile, numbers[rows[place]] ?? NO_GROUP);
    });
    for (const tile of wanted) this.located.set(tile, ofKeys.get(tile) ?? NO_GROUP);
  }

  /** Number and name, "" for none, of the last change of each tile that a name was recorded with. */
  get changes() {
    const { lastGroupNames } = this.gallery.annotations.state;
    return [...lastGroupNames]
      .map(([tile, name]) => /** @type {const} */ ([this.located.get(tile) ?? NO_GROUP, name]))
      .filter(([number]) => number !== NO_GROUP);
  }

  /** The names of groups, by their numbers: where a group holds several tiles with a name, the last one counts. */
  get names() {
    return new Map([...new Map(this.changes)].filter(([, name]) => name));
  }

  /** The names that no group has, since a later change named the same group. */
  get overruledNames() {
    const names = new Set(this.names.values());
    return new Set(this.changes.flatMap(([, name]) => (name && !names.has(name) ? [name] : [])));
  }
}

/**
 * The row of each tile, NOT_FOUND for an unknown id.
 * @param {Gallery} gallery
 * @param {string[]} ids
 */
async function findRows(gallery, ids) {
  const few = ids.length <= FEW ? await Promise.all(ids.map((id) => rowByHash(gallery, id))) : [NOT_FOUND];
  if (!few.includes(NOT_FOUND)) return few;
  const rows = new Map(ids.map((id) => [id, NOT_FOUND]));
  (await gallery.ids()).forEach((id, row) => {
    if (rows.has(id)) rows.set(id, row);
  });
  return ids.map((id) => rows.get(id) ?? NOT_FOUND);
}

/**
 * Which tiles are in one of some groups, 1 each.
 * @param {Gallery} gallery
 * @param {Condition} condition on ids of tiles, or names of groups; both may hold commas
 * @throws {InputError} groups are not known, or a value is neither a tile in a group nor a name
 */
export async function inGroups(gallery, condition) {
  const { groups } = gallery;
  if (!groups.areKnown) {
    throw wrongFilter("the groups of this gallery are not known yet: run `rsh groups`", textOf(condition));
  }
  const names = [...groups.names].map(([number, name]) => /** @type {const} */ ([number, tidyName(name)]));
  const text = valuesOf(condition).trim();
  const [whole] = await findRows(gallery, [text]);
  const known = names.map(([, name]) => name);
  const values = whole === NOT_FOUND ? readNames(condition, known) : [text];
  const rows = await findRows(gallery, values);
  const numbers = await groups.readNumbers();
  const chosen = new Set();
  values.forEach((value, place) => {
    const holding = numbers[rows[place]] ?? NO_GROUP;
    const named = names.filter(([, name]) => name === tidyName(value)).map(([number]) => number);
    const found = holding === NO_GROUP ? named : [holding];
    if (!found.length) {
      const reason = `no group holds a tile ${value}, nor has this name: give one of these`;
      throw wrongFilter(reason, textOf(condition));
    }
    for (const number of found) chosen.add(number);
  });
  return Uint8Array.from(numbers, (number) => (chosen.has(number) !== condition.negated ? 1 : 0));
}
