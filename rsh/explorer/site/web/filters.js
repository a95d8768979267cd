// @ts-check
// Filters: conditions on the tiles that may be found, read and worded as `rsh.gallery.filters` does it.

import { InputError } from "./errors.js";
import { readRegion, ringsOf, wrapped } from "./regions.js";
import { pluralOf as plural } from "./text.js";

/** @import { Ring } from "./regions.js" */
/** @import { Condition } from "./types" */

const DIGITS = "\\d+(?:_\\d+)*";
const FLOAT = new RegExp(`^[+-]?(${DIGITS}\\.?(${DIGITS})?|\\.${DIGITS})(e[+-]?${DIGITS})?$`, "i");
const FORM = /^([^=!]+)(!?=)([\s\S]*)$/;
/** Conditions on what is in no column of the table, and whose values may hold commas. */
export const NAMED = ["set", "label", "group"];
const MAX_REGION = 4000; // characters of a polygon, so that it fits into a link
const SHORT = 60; // characters of a condition in a message

/**
 * Read conditions.
 * @param {string[]} texts
 * @throws {InputError} a text cannot be read
 */
export const readFilter = (texts) => texts.map(readCondition);

/**
 * The values of a condition as they are written.
 * @param {Condition} condition
 */
export const valuesOf = ({ values, between }) => values.join(between ? ".." : ",");

/**
 * A condition as it is written.
 * @param {Condition} condition
 */
export const textOf = (condition) => `${condition.column}${condition.negated ? "!=" : "="}${valuesOf(condition)}`;

/** @param {Condition} condition */
export const isRegion = ({ column }) => column === "polygon" || column === "overlaps";

/**
 * A condition as it is written, a long polygon in short.
 * @param {Condition} condition
 */
export function wordsOf(condition) {
  const text = textOf(condition);
  if (!isRegion(condition) || text.length <= SHORT) return text;
  return `${text.slice(0, text.slice(0, SHORT).lastIndexOf(","))},... (${cornersOf(condition)})`;
}

/**
 * A condition for readers: a region in words, any other as it is written.
 * @param {Condition} condition
 */
export function titleOf(condition) {
  if (!isRegion(condition)) return textOf(condition);
  const { column, negated } = condition;
  const center = negated ? "center outside" : "center in";
  const footprint = negated ? "no footprint over" : "footprint over";
  return `${column === "overlaps" ? footprint : center} a region of ${cornersOf(condition)}`;
}

/** @param {Condition} condition */
function cornersOf({ values }) {
  const count = values.reduce((sum, text) => sum + Math.floor((text.split(/[,:/]/).length - 1 + 1) / 2), 0);
  return plural(count, "corner");
}

/**
 * The error of a condition.
 * @param {string} reason
 * @param {string} value
 */
export const wrongFilter = (reason, value) => new InputError(reason, "filter", value);

/** @param {string} text */
export const malformed = (text) =>
  wrongFilter("write COLUMN=VALUE, such as class=forest,desert, or cloud=0..20, or bbox=WEST,SOUTH,EAST,NORTH", text);

/**
 * @param {string} text
 * @returns {Condition}
 */
function readCondition(text) {
  const [, name = "", sign = "", written = ""] = FORM.exec(text) ?? [];
  const column = name.trim();
  const ends = written.trim().split("..");
  const between = ends.length === 2;
  const isNamed = NAMED.includes(column);
  const values = between ? ends : written.trim().split(",");
  const plain = isNamed ? values : values.map((value) => value.trim());
  if (!column || !(isNamed ? plain.some(Boolean) : plain.every(Boolean))) throw malformed(text);
  const condition = { column, values: plain, between, negated: sign === "!=" };
  if (isRegion(condition)) return checkedRegion({ ...condition, values: [written.trim()], between: false });
  if (column === "bbox" && (plain.length !== 4 || condition.negated)) {
    throw wrongFilter("a box is bbox=WEST,SOUTH,EAST,NORTH, in degrees", text);
  }
  return condition;
}

/** @param {Condition} condition */
function checkedRegion(condition) {
  const [text] = condition.values;
  if (text.length > MAX_REGION) {
    const [many, most] = [text.length, MAX_REGION].map((number) => number.toLocaleString("en"));
    throw wrongFilter(
      `the polygon has ${many} characters, and at most ${most} fit into a link: draw fewer corners, or name a file in ` +
        "`rsh search --filter polygon=FILE`",
      wordsOf(condition),
    );
  }
  regionOf(condition);
  return condition;
}

/**
 * The region of a condition.
 * @param {Condition} condition
 */
export function regionOf(condition) {
  try {
    return readRegion(condition.values[0]);
  } catch (error) {
    throw error instanceof InputError ? wrongFilter(error.reason, wordsOf(condition)) : error;
  }
}

/**
 * A number as Python reads it.
 * @param {string} text
 * @param {Condition} condition
 */
export function readNumber(text, condition) {
  const number = FLOAT.test(text) ? Number(text.replaceAll("_", "")) : NaN;
  if (!Number.isFinite(number)) throw wrongFilter(`${text} is not a number`, textOf(condition));
  return number;
}

/**
 * The rings of all boxes and regions, for a map. What goes beyond the 180th meridian is drawn on its other side, too.
 * @param {Condition[]} conditions
 * @returns {Ring[]}
 */
export function outlinesOf(conditions) {
  return conditions.flatMap((condition) => {
    if (isRegion(condition)) return ringsOf(condition.values[0]);
    if (condition.column !== "bbox") return [];
    const [west, south, east, north] = condition.values.map((value) => readNumber(value, condition));
    const [from, to] = endsOf(west, east);
    const spans =
      from <= to
        ? [[from, to]]
        : [
            [from, 180],
            [-180, to],
          ];
    return spans.map(
      ([left, right]) =>
        /** @type {Ring} */ ([
          [left, south],
          [right, south],
          [right, north],
          [left, north],
        ]),
    );
  });
}

/**
 * The ends of a range of longitudes, -180 to 180; the first is the greater where it crosses the 180th meridian.
 * @param {number} west
 * @param {number} east
 */
export const endsOf = (west, east) => (east - west >= 360 ? [-180, 180] : [wrapped(west), wrapped(east)]);
