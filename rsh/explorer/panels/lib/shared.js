// @ts-check
// What all panels share: making elements, events between panels, bits, images, stored choices.

/** @import { Bytes, Child, Draw, Events, Model, Sign, Stop } from "./types" */

/**
 * Make an element. Text goes in as text alone: class names come from folders and may hold anything.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} attributes `on…` adds a listener; null, undefined and false are left out
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (name === "style") node.style.cssText = String(value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  const shown = children.filter((child) => child !== null && child !== undefined);
  node.append(...shown.map((child) => (typeof child === "string" ? readable(child) : child)));
  return node;
}

/**
 * Write out characters that control a text or turn it around, so that no name can look like another.
 * @param {string} text
 */
export function readable(text) {
  return text.replace(
    /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * A text whose parts between backticks are commands.
 * @param {string} text
 * @returns {(Node | string)[]}
 */
export const withCommands = (text) =>
  text.split("`").map((part, place) => (place % 2 ? make("code", {}, part) : readable(part)));

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an SVG element.
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {...(Node | string)} children
 */
export function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/**
 * Send an event to the other panels. It stays in the browser, because a trip to Python and back would
 * be felt; the name of the page keeps two dashboards in one notebook apart.
 * @template {keyof Events} Kind
 * @param {Model} model
 * @param {Kind} kind
 * @param {Events[Kind]} detail
 */
export function emit(model, kind, detail) {
  window.dispatchEvent(new CustomEvent("rsh-page", { detail: { ...detail, page: model.get("page"), kind } }));
}

/**
 * Handle events of the other panels, by kind.
 * @param {Model} model
 * @param {{ [Kind in keyof Events]?: (detail: Events[Kind]) => void }} handlers
 * @returns {Stop}
 */
export function on(model, handlers) {
  const byKind = /** @type {Record<string, ((detail: unknown) => void) | undefined>} */ (handlers);
  /** @param {Event} event */
  const handle = (event) => {
    const { detail } = /** @type {CustomEvent} */ (event);
    if (detail.page === model.get("page")) byKind[detail.kind]?.(detail);
  };
  window.addEventListener("rsh-page", handle);
  return () => window.removeEventListener("rsh-page", handle);
}

/**
 * Make a tile the query.
 * @param {Model} model
 * @param {number} row
 */
export function choose(model, row) {
  emit(model, "busy", {});
  model.send({ kind: "choose", row });
}

/**
 * Rate a tile as positive or negative; the same rating a second time removes it.
 * @param {Model} model
 * @param {number} row
 * @param {Sign} sign
 */
export function giveFeedback(model, row, sign) {
  emit(model, "busy", {});
  model.send({ kind: "mark", row, sign });
}

/**
 * Hexadecimal digits as an array of 0 and 1, the highest bit of the first digit first.
 * @param {string} code
 * @param {number} numBits
 * @returns {number[]}
 */
export function bitsOf(code, numBits) {
  const bits = [...code].flatMap((digit) => {
    const value = parseInt(digit, 16);
    return [(value >> 3) & 1, (value >> 2) & 1, (value >> 1) & 1, value & 1];
  });
  return bits.slice(0, numBits);
}

/**
 * The Hamming distance of two codes.
 * @param {number[]} bits
 * @param {number[]} others
 * @returns {number}
 */
export function countDifferent(bits, others) {
  return bits.filter((bit, place) => bit !== others[place]).length;
}

/**
 * Whether a name was typed into a field; if not, the page asks for one.
 * @param {Model} model
 * @param {HTMLInputElement} field
 */
export function isNamed(model, field) {
  const named = field.value.trim() !== "";
  if (named) return true;
  model.send({ kind: "no name" });
  field.focus();
  return false;
}

/**
 * A count with its noun: "1 bit", "2,400 tiles".
 * @param {number} count
 * @param {string} noun
 */
export function plural(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * The last part of a tile's id, without the folders around it.
 * @param {string} id
 */
export const fileOf = (id) => id.slice(id.lastIndexOf("/") + 1);

/** Whether a tile has no class and no label to be called by. @param {{ id: string, name: string }} tile */
export const isNamedByFile = ({ id, name }) => name === readable(fileOf(id));

/**
 * The date and the scene of a tile; a date within the scene's name once.
 * @param {{ scene: string, date: string }} tile
 */
export const originOf = ({ scene, date }) => [scene.includes(date) ? "" : date, scene].filter(Boolean);

/**
 * What a tile is called, with its date and scene.
 * @param {{ name: string, scene: string, date: string }} tile
 */
export const fullName = (tile) => [tile.name, ...originOf(tile)].join(", ");

/**
 * The bytes of a trait as an array of numbers; they may begin anywhere in a message.
 * @template T
 * @param {new (buffer: ArrayBuffer) => T} Type
 * @param {Bytes} bytes
 * @returns {T}
 */
export function bytesAs(Type, bytes) {
  return new Type(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/**
 * An image as an address. A page makes it itself; for an object URL it would ask the browser, a millisecond an image.
 * @param {Bytes} bytes JPEG or PNG
 */
export function imageUrl(bytes) {
  const step = 8192; // arguments that a function takes for sure
  let text = "";
  for (let at = 0; at < bytes.byteLength; at += step) {
    const some = new Uint8Array(bytes.buffer, bytes.byteOffset + at, Math.min(step, bytes.byteLength - at));
    text += String.fromCharCode(...some);
  }
  return `data:image/jpeg;base64,${btoa(text)}`;
}

/**
 * Store a choice for the next visit.
 * @param {string} name
 * @param {string} value
 * @returns {boolean} whether it is stored: a browser may forbid it, or have no room
 */
export function store(name, value) {
  try {
    localStorage.setItem(name, value);
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {string} name
 * @returns {string | null}
 */
export function stored(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/**
 * Call `draw` now, and again whenever one of the traits changes.
 * @param {Model} model
 * @param {string[]} names
 * @param {Draw} draw
 * @returns {Stop}
 */
export function redrawOn(model, names, draw) {
  for (const name of names) model.on(`change:${name}`, draw);
  draw();
  return () => {
    for (const name of names) model.off(`change:${name}`, draw);
  };
}

/**
 * One function that calls all of these.
 * @param {Stop[]} stops
 * @returns {Stop}
 */
export function stopAll(stops) {
  return () => {
    for (const stop of stops) stop();
  };
}
