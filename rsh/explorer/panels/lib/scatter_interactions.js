import { choose } from "./shared.js";

const REACH = 14; // CSS pixels around the pointer that count as on a point
const STEP = 3; // CSS pixels between two points of a drawn line
const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

// Pointer, wheel and keyboard of one plane. Returns the way to let go.
//   view, model   of the plane
//   stage, hint   its elements
//   acts          what can be done: redraw, reset, zoom, point, hideCard, line (shows what is drawn),
//                 lasso (selects what lies inside, or as well), toggle (one row), clear, switchTool
//   pointed       returns the row with the ring, or null
//   selecting     returns whether a drag draws a line, and does not move the plane
export function steer({ model, stage, hint, view, acts, pointed, selecting }) {
  let drag = null;
  let hintTimer = 0;
  const place = (event) => {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  function down(event) {
    if (event.button !== 0 || !event.isPrimary) return;
    const at = place(event);
    drag = { at, moved: false, line: selecting() ? [at] : null };
  }

  function move(event) {
    const at = place(event);
    if (!drag || event.buttons === 0) return acts.point(view.pick(...at, REACH));
    const [dx, dy] = [at[0] - drag.at[0], at[1] - drag.at[1]];
    // A hand trembles: under four pixels it is still a click.
    if (!drag.moved && Math.hypot(dx, dy) < 4) return undefined;
    if (!drag.moved) {
      stage.setPointerCapture(event.pointerId);
      acts.hideCard();
    }
    drag.moved = true;
    if (drag.line) return extend(at, dx, dy);
    drag.at = at;
    view.panBy(dx, dy);
    return acts.redraw();
  }

  function extend(at, dx, dy) {
    if (Math.hypot(dx, dy) < STEP) return;
    drag.at = at;
    drag.line.push(at);
    acts.line(drag.line);
  }

  function up(event) {
    const ended = drag;
    drag = null;
    if (!ended) return;
    if (ended.moved) {
      if (ended.line) acts.lasso(ended.line, event.shiftKey);
      return;
    }
    const row = view.pick(...place(event), REACH);
    if (row === null) return;
    if (ended.line) acts.toggle(row);
    else choose(model, row);
  }

  function letGo() {
    drag = null;
    acts.line(null);
  }

  function wheel(event) {
    // The page scrolls on over a plane that nobody has touched: it must not trap the wheel.
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== stage) {
      hint.hidden = false;
      clearTimeout(hintTimer);
      hintTimer = setTimeout(() => (hint.hidden = true), 1200);
      return;
    }
    event.preventDefault();
    acts.zoom(Math.exp(-event.deltaY / 300), ...place(event));
  }

  function step(direction) {
    const start = view.has(pointed()) ? pointed() : model.get("marks").query;
    const first = view.has(start) ? start : view.sorted[0];
    const row = view.has(pointed()) ? view.neighbor(first, ...direction) : first;
    if (row === null || row === undefined) return;
    const [x, y] = view.pointOnScreen(row);
    const outside = x < 0 || y < 0 || x > view.size[0] || y > view.size[1];
    if (outside) view.panBy(view.size[0] / 2 - x, view.size[1] / 2 - y);
    acts.point(row);
    if (outside) acts.redraw();
  }

  // Around the tile with the ring, which stays where it is.
  function zoomAt(factor) {
    acts.zoom(factor, ...(view.has(pointed()) ? view.pointOnScreen(pointed()) : []));
  }

  // First what is being drawn goes, then the ring and the selection.
  function escape() {
    if (drag?.line) return letGo();
    acts.point(null);
    return acts.clear();
  }

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const keys = {
      Enter: () => view.has(pointed()) && choose(model, pointed()),
      " ": () => view.has(pointed()) && acts.toggle(pointed()),
      Escape: escape,
      l: acts.switchTool,
      L: acts.switchTool,
      "+": () => zoomAt(1.6),
      "=": () => zoomAt(1.6),
      "-": () => zoomAt(1 / 1.6),
      0: acts.reset,
    };
    const act = event.key in ARROWS ? () => step(ARROWS[event.key]) : keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  const handlers = {
    pointerdown: down,
    pointermove: move,
    pointerup: up,
    pointercancel: letGo,
    pointerleave: () => acts.point(null),
    blur: () => acts.point(null),
    keydown: key,
    dblclick: (event) => !selecting() && view.pick(...place(event), REACH) === null && acts.reset(),
  };
  for (const [name, handler] of Object.entries(handlers)) stage.addEventListener(name, handler);
  stage.addEventListener("wheel", wheel, { passive: false });
  return () => clearTimeout(hintTimer);
}
