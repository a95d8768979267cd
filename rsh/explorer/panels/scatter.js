import { colorsOf, cssOf, onScheme, pixelOf } from "./lib/palette.js";
import { HoverCard } from "./lib/scatter_card.js";
import {
  drawBackground,
  drawFootprint,
  drawHit,
  drawLasso,
  drawRing,
  drawSpokes,
  drawStar,
  readInk,
  verdictInk,
} from "./lib/scatter_draw.js";
import { steer } from "./lib/scatter_interactions.js";
import { joined, rowsInside, toggled } from "./lib/scatter_lasso.js";
import { Dots, dotRadius, passesOf } from "./lib/scatter_points.js";
import { PlaneView } from "./lib/scatter_view.js";
import { bytesAs, listen, make, plural, redrawOn, tell } from "./lib/shared.js";

const SLICE = 9; // ms of each frame for dots: the pointer must not wait for a million
const LONGEST = 30; // ms where a browser takes long to show a frame: up to half of that
const EDGES_BELOW = 20_000; // dots on the screen: of more, outlines would be all one sees
const OUTLINED = 16; // CSS pixels that a footprint is wide when it is drawn
const NEAREST = 15; // tiles that say where an image without a dot belongs
const HELP =
  "Arrow keys move between tiles, Enter makes one the query, Space selects it or takes it away, " +
  "L draws around many with the pointer, Escape clears the selection, plus and minus zoom, 0 shows all.";

// Before the legend has said what colors mean, all dots are gray.
const UNKNOWN = { names: [], colors: [], ends: [], num_values: 0, layers: [[0, 1]] };

function render({ model, el }) {
  const world = model.get("world");
  const [base, over] = [make("canvas"), make("canvas")];
  const voice = make("p", { class: "rsh-hidden", "aria-live": "polite" });
  const stage = make(
    "div",
    { class: "rsh-stage", tabindex: 0, role: "application", "aria-label": `${model.get("heading")}. ${HELP}` },
    base,
    over,
  );
  const button = (text, name, act, more = {}) =>
    make(
      "button",
      { type: "button", "aria-label": `${name}, ${model.get("heading")}`, title: name, onclick: act, ...more },
      text,
    );
  const hint = make("p", { class: "rsh-hint", hidden: true }, "Hold Ctrl, or click first, to zoom with the wheel");
  const warning = make("p", { class: "rsh-hint", role: "alert", hidden: true });
  const lassoButton = button(make("span", {}, "Select"), "Select: draw around tiles (L)", switchTool, {
    "aria-pressed": "false",
  });
  const buttons = make(
    "div",
    { class: "rsh-zoom" },
    lassoButton,
    button("+", "Zoom in", () => zoom(1.6)),
    button("−", "Zoom out", () => zoom(1 / 1.6)),
    button("⟲", "Show all", () => reset()),
  );

  const view = new PlaneView(bytesAs(Float32Array, model.get("xy")), world);
  const dots = new Dots(base);
  const card = new HoverCard(model, view, (words) => {
    if (document.activeElement === stage) voice.textContent = words;
  });
  el.classList.add("rsh-panel", "rsh-plane");
  if (world) el.classList.add("is-world");
  el.append(
    make(
      "div",
      { class: "rsh-plane-head" },
      make("h3", {}, model.get("heading")),
      make("span", { title: model.get("term") }, model.get("term")),
      buttons,
    ),
    make("div", { class: "rsh-plane-body" }, stage, hint, warning, card.element),
    make("p", { class: "rsh-note" }, model.get("caption")),
    voice,
  );

  let colors = { ...UNKNOWN, values: new Uint8Array(view.count) };
  let [ink, table, image, only, line] = [null, null, null, null, null];
  let selected = new Int32Array();
  let pointed = null; // the row with the ring
  let [ratio, radius, waiting, asked, warningTimer, lastFrame] = [1, 3, null, 0, 0, 0];

  function redraw(all = true) {
    waiting = all ? "all" : (waiting ?? "over");
    stage.dataset.drawn = "no";
    asked ||= requestAnimationFrame(frame);
  }

  function frame() {
    asked = 0;
    const start = performance.now();
    const slice = Math.min(Math.max((start - lastFrame) / 2, SLICE), LONGEST);
    lastFrame = start;
    if (waiting === "all") startBase();
    if (waiting) paintOver();
    waiting = null;
    if (dots.advance(start + slice)) stage.dataset.drawn = "yes";
    else asked = requestAnimationFrame(frame);
  }

  function startBase() {
    const visible = view.numVisible();
    radius = dotRadius(visible) * Math.min(Math.max(view.size[0] / (world ? 850 : 430), 0.6), 1.2);
    const edge = world && visible < EDGES_BELOW ? pixelOf("#fff") : null;
    const passes = passesOf(colors, { only, selected, radius, world, edge, ink: ink.inkPixel });
    dots.start(view, { values: colors.values, table }, passes, ratio, (pen) => {
      pen.fillStyle = ink.surface;
      pen.fillRect(0, 0, ...view.size);
      if (world) drawBackground(pen, view, image, ink, only === null && !selected.length ? 0.1 : 0.4);
    });
  }

  function paintOver() {
    const pen = over.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, ...view.size);
    const { query, hits, rings = {} } = model.get("marks");
    const star = starOf(query, hits);
    if (view.has(star)) drawSpokes(pen, view, star, hits, ink);
    for (const [row, relevant] of [...hits].reverse()) {
      if (!view.has(row)) continue;
      drawHit(pen, view.pointOnScreen(row), relevant, cssOf(table[colors.values[row]]), ink, radius);
      outline(pen, rings[row], verdictInk(relevant, ink), relevant === false ? [6, 4] : []);
    }
    outline(pen, rings[query], ink.accent, []);
    if (view.has(star)) drawStar(pen, view.pointOnScreen(star), ink);
    if (line) drawLasso(pen, line, ink);
    if (view.has(pointed)) drawRing(pen, view.pointOnScreen(pointed), ink);
  }

  // The ground that a tile shows, once one is so near that it is larger than a dot.
  function outline(pen, ring, color, dashes) {
    const corners = world && ring ? ring.map(([x, y]) => view.toScreen(x, y)) : [];
    const across = corners.map(([x]) => x);
    if (Math.max(...across) - Math.min(...across) > OUTLINED) drawFootprint(pen, corners, color, ink, dashes);
  }

  // An image of the visitor's own has no dot: its star stands amid its nearest tiles, but nothing
  // says where on Earth it was taken.
  function starOf(query, hits) {
    if (query >= 0 || world) return query;
    return view.amid(hits.slice(0, NEAREST).map(([row]) => row));
  }

  function restyle() {
    ratio = window.devicePixelRatio || 1;
    const { width, height } = stage.getBoundingClientRect();
    for (const canvas of [base, over]) {
      canvas.width = Math.max(Math.round(width * ratio), 1);
      canvas.height = Math.max(Math.round(height * ratio), 1);
    }
    view.resize(width, height);
    ink = readInk(stage);
    table = colorsOf(colors, stage);
    redraw();
  }

  function zoom(factor, x, y) {
    view.zoomBy(factor, x, y);
    card.hide();
    redraw();
  }

  function reset() {
    view.reset();
    card.hide();
    redraw();
  }

  function point(row) {
    if (row === pointed && row === card.row) return;
    pointed = row;
    stage.classList.toggle("is-on-tile", row !== null);
    tell(model, "hover", { row });
    redraw(false);
    card.point(row);
  }

  function switchTool() {
    const on = stage.classList.toggle("is-selecting");
    lassoButton.setAttribute("aria-pressed", String(on));
    voice.textContent = on ? "drag to draw around tiles" : "drag to move";
  }

  function select(rows) {
    const most = model.get("most");
    if (rows.length <= most) return tell(model, "select", { rows });
    warning.textContent = `${plural(rows.length, "tile")} lie inside; ${most.toLocaleString("en")} can be selected at once`;
    warning.hidden = false;
    clearTimeout(warningTimer);
    warningTimer = setTimeout(() => (warning.hidden = true), 5000);
  }

  function drawLine(points) {
    line = points;
    redraw(false);
  }

  const acts = {
    redraw,
    reset,
    zoom,
    point,
    switchTool,
    hideCard: () => card.hide(),
    line: drawLine,
    lasso: (points, more) => {
      drawLine(null);
      const inside = rowsInside(view, points);
      select(more ? joined(selected, inside) : inside);
    },
    toggle: (row) => select(toggled(selected, row)),
    clear: () => selected.length && select(new Int32Array()),
  };
  const selecting = () => stage.classList.contains("is-selecting");
  const stop = steer({ model, stage, hint, view, acts, pointed: () => pointed, selecting });
  const watcher = new ResizeObserver(restyle);
  watcher.observe(stage);
  const background = model.get("background");
  if (background?.byteLength) {
    createImageBitmap(new Blob([background], { type: "image/jpeg" })).then((decoded) => {
      image = decoded;
      if (ink) redraw();
    });
  }
  const stops = [
    stop,
    redrawOn(model, ["marks"], () => ink && redraw(false)),
    listen(model, {
      colors: (told) => {
        ({ colors } = told);
        if (ink) table = colorsOf(colors, stage);
        if (ink) redraw();
      },
      only: ({ value }) => {
        if (value === only) return;
        only = value;
        if (ink) redraw();
      },
      select: ({ rows }) => {
        if (rows === selected) return;
        selected = rows;
        if (ink) redraw();
      },
      hover: ({ row }) => {
        if (row === pointed) return;
        pointed = row;
        card.point(null); // the pointer is elsewhere, or the keyboard has let go
        if (ink) redraw(false);
      },
    }),
    () => watcher.disconnect(),
    onScheme(restyle),
    () => cancelAnimationFrame(asked),
    () => clearTimeout(warningTimer),
    () => card.stop(),
  ];
  tell(model, "join", {});
  return () => stops.forEach((end) => end());
}

export default { render };
