// @ts-check
// What stands for the image of a tile that has none: its code, one square a bit, as `rsh.gallery.placeholder` draws it.

import { bitsOf } from "../../panels/lib/shared.js";

const SIDE = 128; // pixels
const [ZERO, ONE, BORDER] = ["#dee4ea", "#3c628a", "#f5f7f9"];

/**
 * Draw a code as a square of squares, dark where a bit is 1, row by row from the first bit.
 * @param {string} code hexadecimal digits
 * @param {number} numBits
 * @returns {Promise<ArrayBuffer>} JPEG
 */
export async function drawCode(code, numBits) {
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const many = Math.ceil(Math.sqrt(numBits)); // squares in a row
  const cell = Math.floor(SIDE / many);
  const before = Math.floor((SIDE - cell * many) / 2);
  context.fillStyle = BORDER;
  context.fillRect(0, 0, SIDE, SIDE);
  bitsOf(code, numBits).forEach((bit, place) => {
    context.fillStyle = bit ? ONE : ZERO;
    context.fillRect(before + (place % many) * cell, before + Math.floor(place / many) * cell, cell, cell);
  });
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
  return blob.arrayBuffer();
}
