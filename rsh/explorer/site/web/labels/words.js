// @ts-check
// What an event did, in words, as `rsh.gallery.annotations.history`.

import { escapeControl, pluralOf as plural } from "../text.js";

/** @import { AnnotationState } from "./state.js" */
/** @import { Change, LabelEvent, Tiles } from "./types" */

/**
 * @param {LabelEvent} event
 * @param {AnnotationState} state
 */
export function describeEvent({ changes }, state) {
  const many = changes.filter(({ kind }) => kind !== "classes");
  return escapeControl((many.length ? many : changes).map((change) => describeChange(change, state)).join(", "));
}

/** @param {Tiles} tiles */
const sizeOf = ({ rows, absent }) => plural(rows.length + absent, "tile");

/**
 * @param {Change} change
 * @param {AnnotationState} state
 * @returns {string}
 */
function describeChange(change, state) {
  if (change.kind === "class") {
    const tiles = sizeOf(change.tiles);
    return change.class ? `gave ${tiles} the class ${change.class}` : `took the class of ${tiles} away`;
  }
  if (change.kind === "put") return `put ${sizeOf(change.tiles)} into the set ${state.setName(change.set)}`;
  if (change.kind === "take") return `took ${sizeOf(change.tiles)} out of the set ${state.setName(change.set)}`;
  if (change.kind === "set") {
    if (change.deleted) return `deleted the set ${state.setName(change.set)}`;
    if (change.name === undefined) return `colored the set ${state.setName(change.set)}`;
    return state.isCreation(change) ? `created the set ${change.name}` : `renamed a set to ${change.name}`;
  }
  if (change.kind === "group") return change.name ? `named a group ${change.name}` : "took a group's name away";
  if (change.kind === "classes") return "changed which classes there are";
  return "did what a later version of rsh knows";
}
