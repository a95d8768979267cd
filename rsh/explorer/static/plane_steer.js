import { choose } from "./shared.js";

const REACH = 14; // CSS pixels around the pointer that count as on a point
const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

// Pointer, wheel and keyboard of one plane. Returns the way to let go.
export function steer({ model, stage, hint, view, redraw, reset, zoom, point, hideCard, pointed }) {
  let drag = null;
  let hintTimer = 0;
  const place = (event) => {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  function down(event) {
    if (event.button !== 0) return;
    drag = { at: place(event), moved: false };
  }

  function move(event) {
    const [x, y] = place(event);
    if (!drag || event.buttons === 0) return point(view.pick(x, y, REACH));
    const [dx, dy] = [x - drag.at[0], y - drag.at[1]];
    // A hand trembles: under four pixels it is still a click.
    if (!drag.moved && Math.hypot(dx, dy) < 4) return undefined;
    if (!drag.moved) stage.setPointerCapture(event.pointerId);
    drag = { at: [x, y], moved: true };
    hideCard();
    view.panBy(dx, dy);
    return redraw();
  }

  function up(event) {
    const clicked = drag && !drag.moved;
    drag = null;
    if (!clicked) return;
    const row = view.pick(...place(event), REACH);
    if (row !== null) choose(model, row);
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
    zoom(Math.exp(-event.deltaY / 300), ...place(event));
  }

  function step(direction) {
    const start = view.has(pointed()) ? pointed() : model.get("marks").query;
    const first = view.has(start) ? start : view.sorted[0];
    const row = view.has(pointed()) ? view.neighbour(first, ...direction) : first;
    if (row === null || row === undefined) return;
    const [x, y] = view.pointOnScreen(row);
    const outside = x < 0 || y < 0 || x > view.size[0] || y > view.size[1];
    if (outside) view.panBy(view.size[0] / 2 - x, view.size[1] / 2 - y);
    point(row);
    if (outside) redraw();
  }

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const acts = {
      Enter: () => view.has(pointed()) && choose(model, pointed()),
      Escape: () => point(null),
      "+": () => zoom(1.6),
      "=": () => zoom(1.6),
      "-": () => zoom(1 / 1.6),
      0: reset,
    };
    const act = event.key in ARROWS ? () => step(ARROWS[event.key]) : acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  const handlers = {
    pointerdown: down,
    pointermove: move,
    pointerup: up,
    pointercancel: () => (drag = null),
    pointerleave: () => point(null),
    blur: () => point(null),
    keydown: key,
    dblclick: (event) => view.pick(...place(event), REACH) === null && reset(),
  };
  for (const [name, handler] of Object.entries(handlers)) stage.addEventListener(name, handler);
  stage.addEventListener("wheel", wheel, { passive: false });
  return () => clearTimeout(hintTimer);
}
