// @ts-check
// What is searched with: a tile of the gallery, or an image of the visitor.

/** @import { Gallery } from "./gallery.js" */
/** @import { Query } from "./types" */

/** The rows of its tiles: of the query, unless it is an image, and of those marked + and −. @param {Query} query */
export const rowsOf = ({ row, image, positive, negative }) => [...(image ? [] : [row]), ...positive, ...negative];

/**
 * The words of the query's code.
 * @param {Gallery} gallery
 * @param {Query} query
 */
export const codeOf = (gallery, { row, image }) => (image ? image.code : gallery.code(row));

/**
 * The query's code as hexadecimal digits.
 * @param {Gallery} gallery
 * @param {Query} query
 */
export const hexOf = (gallery, query) => gallery.hex(codeOf(gallery, query));

/**
 * The query's soft bits, from -127 to 127.
 * @param {Gallery} gallery
 * @param {Query} query
 */
export const softBitsOf = async (gallery, { row, image }) => (image ? image.soft : (await gallery.softBits([row]))[0]);

/**
 * The query as all panels show it; a tile must be loaded.
 * @param {Gallery} gallery
 * @param {Query} query
 * @returns {ReturnType<Gallery["describe"]>}
 */
export function describeQuery(gallery, query) {
  const { row, image } = query;
  if (!image) return gallery.describe(row);
  const { name, thumb } = image;
  return {
    ...{ row, id: name, name, color: -1, scene: "", date: "", code: hexOf(gallery, query), place: "", map: "" },
    ...{ split: "your own image", unseen: false, thumb },
  };
}
