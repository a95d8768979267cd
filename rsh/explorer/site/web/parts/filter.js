// @ts-check
// The conditions on the tiles that may be found, as the panel shows them.

import { textOf, titleOf } from "../filters.js";

/** @import { Gallery } from "../gallery.js" */
/** @import { State } from "../state.js" */

/** Whether a value is read as one: a comma or two dots would make it several. @param {string} value */
const isPlain = (value) => Boolean(value) && !value.includes(",") && !value.includes("..");

/** The conditions on what the visitor gave, as far as they gave anything. @param {Gallery} gallery */
function listGiven({ annotations: { state }, manifest: { columns } }) {
  const given = /** @type {const} */ ([
    ["set", "set", state.sets.map(({ name }) => name)],
    ["label", "given label", state.given.names],
  ]);
  return given.flatMap(([name, words, every]) => {
    const values = every.filter(isPlain);
    const isColumn = columns.some((column) => column.name === name);
    return isColumn || !values.length ? [] : [{ name, words, kind: "text", values, hint: "" }];
  });
}

/** @param {State} state */
export function filterView(state) {
  const { conditions } = state.filter;
  const [many, all] = [state.countFound(), state.numSearched].map((number) => number.toLocaleString("en"));
  return {
    texts: conditions.map(textOf),
    words: conditions.map(titleOf),
    columns: [...state.gallery.manifest.columns, ...listGiven(state.gallery)],
    found: conditions.length ? `${many} of ${all} tiles match` : "",
  };
}
