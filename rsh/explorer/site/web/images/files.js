// @ts-check
// What an image file says of itself before it is decoded: a browser would show some files that Python refuses.

import { InputError } from "../errors.js";

export const MAX_BYTES = 20 * 2 ** 20; // enough for a tile of any sensor
const MIN_SIDE = 8; // pixels; below that a tile has no texture to encode
const MAX_PIXELS = 40_000_000;
const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const ORIENTATION = 0x0112; // a tag of EXIF, in a directory of entries of so many bytes:
const ENTRY = 12;
const CUT = "it is cut short";

/** As Pillow calls the mode. @typedef {{ width: number, height: number, mode: string, transparent: boolean }} Header */

/**
 * Check a file by its name and size alone.
 * @param {string} name
 * @param {number} size bytes
 * @throws {InputError} it is larger than any tile
 */
export function checkSize(name, size) {
  if (size > MAX_BYTES) {
    throw new InputError(
      `${name} has ${Math.ceil(size / 2 ** 20)} MB: at most ${MAX_BYTES / 2 ** 20} MB are accepted; cut a scene into ` +
        "tiles with `rsh data tiles`, or save the image smaller",
    );
  }
}

/**
 * Read the header of a JPEG, PNG or WebP file.
 * @param {ArrayBuffer} bytes
 * @param {string} name
 * @returns {Header}
 * @throws {InputError} it is empty, another format, cut short, too small or too large, or its values do not fit
 */
export function readHeader(bytes, name) {
  checkSize(name, bytes.byteLength);
  if (!bytes.byteLength) throw new InputError(`${name} is empty (0 bytes): download or save it again`);
  const header = readAny(new DataView(bytes), name);
  if (!header) throw new InputError(`${name} is not an image that can be read: use JPEG, PNG or WebP`);
  const { width, height } = header;
  if (width * height > MAX_PIXELS) {
    throw new InputError(`${name} has more than ${MAX_PIXELS / 1e6} million pixels: cut it into tiles first`);
  }
  if (Math.min(width, height) < MIN_SIDE) {
    throw new InputError(`${name} is ${width} x ${height} pixels: need at least ${MIN_SIDE} a side`);
  }
  return header;
}

/**
 * How an image was converted to RGB, "" if it is RGB.
 * @param {string} name
 * @param {Header} header
 */
export function noteOf(name, { mode, transparent }) {
  if (mode === "RGB") return "";
  const repeated = mode === "1" || mode === "L" ? "repeated" : "converted";
  return `${name} is ${mode}, not RGB: it was ${transparent ? "blended with black" : repeated} to RGB`;
}

/**
 * @param {DataView} view
 * @param {string} name
 */
function readAny(view, name) {
  const starts = (/** @type {number} */ at, /** @type {number[]} */ with_) =>
    view.byteLength >= at + with_.length && with_.every((byte, place) => view.getUint8(at + place) === byte);
  try {
    if (starts(0, PNG)) return readPng(view, name);
    if (starts(0, [0xff, 0xd8, 0xff])) return readJpeg(view, name);
    if (starts(0, codesOf("RIFF")) && starts(8, codesOf("WEBP"))) return readWebp(view, name);
  } catch (error) {
    if (error instanceof RangeError) throw unreadable(name, CUT); // the view ends before what is read
    throw error;
  }
  return null;
}

/** @param {string} text */
const codesOf = (text) => Array.from(text, (letter) => letter.charCodeAt(0));

/**
 * @param {string} name
 * @param {string} reason
 */
export const unreadable = (name, reason) =>
  new InputError(`${name} cannot be read (${reason}): download or save it again`);

/**
 * Source: PNG, third edition, https://www.w3.org/TR/png-3/, 11.2.1
 * @param {DataView} view
 * @param {string} name
 * @returns {Header}
 */
function readPng(view, name) {
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const [depth, type] = [view.getUint8(24), view.getUint8(25)];
  if (depth === 16) {
    throw new InputError(`${name} has 16-bit values, of which a browser keeps 8 bits: save it with 8 bits`);
  }
  const mode = new Map([
    [0, depth === 1 ? "1" : "L"],
    [2, "RGB"],
    [3, "P"],
    [4, "LA"],
    [6, "RGBA"],
  ]).get(type);
  if (!mode) throw unreadable(name, `it has color type ${type}`);
  let transparent = mode.endsWith("A");
  for (let at = 8, kind = ""; kind !== "IEND"; at += 12 + view.getUint32(at)) {
    kind = textAt(view, at + 4);
    if (kind === "tRNS") transparent = true;
    if (kind === "eXIf") checkUpright(view, at + 8, name);
  }
  return { width, height, mode, transparent };
}

/**
 * Source: ITU T.81, annex B
 * @param {DataView} view
 * @param {string} name
 * @returns {Header}
 */
function readJpeg(view, name) {
  /** @type {Header | null} */
  let header = null;
  for (let at = 2; ; ) {
    while (view.getUint8(at) !== 0xff || view.getUint8(at + 1) === 0xff) at++;
    const marker = view.getUint8(at + 1);
    if (marker === 0xd9) break; // the end of the image
    // Stuffed bytes and restarts stand within the data of a scan.
    const alone = marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd8);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame && !header) header = readFrame(view, at, name);
    at += alone ? 2 : 2 + view.getUint16(at + 2);
  }
  if (!header) throw unreadable(name, "it has no image");
  return header;
}

/**
 * @param {DataView} view
 * @param {number} at
 * @param {string} name
 * @returns {Header}
 */
function readFrame(view, at, name) {
  const channels = view.getUint8(at + 9);
  if (channels === 4) throw new InputError(`${name} is CMYK, which browsers convert in other ways: save it as RGB`);
  const [height, width] = [view.getUint16(at + 5), view.getUint16(at + 7)];
  return { width, height, mode: channels === 1 ? "L" : "RGB", transparent: false };
}

/**
 * Source: RFC 9649, 2.5 to 2.7
 * @param {DataView} view
 * @param {string} name
 * @returns {Header}
 */
function readWebp(view, name) {
  if (view.byteLength < 8 + view.getUint32(4, true)) throw unreadable(name, CUT);
  const kind = textAt(view, 12);
  const of = (/** @type {number} */ width, /** @type {number} */ height, /** @type {boolean} */ transparent) => ({
    ...{ width, height, mode: transparent ? "RGBA" : "RGB", transparent },
  });
  if (kind === "VP8 ") return of(view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff, false);
  if (kind === "VP8L") {
    const bits = view.getUint32(21, true);
    return of((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1, Boolean((bits >> 28) & 1));
  }
  if (kind !== "VP8X") throw unreadable(name, "it has no image");
  for (let at = 12; at < view.byteLength - 8; at += 8 + 2 * Math.ceil(view.getUint32(at + 4, true) / 2)) {
    if (textAt(view, at) === "EXIF") checkUpright(view, at + 8, name);
  }
  const size = (/** @type {number} */ at) => (view.getUint32(at, true) & 0xffffff) + 1;
  return of(size(24), size(27), Boolean(view.getUint8(20) & 0x10));
}

/**
 * Refuse an image that its EXIF data turns: of JPEG alone all browsers follow it.
 * Source: TIFF 6.0, section 2
 * @param {DataView} view
 * @param {number} start of the data
 * @param {string} name
 */
function checkUpright(view, start, name) {
  const at = textAt(view, start) === "Exif" ? start + 6 : start;
  const little = textAt(view, at).startsWith("II");
  const directory = at + view.getUint32(at + 4, little);
  const stop = directory + 2 + ENTRY * view.getUint16(directory, little);
  for (let entry = directory + 2; entry < stop; entry += ENTRY) {
    if (view.getUint16(entry, little) !== ORIENTATION) continue;
    const turn = view.getUint16(entry + 8, little);
    if (turn !== 1) throw new InputError(`${name} lies turned in its file (EXIF orientation ${turn}): save it upright`);
  }
}

/**
 * @param {DataView} view
 * @param {number} at
 */
const textAt = (view, at) => String.fromCharCode(...[0, 1, 2, 3].map((place) => view.getUint8(at + place)));
