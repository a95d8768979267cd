// @ts-check
// Reads an image file as 8-bit RGB, as `rsh.data.images.read_image` does.

import { InputError } from "../errors.js";
import { noteOf, readHeader, unreadable } from "./files.js";

const LEAST = 16; // pixels of a side of a part: below, an enlarged part is a blur of one color
const QUALITY = 0.9; // of JPEG

/** An image without transparency, and how it was converted, if it was. @typedef {{ canvas: OffscreenCanvas, note: string }} ReadImage */

/**
 * Read an image, upright, with transparent pixels blended with black.
 * @param {ArrayBuffer} bytes
 * @param {string} name
 * @returns {Promise<ReadImage>}
 * @throws {InputError} it cannot be read
 */
export async function readImage(bytes, name) {
  const header = readHeader(bytes, name);
  const decoded = createImageBitmap(new Blob([bytes]), { colorSpaceConversion: "none" });
  const bitmap = await decoded.catch((error) => {
    throw unreadable(name, error.message);
  });
  if (header.mode === "RGBA" && isOpaque(bitmap)) header.mode = "RGB";
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  contextOf(canvas).drawImage(bitmap, 0, 0);
  bitmap.close();
  return { canvas, note: noteOf(name, header) };
}

/** @param {ImageBitmap} bitmap */
function isOpaque(bitmap) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = contextOf(canvas, true);
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  for (let alpha = 3; alpha < data.length; alpha += 4) if (data[alpha] < 255) return false;
  return true;
}

/**
 * A part of an image, as `rsh.explorer.uploads.crop` cuts it.
 * @param {OffscreenCanvas} image
 * @param {number[]} box left, top, right and bottom as fractions of the sides
 */
export function crop(image, box) {
  const [left, top, right, bottom] = box;
  const isBox = box.length === 4 && 0 <= left && left < right && right <= 1 && 0 <= top && top < bottom && bottom <= 1;
  if (!isBox) throw new InputError(`the part [${box.join(", ")}] is no box within the image: draw one on it`);
  const [x, y] = [Math.round(left * image.width), Math.round(top * image.height)];
  const [width, height] = [Math.round(right * image.width) - x, Math.round(bottom * image.height) - y];
  if (Math.min(width, height) < LEAST) {
    throw new InputError(
      `a part of ${width} x ${height} pixels is too small to search with: draw one of at least ${LEAST} x ${LEAST}`,
    );
  }
  const part = new OffscreenCanvas(width, height);
  contextOf(part).drawImage(image, -x, -y);
  return part;
}

/**
 * The pixels of an image.
 * @param {OffscreenCanvas} image
 * @throws {InputError} the browser alters them
 */
export function pixelsOf(image) {
  if (!readsExactly()) {
    throw new InputError(
      "this browser alters the pixels that pages read, which protects against tracking: allow this page to read them",
    );
  }
  return contextOf(image).getImageData(0, 0, image.width, image.height);
}

/** Whether the browser gives pixels as they are. */
function readsExactly() {
  const side = 64;
  const canvas = new OffscreenCanvas(side, side);
  const wanted = new ImageData(side, side);
  for (let byte = 0; byte < wanted.data.length; byte++) wanted.data[byte] = byte % 4 === 3 ? 255 : (byte * 37) % 251;
  contextOf(canvas).putImageData(wanted, 0, 0);
  const { data } = contextOf(canvas).getImageData(0, 0, side, side);
  return data.every((value, byte) => value === wanted.data[byte]);
}

/**
 * An image as JPEG, shrunk to at most `side` pixels a side; never enlarged.
 * @param {OffscreenCanvas} image
 * @param {number} side
 */
export async function toJpeg(image, side) {
  const scale = Math.min(1, side / Math.max(image.width, image.height));
  const [width, height] = [image.width, image.height].map((length) => Math.max(1, Math.round(length * scale)));
  const small = new OffscreenCanvas(width, height);
  contextOf(small).imageSmoothingQuality = "high";
  contextOf(small).drawImage(image, 0, 0, width, height);
  const blob = await small.convertToBlob({ type: "image/jpeg", quality: QUALITY });
  return blob.arrayBuffer();
}

/**
 * The context of an image, which is black where nothing is drawn, or transparent.
 * @param {OffscreenCanvas} canvas
 * @param {boolean} alpha whether it is transparent there
 */
function contextOf(canvas, alpha = false) {
  const context = canvas.getContext("2d", { alpha, willReadFrequently: true });
  if (!context) throw new InputError("this browser has no memory left for the image: close other pages and try again");
  return context;
}
