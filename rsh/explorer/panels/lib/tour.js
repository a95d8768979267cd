// @ts-check
import { closedByEscape } from "./escape.js";
import { make, store, stored } from "./shared.js";

/** @param {string} name */
const hasTab = (name) => document.querySelector(`.rsh-dock-tabs [data-name=${name}]`) !== null;

/**
 * Selectors of what a step points at (the first that is seen), the region that it is in, its heading, its text.
 * @param {"class" | "label" | ""} label that tiles have
 * @param {boolean} images
 */
const steps = (label, images) => [
  {
    targets: [".rsh-query"],
    region: "answer",
    heading: "Choose a query",
    text:
      `This tile is the query. Choose another one ${label ? `by ${label}, ` : ""}by name or at random` +
      (images ? ", or drop your own image anywhere on the page." : "."),
  },
  {
    targets: [".rsh-results .rsh-cards li", ".rsh-results"],
    region: "answer",
    heading: "Look at the results",
    text:
      "Each tile has a short code of bits. The tiles with the nearest codes come first: “3 bits” means that " +
      "three bits differ from the query’s code. This is the Hamming distance. A bracket groups tiles at the " +
      "same distance: they are tied, and their codes alone cannot order them." +
      (label
        ? ` ✓ marks ${label === "class" ? "the query’s class, ✗ another class" : "a label shared with the query, ✗ none"}.`
        : ""),
  },
  {
    targets: [".rsh-stage", ".rsh-scatter"], // dots come later than cards
    region: "spaces",
    heading: "See all tiles at once",
    text:
      "Each dot is a tile, and near dots are similar tiles. The star is the query, the rings are its results. " +
      "Point at a dot to see its tile, click it to search with it, or draw around many.",
  },
  {
    targets: [".rsh-dock-tabs"],
    region: "dock",
    heading: "Find out why",
    text:
      "Each of these opens a drawer: two codes bit by bit" +
      (hasTab("compare") ? ", the results of other codes side by side" : "") +
      (hasTab("parts") ? ", the regions of the tile that matter" : "") +
      (hasTab("bit") ? ", and what a single bit says." : "."),
  },
  {
    targets: [".rsh-dock-tabs [data-name=groups]", ".rsh-dock-tabs"],
    region: "dock",
    heading: "Name what you find",
    text:
      (hasTab("groups") ? "Groups shows what there is, without any label. " : "") +
      "Point at a tile and press 1 to 9 to label it, or select many first: labels stay." +
      (hasTab("learn") ? " Learn lets the codes follow your labels." : "") +
      (hasTab("duplicates") ? " Duplicates finds tiles that may be there twice." : ""),
  },
];
const GAP = 14; // CSS pixels between a step's card and what it points at
const LOOK_EVERY = 200; // ms, until there is something to point at

/**
 * The first element of a selector that is drawn.
 * @param {string} selector
 */
const seen = (selector) =>
  [...document.querySelectorAll(selector)].find((each) => each.getClientRects().length > 0) ?? null;

/**
 * Some cards, each beside what it is about; shown by itself at the first visit only.
 * @param {"class" | "label" | ""} label that tiles have
 * @param {boolean} images whether a query may be an image
 * @param {(region: string) => void} go brings a region of the page to the front
 */
export function tour(label, images, go) {
  /** @type {ReturnType<typeof steps>} */
  let stops = [];
  const title = make("h2", { class: "rsh-heading", id: "rsh-tour-title" });
  const words = make("p");
  const place = make("span", { class: "rsh-note" });
  const next = make("button", { type: "button", onclick: () => show(step + 1) });
  const skip = make("button", { type: "button", onclick: end }, "Skip");
  const buttons = make("div", { class: "rsh-buttons" }, place, skip, next);
  const card = make(
    "div",
    { class: "rsh-tour", role: "dialog", "aria-labelledby": title.id, hidden: true },
    title,
    words,
    buttons,
  );
  const button = make("button", { type: "button", class: "rsh-tour-button", onclick: begin }, "Tour");
  let step = 0;
  let timer = 0;
  /** @type {Element | null} */
  let target = null;

  function begin() {
    // A gallery without maps has no dots.
    stops = steps(label, images).filter(({ targets }) => targets.some((each) => document.querySelector(each)));
    show(0);
  }

  /** @param {number} number */
  function show(number) {
    target?.classList.remove("is-toured");
    const stop = stops[number];
    if (!stop) return end();
    go(stop.region);
    target = stop.targets.map(seen).find(Boolean) ?? null;
    if (!target) return show(number + 1);
    step = number;
    target.classList.add("is-toured");
    title.textContent = stop.heading;
    words.textContent = stop.text;
    place.textContent = `${step + 1} of ${stops.length}`;
    next.textContent = step + 1 < stops.length ? "Next" : "Done";
    skip.hidden = step + 1 === stops.length;
    card.hidden = false;
    target.scrollIntoView({ block: "nearest" });
    put();
    return next.focus({ preventScroll: true });
  }

  // Beside, below or above its target, wherever there is room; where there is none, over the least of it.
  function put() {
    if (card.hidden || !target) return;
    const { left, right, top, bottom } = target.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = card;
    /** @type {(value: number, most: number) => number} */
    const within = (value, most) => Math.max(Math.min(value, most - GAP), GAP);
    const [widest, lowest] = [window.innerWidth - width, window.innerHeight - height];
    /** @type {(x: number, y: number) => number} */
    const covered = (x, y) =>
      Math.max(Math.min(x + width, right) - Math.max(x, left), 0) *
      Math.max(Math.min(y + height, bottom) - Math.max(y, top), 0);
    const places = [
      [right + GAP, top],
      [left - GAP - width, top],
      [left, bottom + GAP],
      [left, top - GAP - height],
    ].map(([x, y]) => [within(x, widest), within(y, lowest)]);
    const [x, y] = places.reduce((best, each) => (covered(each[0], each[1]) < covered(best[0], best[1]) ? each : best));
    card.style.left = `${x}px`;
    card.style.top = `${y}px`;
  }

  function end() {
    target?.classList.remove("is-toured");
    card.hidden = true;
    go("answer");
    store("rsh-toured", "yes");
    button.focus({ preventScroll: true });
  }

  const stopListening = closedByEscape("tour", () => {
    const wasOpen = !card.hidden;
    if (wasOpen) end();
    return wasOpen;
  });

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
        begin();
      }, LOOK_EVERY);
    },
    stop() {
      clearInterval(timer);
      stopListening();
      for (const name of moves) window.removeEventListener(name, put, { capture: true });
    },
  };
}
