// @ts-check
// What is shown as an address, and back, as `rsh.explorer.address` writes and reads it.

import { InputError } from "./errors.js";
import { readFilter, textOf } from "./filters.js";
import { MAX_TOP_K, marked } from "./state.js";
import { SiteError } from "./store.js";
import { quote } from "./text.js";

/** @import { State } from "./state.js" */
/** @import { Query, Settings } from "./types" */

/** What the tiles of a query are called in links. */
export const SIGNS = /** @type {const} */ ({ like: "positive", unlike: "negative" });
const SAFE = "/:,="; // characters that are not quoted, so that links are readable
const MOST = 200; // fields
const LONGEST = 8000; // characters: what browsers and servers support
/** @type {Record<string, boolean>} */
const SWITCH = { yes: true, no: false };

/** The row of a tile by its id, -1 if there is none. @typedef {(id: string) => Promise<number>} FindRow */

/**
 * The query string of a state; an image of the visitor is not part of it.
 * @param {State} state
 * @param {(row: number) => string} idOf tiles of the query
 */
export function writeAddress({ gallery, settings, query, filter, stacked, compared, brightness }, idOf) {
  /** @type {[string, string | number][]} */
  const pairs = [["k", settings.topK]];
  if (!query.image) pairs.unshift(["q", idOf(query.row)]);
  if (settings.mode === "radius") pairs.push(["r", settings.radius]);
  if (settings.order !== "bits") pairs.push(["order", settings.order]);
  if (settings.includeHeldOut) pairs.push(["include_held_out", "yes"]);
  if (stacked) pairs.push(["stack", "yes"]);
  if (compared) pairs.push(["compare", compared]);
  if (gallery.composite) pairs.push(["bands", gallery.manifest.composites[gallery.composite].name]);
  if (brightness !== 1) pairs.push(["brightness", brightness]);
  for (const condition of filter.conditions) pairs.push(["where", textOf(condition)]);
  for (const [word, sign] of Object.entries(SIGNS)) {
    if (!query.image) for (const row of query[sign]) pairs.push([word, idOf(row)]);
  }
  const plus = (/** @type {string | number} */ text) => quote(String(text), `${SAFE} `).replaceAll(" ", "+");
  return `?${pairs.map(([name, value]) => `${name}=${plus(value)}`).join("&")}`;
}

/**
 * Set a state to what an address says; what it does not mention is unchanged. Parts that make no sense are left out,
 * and the others hold.
 * @param {string} address
 * @param {State} state
 * @param {FindRow} findRow
 * @returns {Promise<string>} which parts were left out and why, one sentence; "" if all hold
 * @throws {InputError} the address is too long, or says too many things; the state is as before
 */
export async function readAddress(address, state, findRow) {
  const found = parse(address);
  const parts = new Parts(state, findRow);
  const other = found.getAll("gallery").find((name) => name && name !== state.gallery.manifest.name);
  if (other) parts.leaveOut(`gallery=${other}`, `this page shows ${state.gallery.manifest.name} alone`);
  const values = (/** @type {string} */ name) => found.getAll(name).filter(Boolean);
  const wheres = values("where");
  if (wheres.length) await state.filterBy([]); // conditions of before may fit no tile that is searched now
  // How many tiles can be found depends on whether held-out ones count.
  for (const name of ["q", "text", "include_held_out", "k", "r", "order", "stack", "compare", "bands", "brightness"]) {
    await parts.follow(name, values(name).slice(-1));
  }
  if (wheres.length) await parts.filter(wheres);
  for (const name of Object.keys(SIGNS)) await parts.follow(name, values(name));
  state.searchWith(parts.query);
  return parts.leftOut.length ? `this was left out of the link: ${parts.leftOut.join("; ")}` : "";
}

/** @param {string} address */
function parse(address) {
  if (address.length > LONGEST) {
    throw new InputError(`the link is ${address.length} characters long: at most ${LONGEST} are read`);
  }
  if (address.split("&").length > MOST) throw new InputError(`the link says more than ${MOST} things: shorten it`);
  return new URLSearchParams(address);
}

/** Applies the parts of an address to a state. */
class Parts {
  /**
   * @param {State} state
   * @param {FindRow} findRow
   */
  constructor(state, findRow) {
    this.state = state;
    this.findRow = findRow;
    /** What the address searches with; the state takes it once it is complete. @type {Query} */
    this.query = state.query;
    this.hasQuery = true;
    /** The parts that make no sense, each with the reason. @type {string[]} */
    this.leftOut = [];
    /** @type {Record<string, (text: string) => Promise<void> | void>} */
    this.acts = {
      q: (text) => this.choose(text),
      text: () => {
        throw new InputError("this gallery is not searched with words");
      },
      k: (text) => this.search({ mode: "top_k", topK: number(text, 1, MAX_TOP_K) }),
      r: (text) => this.search({ mode: "radius", radius: number(text, 0, state.gallery.numBits) }),
      order: (text) => this.search({ order: text }),
      include_held_out: (text) => this.search({ includeHeldOut: switched(text) }),
      stack: (text) => {
        state.stacked = switched(text);
      },
      compare: (text) => {
        if (!state.sides.includes(text)) {
          throw new InputError(
            state.sides.length ? `choose one of ${state.sides.join(", ")}` : "there is nothing to compare with",
          );
        }
        state.compared = text;
      },
      bands: (text) => state.gallery.showComposite(text),
      brightness: (text) => state.brighten(/^[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : 0),
      like: (text) => this.mark(text, "positive"),
      unlike: (text) => this.mark(text, "negative"),
    };
  }

  /**
   * @param {string} part
   * @param {string} reason
   */
  leaveOut(part, reason) {
    this.leftOut.push(`${part} (${reason})`);
  }

  /**
   * @param {string} name
   * @param {string[]} values
   */
  async follow(name, values) {
    for (const value of values) {
      const reason = await refusal(() => this.acts[name](value));
      if (reason) this.leaveOut(`${name}=${value}`, reason);
    }
  }

  /** @param {string[]} texts */
  async filter(texts) {
    const refused = (/** @type {string[]} */ each) => refusal(async () => this.state.filterBy(readFilter(each)));
    if (!(await refused(texts))) return;
    const kept = [];
    for (const text of texts) {
      const reason = await refused([text]);
      if (reason) this.leaveOut(`where=${text}`, reason);
      else kept.push(text);
    }
    const reason = await refused(kept);
    if (!reason) return;
    await this.state.filterBy([]); // each alone makes sense
    this.leaveOut(kept.map((text) => `where=${text}`).join(", "), reason);
  }

  /** @param {string} tile */
  async choose(tile) {
    this.hasQuery = false;
    this.query = { row: await this.row(tile), positive: [], negative: [] };
    this.hasQuery = true;
  }

  /**
   * @param {string} tile
   * @param {"positive" | "negative"} sign
   */
  async mark(tile, sign) {
    if (!this.hasQuery) throw new InputError("it belongs to a query that was left out");
    this.query = marked(this.query, await this.row(tile), sign);
  }

  /** @param {string} tile */
  async row(tile) {
    const row = await this.findRow(tile);
    if (row < 0) throw new InputError("this gallery holds no such tile");
    return row;
  }

  /** @param {Partial<Settings>} changed */
  search(changed) {
    this.state.searchBy({ ...this.state.settings, ...changed });
  }
}

/**
 * Why something is refused, "" if it is done.
 * @param {() => Promise<void> | void} act
 */
async function refusal(act) {
  try {
    await act();
  } catch (error) {
    if (error instanceof SiteError) return error.reason;
    throw error;
  }
  return "";
}

/** @param {string} text */
function switched(text) {
  if (!Object.hasOwn(SWITCH, text)) throw new InputError("choose yes or no");
  return SWITCH[text];
}

/**
 * @param {string} text
 * @param {number} least
 * @param {number} most
 */
function number(text, least, most) {
  const found = /^[0-9]+$/.test(text) ? Number(text.slice(0, 9)) : -1;
  if (found < least || found > most) throw new InputError(`choose a whole number from ${least} to ${most}`);
  return found;
}
