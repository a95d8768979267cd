// @ts-check
// Where tiles lie, for GeoJSON, as `rsh.search.formats.geojson`.

import { Float } from "./json.js";

/** @import { TableRow } from "../types" */

const POINT = "-?\\d+(\\.\\d+)? -?\\d+(\\.\\d+)?";
const RING = `\\(${POINT}(, ${POINT}){3,}\\)`;
const FOOTPRINT = new RegExp(`^(POLYGON \\(${RING}\\)|MULTIPOLYGON \\(\\(${RING}\\)(, \\(${RING}\\))*\\))$`);
const SOURCES = ["footprint", "longitude"];

/** Whether a table has columns that locate tiles. @param {string[]} columns */
export const hasPlaces = (columns) => columns.some((name) => SOURCES.includes(name));

/**
 * The footprint of a tile, or its point; null if neither is known.
 * @param {TableRow} item
 */
export function geometry({ footprint, longitude, latitude }) {
  if (typeof footprint === "string" && FOOTPRINT.test(footprint)) {
    const rings = [...footprint.matchAll(/\(([^()]+)\)/g)].map(([, ring]) =>
      ring.split(", ").map((point) => point.split(" ").map((number) => new Float(Number(number)))),
    );
    if (rings.length === 1) return { type: "Polygon", coordinates: rings };
    return { type: "MultiPolygon", coordinates: rings.map((ring) => [ring]) };
  }
  const point = [longitude ?? NaN, latitude ?? NaN].map(Number);
  return point.every(Number.isFinite) ? { type: "Point", coordinates: point.map((each) => new Float(each)) } : null;
}
