// @ts-check
// What a visitor labels: classes and sets, as `rsh.explorer.labeling` with labels kept in the browser.

import { SiteError } from "../store.js";
import { humanize, pluralOf as plural } from "../text.js";
import { cleanName, tidyName } from "./names.js";
import { NONE_GIVEN } from "./state.js";
import { describeEvent } from "./words.js";

/** @import { LabelsView } from "../../../panels/lib/types" */
/** @import { Gallery } from "../gallery.js" */
/** @import { Visitor } from "./types" */

const KEYS = 9; // classes that have a digit
const MOST_CONFLICTS = 20; // that are shown
const TAKE_BACK = "Ctrl+Z takes it back";
const TOKEN = /^[\w.@-]{1,64}$/;

/** What was given, for readers: a class, or that the label was taken away. @param {string} name */
const wordsFor = (name) => (name ? humanize(name) : "no label");

/**
 * A class whose name differs from a new one in capital letters alone.
 * @param {string[]} classes
 * @param {string} name
 */
function alikeIn(classes, name) {
  if (classes.includes(name)) return undefined;
  return classes.find((one) => one.toLowerCase() === name.toLowerCase());
}

export class Labeling {
  /** @param {Gallery} gallery */
  constructor(gallery) {
    this.gallery = gallery;
    this.annotations = gallery.annotations;
    /** @type {Visitor} */
    this.by = { token: "page", author: "" }; // before the browser has said who it is
    /** What was done last, in words. */
    this.said = "";
  }

  get state() {
    return this.annotations.state;
  }

  /**
   * Learn who the visitor is, and what their browser has kept.
   * @param {string} token
   * @param {string} author
   * @param {unknown} dump
   */
  async meet(token, author, dump) {
    const name = author.trim();
    if (!TOKEN.test(token)) throw new SiteError("a token has 1 to 64 letters, digits and . @ _ -");
    this.by = { token, author: name && cleanName(name, "name of a person") };
    if (dump && !this.state.events.length) await this.annotations.read(dump);
  }

  /**
   * Names that tiles can be given: those of the gallery, then others as they came. Where one group holds several tiles
   * with a name of their own, it shows the last one alone; the others are left out.
   */
  get classes() {
    const every = new Set([...this.gallery.classes, ...this.state.classes]);
    for (const name of this.hiddenNames) every.delete(name);
    return [...every];
  }

  /** The names of groups that no group shows and no tile was given. */
  get hiddenNames() {
    const { groups, classes } = this.gallery;
    const { groupNames, given } = this.state;
    if (groupNames.size < 2 || !groups.areThere) return [];
    const shown = new Set([...given.names, ...classes]);
    return [...groups.overruledNames].filter((name) => !shown.has(name));
  }

  /**
   * Give tiles a class, or take it away with "".
   * @param {Int32Array} rows
   * @param {string} name
   */
  async give(rows, name) {
    const { classes } = this;
    const { given } = this.state;
    const mine = name ? given.names.indexOf(tidyName(name)) : NONE_GIVEN;
    const same = rows.length > 0 && rows.every((row) => given.numbers[row] === mine);
    if (same && (mine !== NONE_GIVEN || !name)) {
      const disputed = new Set(this.state.conflicts.map(({ row }) => row));
      if (!rows.some((row) => disputed.has(row))) {
        this.said = `${plural(rows.length, "tile")}: ${wordsFor(name)} already`; // the same again says nothing
        return;
      }
    }
    const others = rows.reduce((sum, row) => {
      const before = given.numbers[row];
      return sum + (before !== NONE_GIVEN && before !== mine ? 1 : 0);
    }, 0);
    await this.annotations.giveClass(rows, name, this.by);
    this.said = `${plural(rows.length, "tile")}: ${wordsFor(name)}`;
    if (rows.length > 1 && others) this.said += `, ${others} of another class before. ${TAKE_BACK}`;
    const alike = name && alikeIn(classes, tidyName(name));
    if (alike) this.said += `. There is ${alike}, too: rename one to join them`;
  }

  /**
   * Give tiles the class of a digit.
   * @param {Int32Array} rows
   * @param {number} number
   */
  async giveNumber(rows, number) {
    const name = number <= KEYS ? this.classes[number - 1] : undefined;
    if (name === undefined) {
      throw new SiteError(`no class has the key ${number}: select tiles, and type the name of a new class`);
    }
    await this.give(rows, name);
  }

  /**
   * Give tiles a class, and end the disagreements about them.
   * @param {Int32Array} rows
   * @param {string} name
   */
  async settle(rows, name) {
    await this.annotations.giveClass(rows, this.annotations.className(name), this.by, true);
    this.said = `${plural(rows.length, "tile")}: ${name}, settled`;
  }

  /**
   * @param {Int32Array} rows
   * @param {string} text
   */
  async put(rows, text) {
    await this.annotations.put(text, rows, this.by);
    this.said = `${plural(rows.length, "tile")}: in the set ${tidyName(text)}`;
  }

  /**
   * @param {Int32Array} rows
   * @param {string} name
   */
  async take(rows, name) {
    await this.annotations.take(name, rows, this.by);
    this.said = `${plural(rows.length, "tile")}: no longer in the set ${name}`;
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  async renameSet(name, text) {
    await this.annotations.renameSet(name, text, this.by);
    this.said = `The set ${name} is now called ${tidyName(text)}`;
  }

  /** @param {string} name */
  async deleteSet(name) {
    await this.annotations.deleteSet(name, this.by);
    this.said = `Deleted the set ${name}`;
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  async renameClass(name, text) {
    const [known, made] = [this.classes, tidyName(text)];
    await this.annotations.replaceClass(name, this.annotations.className(made), this.by);
    this.said = `The class ${name} is now called ${made}`;
    if (known.includes(made) && made !== name) {
      const many = plural(this.rowsOfClass(made).length, "tile");
      this.said = `The class ${name} is now a part of ${made}, ${many}. ${TAKE_BACK}`;
    }
  }

  /** @param {string} name */
  async removeClass(name) {
    const many = plural(this.rowsOfClass(name).length, "tile");
    await this.annotations.replaceClass(name, "", this.by);
    this.said = `Removed the class ${name} of ${many}. ${TAKE_BACK}`;
  }

  /**
   * Name a group of the hash space.
   * @param {string} key
   * @param {string} name
   */
  async nameGroup(key, name) {
    await this.annotations.nameGroup(key, name, this.by);
    const named = `Named a group ${tidyName(name)}, a class that tiles can be given now`;
    this.said = name ? named : "Took a group's name away";
  }

  /** @param {"undo" | "redo"} kind */
  async reverse(kind) {
    const event = await this.annotations.reverse(kind, this.by);
    const done = kind === "undo" ? "Undone" : "Redone";
    this.said = event ? `${done}: ${describeEvent(event, this.state)}` : `There is nothing to ${kind}`;
  }

  /** @param {string} name */
  rowsOfClass(name) {
    return this.state.given.rowsOf(name);
  }

  /** @param {string} name */
  rowsOfSet(name) {
    return this.state.members(this.state.findSet(name).key);
  }

  /**
   * The given class of those of some tiles that have one, by row.
   * @param {number[]} rows
   * @returns {Record<string, string>}
   */
  given(rows) {
    const { given } = this.state;
    return Object.fromEntries(rows.filter((row) => given.of(row)).map((row) => [row, given.of(row)]));
  }

  /** @returns {LabelsView} */
  view() {
    const { state } = this;
    const { counts } = state.given;
    return {
      classes: this.classes.map((name) => [name, counts.get(name) ?? 0]),
      num_encoded: this.gallery.classes.length,
      sets: state.sets.map(({ name, numTiles }) => [name, numTiles]),
      num_given: state.given.numTiles,
      can_undo: state.undoable(this.by.token) !== null,
      can_redo: state.redoable(this.by.token) !== null,
      kept: "visitor",
      why: "",
      notes: this.annotations.notes,
      conflicts: state.conflicts
        .slice(0, MOST_CONFLICTS)
        .map(({ row, statements }) => [row, statements.map(({ name, event }) => [name, state.alias(event.visitor)])]),
    };
  }
}
