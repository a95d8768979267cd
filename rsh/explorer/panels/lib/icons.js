// @ts-check
import { svg } from "./shared.js";

// Drawn and not written: few fonts have these signs. Each is a path on a square of 16.
const PATHS = {
  copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z",
  done: "M3 8.5l3.5 3.5 6.5-8",
  enlarge: "M9.5 2.5h4v4M13.5 2.5l-4.5 4.5M6.5 13.5h-4v-4M2.5 13.5l4.5-4.5",
  box: "M2.5 3.5h11v9h-11z",
  undo: "M6 3L2.5 6.5 6 10M2.5 6.5h7a4 4 0 0 1 0 8h-3",
  redo: "M10 3l3.5 3.5L10 10M13.5 6.5h-7a4 4 0 0 0 0 8h3",
  label: "M2.5 2.5h5l6 6-5 5-6-6zM5.5 5.4v.2",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
};

/**
 * An icon in the color and size of the text around it.
 * @param {keyof typeof PATHS} name
 */
export const icon = (name) =>
  svg(
    "svg",
    { viewBox: "0 0 16 16", class: "rsh-icon", "aria-hidden": "true" },
    svg("path", { d: PATHS[name], fill: "none", stroke: "currentColor", "stroke-width": 1.5 }),
  );
