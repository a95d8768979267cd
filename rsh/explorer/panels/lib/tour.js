// @ts-check
import { make, store, stored } from "./shared.js";

// Selectors of what a step points at (the first that is there), its heading, and its text.
/**
 * @param {boolean} labeled
 * @param {boolean} images
 */
const steps = (labeled, images) => [
  {
    targets: [".rsh-query"],
    heading: "Choose a query",
    text:
      `This tile is the query. Choose another one below it ${labeled ? "by class, " : ""}by name or at random` +
      (images ? ", or drop your own image anywhere on the dashboard." : "."),
  },
  {
    targets: [".rsh-results .rsh-cards li", ".rsh-results"],
    heading: "Look at the results",
    text:
      "Each tile has a short code of bits. The tiles with the nearest codes come first: “3 bits” means that " +
      "three bits differ from the query’s code. This is the Hamming distance. A bracket groups tiles at the " +
      "same distance: they are tied, and come in the order of their features." +
      (labeled ? " ✓ marks the query’s class, ✗ another class." : ""),
  },
  {
    targets: [".rsh-stage", ".rsh-explain"],
    heading: "Find out why",
    text:
      "Each dot is a tile: hover over it, click it, or draw around many. “Compare with” shows the results of " +
      `other codes side by side, and “Explain” shows ${images ? "which regions of a tile determine its code" : "what each bit says"}.`,
  },
];
const GAP = 14; // CSS pixels between a step's card and what it points at
const LOOK_EVERY = 200; // ms, until there is something to point at

/**
 * Three cards, each beside what it is about; shown by itself at the first visit only.
 * @param {boolean} labeled whether the tiles have classes
 * @param {boolean} images whether a query may be an image
 */
export function tour(labeled, images) {
  const stops = steps(labeled, images);
  const title = make("h2", { class: "rsh-heading", id: "rsh-tour-title" });
  const words = make("p");
  const place = make("span", { class: "rsh-note" });
  const next = make("button", { type: "button", onclick: () => show(step + 1) });
  const skip = make("button", { type: "button", onclick: end }, "Skip");
  const buttons = make("div", { class: "rsh-buttons" }, place, skip, next);
  const card = make(
    "div",
    { class: "rsh-tour", role: "dialog", "aria-labelledby": title.id, hidden: true, onkeydown: leave },
    title,
    words,
    buttons,
  );
  const button = make("button", { type: "button", class: "rsh-tour-button", onclick: () => show(0) }, "Tour");
  let step = 0;
  let timer = 0;
  /** @type {Element | null} */
  let target = null;

  /** @param {number} number */
  function show(number) {
    target?.classList.remove("is-toured");
    target = stops[number]?.targets.map((selector) => document.querySelector(selector)).find(Boolean) ?? null;
    if (!target) return end();
    step = number;
    target.classList.add("is-toured");
    title.textContent = stops[step].heading;
    words.textContent = stops[step].text;
    place.textContent = `${step + 1} of ${stops.length}`;
    next.textContent = step + 1 < stops.length ? "Next" : "Done";
    skip.hidden = step + 1 === stops.length;
    card.hidden = false;
    target.scrollIntoView({ block: step ? "center" : "nearest" });
    put();
    return next.focus({ preventScroll: true });
  }

  // To the right of its target if there is room, else below it, and in any case in the window.
  function put() {
    if (card.hidden || !target) return;
    const { left, right, top, bottom } = target.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = card;
    const beside = step === 0 && right + GAP + width < window.innerWidth;
    /** @type {(value: number, most: number) => number} */
    const within = (value, most) => Math.max(Math.min(value, most - GAP), GAP);
    card.style.left = `${within(beside ? right + GAP : left, window.innerWidth - width)}px`;
    card.style.top = `${within(beside ? top : bottom + GAP, window.innerHeight - height)}px`;
  }

  function end() {
    target?.classList.remove("is-toured");
    card.hidden = true;
    store("rsh-toured", "yes");
    button.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  function leave(event) {
    if (event.key === "Escape") end();
  }

  const moves = ["scroll", "resize"];
  for (const name of moves) window.addEventListener(name, put, { capture: true, passive: true });
  return {
    button,
    card,
    startAtFirstVisit() {
      if (stored("rsh-toured")) return;
      timer = window.setInterval(() => {
        if (!document.querySelector(".rsh-results .rsh-card")) return;
        clearInterval(timer);
        show(0);
      }, LOOK_EVERY);
    },
    stop() {
      clearInterval(timer);
      for (const name of moves) window.removeEventListener(name, put, { capture: true });
    },
  };
}
