// @ts-check
// Results and selections as CSV, JSON and GeoJSON, as `rsh.search.formats.tables` writes them. A site does not
// compute `predicted` and `confidence`, so it leaves these columns out.

import { SiteError } from "../store.js";
import { escapeFormula, writeCsv } from "./csv.js";
import { Float, toJson } from "./json.js";
import { geometry, hasPlaces } from "./places.js";

const SEVERAL = "labels"; // column of several labels, separated by semicolons

/** @import { Gallery } from "../gallery.js" */
/** @import { TableRow, Query, SearchOptions } from "../types" */

/**
 * Tiles to export, ranked from 1, and what they were searched with.
 * @typedef {object} Tiles
 * @property {Gallery} gallery
 * @property {Query} query
 * @property {SearchOptions} options
 * @property {number} available how many tiles the search could find
 * @property {number[]} rows
 * @property {number[]} distances bits
 * @property {number[] | null} scores
 * @property {(row: number) => boolean | null} relevance
 */

/** @param {Tiles} tiles */
export async function toCsv(tiles) {
  const rows = await rowsOf(tiles);
  const cell = (/** @type {unknown} */ value) => (typeof value === "string" ? escapeFormula(value) : value);
  return writeCsv([columnsOf(tiles.gallery), ...rows.map((row) => Object.values(row).map(cell))]);
}

/** With the provenance of the search. @param {Tiles} tiles */
export async function toJsonFile(tiles) {
  const { gallery, query } = tiles;
  const record = {
    query: query.image ? { id: query.image.name } : await queryOf(gallery, query.row),
    options: await optionsOf(tiles),
    gallery: { ...gallery.manifest.provenance, index: gallery.lists ? "ivf" : "exact" }, // as the page searches
    hits: await rowsOf(tiles),
  };
  return toJson(record, 2);
}

/**
 * @param {Gallery} gallery
 * @param {number} row
 */
async function queryOf(gallery, row) {
  const known = gallery.classes.length ? { class: gallery.classes[gallery.label(row)] ?? null } : {};
  return { id: await gallery.idOf(row), ...known, ...severalOf(gallery, row), code: gallery.hex(gallery.code(row)) };
}

/**
 * The labels of a tile where there are several, as Python has them.
 * @param {Gallery} gallery
 * @param {number} row
 */
function severalOf(gallery, row) {
  if (!gallery.hasSeveral) return {};
  return { [SEVERAL]: gallery.listLabels(row).join(";") || null };
}

/** @param {Tiles} tiles */
export async function toGeojson(tiles) {
  const { gallery, rows, distances, scores } = tiles;
  const items = await gallery.itemsOf(rows);
  if (!hasPlaces(Object.keys(items[0]))) throw new SiteError("this gallery has no coordinates: export CSV or JSON");
  const features = items.flatMap((item, place) => {
    const shape = geometry(item);
    if (!shape) return [];
    const properties = {
      ...{ rank: place + 1, distance: distances[place], id: item.id },
      ...(gallery.classes.length ? { class: item.class || null } : {}),
      ...severalOf(gallery, rows[place]),
      ...labelOf(gallery, rows[place]),
      ...(scores ? { score: new Float(scores[place]) } : {}),
    };
    return [{ type: "Feature", geometry: shape, properties }];
  });
  return toJson({ type: "FeatureCollection", features, left_out: items.length - features.length });
}

/** The options that differ from their defaults. @param {Tiles} tiles */
async function optionsOf({ gallery, query, options, available }) {
  const { radius, order, includeHeldOut } = options;
  const idsOf = async (/** @type {readonly number[]} */ rows) => gallery.idsOf(Int32Array.from(rows));
  return {
    ...(radius === null ? { top_k: Math.min(options.topK, available) } : { radius }),
    ...(order === "bits" ? {} : { rerank: order }),
    ...(includeHeldOut ? { include_held_out: true } : {}),
    ...(query.positive.length ? { positive: await idsOf(query.positive) } : {}),
    ...(query.negative.length ? { negative: await idsOf(query.negative) } : {}),
  };
}

/** @param {Gallery} gallery */
function columnsOf(gallery) {
  const labeled = gallery.annotations.state.given.names.length > 0;
  const { label_names: labels } = gallery.manifest;
  const ofClass = gallery.classes.length ? ["class"] : [];
  const several = gallery.hasSeveral ? [SEVERAL] : [];
  const relevant = labels.length ? ["relevant"] : [];
  const label = labeled ? ["label"] : [];
  const rest = ["distance", "score", "split", "longitude", "latitude"];
  return ["rank", "id", ...ofClass, ...several, ...label, ...relevant, ...rest];
}

/** What is known of each tile, by the names of the columns; null for what is not. @param {Tiles} tiles */
async function rowsOf(tiles) {
  const { gallery, rows, distances, scores } = tiles;
  const columns = columnsOf(gallery);
  const items = await gallery.itemsOf(rows);
  return items.map((item, place) => {
    const row = rows[place];
    /** @type {Record<string, unknown>} */
    const known = {
      ...{
        rank: place + 1,
        id: item.id,
        class: item.class || null,
        ...severalOf(gallery, row),
        ...labelOf(gallery, row),
      },
      relevant: tiles.relevance(row),
      distance: distances[place],
      score: scores ? new Float(scores[place]) : null,
      split: item.split || null,
      ...degreesOf(item),
    };
    return Object.fromEntries(columns.map((name) => [name, known[name] ?? null]));
  });
}

/**
 * @param {Gallery} gallery
 * @param {number} row
 */
function labelOf({ annotations }, row) {
  const { given } = annotations.state;
  return given.names.length ? { label: given.of(row) || null } : {};
}

/** @param {TableRow} item */
function degreesOf({ longitude, latitude }) {
  const known = (/** @type {unknown} */ value) => (Number.isFinite(value) ? new Float(Number(value)) : null);
  return { longitude: known(longitude), latitude: known(latitude) };
}
