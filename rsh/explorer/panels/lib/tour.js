import { keep, kept, make } from "./shared.js";

// Where a step points (the first that there is), its heading, and its words.
const STEPS = [
  [
    [".rsh-query"],
    "Ask with a tile",
    "This tile is the question. Choose another below it, by class, by name or at random, or drop an image of your own anywhere on the page.",
  ],
  [
    [".rsh-found .rsh-cards li", ".rsh-found"],
    "See what is found",
    "Every tile has become a short code of bits. The nearest codes come first: “3 bits” means that three bits differ from the query’s, the Hamming distance. A bracket holds tiles at one distance: they tie, and their order means nothing. ✓ is the same class, ✗ another one.",
  ],
  [
    [".rsh-stage", ".rsh-reasons"],
    "Look behind the answer",
    "Every dot is a tile: point at it, press it, or draw around many. “Compare with” holds the answer against other codes, and “Why?” shows which parts of a tile make its code.",
  ],
];
const GAP = 14; // CSS pixels between a step's card and what it points at
const LOOK_EVERY = 200; // ms, until there is something to point at

// Three cards, each beside what it is about; shown by itself at the first visit only.
export function tour() {
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
  let [step, target, timer] = [0, null, 0];

  function show(number) {
    if (number >= STEPS.length) return end();
    step = number;
    const [wheres, heading, text] = STEPS[step];
    target?.classList.remove("is-toured");
    target = wheres.map((where) => document.querySelector(where)).find(Boolean);
    if (!target) return end();
    target.classList.add("is-toured");
    title.textContent = heading;
    words.textContent = text;
    place.textContent = `${step + 1} of ${STEPS.length}`;
    next.textContent = step + 1 < STEPS.length ? "Next" : "Done";
    skip.hidden = step + 1 === STEPS.length;
    card.hidden = false;
    target.scrollIntoView({ block: step ? "center" : "nearest" });
    put();
    return next.focus({ preventScroll: true });
  }

  // To the right of its target if there is room, else below it, and in any case in the window.
  function put() {
    if (card.hidden) return;
    const { left, right, top, bottom } = target.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = card;
    const beside = step === 0 && right + GAP + width < window.innerWidth;
    const within = (value, most) => Math.max(Math.min(value, most - GAP), GAP);
    card.style.left = `${within(beside ? right + GAP : left, window.innerWidth - width)}px`;
    card.style.top = `${within(beside ? top : bottom + GAP, window.innerHeight - height)}px`;
  }

  function end() {
    target?.classList.remove("is-toured");
    card.hidden = true;
    keep("rsh-toured", "yes");
    button.focus({ preventScroll: true });
  }

  function leave(event) {
    if (event.key === "Escape") end();
  }

  const moves = ["scroll", "resize"];
  moves.forEach((name) => window.addEventListener(name, put, { capture: true, passive: true }));
  return {
    button,
    card,
    startAtFirstVisit() {
      if (kept("rsh-toured")) return;
      timer = setInterval(() => {
        if (!document.querySelector(".rsh-found .rsh-card")) return;
        clearInterval(timer);
        show(0);
      }, LOOK_EVERY);
    },
    stop() {
      clearInterval(timer);
      moves.forEach((name) => window.removeEventListener(name, put, { capture: true }));
    },
  };
}
