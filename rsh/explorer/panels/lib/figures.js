import { make, plural } from "./shared.js";

const SVG_SPACE = "http://www.w3.org/2000/svg";

function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG_SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// How far everything is: one column a distance, for long codes one a few distances, the query's
// class below and the others on top. Heights grow with the square root of the count, or the few
// near tiles could not be seen beside the many far ones.
export function histogram(view) {
  const { same, other } = view.histogram;
  const width = Math.ceil(same.length / 65);
  const sum = (counts, start) => counts.slice(start, start + width).reduce((total, count) => total + count, 0);
  const starts = Array.from({ length: Math.ceil(same.length / width) }, (_, index) => index * width);
  const bins = starts.map((start) => ({ start, same: sum(same, start), other: sum(other, start) }));
  const most = Math.max(...bins.map((bin) => bin.same + bin.other), 1);
  return make(
    "figure",
    { class: "rsh-histogram" },
    make(
      "div",
      { class: `rsh-columns${bins.length > 40 ? " is-dense" : ""}`, role: "img", "aria-label": histogramWords(view) },
      ...bins.map((bin) => column(bin, width, most, view)),
    ),
    make(
      "div",
      { class: "rsh-axis" },
      make("span", {}, "0"),
      make("span", {}, "bits away"),
      make("span", {}, String(view.num_bits)),
    ),
  );
}

function histogramWords({ histogram: { same, other }, reach, query }) {
  const sum = (counts) => counts.reduce((total, count) => total + count, 0);
  const nearest = same.findIndex((count, distance) => count + other[distance] > 0);
  if (nearest < 0) return "no other tiles";
  const split = (right, wrong) =>
    query.row < 0
      ? plural(sum(wrong), "tile")
      : `${sum(right).toLocaleString("en")} of the query's class and ${sum(wrong).toLocaleString("en")} of others`;
  const near = split(same.slice(0, reach + 1), other.slice(0, reach + 1));
  const far = split(same.slice(reach + 1), other.slice(reach + 1));
  return `Distances of all other tiles: the nearest ${plural(nearest, "bit")} away; up to ${plural(reach, "bit")} away ${near}; farther ${far}.`;
}

function column({ start, same, other }, width, most, { reach, query }) {
  const total = same + other;
  const part = (count, kind) =>
    make("i", { class: kind, style: `height:${(100 * Math.sqrt(total / most) * count) / (total || 1)}%` });
  const where = width === 1 ? plural(start, "bit") : `${start} to ${start + width - 1} bits`;
  const known = query.row >= 0;
  const title = `${where}: ${plural(total, "tile")}${known ? `, ${same.toLocaleString("en")} of the same class` : ""}`;
  const parts = known ? [part(other, "is-wrong"), part(same, "is-right")] : [part(other, "is-any")];
  return make("span", { class: `rsh-column${start <= reach ? " is-shown" : ""}`, title }, ...parts);
}

// Precision against recall of this one query, a point a radius: ties within a radius have no
// order, so that no line between two points is claimed to be reached.
export function curve(view) {
  const points = view.curve;
  const [width, height] = [180, 96];
  const at = ([recall, precision]) => [recall * width, (1 - precision) * height];
  const steps = points.map((point) => at(point).join(" ")).join(" L");
  const dots = points.map((point) => {
    const [cx, cy] = at(point);
    return svg("circle", { cx, cy, r: 2.6, class: "rsh-curve-dot" });
  });
  const [recall, precision] = points[0];
  const words = `Precision and recall of this query. Nearest tiles: precision ${precision.toFixed(2)} at recall ${recall.toFixed(2)}; all tiles: precision ${points.at(-1)[1].toFixed(2)} at recall 1.`;
  const plot = svg(
    "svg",
    { viewBox: `-4 -4 ${width + 8} ${height + 8}`, class: "rsh-curve", role: "img", "aria-label": words },
    svg("path", { d: `M0 0V${height}H${width}`, class: "rsh-curve-axes" }),
    svg("path", { d: `M${steps}`, class: "rsh-curve-line" }),
    ...dots,
  );
  const top = make("div", { class: "rsh-curve-top" }, "1 precision");
  return make(
    "figure",
    {},
    top,
    plot,
    make("div", { class: "rsh-axis" }, make("span", {}, "0"), make("span", {}, "recall"), make("span", {}, "1")),
  );
}
