// @ts-check
// Tiles by their ids, as `ExplorerState` of `rsh.explorer.state` finds them.

import { InputError } from "../errors.js";
import { NOT_FOUND, rowByHash } from "../lookup.js";
import { quoted } from "../text.js";

/** @import { Explorer } from "../explorer.js" */

const SUGGESTED = 12;
const MANY = 100_000; // tiles, whose ids take so long to load that it is announced

/**
 * The rows of the tiles whose ids contain a text, ignoring case; none for an empty text.
 * @param {string[]} ids
 * @param {string} text
 * @param {number} [most]
 */
export function matching(ids, text, most = Infinity) {
  const typed = text.trim();
  const rows = [];
  if (!typed) return [];
  const wanted = new RegExp(typed.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), "iu");
  for (let row = 0; row < ids.length && rows.length < most; row++) if (wanted.test(ids[row])) rows.push(row);
  return rows;
}

/**
 * The row of the tile with an id, or of the first tile whose id contains the text; and how many there are, in words.
 * @param {string[]} ids
 * @param {string} text
 * @throws {InputError} there is none
 */
export function find(ids, text) {
  const exact = ids.indexOf(text);
  if (exact >= 0) return { row: exact, words: "" };
  const rows = matching(ids, text);
  if (!rows.length) throw new InputError(`no tile's name holds ${quoted(text)}: try a part of it`);
  const many = rows.length.toLocaleString("en");
  return { row: rows[0], words: rows.length > 1 ? `${many} ids contain it; this is the first.` : "" };
}

/**
 * The ids of all tiles; the page says that it waits for those of a large gallery.
 * @param {Explorer} page
 */
export function idsOf(page) {
  const { gallery } = page;
  if (gallery.size < MANY || gallery.allIds) return gallery.ids();
  return page.waiting(`Loading the names of ${gallery.size.toLocaleString("en")} tiles…`, () => gallery.ids());
}

/** The panel with the field for a name. */
export class FindPart {
  /** @param {Explorer} page */
  constructor(page) {
    this.page = page;
  }

  /** @param {string} text */
  async suggest(text) {
    const { page } = this;
    if (!text.trim() || page.gallery.lists) return page.set("upload", { matching: [] });
    const ids = await idsOf(page);
    page.set("upload", { matching: matching(ids, text, SUGGESTED).map((row) => ids[row]) });
  }

  /** @param {string} text */
  async find(text) {
    const { page } = this;
    const exact = await rowByHash(page.gallery, text);
    if (exact === NOT_FOUND && page.gallery.lists) {
      throw new InputError(`no tile has the id ${quoted(text)}: a site of so many tiles needs the whole id`);
    }
    const { row, words } = exact === NOT_FOUND ? find(await idsOf(page), text) : { row: exact, words: "" };
    page.state.choose(row);
    await page.refresh();
    page.set("upload", { found: words });
  }
}
