// @ts-check
// The conditions on the tiles that may be found, as the panel shows them.

import { textOf, titleOf } from "../filters.js";

/** @import { State } from "../state.js" */

/** @param {State} state */
export function filterView(state) {
  const { conditions } = state.filter;
  const [many, all] = [state.countFound(), state.numSearched].map((number) => number.toLocaleString("en"));
  return {
    texts: conditions.map(textOf),
    words: conditions.map(titleOf),
    columns: state.gallery.manifest.columns,
    found: conditions.length ? `${many} of ${all} tiles match` : "",
  };
}
