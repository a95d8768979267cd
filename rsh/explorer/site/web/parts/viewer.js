// @ts-check
// One tile large, with all that is known of it, as `rsh.explorer.parts.viewer` shows it.

import { fullName } from "../../../panels/lib/shared.js";
import { NO_ROW } from "../gallery.js";
import { describeQuery } from "../query.js";
import { humanize } from "../text.js";

/** @import { TileWords } from "../../../panels/lib/types" */
/** @import { Explorer } from "../explorer.js" */
/** @import { Gallery } from "../gallery.js" */

/** @type {Record<string, string>} */
const WHAT = {
  preview: "The stored preview, {} pixels.",
  thumbnail: "The stored thumbnail, {} pixels.",
  drawing: "A drawing of the code: this tile has no image.",
  upload: "Your image, {} pixels.",
};
const WHOLE = "The stored thumbnail, {} pixels: all that the tile has.";
const THUMB_SIDE = 128; // pixels, to which larger tiles are shrunk

/**
 * Show a tile in the viewer, or the query's own image.
 * @param {Explorer} page
 * @param {number} row
 */
export async function enlarge(page, row) {
  const { kind, content } = await largestOf(page, row);
  const { gallery, state } = page;
  const tile = row === NO_ROW ? describeQuery(gallery, state.query) : gallery.describe(row);
  const [width, height] = await sizeOf(content);
  const isWhole = kind === "thumbnail" && Math.max(width, height) < THUMB_SIDE;
  const view = largeView(gallery, tile, (isWhole ? WHOLE : WHAT[kind]).replace("{}", `${width} x ${height}`));
  page.send("viewer", { kind: "enlarged", ...view }, [content]);
}

/**
 * The largest image of a tile, which is loaded, or of the query.
 * @param {Explorer} page
 * @param {number} row
 */
export async function largestOf({ gallery, state }, row) {
  const { image } = state.query;
  if (row === NO_ROW && image) return { kind: "upload", content: image.large };
  state.checkRow(row);
  await gallery.load([row]);
  return gallery.largest(row);
}

/**
 * The width and height of an image.
 * @param {ArrayBuffer} content
 */
async function sizeOf(content) {
  const image = await createImageBitmap(new Blob([content]));
  const { width, height } = image;
  image.close();
  return [width, height];
}

/**
 * @param {Gallery} gallery
 * @param {TileWords} tile
 * @param {string} what its image is
 */
function largeView(gallery, tile, what) {
  const { row, id, name, scene, date, split, place, code } = tile;
  const known = gallery.classes[gallery.label(row)] ?? "";
  const given = row === NO_ROW ? "" : gallery.annotations.state.given.of(row);
  const facts = [
    ["id", id],
    ["scene", scene],
    ["date", date],
    ["class", known && humanize(known)],
    ["labels", gallery.hasSeveral && gallery.labelsOf(row).length ? name : ""],
    ["given class", given && humanize(given)],
    ["split", split],
    ["place", place],
    [`code, ${gallery.numBits} bits`, (code.match(/.{1,4}/g) ?? []).join(" ")],
  ];
  return { row, title: fullName(tile), what, facts: facts.filter(([, value]) => value) };
}
