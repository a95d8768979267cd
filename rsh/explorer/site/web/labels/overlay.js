// @ts-check
// Conditions on sets and labels, as `rsh.gallery.annotations.overlay` reads them.

import { malformed, textOf, valuesOf, wrongFilter } from "../filters.js";
import { SiteError } from "../store.js";
import { tidyName } from "./names.js";

/** @import { Gallery } from "../gallery.js" */
/** @import { Condition } from "../types" */

/**
 * Which tiles meet a condition on their sets or their label, 1 each. Of a negated condition on the label, a tile
 * without one meets none.
 * @param {Gallery} gallery
 * @param {Condition} condition
 * @returns {Uint8Array}
 * @throws {SiteError} there is no such set, or a name is empty
 */
export function meets(gallery, condition) {
  const { negated } = condition;
  const { state } = gallery.annotations;
  if (condition.column === "set") {
    const found = new Uint8Array(gallery.size).fill(negated ? 1 : 0);
    for (const key of setsOf(gallery, condition)) {
      for (const row of state.members(key)) found[row] = negated ? 0 : 1;
    }
    return found;
  }
  const { classes } = gallery;
  const { names, numbers } = state.given;
  const chosen = new Set(readNames(condition, [...classes, ...names].map(tidyName)).map(tidyName));
  const passes = (/** @type {string} */ name) => (chosen.has(tidyName(name)) !== negated ? 1 : 0);
  const [ofEncoded, ofGiven] = [classes, names].map((each) => each.map(passes));
  return Uint8Array.from(numbers, (number, row) => ofGiven[number] ?? ofEncoded[gallery.label(row)] ?? 0);
}

/**
 * @param {Gallery} gallery
 * @param {Condition} condition
 */
function setsOf({ annotations: { state } }, condition) {
  const names = readNames(
    condition,
    state.sets.map(({ name }) => name),
  );
  try {
    return names.map((name) => state.findSet(name).key);
  } catch (error) {
    throw error instanceof SiteError ? wrongFilter(error.reason, textOf(condition)) : error;
  }
}

/**
 * The names between the commas of a condition; a known name may hold commas itself.
 * @param {Condition} condition
 * @param {string[]} known names that there are, tidy
 * @throws {SiteError} a name is empty
 */
export function readNames(condition, known) {
  const most = known.reduce((more, name) => Math.max(more, name.split(",").length), 1); // parts of a name
  let parts = valuesOf(condition).split(",");
  const names = [];
  while (parts.length) {
    let size = Math.min(most, parts.length);
    while (size > 1 && !known.includes(tidyName(parts.slice(0, size).join(",")))) size--;
    names.push(parts.slice(0, size).join(",").trim());
    parts = parts.slice(size);
  }
  if (!names.every(Boolean)) throw malformed(textOf(condition));
  return names;
}
