// @ts-check
// Which tiles of a gallery pass a filter, as `rsh.gallery.filters` finds them.

import { endsOf, isRegion, malformed, NAMED, readNumber, regionOf, textOf, wordsOf, wrongFilter } from "./filters.js";
import { parseRings } from "./footprints.js";
import { inGroups } from "./groups.js";
import { meets } from "./labels/overlay.js";
import { keepLast } from "./recent.js";
import { quoted } from "./text.js";

/** @import { Gallery } from "./gallery.js" */
/** @import { Condition } from "./types" */

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)$/;
const DATE = /^\d{4}(-|$)/;
const PART_OF_DATE = /^\d{4}(-\d\d(-\d\d)?)?$/;
const LAST = "~"; // comes after digits, signs and letters
const DEGREES = ["longitude", "latitude"];
const IN_MEMORY = ["class", "split"]; // columns that every gallery has
const LABELS = "labels"; // column of several labels a tile, separated by semicolons
const KEPT = 8; // masks of conditions

/**
 * A column: its different values, and the number of that of each tile; or without numbers, a value a tile.
 * @typedef {object} Column
 * @property {unknown[]} values
 * @property {ArrayLike<number> | null} numbers
 * @property {boolean} isNumber
 */

/** Whether a condition is on sets, labels or groups, unless the table has such a column. @param {Condition} condition */
const isNamed = ({ column }) => NAMED.includes(column);

/** Masks by gallery and text of the condition, the one used last at the end. @type {WeakMap<Gallery, Map<string, Promise<Uint8Array>>>} */
const known = new WeakMap();

/**
 * Which tiles meet all conditions, 1 each.
 * @param {Gallery} gallery
 * @param {Condition[]} conditions
 * @throws {InputError} there is no such column, or a value does not fit it
 */
export async function maskOf(gallery, conditions) {
  const passes = new Uint8Array(gallery.size).fill(1);
  const names = conditions.some(isNamed) ? await gallery.columnNames() : [];
  const isBeside = (/** @type {Condition} */ one) => isNamed(one) && !names.includes(one.column);
  const given = [];
  const beside = conditions.filter(isBeside);
  for (const condition of beside) if (condition.column === "group") given.push(await inGroups(gallery, condition));
  for (const condition of beside) if (condition.column !== "group") given.push(meets(gallery, condition));
  const others = conditions.filter((one) => !isBeside(one));
  for (const mask of [...given, ...(await Promise.all(others.map((one) => maskOfOne(gallery, one))))]) {
    for (let row = 0; row < passes.length; row++) passes[row] &= mask[row];
  }
  return passes;
}

/**
 * @param {Gallery} gallery
 * @param {Condition} condition
 */
function maskOfOne(gallery, condition) {
  const masks = known.get(gallery) ?? new Map();
  known.set(gallery, masks);
  const text = textOf(condition);
  const mask = masks.get(text) ?? (isRegion(condition) ? inRegion(gallery, condition) : byTests(gallery, condition));
  keepLast(masks, text, mask, KEPT);
  mask.catch(() => masks.delete(text));
  return mask;
}

/**
 * @param {Gallery} gallery
 * @param {Condition} condition
 */
async function byTests(gallery, condition) {
  if (condition.column === "bbox") return inBox(gallery, condition);
  const { column: name, negated } = condition;
  if (!IN_MEMORY.includes(name)) await checkColumn(gallery, condition);
  const column = await columnOf(gallery, name);
  if (name === "class" && !gallery.classes.length) {
    throw wrongFilter("these tiles have no classes: label= finds those that were given", textOf(condition));
  }
  const isSeveral = name === LABELS && !condition.between && !column.isNumber;
  const holds = isSeveral ? hasLabel(condition, column.values) : test(condition, column);
  // An unknown class is not another one.
  const meets = name === "class" && negated ? (/** @type {unknown} */ value) => value !== "" && holds(value) : holds;
  return spread(gallery, column, meets);
}

/**
 * Whether a tile has one of several labels.
 * @param {Condition} condition
 * @param {unknown[]} values of the column
 * @returns {(value: unknown) => boolean}
 */
function hasLabel(condition, values) {
  const parts = condition.values.map((value) => value.trim());
  if (!parts.every(Boolean)) throw malformed(textOf(condition));
  const namesOf = (/** @type {unknown} */ value) => {
    const text = isKnown(value) ? textOfValue(value) : "";
    return text ? [text, ...text.split(";")] : [];
  };
  const labels = joinKnown(parts, new Set(values.flatMap(namesOf)));
  return (value) => {
    const names = namesOf(value);
    return names.length > 0 && names.some((one) => labels.has(one)) !== condition.negated;
  };
}

/**
 * The names in a text that was split at commas, of which some hold commas themselves: the longest comes first.
 * @param {string[]} parts
 * @param {Set<string>} known
 */
function joinKnown(parts, known) {
  const plain = (/** @type {string} */ name) => name.split(",").map((part) => part.trim());
  const names = new Map([...known].map((name) => [plain(name).join(","), name]));
  const found = new Set();
  for (let start = 0; start < parts.length; ) {
    let end = parts.length;
    while (end > start + 1 && !names.has(parts.slice(start, end).join(","))) end -= 1;
    const text = parts.slice(start, end).join(",");
    found.add(names.get(text) ?? text);
    start = end;
  }
  return found;
}

/**
 * Refuse a condition on a column that there is not.
 * @param {Gallery} gallery
 * @param {Condition} condition
 */
async function checkColumn(gallery, { column, ...others }) {
  const names = await gallery.columnNames();
  if (names.includes(column)) return;
  const can = new Set([...names, ...NAMED]);
  const reason = `there is no column ${column}, choose one of ${[...can].join(", ")}`;
  throw wrongFilter(reason, textOf({ column, ...others }));
}

/**
 * @param {Gallery} gallery
 * @param {Column} column
 * @param {(value: unknown) => boolean} meets
 */
function spread(gallery, { values, numbers }, meets) {
  const found = Uint8Array.from(values, (value) => (meets(value) ? 1 : 0));
  return numbers ? Uint8Array.from({ length: gallery.size }, (_, row) => found[numbers[row]]) : found;
}

/** The number of the class of each tile; that after the last means unknown. @param {Gallery} gallery */
function classesOf({ classes, labelSets, manifest }) {
  const ofSets = manifest.label_sets.map(([number]) => (number < 0 ? classes.length : number));
  return Uint16Array.from(labelSets, (labelSet) => ofSets[labelSet] ?? classes.length);
}

/**
 * @param {Gallery} gallery
 * @param {string} name
 * @returns {Promise<Column>}
 */
async function columnOf(gallery, name) {
  if (name === "class") return { values: [...gallery.classes, ""], numbers: classesOf(gallery), isNumber: false };
  if (name === "split") return { values: gallery.manifest.splits, numbers: gallery.splits, isNumber: false };
  const values = await gallery.column(name);
  const first = values.find((value) => value !== null && value !== undefined);
  return { values, numbers: null, isNumber: typeof first === "number" || typeof first === "bigint" };
}

/**
 * Whether a value of a column meets a condition; none that is unknown does.
 * @param {Condition} condition
 * @param {Column} column
 * @returns {(value: unknown) => boolean}
 */
function test(condition, column) {
  const { between, negated } = condition;
  const texts = condition.values.map((value) => value.trim());
  if (!texts.every(Boolean)) throw malformed(textOf(condition));
  const written = (/** @type {unknown} */ value) => (column.isNumber ? Number(value) : textOfValue(value));
  /** @type {(string | number)[]} */
  const wanted = column.isNumber ? texts.map((text) => readNumber(text, condition)) : texts;
  if (!column.isNumber && between && texts.every((text) => NUMBER.test(text))) {
    const other = inOrder(column).find((value) => isKnown(value) && !DATE.test(textOfValue(value)));
    if (other !== undefined) {
      throw wrongFilter(
        `the column holds texts, such as ${typeof other === "string" ? quoted(other) : textOfValue(other)}, so this is no range of numbers: give its values, or make all ` +
          "of them numbers in items.csv",
        textOf(condition),
      );
    }
  }
  const [low, end] = wanted;
  // a range to a month has all its days
  const high = !column.isNumber && PART_OF_DATE.test(String(end)) ? end + LAST : end;
  if (between && low > high) throw wrongFilter("the lower end comes first", textOf(condition));
  const among = new Set(wanted);
  return (value) => {
    if (!isKnown(value)) return false;
    const one = written(value);
    return (between ? low <= one && one <= high : among.has(one)) !== negated;
  };
}

/**
 * The values of the tiles, as they come.
 * @param {Column} column
 */
const inOrder = ({ values, numbers }) => (numbers ? Array.from(numbers, (number) => values[number]) : values);

/** @param {unknown} value */
const isKnown = (value) => value !== null && value !== undefined && !Number.isNaN(value);

/**
 * A value as Python writes it.
 * @param {unknown} value
 */
function textOfValue(value) {
  if (typeof value === "boolean") return value ? "True" : "False";
  return String(value);
}

/**
 * Longitude and latitude of each tile, NaN where they are unknown.
 * @param {Gallery} gallery
 * @param {string} condition in words
 */
async function degreesOf(gallery, condition) {
  const names = await gallery.columnNames();
  if (!DEGREES.every((name) => names.includes(name))) {
    throw wrongFilter(
      "these tiles have no coordinates: add longitude and latitude to items.csv and encode again",
      condition,
    );
  }
  const columns = await Promise.all(DEGREES.map((name) => gallery.column(name)));
  return columns.map((column) => Float64Array.from(column, (value) => (isKnown(value) ? Number(value) : NaN)));
}

/**
 * @param {Gallery} gallery
 * @param {Condition} condition
 */
async function inBox(gallery, condition) {
  const [longitude, latitude] = await degreesOf(gallery, textOf(condition));
  let [west, south, east, north] = condition.values.map((value) => readNumber(value, condition));
  const isRight = Math.abs(west) <= 360 && Math.abs(east) <= 360 && -90 <= south && south <= north && north <= 90;
  if (!isRight) {
    throw wrongFilter("need west, south, east, north in degrees, the south below the north", textOf(condition));
  }
  const isWhole = east - west >= 360;
  [west, east] = endsOf(west, east);
  if (!isWhole && west === -180) west = 180; // the same meridian
  if (!isWhole && east === 180) east = -180;
  return Uint8Array.from(longitude, (x, row) => {
    const inside = west <= east ? west <= x && x <= east : x <= east || x >= west;
    return inside && south <= latitude[row] && latitude[row] <= north ? 1 : 0;
  });
}

/**
 * @param {Gallery} gallery
 * @param {Condition} condition
 */
async function inRegion(gallery, condition) {
  const { contains, overlaps } = regionOf(condition);
  const [longitude, latitude] = await degreesOf(gallery, wordsOf(condition));
  const footprints = condition.column === "overlaps" ? await footprintsOf(gallery, condition) : [];
  return Uint8Array.from(longitude, (x, row) => {
    const y = latitude[row];
    const isKnown = footprints[row] || (Number.isFinite(x) && Number.isFinite(y));
    const isIn = footprints[row] ? parseRings(footprints[row]).some(overlaps) : contains(x, y);
    return isKnown && isIn !== condition.negated ? 1 : 0;
  });
}

/**
 * @param {Gallery} gallery
 * @param {Condition} condition
 */
async function footprintsOf(gallery, condition) {
  const names = await gallery.columnNames();
  if (names.includes("footprint")) return gallery.column("footprint");
  throw wrongFilter("these tiles have no footprints: use polygon= for their centers", wordsOf(condition));
}
