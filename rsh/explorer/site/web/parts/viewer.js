// @ts-check
// One tile large, with all that is known of it, as `rsh.explorer.parts.viewer` shows it.

import { humanize } from "../text.js";

/** @import { Explorer } from "../explorer.js" */
/** @import { Gallery } from "../gallery.js" */

/** @type {Record<string, string>} */
const WHAT = {
  preview: "The stored preview, {} pixels.",
  thumbnail: "The stored thumbnail, {} pixels: `rsh encode --preview 512` keeps more.",
  drawing: "A drawing of the code: this tile has no image.",
};

/**
 * Show a tile in the viewer.
 * @param {Explorer} page
 * @param {number} row
 */
export async function enlarge(page, row) {
  const { gallery, state } = page;
  state.checkRow(row);
  await gallery.load([row]);
  const { kind, content } = await gallery.largest(row);
  const view = largeView(gallery, row, WHAT[kind].replace("{}", await sizeOf(content)));
  page.send("viewer", { kind: "enlarged", ...view }, [content]);
}

/**
 * The width and height of an image.
 * @param {ArrayBuffer} content
 */
async function sizeOf(content) {
  const image = await createImageBitmap(new Blob([content]));
  const { width, height } = image;
  image.close();
  return `${width} x ${height}`;
}

/**
 * @param {Gallery} gallery
 * @param {number} row
 * @param {string} what its image is
 */
function largeView(gallery, row, what) {
  const { id, color, name, split, place, code } = gallery.describe(row);
  const given = gallery.annotations.state.given.of(row);
  const facts = [
    ["id", id],
    ["class", color < 0 ? "" : name],
    ["given class", given && humanize(given)],
    ["split", split],
    ["place", place],
    [`code, ${gallery.numBits} bits`, (code.match(/.{1,4}/g) ?? []).join(" ")],
  ];
  return { row, title: name, what, facts: facts.filter(([, value]) => value) };
}
