// @ts-check

import { icon } from "./lib/icons.js";
import { colorTable, contextOf, cssOf, onScheme, pixelOf } from "./lib/palette.js";
import { HoverCard } from "./lib/scatter_card.js";
import {
  drawBackground,
  drawFootprint,
  drawHit,
  drawLasso,
  drawRing,
  drawSpokes,
  drawStar,
  readColors,
  verdictColor,
} from "./lib/scatter_draw.js";
import { interactions } from "./lib/scatter_interactions.js";
import { joined, rowsInside, simplified, toggled } from "./lib/scatter_lasso.js";
import { Ground } from "./lib/scatter_map.js";
import { Dots, dotRadius, passesOf } from "./lib/scatter_points.js";
import { ScatterView } from "./lib/scatter_view.js";
import { bytesAs, emit, make, on, plural, redrawOn, stopAll } from "./lib/shared.js";

/** @import { Child, DotColoring, Point, Props, ScatterTraits, Stop } from "./lib/types" */
/** @import { Colors } from "./lib/scatter_draw.js" */
/** @import { Tool } from "./lib/scatter_interactions.js" */

const SLICE = 9; // ms of each frame for dots: the pointer must not wait for a million
const LONGEST = 30; // ms where a browser takes long to show a frame: up to half of that
const EDGES_BELOW = 20_000; // dots on the screen: of more, outlines would be all one sees
const OUTLINED = 16; // CSS pixels that a footprint is wide when it is drawn
const MOST_CORNERS = 40; // of a region that is drawn: it must fit into a link
const HELP =
  "Arrow keys move between tiles, Enter searches with a tile, Space selects or deselects it, " +
  "L draws around many with the pointer, B a box, Escape clears the selection, plus and minus zoom, 0 shows all.";

// Before the legend has said what colors mean, all dots are gray.
/** @type {Omit<DotColoring, "values">} */
const UNKNOWN = { names: [], colors: [], ends: [], strong: "", num_values: 0, layers: [[0, 1]] };

/**
 * Ask for the dots, which are many bytes, and draw them when they are there.
 * @param {Props<ScatterTraits>} props
 */
function render(props) {
  const { model, el } = props;
  el.classList.add("rsh-panel", "rsh-scatter", `is-${model.get("space")}`);
  /** @type {Stop | null} */
  let stop = null;
  function begin() {
    if (!stop && model.get("xy").byteLength) stop = drawPlane(props);
  }
  model.on("change:xy", begin);
  begin();
  if (!stop) model.send({ kind: "dots" });
  return () => {
    model.off("change:xy", begin);
    stop?.();
  };
}

/** @type {(props: Props<ScatterTraits>) => Stop} */
function drawPlane({ model, el }) {
  const world = model.get("space") === "world";
  const heading = model.get("heading");
  const [base, over] = [make("canvas"), make("canvas")];
  const liveRegion = make("p", { class: "rsh-hidden", "aria-live": "polite" });
  const stage = make(
    "div",
    { class: "rsh-stage", tabindex: 0, role: "application", "aria-label": `${heading}. ${HELP}` },
    base,
    over,
  );
  /** @type {(text: Child, name: string, onclick: () => void, more?: object) => HTMLButtonElement} */
  const button = (text, name, onclick, more = {}) =>
    make("button", { type: "button", "aria-label": `${name}, ${heading}`, title: name, onclick, ...more }, text);
  const hint = make("p", { class: "rsh-hint", hidden: true }, "Hold Ctrl, or click first, to zoom with the wheel");
  const warning = make("p", { class: "rsh-hint", role: "alert", hidden: true });
  const lassoButton = button(make("span", {}, "Select"), "Select: draw around tiles (L)", () => switchTool("line"), {
    "aria-pressed": "false",
  });
  const boxButton = button(icon("box"), "Select: draw a box (B)", () => switchTool("box"), { "aria-pressed": "false" });
  const buttons = make(
    "div",
    { class: "rsh-zoom" },
    lassoButton,
    boxButton,
    button("+", "Zoom in", () => zoom(1.6)),
    button("−", "Zoom out", () => zoom(1 / 1.6)),
    button("⟲", "Show all", () => reset()),
  );

  const caption = make("p", { class: "rsh-note" });
  const ground = world ? new Ground(model, () => redraw()) : null;
  const view = new ScatterView(bytesAs(Float32Array, model.get("xy")), world);
  const dots = new Dots(base);
  const card = new HoverCard(model, view, (words) => {
    if (document.activeElement === stage) liveRegion.textContent = words;
  });
  el.append(
    make(
      "div",
      { class: "rsh-scatter-head" },
      make("h3", {}, heading),
      make("span", { title: model.get("term") }, model.get("term")),
      buttons,
    ),
    make("div", { class: "rsh-scatter-body" }, stage, hint, warning, ground?.credit ?? null, card.element),
    caption,
    liveRegion,
  );

  /** @type {DotColoring} */
  let coloring = { ...UNKNOWN, values: new Uint8Array(view.count) };
  /** What depends on light or dark; not there before the stage has a size. @type {Colors | null} */
  let colors = null;
  /** The pixel color of each value. @type {Uint32Array} */
  let table = new Uint32Array();
  /** @type {ImageBitmap | null} */
  let earth = null;
  /** A value to highlight. @type {number | null} */
  let only = null;
  /** The line that is being drawn. @type {Point[] | null} */
  let line = null;
  let selected = new Int32Array();
  /** The row with the ring. @type {number | null} */
  let pointed = null;
  /** What the next frame draws. @type {"all" | "over" | null} */
  let waiting = null;
  let [ratio, radius, frameAsked, warningTimer, lastFrame] = [1, 3, 0, 0, 0];

  function redraw(all = true) {
    if (!colors) return;
    waiting = all ? "all" : (waiting ?? "over");
    stage.dataset.drawn = "no";
    frameAsked ||= requestAnimationFrame(drawFrame);
  }

  function drawFrame() {
    frameAsked = 0;
    if (!stage.clientWidth || !stage.clientHeight) {
      stage.dataset.drawn = "yes"; // nothing is shown: drawn when it has a size again
      return;
    }
    const start = performance.now();
    const slice = Math.min(Math.max((start - lastFrame) / 2, SLICE), LONGEST);
    lastFrame = start;
    if (colors && waiting === "all") startBase(colors);
    if (colors && waiting) paintOver(colors);
    waiting = null;
    if (dots.advance(start + slice)) stage.dataset.drawn = "yes";
    else frameAsked = requestAnimationFrame(drawFrame);
  }

  /** @param {Colors} now */
  function startBase(now) {
    const visible = view.numVisible();
    radius = dotRadius(visible) * Math.min(Math.max(view.size[0] / (world ? 850 : 430), 0.6), 1.2);
    const edge = world && visible < EDGES_BELOW ? pixelOf("#fff") : null;
    const passes = passesOf(coloring, { only, selected, radius, world, edge, outline: now.inkPixel });
    dots.start(view, { values: coloring.values, table }, passes, ratio, (ctx) => {
      ctx.fillStyle = now.surface;
      ctx.fillRect(0, 0, ...view.size);
      if (!world) return;
      drawBackground(ctx, view, earth, now, only === null && !selected.length ? 0.1 : 0.4);
      ground?.draw(ctx, view, now.ink);
    });
  }

  /** @param {Colors} now */
  function paintOver(now) {
    const ctx = contextOf(over);
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, ...view.size);
    const { query, hits, rings = {}, regions = [], spots = {} } = model.get("marks");
    const star = starOf(query, spots);
    if (star) drawSpokes(ctx, view, star, hits, now);
    for (const [row, relevant] of [...hits].reverse()) {
      if (!view.has(row)) continue;
      drawHit(ctx, view.pointOnScreen(row), relevant, cssOf(table[coloring.values[row]]), now, radius);
      outline(ctx, rings[row], verdictColor(relevant, now), now, relevant === false ? [6, 4] : []);
    }
    outline(ctx, rings[query], now.accent, now, []);
    outline(ctx, regions, now.accent, now, [2, 4]);
    if (star) drawStar(ctx, star, now);
    if (line) drawLasso(ctx, line, now);
    if (view.has(pointed)) drawRing(ctx, view.pointOnScreen(pointed), now);
  }

  /**
   * Draw the ground that a tile shows, once the view is so near that it is larger than a dot. At the
   * antimeridian it has two parts.
   * @param {CanvasRenderingContext2D} ctx
   * @param {Point[][] | undefined} parts
   * @param {string} color
   * @param {Colors} now
   * @param {number[]} dashes
   */
  function outline(ctx, parts = [], color, now, dashes) {
    for (const ring of world ? parts : []) {
      const corners = ring.map(([x, y]) => view.toScreen(x, y));
      const across = corners.map(([x]) => x);
      if (Math.max(...across) - Math.min(...across) > OUTLINED) drawFootprint(ctx, corners, color, now, dashes);
    }
  }

  /**
   * Where the star stands, in CSS pixels. A visitor's own image has no dot: Python has placed it among the
   * tiles, but nothing says where on Earth it was taken.
   * @param {number} query
   * @param {Record<string, Point>} spots by space
   */
  function starOf(query, spots) {
    if (view.has(query)) return view.pointOnScreen(query);
    const spot = query < 0 ? spots[model.get("space")] : undefined;
    return spot ? view.toScreen(...spot) : null;
  }

  function restyle() {
    ratio = window.devicePixelRatio || 1;
    const { width, height } = stage.getBoundingClientRect();
    for (const canvas of [base, over]) {
      canvas.width = Math.max(Math.round(width * ratio), 1);
      canvas.height = Math.max(Math.round(height * ratio), 1);
    }
    view.resize(width, height);
    colors = readColors(stage);
    table = colorTable(coloring, stage);
    redraw();
  }

  /** @type {(factor: number, x?: number, y?: number) => void} */
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

  /** @param {number | null} row */
  function point(row) {
    if (row === pointed && row === card.row) return;
    pointed = row;
    stage.classList.toggle("is-on-tile", row !== null);
    emit(model, "hover", { row });
    redraw(false);
    card.point(row);
  }

  /** @type {Tool} */
  let tool = null;
  /** @param {Tool} wanted */
  function switchTool(wanted) {
    tool = tool === wanted ? null : wanted;
    stage.classList.toggle("is-selecting", tool !== null);
    lassoButton.setAttribute("aria-pressed", String(tool === "line"));
    boxButton.setAttribute("aria-pressed", String(tool === "box"));
    const words = { line: "drag to draw around tiles", box: "drag to draw a box" };
    liveRegion.textContent = tool ? words[tool] : "drag to move";
  }

  /**
   * Tell the region that was drawn on the map, so that it can be a condition.
   * @param {Point[]} points CSS pixels
   */
  function tellRegion(points) {
    const digits = Math.max(Math.ceil(Math.log10(view.scale)), 1); // a pixel of the screen
    /** @type {(value: number, most: number) => string} */
    const onEarth = (value, most) => Math.min(Math.max(value, -most), most).toFixed(digits);
    const ring = simplified(points, MOST_CORNERS).map(([x, y]) => {
      const [longitude, latitude] = view.toData(x, y);
      return [onEarth(longitude, 360), onEarth(latitude, 90)];
    });
    emit(model, "region drawn", { polygon: ring.flat().join(",") });
  }

  /** @param {Int32Array<ArrayBuffer>} rows */
  function select(rows) {
    const most = model.get("most");
    if (rows.length <= most) {
      emit(model, "select", { rows });
      return;
    }
    const limit = `at most ${most.toLocaleString("en")} can be selected`;
    warning.textContent = `${plural(rows.length, "tile")} are inside; ${limit}`;
    warning.hidden = false;
    clearTimeout(warningTimer);
    warningTimer = window.setTimeout(() => {
      warning.hidden = true;
    }, 5000);
  }

  /** @param {Point[] | null} points */
  function drawLine(points) {
    line = points;
    redraw(false);
  }

  const actions = {
    redraw,
    reset,
    zoom,
    point,
    switchTool: () => switchTool("line"),
    switchBox: () => switchTool("box"),
    hideCard: () => card.hide(),
    line: drawLine,
    /** @type {(points: Point[], more: boolean) => void} */
    lasso: (points, more) => {
      drawLine(null);
      const inside = rowsInside(view, points);
      select(more ? joined(selected, inside) : inside);
      if (world && !more) tellRegion(points);
    },
    /** @param {number} row */
    toggle: (row) => select(toggled(selected, row)),
    clear: () => {
      const any = selected.length > 0;
      if (any) select(new Int32Array());
      return any;
    },
  };
  const watcher = new ResizeObserver(restyle);
  watcher.observe(stage);
  const stops = [
    redrawOn(model, ["background"], () => {
      const background = model.get("background");
      if (!background?.byteLength) return;
      createImageBitmap(new Blob([background], { type: "image/jpeg" })).then((image) => {
        earth = image;
        redraw();
      });
    }),
    interactions({ model, stage, hint, view, actions, pointed: () => pointed, tool: () => tool }),
    redrawOn(model, ["marks"], () => {
      card.renew(); // it says how far its tile is from the query
      const isOutlined = world && Boolean(model.get("marks").regions?.length);
      caption.textContent = isOutlined ? "The outlined region is that of the filter." : model.get("caption");
      redraw(false);
    }),
    on(model, {
      coloring: (event) => {
        coloring = event.coloring;
        if (colors) table = colorTable(coloring, stage);
        redraw();
      },
      highlight: ({ value }) => {
        if (value === only) return;
        only = value;
        redraw();
      },
      select: ({ rows }) => {
        if (rows === selected) return;
        selected = rows;
        redraw();
      },
      hover: ({ row }) => {
        if (row === pointed) return;
        pointed = row;
        card.point(null); // the pointer is elsewhere, or the keyboard has let go
        redraw(false);
      },
    }),
    () => watcher.disconnect(),
    () => ground?.stop(),
    onScheme(restyle),
    () => cancelAnimationFrame(frameAsked),
    () => clearTimeout(warningTimer),
    () => card.stop(),
  ];
  emit(model, "join", {});
  return stopAll(stops);
}

export default { render };
