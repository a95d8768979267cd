// @ts-check
// Events as JSON, in the format of `rsh.gallery.annotations.event_lines`: rsh reads them anywhere.

import { cleanName, cleanSetName } from "./names.js";

/** @import { Change, LabelEvent, Tiles, Visitor } from "./types" */

/** @typedef {Record<string, unknown>} Json */

const FEW = 64; // tiles that are listed, so that people can read the log
export const MAX_TEXT = 1000; // characters of a class or of the key of a group
const MAX_IDS = 5_000_000;
const TOKEN = /^[\w.@-]{1,64}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const COLOR = /^(#[0-9a-f]{6})?$/;
const ALONE = ["undo", "redo", "final"]; // in their event

/** A random key of 16 digits. */
export const newKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * @param {Visitor} visitor
 * @param {Change[]} changes
 * @returns {LabelEvent}
 */
export const newEvent = (visitor, changes) => ({ id: newKey(), time: new Date().toISOString(), visitor, changes });

/**
 * An event as JSON.
 * @param {LabelEvent} event
 * @param {(rows: Int32Array) => Promise<string[]>} idsOf
 * @returns {Promise<Json>}
 */
export async function writeEvent({ id, time, visitor, changes }, idsOf) {
  /** @type {Json[]} */
  const written = [];
  for (const change of changes) {
    if (change.kind === "class") {
      const { tiles, settles, class: name } = change;
      const settle = settles ? { settle: true } : {};
      written.push({ kind: "class", class: name, ...settle, ...(await writeIds(await idsOf(tiles.rows))) });
    } else if (change.kind === "put" || change.kind === "take") {
      const { kind, set, tiles } = change;
      written.push({ kind, set, ...(await writeIds(await idsOf(tiles.rows))) });
    } else if (change.kind === "set") {
      const { deleted, ...given } = change;
      written.push({ ...given, ...(deleted ? { deleted } : {}) });
    } else written.push(change);
  }
  const author = visitor.author ? { author: visitor.author } : {};
  return { time, visitor: visitor.token, ...author, changes: written, id };
}

/** @param {string[]} ids */
async function writeIds(ids) {
  return ids.length <= FEW ? { ids } : { count: ids.length, packed: await packIds(ids) };
}

/**
 * The events of a log, null for what no rsh wrote.
 * @param {unknown[]} log
 * @param {() => Promise<string[]>} allIds of the gallery, which are read once if any tile is named
 * @returns {Promise<(LabelEvent | null)[]>}
 */
export async function readEvents(log, allIds) {
  /** @type {Map<Tiles, string[]>} */
  const wanted = new Map();
  /** @type {(LabelEvent | null)[]} */
  const events = [];
  for (const value of log) {
    try {
      events.push(await readEvent(/** @type {Json} */ (value), wanted));
    } catch {
      events.push(null);
    }
  }
  await findRows(wanted, allIds);
  return events;
}

/**
 * @param {Map<Tiles, string[]>} wanted
 * @param {() => Promise<string[]>} allIds
 */
async function findRows(wanted, allIds) {
  /** @type {Map<string, number>} */
  const rows = new Map();
  for (const ids of wanted.values()) for (const id of ids) rows.set(id, -1);
  if (!rows.size) return;
  (await allIds()).forEach((id, row) => {
    if (rows.has(id)) rows.set(id, row);
  });
  for (const [tiles, ids] of wanted) {
    tiles.rows = Int32Array.from(ids, (id) => rows.get(id) ?? -1).filter((row) => row >= 0);
    tiles.absent = ids.length - tiles.rows.length;
  }
}

/**
 * @param {Json} value
 * @param {Map<Tiles, string[]>} wanted
 * @returns {Promise<LabelEvent>}
 */
async function readEvent(value, wanted) {
  const { id, time, visitor, author = "", changes } = value;
  check(matches(id, TOKEN) && matches(time, TIME) && matches(visitor, TOKEN));
  check(typeof author === "string" && (author === "" || cleanName(author) === author));
  check(Array.isArray(changes) && changes.length);
  /** @type {Map<Tiles, string[]>} */
  const mine = new Map();
  const read = [];
  for (const change of /** @type {Json[]} */ (changes)) read.push(await readChange(change, mine));
  check(read.length === 1 || !read.some(({ kind }) => ALONE.includes(kind)));
  for (const [tiles, ids] of mine) wanted.set(tiles, ids);
  const by = { token: String(visitor), author: String(author) };
  return { id: String(id), time: String(time), visitor: by, changes: read };
}

/**
 * @param {Json} change
 * @param {Map<Tiles, string[]>} wanted
 * @returns {Promise<Change>}
 */
async function readChange(change, wanted) {
  const { kind } = change;
  if (kind === "class") {
    const name = textOf(change.class, 0);
    return { kind, class: name, settles: change.settle === true, tiles: await readTiles(change, wanted) };
  }
  if (kind === "put" || kind === "take") {
    return { kind, set: tokenOf(change.set), tiles: await readTiles(change, wanted) };
  }
  if (kind === "set") {
    /** @type {{ name?: string, color?: string }} */
    const given = {};
    if (change.name !== undefined) given.name = String(change.name);
    if (change.color !== undefined) given.color = String(change.color);
    check(given.name === undefined || cleanSetName(given.name) === change.name);
    check(given.color === undefined || matches(change.color, COLOR));
    return { kind, set: tokenOf(change.set), ...given, deleted: change.deleted === true };
  }
  if (kind === "group") {
    const name = textOf(change.name, 0);
    check(!name || cleanName(name) === name);
    return { kind, group: textOf(change.group), name };
  }
  if (kind === "classes") {
    check(Array.isArray(change.names));
    return { kind, names: /** @type {unknown[]} */ (change.names).map((name) => textOf(name)) };
  }
  if (kind === "undo" || kind === "redo") return { kind, event: tokenOf(change.event) };
  if (kind === "final") return { kind };
  textOf(kind);
  return { kind: "unknown" };
}

/**
 * The tiles of a change; their rows are filled in later.
 * @param {Json} change
 * @param {Map<Tiles, string[]>} wanted
 * @returns {Promise<Tiles>}
 */
async function readTiles({ ids, packed, count }, wanted) {
  const tiles = { rows: new Int32Array(0), absent: 0 };
  if (packed !== undefined) wanted.set(tiles, await unpackIds(String(packed), Number(count)));
  else {
    check(Array.isArray(ids) && ids.every((id) => typeof id === "string"));
    wanted.set(tiles, /** @type {string[]} */ (ids));
  }
  return tiles;
}

/** @param {unknown} holds */
function check(holds) {
  if (!holds) throw new Error("no event of rsh");
}

/** @type {(value: unknown, pattern: RegExp) => boolean} */
const matches = (value, pattern) => typeof value === "string" && pattern.test(value);

/** @param {unknown} value */
function tokenOf(value) {
  check(matches(value, TOKEN));
  return String(value);
}

/**
 * @param {unknown} value
 * @param {number} [least]
 */
function textOf(value, least = 1) {
  check(typeof value === "string" && value.length >= least && value.length <= MAX_TEXT);
  return String(value);
}

/**
 * Ids in the order of the alphabet as text: lengths and letters, zlib, base64.
 * @param {string[]} ids
 */
export async function packIds(ids) {
  const letters = [...ids].sort().map((id) => new TextEncoder().encode(id));
  const lengths = new DataView(new ArrayBuffer(4 * letters.length));
  letters.forEach((one, place) => {
    lengths.setUint32(4 * place, one.length, true);
  });
  const packed = await through(new Blob([lengths, ...letters]), new CompressionStream("deflate"));
  let text = "";
  for (const byte of packed) text += String.fromCharCode(byte);
  return btoa(text);
}

/**
 * @param {string} packed
 * @param {number} count
 */
export async function unpackIds(packed, count) {
  check(Number.isInteger(count) && count >= 0 && count <= MAX_IDS);
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const raw = await through(new Blob([bytes]), new DecompressionStream("deflate"));
  const lengths = new DataView(raw.buffer, 0, 4 * count);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const ids = [];
  let at = 4 * count;
  for (let place = 0; place < count; place++) {
    const size = lengths.getUint32(4 * place, true);
    check(at + size <= raw.length);
    ids.push(decoder.decode(raw.subarray(at, at + size)));
    at += size;
  }
  check(at === raw.length);
  return ids;
}

/**
 * @param {Blob} blob
 * @param {CompressionStream | DecompressionStream} stream
 */
async function through(blob, stream) {
  return new Uint8Array(await new Response(blob.stream().pipeThrough(stream)).arrayBuffer());
}
