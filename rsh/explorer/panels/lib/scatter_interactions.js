// @ts-check
import { closedByEscape } from "./escape.js";
import { choose, stopAll } from "./shared.js";

/**
 * @import { Model, Point, ScatterTraits, Stop } from "./types"
 * @import { ScatterView } from "./scatter_view.js"
 */

const REACH = 14; // CSS pixels around the pointer that count as on a point
const STEP = 3; // CSS pixels between two points of a drawn line
/** @type {Record<string, Point>} */
const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/**
 * What can be done in a scatter plot.
 * @typedef {object} Actions
 * @property {() => void} redraw
 * @property {() => void} reset shows all
 * @property {(factor: number, x?: number, y?: number) => void} zoom
 * @property {(row: number | null) => void} point
 * @property {() => void} hideCard
 * @property {(points: Point[] | null) => void} line shows the line that is being drawn
 * @property {(points: Point[], more: boolean) => void} lasso selects what lies inside, or adds it
 * @property {(row: number) => void} toggle selects one row, or deselects it
 * @property {() => boolean} clear deselects all; returns whether any was selected
 * @property {() => void} switchTool draws lines
 * @property {() => void} switchBox draws boxes
 */

/** @typedef {"line" | "box" | null} Tool what a drag draws; null moves the plot */
/** @typedef {{ start: Point, at: Point, moved: boolean, line: Point[] | null }} Drag */

/** @type {(one: Point, other: Point) => Point[]} */
const cornersOf = ([left, top], [right, bottom]) => [
  [left, top],
  [right, top],
  [right, bottom],
  [left, bottom],
];

/**
 * Connect pointer, wheel and keyboard of one scatter plot with its actions.
 * @param {object} plot
 * @param {Model<ScatterTraits>} plot.model
 * @param {HTMLElement} plot.stage
 * @param {HTMLElement} plot.hint
 * @param {ScatterView} plot.view
 * @param {Actions} plot.actions
 * @param {() => number | null} plot.pointed returns the row with the ring, or null
 * @param {() => Tool} plot.tool returns what a drag draws
 * @returns {Stop}
 */
export function interactions({ model, stage, hint, view, actions, pointed, tool }) {
  /** @type {Drag | null} */
  let drag = null;
  let hintTimer = 0;
  /** @type {(event: MouseEvent) => Point} */
  const place = (event) => {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  /** The row with the ring, if it has a point here. */
  const ringed = () => {
    const row = pointed();
    return view.has(row) ? row : null;
  };

  /** @param {PointerEvent} event */
  function down(event) {
    if (event.button !== 0 || !event.isPrimary) return;
    const at = place(event);
    drag = { start: at, at, moved: false, line: tool() ? [at] : null };
  }

  /** @param {PointerEvent} event */
  function move(event) {
    const at = place(event);
    if (!drag || event.buttons === 0) return actions.point(view.pick(...at, REACH));
    const [dx, dy] = [at[0] - drag.at[0], at[1] - drag.at[1]];
    // A hand trembles: under four pixels it is still a click.
    if (!drag.moved && Math.hypot(dx, dy) < 4) return undefined;
    if (!drag.moved) {
      stage.setPointerCapture(event.pointerId);
      actions.hideCard();
    }
    drag.moved = true;
    if (drag.line) {
      if (Math.hypot(dx, dy) < STEP) return undefined;
      drag.at = at;
      if (tool() === "box") drag.line = cornersOf(drag.start, at);
      else drag.line.push(at);
      return actions.line(drag.line);
    }
    drag.at = at;
    view.panBy(dx, dy);
    return actions.redraw();
  }

  /** @param {PointerEvent} event */
  function up(event) {
    const ended = drag;
    drag = null;
    if (!ended) return;
    if (ended.moved) {
      if (ended.line) actions.lasso(ended.line, event.shiftKey);
      return;
    }
    const row = view.pick(...place(event), REACH);
    if (row === null) return;
    if (ended.line) actions.toggle(row);
    else choose(model, row);
  }

  function letGo() {
    drag = null;
    actions.line(null);
  }

  /** @param {WheelEvent} event */
  function wheel(event) {
    // The dashboard scrolls on over a plot that was not clicked: it must not trap the wheel.
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== stage) {
      hint.hidden = false;
      clearTimeout(hintTimer);
      hintTimer = window.setTimeout(() => {
        hint.hidden = true;
      }, 1200);
      return;
    }
    event.preventDefault();
    actions.zoom(Math.exp(-event.deltaY / 300), ...place(event));
  }

  /** @param {Point} direction */
  function step(direction) {
    const here = ringed();
    const { query } = model.get("marks");
    const row = here !== null ? view.neighbor(here, ...direction) : view.has(query) ? query : view.sorted[0];
    if (row === null || row === undefined) return;
    const [x, y] = view.pointOnScreen(row);
    const outside = x < 0 || y < 0 || x > view.size[0] || y > view.size[1];
    if (outside) view.panBy(view.size[0] / 2 - x, view.size[1] / 2 - y);
    actions.point(row);
    if (outside) actions.redraw();
  }

  /**
   * Zoom around the tile with the ring, which stays where it is.
   * @param {number} factor
   */
  function zoomAt(factor) {
    const row = ringed();
    if (row === null) actions.zoom(factor);
    else actions.zoom(factor, ...view.pointOnScreen(row));
  }

  /** @returns whether something was being drawn */
  function endDrawing() {
    const isDrawing = Boolean(drag?.line);
    if (isDrawing) letGo();
    return isDrawing;
  }

  /** @returns whether something was being drawn, or was to be */
  function putToolDown() {
    if (endDrawing()) return true;
    const wasChosen = tool() !== null;
    if (tool() === "line") actions.switchTool();
    if (tool() === "box") actions.switchBox();
    return wasChosen;
  }

  /**
   * First what is being drawn goes, then the tool with the ring and the selection.
   * @returns whether there was any of it
   */
  function cancel() {
    if (endDrawing()) return true;
    const wasPointed = pointed() !== null;
    actions.point(null);
    const wasChosen = putToolDown();
    return actions.clear() || wasPointed || wasChosen;
  }

  /** @type {(act: (row: number) => void) => () => void} */
  const onRinged = (act) => () => {
    const row = ringed();
    if (row !== null) act(row);
  };
  /** @type {Record<string, () => void>} */
  const keys = {
    Enter: onRinged((row) => choose(model, row)),
    " ": onRinged(actions.toggle),
    l: actions.switchTool,
    L: actions.switchTool,
    b: actions.switchBox,
    B: actions.switchBox,
    "+": () => zoomAt(1.6),
    "=": () => zoomAt(1.6),
    "-": () => zoomAt(1 / 1.6),
    0: actions.reset,
  };
  for (const [name, direction] of Object.entries(ARROWS)) keys[name] = () => step(direction);

  /** @param {KeyboardEvent} event */
  function key(event) {
    if (event.key === "Escape") {
      if (cancel()) event.preventDefault(); // else it is for what stands around the plot
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  }

  const leave = () => actions.point(null);
  stage.addEventListener("pointerdown", down);
  stage.addEventListener("pointermove", move);
  stage.addEventListener("pointerup", up);
  stage.addEventListener("pointercancel", letGo);
  stage.addEventListener("pointerleave", leave);
  stage.addEventListener("blur", leave);
  stage.addEventListener("keydown", key);
  stage.addEventListener("dblclick", (event) => {
    if (!tool() && view.pick(...place(event), REACH) === null) actions.reset();
  });
  stage.addEventListener("wheel", wheel, { passive: false });
  return stopAll([closedByEscape("drawing", putToolDown), () => clearTimeout(hintTimer)]);
}
