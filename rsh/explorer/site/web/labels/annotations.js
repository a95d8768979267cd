// @ts-check
// Records what a visitor gives to tiles, as `rsh.gallery.annotations.store` in memory: the browser keeps it.

import { SiteError } from "../store.js";
import { pluralOf as plural } from "../text.js";
import { MAX_TEXT, newEvent, newKey, readEvents, writeEvent } from "./events.js";
import { cleanName, cleanSetName, refused, tidyName, UNSEEN } from "./names.js";
import { AnnotationState } from "./state.js";

/** @import { Gallery } from "../gallery.js" */
/** @import { Change, LabelEvent, Tiles, Visitor } from "./types" */

const MAX_BYTES = 2 ** 22; // browsers keep 5 MB for a site
const MAX_SETS = 1000;

export class Annotations {
  /** @param {Gallery} gallery */
  constructor(gallery) {
    this.gallery = gallery;
    this.state = new AnnotationState(gallery.size);
    /** Events as JSON, in the order of the log. @type {unknown[]} */
    this.log = [];
    this.numBytes = 0;
    this.numUnread = 0;
  }

  /** All events, which the browser keeps. */
  dump() {
    return { format: 1, events: this.log };
  }

  /**
   * Begin with what `dump` returned earlier.
   * @param {unknown} dump
   * @throws {SiteError} it is something else, or too large
   */
  async read(dump) {
    const { format, events: log } = /** @type {{ format?: unknown, events?: unknown }} */ (dump ?? {});
    if (format !== 1 || !Array.isArray(log)) {
      throw new SiteError("the labels that the browser kept cannot be read: delete them there");
    }
    [this.state, this.numBytes, this.numUnread] = [new AnnotationState(this.gallery.size), 0, 0];
    this.takeRoom(log);
    this.log = log.filter((line) => typeof line === "object" && line !== null && !Array.isArray(line));
    const events = await readEvents(log, () => this.gallery.ids());
    await this.locateGroups(events.flatMap((event) => event?.changes ?? []));
    for (const event of events) {
      if (event) this.state.add(event);
      else this.numUnread += 1;
    }
  }

  /** What could not be read, in sentences. */
  get notes() {
    const counts = /** @type {const} */ ([
      [this.numUnread, "line", "no event of rsh is like these"],
      [this.state.numUnknown, "change", "a later version of rsh made them"],
    ]);
    return counts
      .filter(([count]) => count)
      .map(([count, noun, why]) => `what the browser kept: left out ${plural(count, noun)}: ${why}`);
  }

  /**
   * The name of a class; one that tiles were encoded with may be any text.
   * @param {string} name
   */
  className(name) {
    const { classes } = this.gallery;
    return classes.includes(name) ? name : cleanName(name, "name of a class");
  }

  /**
   * @param {Int32Array} rows
   * @param {string} name "" takes the class away
   * @param {Visitor} by
   * @param {boolean} [settles]
   */
  giveClass(rows, name, by, settles = false) {
    const change = { kind: /** @type {const} */ ("class"), class: name && this.className(name), settles };
    return this.record(by, [{ ...change, tiles: tilesOf(rows) }]);
  }

  /**
   * Put tiles into a set, which is created if there is none.
   * @param {string} text
   * @param {Int32Array} rows
   * @param {Visitor} by
   */
  put(text, rows, by) {
    const isKnown = this.state.sets.some(({ name }) => name === tidyName(text));
    if (rows.length || isKnown) return this.giveAll(new Map(), new Map([[text, rows]]), by);
    return this.record(by, [{ kind: "set", set: newKey(), name: cleanSetName(text), deleted: false }]);
  }

  /**
   * @param {string} name
   * @param {Int32Array} rows
   * @param {Visitor} by
   */
  take(name, rows, by) {
    const { key } = this.state.findSet(name);
    return this.record(by, [{ kind: "take", set: key, tiles: tilesOf(rows) }]);
  }

  /**
   * @param {string} name
   * @param {string} text the new name
   * @param {Visitor} by
   */
  renameSet(name, text, by) {
    const [{ key }, made] = [this.state.findSet(name), cleanSetName(text)];
    if (this.state.sets.some((one) => one.name === made && one.key !== key)) {
      throw refused("name", made, "another set has it, choose another");
    }
    return this.record(by, [{ kind: "set", set: key, name: made, deleted: false }]);
  }

  /**
   * @param {string} name
   * @param {Visitor} by
   */
  deleteSet(name, by) {
    return this.record(by, [{ kind: "set", set: this.state.findSet(name).key, deleted: true }]);
  }

  /**
   * Name a group of the hash space, or take its name away with "".
   * @param {string} group its key
   * @param {string} name
   * @param {Visitor} by
   */
  nameGroup(group, name, by) {
    const { length } = [...group];
    if (!length || length > MAX_TEXT || UNSEEN.test(group)) {
      throw refused("group", group, `needs 1 to ${MAX_TEXT} letters`);
    }
    const made = name && cleanName(name);
    const { given, groupNames } = this.state;
    const before = groupNames.get(group) ?? "";
    groupNames.delete(group);
    const isLast = before && ![...groupNames.values()].includes(before) && !given.names.includes(before);
    return this.record(by, [{ kind: "group", group, name: made }, ...(isLast ? [this.reordered(before, made)] : [])]);
  }

  /**
   * Give the tiles of a class, and the groups of its name, another name or none.
   * @param {string} name
   * @param {string} text the new name, "" for none
   * @param {Visitor} by
   */
  replaceClass(name, text, by) {
    const made = text && this.className(text);
    const { classes, given, groupNames } = this.state;
    if (!classes.includes(name)) throw new SiteError(`there is no class ${name}: choose another`);
    const groups = [...groupNames].filter(([, ofGroup]) => ofGroup === name).map(([group]) => group);
    /** @type {Change[]} */
    const changes = groups.map((group) => ({ kind: "group", group, name: made }));
    if (given.names.includes(name)) {
      changes.push({ kind: "class", class: made, settles: made !== "", tiles: tilesOf(given.rowsOf(name)) });
    }
    return this.record(by, [...changes, this.reordered(name, made)]);
  }

  /**
   * The order of classes in which one has the place of another, or is gone.
   * @param {string} name
   * @param {string} made
   * @returns {Change}
   */
  reordered(name, made) {
    const names = this.state.classes.map((one) => (one === name ? made : one)).filter(Boolean);
    return { kind: "classes", names: [...new Set(names)] };
  }

  /**
   * Give classes and put tiles into sets in one event; sets that are missing are created.
   * @param {Map<string, Int32Array>} classes rows by the name of the class
   * @param {Map<string, Int32Array>} sets rows by the name of the set
   * @param {Visitor} by
   */
  giveAll(classes, sets, by) {
    /** @type {Change[]} */
    const changes = [...classes].map(([name, rows]) => ({
      ...{ kind: "class", class: this.className(name), settles: false },
      tiles: tilesOf(rows),
    }));
    const keys = new Map(this.state.sets.map(({ name, key }) => [name, key]));
    /** @type {Change[]} */
    const members = [];
    for (const [text, rows] of sets) {
      const name = cleanSetName(text);
      const known = keys.get(name);
      const set = known ?? newKey();
      keys.set(name, set);
      if (!known) changes.push({ kind: "set", set, name, deleted: false });
      members.push({ kind: "put", set, tiles: tilesOf(rows) });
    }
    if (keys.size > MAX_SETS) throw new SiteError("there can be 1,000 sets: delete some first");
    return this.record(by, [...changes, ...members]);
  }

  /**
   * Take back this visitor's last event that is in effect, or bring back what was undone last.
   * @param {"undo" | "redo"} kind
   * @param {Visitor} by
   * @returns {Promise<LabelEvent | null>} null if there is none
   */
  async reverse(kind, by) {
    const event = kind === "undo" ? this.state.undoable(by.token) : this.state.redoable(by.token);
    if (event) await this.record(by, [{ kind, event: event.id }]);
    return event;
  }

  /**
   * @param {Visitor} by
   * @param {Change[]} changes
   */
  async record(by, changes) {
    const event = newEvent(by, changes);
    const line = await writeEvent(event, (rows) => this.gallery.idsOf(rows));
    await this.locateGroups(changes);
    this.takeRoom([line]);
    this.log.push(line);
    this.state.add(event);
  }

  /** Learn which groups are named. @param {Change[]} changes */
  async locateGroups(changes) {
    await this.gallery.groups.locate(changes.flatMap((change) => (change.kind === "group" ? [change.group] : [])));
  }

  /** @param {unknown[]} lines */
  takeRoom(lines) {
    const encoder = new TextEncoder();
    const sizes = lines.map((line) => encoder.encode(JSON.stringify(line)).length);
    const numBytes = sizes.reduce((sum, size) => sum + size, this.numBytes);
    if (numBytes > MAX_BYTES) {
      throw new SiteError("labels and sets would exceed 4 MB: export them, then begin again");
    }
    this.numBytes = numBytes;
  }
}

/**
 * @param {Int32Array} rows
 * @returns {Tiles}
 */
function tilesOf(rows) {
  if (!rows.length) throw new SiteError("no tile was given: choose at least one");
  return { rows: Int32Array.from(new Set(rows)).sort(), absent: 0 };
}
