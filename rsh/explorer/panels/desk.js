// @ts-check
import { listenToEscape } from "./lib/escape.js";
import { emit, make, on, stopAll, store, stored } from "./lib/shared.js";

/** @import { Props } from "./lib/types" */

const root = document.documentElement;
const STEP = 24; // CSS pixels that an arrow key moves a handle

/**
 * A handle that changes a size which is kept as a variable of the stylesheet.
 * @param {object} options
 * @param {string} options.name of the size, such as "spaces-width"
 * @param {string} options.label
 * @param {boolean} options.upright whether the handle stands between two columns
 * @param {() => HTMLElement | null} options.target whose width or height it is
 * @param {() => [least: number, most: number]} options.range in CSS pixels
 */
function handle({ name, label, upright, target, range }) {
  const variable = `--rsh-${name}`;
  const node = make("div", {
    class: `rsh-handle is-${name}`,
    role: "separator",
    tabindex: "0",
    "aria-label": label,
    "aria-orientation": upright ? "vertical" : "horizontal",
    title: `${label}: drag, or use the arrow keys; double-click to reset`,
    "aria-valuenow": 0, // known once the page is laid out
  });
  const size = () => {
    const box = target()?.getBoundingClientRect();
    return box ? Math.round(upright ? box.width : box.height) : 0;
  };
  function describe() {
    const [least, most] = range();
    node.setAttribute("aria-valuemin", String(least));
    node.setAttribute("aria-valuemax", String(most));
    node.setAttribute("aria-valuenow", String(Math.min(Math.max(size(), least), most)));
  }
  /** @param {number} wanted */
  function resize(wanted) {
    const [least, most] = range();
    const pixels = `${Math.round(Math.min(Math.max(wanted, least), most))}px`;
    root.style.setProperty(variable, pixels);
    store(`rsh-${name}`, pixels);
    describe();
  }
  function reset() {
    root.style.removeProperty(variable);
    store(`rsh-${name}`, "");
    describe();
  }
  const kept = stored(`rsh-${name}`);
  if (kept && /^\d+px$/.test(kept)) root.style.setProperty(variable, kept);
  node.addEventListener("pointerdown", (start) => {
    const before = size();
    node.setPointerCapture(start.pointerId);
    start.preventDefault();
    node.focus({ preventScroll: true });
    /** @param {PointerEvent} now */
    const move = (now) => resize(before + (upright ? start.clientX - now.clientX : start.clientY - now.clientY));
    node.addEventListener("pointermove", move);
    const end = () => node.removeEventListener("pointermove", move);
    node.addEventListener("pointerup", end, { once: true });
    node.addEventListener("pointercancel", end, { once: true });
  });
  node.addEventListener("keydown", (event) => {
    const more = upright ? "ArrowLeft" : "ArrowUp";
    const less = upright ? "ArrowRight" : "ArrowDown";
    if (event.key === "Home") reset();
    else if (event.key === more || event.key === less) resize(size() + (event.key === more ? STEP : -STEP));
    else return;
    event.preventDefault();
  });
  node.addEventListener("dblclick", reset);
  node.addEventListener("focus", describe);
  new ResizeObserver(describe).observe(node); // also when it is shown: from then on it must have a value
  return node;
}

/**
 * The handles between the regions; and where the window is too narrow for all, tabs that show one.
 * @param {Props<{ spaces: boolean }>} props
 */
function render({ model, el }) {
  /** @param {string} name */
  const region = (name) => {
    const found = el.parentElement?.querySelector(`:scope > .${name}`);
    return found instanceof HTMLElement ? found : null;
  };
  const hasSpaces = model.get("spaces");
  const wide = handle({
    name: "spaces-width",
    label: "Width of the spaces",
    upright: true,
    target: () => region("rsh-spaces"),
    range: () => [320, Math.max(window.innerWidth - 640, 320)],
  });
  const high = handle({
    name: "dock-height",
    label: "Height of the drawer",
    upright: false,
    target: () => region("rsh-dock"),
    range: () => [140, Math.max(window.innerHeight - 300, 140)],
  });
  /** @type {[name: string, words: string][]} */
  const regions = [
    ["ask", "Query"],
    ["answer", "Results"],
    ...(hasSpaces ? [/** @type {[string, string]} */ (["spaces", "Spaces"])] : []),
    ["dock", "Details"],
  ];
  const buttons = regions.map(([name, words]) =>
    make("button", { type: "button", "data-name": name, onclick: () => show(name) }, words),
  );
  const nav = make("nav", { class: "rsh-regions", "aria-label": "Parts of the dashboard" }, ...buttons);
  el.classList.add("rsh-panel", "rsh-frame");
  el.append(...(hasSpaces ? [wide] : []), high, nav);

  /** @param {string} name */
  function show(name) {
    root.dataset.rshRegion = name;
    for (const button of buttons) {
      const current = button.dataset.name === name;
      if (current) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
    window.scrollTo({ top: 0 });
    emit(model, "region", { name });
  }
  show("answer");

  // A new query is answered in the results: on a phone they come to the front.
  let asked = false;
  return stopAll([
    listenToEscape(),
    on(model, {
      go: (event) => show(event.region),
      busy: () => {
        asked = root.dataset.rshRegion === "ask";
      },
      alert: () => {
        asked = false; // there are no new results
      },
      idle: () => {
        if (asked) show("answer");
        asked = false;
      },
    }),
  ]);
}

export default { render };
