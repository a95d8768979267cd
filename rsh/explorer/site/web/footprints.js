// @ts-check
// Footprints of tiles, as `rsh.data.places` writes and reads them.

/** @import { Point, Ring } from "./regions.js" */

const POINT = "-?\\d+(?:\\.\\d+)? -?\\d+(?:\\.\\d+)?";
const RING = `\\(${POINT}(?:, ${POINT}){3,}\\)`;
const FOOTPRINT = new RegExp(`^(?:POLYGON \\(${RING}\\)|MULTIPOLYGON \\(\\(${RING}\\)(?:, \\(${RING}\\))*\\))$`);

/**
 * The outlines in a footprint, longitude and latitude, each with its first corner once more; none of anything else.
 * @param {unknown} text
 * @returns {Ring[]}
 */
export function parseRings(text) {
  if (typeof text !== "string" || !FOOTPRINT.test(text)) return [];
  return Array.from(text.matchAll(/\(([^()]+)\)/g), ([, ring]) =>
    ring.split(", ").map((point) => /** @type {Point} */ (point.split(" ").map(Number))),
  );
}
