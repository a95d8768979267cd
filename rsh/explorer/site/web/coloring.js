// @ts-check
// Colors of the dots, as `rsh.explorer.panels.coloring` makes them.

import { SPLITS } from "./gallery.js";
import { general } from "./numbers.js";
import { codeOf } from "./query.js";
import { humanize, pluralOf as plural } from "./text.js";
import { shownRows } from "./views.js";

/** @import { SearchResult } from "./search.js" */

const STEPS = 255;
const COLUMN = "column:";
const DAY = /^\d{4}-\d{2}-\d{2}/;
const ZONE = /(Z|[+-]\d{2}:?\d{2})$/;

/** Ways whose colors another query changes. */
export const WITH_QUERY = ["distance", "found"];

/**
 * What the panels need to color all tiles, and to explain it.
 * @param {SearchResult} result
 * @param {string} by
 */
export async function makeColoring(result, by) {
  const { gallery } = result;
  const all = (/** @type {(row: number) => number} */ value) =>
    Int32Array.from({ length: gallery.size }, (_, row) => value(row));
  if (by === "class") {
    const values = all((row) => gallery.label(row));
    return packed(by, values, { names: gallery.classes.map(humanize), missing: "no class" });
  }
  if (by === "given") {
    const { names, numbers } = gallery.annotations.state.given;
    return packed(by, numbers, { names: names.map(humanize), missing: "none given" });
  }
  if (by === "split") {
    const splits = [...SPLITS.keys()];
    const numbers = gallery.manifest.splits.map((name) => splits.indexOf(name));
    return packed(
      by,
      all((row) => numbers[gallery.splits[row]] ?? -1),
      { names: [...SPLITS.values()] },
    );
  }
  if (by === "distance") {
    const { numBits } = gallery;
    const half = Math.floor(numBits / 2);
    const quarter = Math.floor(numBits / 4);
    return packed(by, Int32Array.from(gallery.distances(codeOf(gallery, result.query))), {
      num_values: numBits + 1,
      ends: [plural(0, "bit"), plural(numBits, "bit")],
      strong: "low",
      layers: [
        [half, numBits + 1],
        [quarter, half],
        [0, quarter],
      ],
    });
  }
  if (by === "found") return byRelevance(result);
  return byColumn(by, await gallery.column(by.slice(COLUMN.length)));
}

/** @param {SearchResult} result */
function byRelevance(result) {
  const values = new Int32Array(result.gallery.size).fill(-1);
  for (const row of shownRows(result)) {
    const relevant = result.relevance(row);
    if (!result.hasVerdicts) values[row] = 0;
    else values[row] = relevant === null ? 2 : relevant ? 0 : 1;
  }
  if (!result.hasVerdicts)
    return packed("found", values, { names: ["result"], colors: ["accent"], missing: "not a result" });
  const { relevance: words } = result.gallery.manifest;
  const some = result.gallery.numLabeled < result.gallery.size;
  return packed("found", values, {
    names: [words.same, words.other, ...(some ? [`no ${words.label}`] : [])],
    colors: ["right", "wrong", ...(some ? ["accent"] : [])],
    missing: "not a result",
  });
}

/**
 * @param {string} by
 * @param {unknown[]} column
 */
function byColumn(by, column) {
  const known = column.filter((value) => value !== null && value !== undefined && value !== "");
  if (known.every((value) => typeof value === "number" || typeof value === "bigint")) {
    return onScale(
      by,
      column.map((value) => (value === null ? NaN : Number(value))),
      general,
    );
  }
  if (known.every((value) => DAY.test(String(value)))) {
    const days = column.map((value) => timeOf(String(value)));
    return onScale(by, days, (value) => new Date(value).toISOString().slice(0, 10));
  }
  const names = [...new Set(known.map(String))].sort();
  const numbers = new Map(names.map((name, number) => [name, number]));
  const values = Int32Array.from(column, (value) => numbers.get(String(value)) ?? -1);
  return packed(by, values, { names: names.map(humanize) });
}

/**
 * Milliseconds since 1970; a time of day without a zone is in UTC.
 * @param {string} text
 */
function timeOf(text) {
  const iso = text.replace(" ", "T");
  return Date.parse(iso.includes("T") && !ZONE.test(iso) ? `${iso}Z` : iso);
}

/**
 * @param {string} by
 * @param {number[]} numbers
 * @param {(value: number) => string} write
 */
function onScale(by, numbers, write) {
  const known = numbers.filter(Number.isFinite);
  const low = known.reduce((least, value) => Math.min(least, value), Infinity);
  const high = known.reduce((most, value) => Math.max(most, value), -Infinity);
  const step = (high - low || 1) / (STEPS - 1);
  const values = Int32Array.from(numbers, (value) => (Number.isFinite(value) ? Math.round((value - low) / step) : -1));
  return packed(by, values, { num_values: STEPS, ends: [write(low), write(high)] });
}

/**
 * @param {string} by
 * @param {Int32Array} values below 0: unknown
 * @param {{ names?: string[], num_values?: number, colors?: string[], ends?: string[], strong?: string, missing?: string, layers?: number[][] }} how
 */
function packed(
  by,
  values,
  { names = [], num_values = names.length, colors = [], ends = [], strong = "high", missing = "unknown", layers = [] },
) {
  const wide = num_values > 255;
  const whole = values.map((value) => (value < 0 ? num_values : value));
  const bytes = wide ? Uint16Array.from(whole) : Uint8Array.from(whole);
  return {
    ...{ by, names, colors, ends, strong, missing, num_values, wide },
    num_missing: values.reduce((sum, value) => sum + (value < 0 ? 1 : 0), 0),
    layers: [[num_values, num_values + 1], ...(layers.length ? layers : [[0, num_values]])],
    values: new DataView(bytes.buffer),
  };
}
