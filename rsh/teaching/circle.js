// @ts-check
// Points on a circle, one a view. Moved by pointer or arrow keys; Python answers with the arrows.

/** @typedef {"total" | "category" | "inter" | "intra" | "quantization"} Term */

/**
 * @typedef {object} Traits
 * @property {number[]} degrees one a view; the second half are the second views
 * @property {number[]} classes
 * @property {string[]} names
 * @property {number[]} arrows
 * @property {Record<Term, number>} values
 * @property {Record<Term, number>} weights
 * @property {Term} term
 */

/** @import { Model, Point } from "../explorer/panels/lib/types" */

const NS = "http://www.w3.org/2000/svg";
const COLORS = ["#0072B2", "#D55E00", "#009E73"];
/** @type {[term: Term, label: string][]} */
const TERMS = [
  ["total", "all, weighted"],
  ["category", "category (features)"],
  ["inter", "inter-class (codes, one branch)"],
  ["intra", "intra-class (codes, two branches)"],
  ["quantization", "quantization"],
];
const [SIZE, RADIUS] = [460, 165];
const PATIENCE = 700; // ms without an answer: a cell is running
const LONGEST = 70; // pixels of the longest arrow
/** @type {Record<string, number>} */
const TURNS = { ArrowLeft: 5, ArrowUp: 5, ArrowRight: -5, ArrowDown: -5 }; // degrees

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {...(Node | string)} children
 */
function svg(tag, attributes, ...children) {
  const node = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string>} attributes
 * @param {...(Node | string)} children
 */
function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** @type {(degree: number, radius: number) => Point} */
const at = (degree, radius) => [
  radius * Math.cos((degree * Math.PI) / 180),
  -radius * Math.sin((degree * Math.PI) / 180),
];

/** @param {number} degree */
const codeOf = (degree) => {
  const [x, y] = at(degree, 1);
  return `${x >= -1e-9 ? 1 : 0}${-y >= -1e-9 ? 1 : 0}`; // a sign of 0 is 1
};

/**
 * A class is told by shape as well as by color; a view of branch 1 is hollow.
 * @param {number} kind
 * @param {boolean} hollow
 */
function symbol(kind, hollow) {
  const paint = {
    fill: hollow ? "var(--jp-layout-color0, white)" : COLORS[kind],
    stroke: COLORS[kind],
    "stroke-width": 3.5,
  };
  if (kind === 1) return svg("rect", { x: -8, y: -8, width: 16, height: 16, ...paint });
  if (kind === 2) return svg("path", { d: "M0,-11 L10,8 L-10,8 Z", ...paint });
  return svg("circle", { r: 9, ...paint });
}

function axes() {
  const codes = [45, 135, 225, 315].map((degree) => {
    const [x, y] = at(degree, 82);
    return svg("text", { x, y: y + 8, "text-anchor": "middle" }, codeOf(degree));
  });
  return svg(
    "g",
    { class: "rsh-axes" },
    svg("circle", { r: RADIUS, class: "rsh-rim" }),
    svg("line", { x1: -215, x2: 215, y1: 0, y2: 0 }),
    svg("line", { y1: -215, y2: 215, x1: 0, x2: 0 }),
    ...codes,
  );
}

/** @param {{ model: Model<Traits>, el: HTMLElement }} props */
function render({ model, el }) {
  // Each widget loads this text again, so only chance tells two of them on a page apart.
  const number = Math.random().toString(36).slice(2);
  const half = SIZE / 2;
  const head = svg(
    "marker",
    {
      id: `rsh-arrow-${number}`,
      viewBox: "0 0 8 8",
      refX: 6,
      refY: 4,
      markerWidth: 5,
      markerHeight: 5,
      orient: "auto-start-reverse",
    },
    svg("path", { d: "M0,0 L8,4 L0,8 Z", class: "rsh-arrow-head" }),
  );
  const viewPairs = svg("g", { class: "rsh-view-pairs" });
  const arrows = svg("g", { class: "rsh-arrows" });
  const points = svg("g", {});
  const plot = svg(
    "svg",
    { viewBox: `${-half} ${-half} ${SIZE} ${SIZE}`, role: "group", "aria-label": "Circle of points" },
    svg("defs", {}, head),
    axes(),
    viewPairs,
    arrows,
    points,
  );
  const images = model.get("degrees").length / 2;

  const nodes = model.get("degrees").map((_, place) => {
    const kind = model.get("classes")[place];
    const name = model.get("names")[kind];
    const first = model.get("classes").indexOf(kind);
    const label = `${name}, image ${(place % images) - first + 1}, branch ${place < images ? 0 : 1}`;
    const node = svg(
      "g",
      {
        class: "rsh-point",
        tabindex: 0,
        role: "slider",
        "aria-label": label,
        "aria-valuemin": 0,
        "aria-valuemax": 359,
      },
      svg("title", {}, label),
      svg("circle", { r: 16, class: "rsh-touch" }),
      symbol(kind, place >= images),
    );
    node.addEventListener("keydown", (event) => {
      const turn = TURNS[event.key];
      if (!turn) return;
      event.preventDefault();
      event.stopPropagation();
      move(place, model.get("degrees")[place] + (event.shiftKey ? turn / 5 : turn));
    });
    node.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      node.focus();
      node.setPointerCapture(event.pointerId);
    });
    node.addEventListener("pointermove", (event) => {
      if (!node.hasPointerCapture(event.pointerId)) return;
      const box = plot.getBoundingClientRect();
      const x = event.clientX - box.left - box.width / 2;
      const y = event.clientY - box.top - box.height / 2;
      move(place, (Math.atan2(-y, x) * 180) / Math.PI);
    });
    points.append(node);
    return node;
  });

  let late = 0; // the timer that says why no arrows come
  // At most one message a frame: dragging must not outrun Python.
  let waiting = false;
  /** @type {(place: number, degree: number) => void} */
  function move(place, degree) {
    const degrees = [...model.get("degrees")];
    degrees[place] = ((degree % 360) + 360) % 360;
    model.set("degrees", degrees);
    late ||= window.setTimeout(() => {
      caption.textContent = "The arrows wait: Python is busy with another cell, and answers when that is done.";
      arrows.setAttribute("opacity", "0.25");
    }, PATIENCE);
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      model.save_changes();
    });
  }

  function drawPoints() {
    const degrees = model.get("degrees");
    nodes.forEach((node, place) => {
      const [x, y] = at(degrees[place], RADIUS);
      const whole = Math.round(degrees[place]) % 360;
      node.setAttribute("transform", `translate(${x},${y})`);
      node.setAttribute("aria-valuenow", String(whole));
      node.setAttribute("aria-valuetext", `${whole} degrees, code ${codeOf(degrees[place])}`);
    });
    const chords = degrees.slice(0, images).map((degree, place) => {
      const [[x1, y1], [x2, y2]] = [at(degree, RADIUS), at(degrees[place + images], RADIUS)];
      return svg("line", { x1, y1, x2, y2 });
    });
    viewPairs.replaceChildren(...chords);
  }

  const caption = make("p", {});
  function drawArrows() {
    clearTimeout(late);
    late = 0;
    arrows.removeAttribute("opacity");
    const [degrees, slopes] = [model.get("degrees"), model.get("arrows")];
    const longest = Math.max(...slopes.map(Math.abs), 1e-9);
    // Arrows keep their scale near the end of the way, where the longest is short, too.
    const scale = LONGEST / Math.max(longest, 0.05);
    const drawn = slopes.flatMap((slope, place) => {
      const length = scale * slope;
      if (Math.abs(length) < 4) return [];
      const [x, y] = at(degrees[place], RADIUS + 24);
      const [dx, dy] = at(degrees[place] + 90, length);
      return [svg("line", { x1: x, y1: y, x2: x + dx, y2: y + dy, "marker-end": `url(#rsh-arrow-${number})` })];
    });
    arrows.replaceChildren(...drawn);
    caption.textContent =
      longest < 1e-4
        ? "No arrow: the gradient of this term is zero."
        : `The longest arrow is a slope of ${longest.toPrecision(2)} nats per radian.`;
  }

  const rows = TERMS.map(([term, words]) => {
    const choice = make("input", { type: "radio", name: `rsh-term-${number}`, value: term });
    choice.addEventListener("change", () => {
      model.set("term", term);
      model.save_changes();
    });
    const [value, weight, adds] = [make("td", {}), make("td", {}), make("td", {})];
    const name = make("th", { scope: "row" }, make("label", {}, choice, ` ${words}`));
    const line = make("tr", {}, name, value, weight, adds);
    return { term, choice, value, weight, adds, bar: make("i", {}), line };
  });
  const header = ["arrows of", "value", "weight", "adds"].map((words) => make("th", { scope: "col" }, words));
  const table = make(
    "table",
    {},
    make("caption", {}, "Loss terms: choose which arrows to show"),
    make("thead", {}, make("tr", {}, ...header)),
    make("tbody", {}, ...rows.map(({ line }) => line)),
  );
  const entries = model.get("names").map((name, kind) => {
    const drawing = svg("svg", { viewBox: "-12 -12 24 24", "aria-hidden": "true" }, symbol(kind, false));
    return make("li", {}, drawing, ` ${name}`);
  });
  const hint = "filled: branch 0, hollow: branch 1; a line joins the two views of an image";
  const key = make("ul", { class: "rsh-key" }, ...entries, make("li", {}, hint));

  function drawTerms() {
    const [values, weights] = [model.get("values"), model.get("weights")];
    for (const { term, choice, value, weight, adds, bar } of rows) {
      choice.checked = model.get("term") === term;
      const added = term === "total" ? values.total : values[term] * weights[term];
      value.textContent = term === "total" ? "" : values[term].toFixed(3);
      weight.textContent = term === "total" ? "" : weights[term].toFixed(1);
      adds.textContent = added.toFixed(3);
      bar.style.width = `${Math.min(100, (100 * added) / Math.max(values.total, 1e-9))}%`;
      adds.append(bar);
    }
  }

  /** @type {[trait: keyof Traits, draw: () => void][]} */
  const follow = [
    ["degrees", drawPoints],
    ["arrows", drawArrows],
    ["values", drawTerms],
    ["weights", drawTerms],
    ["term", drawTerms],
  ];
  for (const [name, draw] of follow) model.on(`change:${name}`, draw);
  drawPoints();
  drawArrows();
  drawTerms();
  el.append(make("div", { class: "rsh-circle" }, plot, make("div", {}, key, table, caption)));
  return () => {
    clearTimeout(late);
    for (const [name, draw] of follow) model.off(`change:${name}`, draw);
  };
}

export default { render };
