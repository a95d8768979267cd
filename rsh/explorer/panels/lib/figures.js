// @ts-check
import { make, plural, svg } from "./shared.js";

/** @import { Child, CodesView, Point } from "./types" */

/** @typedef {{ start: number, same: number, other: number, unknown: number }} Bin */

/** @param {number[]} counts */
const total = (counts) => counts.reduce((sum, count) => sum + count, 0);

/**
 * The distances of all tiles: one column a distance, for long codes one a few distances, with the
 * relevant ones below, the others on them, and on top those without a label. Heights grow with the square root of the count, or the
 * few near tiles could not be seen beside the many far ones.
 * @param {CodesView} view
 */
export function histogram(view) {
  const { same, other, unknown } = view.histogram;
  const width = Math.ceil(same.length / 65);
  const starts = Array.from({ length: Math.ceil(same.length / width) }, (_, index) => index * width);
  const bins = starts.map((start) => ({
    start,
    same: total(same.slice(start, start + width)),
    other: total(other.slice(start, start + width)),
    unknown: total(unknown.slice(start, start + width)),
  }));
  const most = Math.max(...bins.map((bin) => bin.same + bin.other + bin.unknown), 1);
  return make(
    "figure",
    { class: "rsh-histogram" },
    make(
      "div",
      { class: `rsh-columns${bins.length > 40 ? " is-dense" : ""}`, role: "img", "aria-label": histogramWords(view) },
      ...bins.map((bin) => column(bin, width, most, view)),
    ),
    axis("0", "Hamming distance", String(view.num_bits)),
  );
}

/** @param {...Child} words */
function axis(...words) {
  return make("div", { class: "rsh-axis" }, ...words.map((word) => make("span", {}, word)));
}

/** @param {CodesView} view */
function histogramWords({ histogram: { same, other, unknown }, reach, judged, relevance: words }) {
  const nearest = same.findIndex((count, distance) => count + other[distance] + unknown[distance] > 0);
  if (nearest < 0) return "no other tiles";
  /** @type {(from: number, to?: number) => string} */
  const split = (from, to) => {
    const [right, wrong, rest] = [same, other, unknown].map((counts) => total(counts.slice(from, to)));
    if (!judged) return plural(rest, "tile");
    const known = `${words.same} ${right.toLocaleString("en")}, ${words.other} ${wrong.toLocaleString("en")}`;
    return rest ? `${known}, no ${words.label} ${rest.toLocaleString("en")}` : known;
  };
  const near = split(0, reach + 1);
  const far = split(reach + 1);
  return (
    `Hamming distances of all other tiles: the nearest is ${plural(nearest, "bit")} away; ` +
    `up to ${plural(reach, "bit")} away: ${near}; farther: ${far}.`
  );
}

/**
 * @param {Bin} bin
 * @param {number} width
 * @param {number} most
 * @param {CodesView} view
 */
function column({ start, same, other, unknown }, width, most, { reach, judged, relevance: words }) {
  const all = same + other + unknown;
  /** @type {(count: number, kind: string) => HTMLElement} */
  const part = (count, kind) =>
    make("i", { class: kind, style: `height:${(100 * Math.sqrt(all / most) * count) / (all || 1)}%` });
  const bits = width === 1 ? plural(start, "bit") : `${start} to ${start + width - 1} bits`;
  const title = `${bits}: ${plural(all, "tile")}${judged ? `, ${words.same}: ${same.toLocaleString("en")}` : ""}`;
  const parts = [
    ...(unknown ? [part(unknown, judged ? "is-unknown" : "is-any")] : []),
    ...(judged ? [part(other, "is-wrong"), part(same, "is-right")] : []),
  ];
  return make("span", { class: `rsh-column${start <= reach ? " is-shown" : ""}`, title }, ...parts);
}

/**
 * Precision against recall of this one query, a point a radius: ties within a radius have no order,
 * so that no line between two points is claimed to be reached.
 * @param {CodesView} view
 */
export function curve(view) {
  const points = view.curve;
  const [width, height] = [180, 96];
  /** @type {(point: Point) => Point} */
  const at = ([recall, precision]) => [recall * width, (1 - precision) * height];
  const steps = points.map((point) => at(point).join(" ")).join(" L");
  const dots = points.map((point) => {
    const [cx, cy] = at(point);
    return svg("circle", { cx, cy, r: 2.6, class: "rsh-curve-dot" });
  });
  const [first, last] = [points[0], points[points.length - 1]];
  const words =
    "Precision and recall of this query. " +
    `Nearest tiles: precision ${first[1].toFixed(2)} at recall ${first[0].toFixed(2)}; ` +
    `all tiles: precision ${last[1].toFixed(2)} at recall 1.`;
  const plot = svg(
    "svg",
    { viewBox: `-4 -4 ${width + 8} ${height + 8}`, class: "rsh-curve", role: "img", "aria-label": words },
    svg("path", { d: `M0 0V${height}H${width}`, class: "rsh-curve-axes" }),
    svg("path", { d: `M${steps}`, class: "rsh-curve-line" }),
    ...dots,
  );
  const top = make("div", { class: "rsh-curve-top" }, "1 precision");
  return make("figure", {}, top, plot, axis("0", "recall", "1"));
}
