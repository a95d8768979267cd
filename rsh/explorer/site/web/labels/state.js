// @ts-check
// What events add up to, as `rsh.gallery.annotations.state`: the class given to each tile, sets, names, conflicts.

import { SiteError } from "../store.js";
import { findConflicts } from "./conflicts.js";
import { tidyName } from "./names.js";

/** @import { Change, ClassChange, GroupChange, LabelEvent, MemberChange, Reversal, SetChange, TileSet, Visitor } from "./types" */

export const NONE_GIVEN = -1;

/** The events of one visitor, by number, in their order. */
class Line {
  /** @type {Set<number>} */
  done = new Set();
  /** @type {Set<number>} */
  undone = new Set();
  /** Undone before they did something else. @type {Set<number>} */
  left = new Set();
}

/** The class that was given to each tile. */
export class GivenClasses {
  /**
   * @param {string[]} names in alphabetical order, each of at least one tile
   * @param {Int32Array} numbers of the name of each tile
   */
  constructor(names, numbers) {
    this.names = names;
    this.numbers = numbers;
  }

  get numTiles() {
    return this.names.length ? this.numbers.reduce((sum, number) => sum + (number === NONE_GIVEN ? 0 : 1), 0) : 0;
  }

  /** The name of a tile, "" for none. @param {number} row */
  of(row) {
    return this.names[this.numbers[row]] ?? "";
  }

  /** The rows with a name, ascending. @param {string} name */
  rowsOf(name) {
    const number = this.names.indexOf(name);
    const rows = [];
    if (number >= 0)
      for (let row = 0; row < this.numbers.length; row++) if (this.numbers[row] === number) rows.push(row);
    return Int32Array.from(rows);
  }

  /** How many tiles have each name. */
  get counts() {
    const counts = new Array(this.names.length).fill(0);
    for (const number of this.numbers) if (number !== NONE_GIVEN) counts[number] += 1;
    return new Map(this.names.map((name, number) => [name, counts[number]]));
  }
}

export class AnnotationState {
  /** @param {number} numTiles of the gallery */
  constructor(numTiles) {
    this.numTiles = numTiles;
    this.numUnknown = 0;
    /** @type {LabelEvent[]} */
    this.events = [];
    /** @type {boolean[]} */
    this.inEffect = [];
    /** @type {Map<string, number>} */
    this.numbers = new Map();
    /** @type {Map<string, Line>} */
    this.lines = new Map();
    /** @type {[number: number, change: ClassChange][]} */
    this.classChanges = [];
    /** Changes of each set, by its key. @type {Map<string, [number: number, change: SetChange | MemberChange][]>} */
    this.ofSets = new Map();
    /** @type {[number: number, change: GroupChange][]} */
    this.groupChanges = [];
    /** What was computed since the last event. @type {Map<string, unknown>} */
    this.kept = new Map();
  }

  /** Add the next event; one that is there already counts once. @param {LabelEvent} event */
  add(event) {
    if (this.numbers.has(event.id)) return;
    const number = this.events.length;
    this.numbers.set(event.id, number);
    this.events.push(event);
    this.kept.clear();
    const line = this.lines.get(event.visitor.token) ?? new Line();
    this.lines.set(event.visitor.token, line);
    const [first] = event.changes;
    const isReversal = first.kind === "undo" || first.kind === "redo";
    this.inEffect.push(!isReversal && first.kind !== "final");
    if (isReversal) this.reverse(line, first);
    else if (first.kind === "final") this.lines.clear();
    else {
      line.done.add(number);
      for (const one of line.undone) line.left.add(one);
      line.undone.clear();
      for (const change of event.changes) this.addChange(number, change);
    }
  }

  /**
   * @param {number} number
   * @param {Change} change
   */
  addChange(number, change) {
    if (change.kind === "class") this.classChanges.push([number, change]);
    else if (change.kind === "put" || change.kind === "take" || change.kind === "set") {
      const known = this.ofSets.get(change.set);
      if (known) known.push([number, change]);
      else this.ofSets.set(change.set, [[number, change]]);
    } else if (change.kind === "group") this.groupChanges.push([number, change]);
    else if (change.kind === "unknown") this.numUnknown += 1;
  }

  /**
   * Undo or redo an event of a visitor.
   * @param {Line} line
   * @param {Reversal} reversal
   */
  reverse(line, { kind, event }) {
    const number = this.numbers.get(event) ?? -1;
    const isRedo = kind === "redo";
    let [before, after] = isRedo ? [line.undone, line.done] : [line.done, line.undone];
    if (isRedo && line.left.has(number)) before = line.left; // they did something else in another tab
    if (!before.delete(number)) return; // another visitor's, or undone already
    after.add(number);
    this.inEffect[number] = isRedo;
  }

  /** @param {string} id */
  findEvent(id) {
    return this.events[this.numbers.get(id) ?? -1] ?? null;
  }

  /** The event that this visitor would undo next. @param {string} token */
  undoable(token) {
    return this.events[last(this.lines.get(token)?.done)] ?? null;
  }

  /** @param {string} token */
  redoable(token) {
    return this.events[last(this.lines.get(token)?.undone)] ?? null;
  }

  /** What a visitor is called: the author, or else "unknown". @param {Visitor} visitor */
  alias({ token, author }) {
    if (author) return author;
    const unknown = this.events.filter(({ visitor }) => !visitor.author).map(({ visitor }) => visitor.token);
    const tokens = [...new Set(unknown)];
    return tokens.length > 1 ? `unknown ${tokens.indexOf(token) + 1}` : "unknown";
  }

  /** @returns {GivenClasses} */
  get given() {
    return this.once("given", () => {
      const latest = new Int32Array(this.numTiles).fill(NONE_GIVEN);
      const counted = this.classChanges.filter(([number]) => this.inEffect[number]);
      counted.forEach(([, { tiles }], place) => {
        for (const row of tiles.rows) latest[row] = place;
      });
      const used = new Set();
      for (const place of latest) if (place !== NONE_GIVEN) used.add(counted[place][1].class);
      const names = [...used].filter(Boolean).sort();
      const codes = counted.map(([, { class: name }]) => names.indexOf(name));
      return new GivenClasses(names, counted.length ? latest.map((place) => codes[place] ?? NONE_GIVEN) : latest);
    });
  }

  /** Tiles to which persons gave different classes: the row, and the last name and event of each. */
  get conflicts() {
    return this.once("conflicts", () => findConflicts(this.classChanges, this.events, this.inEffect));
  }

  /** The sets that there are, in the order in which they were created. @returns {TileSet[]} */
  get sets() {
    return this.once("sets", () => {
      /** @type {TileSet[]} */
      const found = [];
      /** @type {Map<string, number>} */
      const taken = new Map();
      for (const [key, changes] of this.ofSets) {
        const known = changes.filter(([number]) => this.inEffect[number]).map(([, change]) => change);
        const about = known.filter((change) => change.kind === "set");
        const keeps = known.some((change) => change.kind === "put" || (change.kind === "set" && !change.deleted));
        if (!keeps || about.some(({ deleted }) => deleted)) continue;
        const names = about.flatMap(({ name }) => (name === undefined ? [] : [name]));
        const name = distinct(names.at(-1) ?? this.firstName(key), taken);
        found.push({ key, name, numTiles: this.members(key).length });
      }
      return found;
    });
  }

  /** @param {string} key */
  firstName(key) {
    for (const [, change] of this.ofSets.get(key) ?? []) if (change.kind === "set" && change.name) return change.name;
    return `set ${key}`;
  }

  /**
   * @param {string} text
   * @throws {SiteError} there is no set of this name
   */
  findSet(text) {
    const name = tidyName(text);
    const found = this.sets.find((one) => one.name === name);
    if (found) return found;
    const names = this.sets.map((one) => one.name).join(", ");
    throw new SiteError(`there is no set ${name}: ${names ? `choose one of ${names}` : "create it first"}`);
  }

  /** The name of a set; of a deleted one the last that it had. @param {string} key */
  setName(key) {
    const current = this.sets.find((one) => one.key === key)?.name;
    const given = (this.ofSets.get(key) ?? []).flatMap(([, one]) => (one.kind === "set" && one.name ? [one.name] : []));
    return current ?? given.at(-1) ?? key;
  }

  /** Whether a change created its set. @param {SetChange} change */
  isCreation(change) {
    return (this.ofSets.get(change.set) ?? []).find(([, one]) => one.kind === "set")?.[1] === change;
  }

  /** The rows of a set, ascending. @param {string} key */
  members(key) {
    return this.once(`members ${key}`, () => {
      const rows = new Set();
      for (const [number, change] of this.ofSets.get(key) ?? []) {
        if (!this.inEffect[number] || change.kind === "set") continue;
        for (const row of change.tiles.rows) {
          if (change.kind === "put") rows.add(row);
          else rows.delete(row);
        }
      }
      return Int32Array.from(rows).sort();
    });
  }

  /** The names that groups of the hash space were given, by the key of the group. */
  get groupNames() {
    return new Map([...this.lastGroupNames].filter(([, name]) => name));
  }

  /** The same with "" where a name was taken away, in the order of these last changes. */
  get lastGroupNames() {
    /** @type {Map<string, string>} */
    const names = new Map();
    for (const [number, { group, name }] of this.groupChanges) {
      if (!this.inEffect[number]) continue;
      names.delete(group);
      names.set(group, name);
    }
    return names;
  }

  /** The names that tiles can be given, in the order in which they came. @returns {string[]} */
  get classes() {
    return this.once("classes", () => {
      /** @type {Set<string>} */
      let order = new Set();
      this.events.forEach(({ changes }, number) => {
        if (!this.inEffect[number]) return;
        for (const change of changes) {
          if (change.kind === "classes") order = new Set(change.names);
          else if (change.kind === "class" && change.class) order.add(change.class);
          else if (change.kind === "group" && change.name) order.add(change.name);
        }
      });
      return [...new Set([...order, ...this.groupNames.values(), ...this.given.names])];
    });
  }

  /**
   * @template T
   * @param {string} name
   * @param {() => T} make
   * @returns {T}
   */
  once(name, make) {
    if (!this.kept.has(name)) this.kept.set(name, make());
    return /** @type {T} */ (this.kept.get(name));
  }
}

/** @param {Set<number> | undefined} numbers */
const last = (numbers) => [...(numbers ?? [])].at(-1) ?? -1;

/**
 * A name that no set has: undo can bring one back that another set has by now.
 * @param {string} name
 * @param {Map<string, number>} taken the names so far, with the next number of each
 */
function distinct(name, taken) {
  let number = taken.get(name) ?? 1;
  let found = name;
  while (taken.has(found)) {
    number += 1;
    found = `${name} (${number})`;
  }
  taken.set(name, number);
  if (!taken.has(found)) taken.set(found, 1);
  return found;
}
