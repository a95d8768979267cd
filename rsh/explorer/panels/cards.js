// @ts-check
import { brightnessControl, compositeWords } from "./lib/brightness.js";
import { copyButton } from "./lib/clipboard.js";
import { glossary } from "./lib/glossary.js";
import { byRelevance, fillGrid, origin, pointAt, rowsOf, tileCard } from "./lib/grid.js";
import { icon } from "./lib/icons.js";
import { givenPill } from "./lib/labels.js";
import { classColor } from "./lib/palette.js";
import { selecting } from "./lib/selecting.js";
import {
  bitsOf,
  countDifferent,
  emit,
  fileOf,
  giveFeedback,
  isNamedByFile,
  make,
  on,
  plural,
  redrawOn,
  stopAll,
  svg,
} from "./lib/shared.js";

/** @import { Composite, Model, Props, ResultCard, ResultsView, Sign } from "./lib/types" */

const JUDGED = /** @type {const} */ (["precision@k", "recall"]);

/**
 * One code as a row of small bars; those that differ from the query's stand out.
 * @param {number[]} bits
 * @param {number[]} queryBits
 * @param {number} classBits those before a gap, if the code fits into one row
 */
function miniCode(bits, queryBits, classBits) {
  const columns = Math.min(bits.length, 64);
  const rows = Math.ceil(bits.length / columns);
  const gap = rows === 1 && classBits > 0 && classBits < bits.length ? 10 : 0;
  const paths = { one: "", zero: "", differs: "" };
  bits.forEach((bit, place) => {
    const x = (place % columns) * 4 + (place < classBits ? 0 : gap);
    const y = Math.floor(place / columns) * 14;
    // Different bits are also taller, so that color is not all that tells them apart.
    if (bit !== queryBits[place]) paths.differs += `M${x} ${y}h3.2v12h-3.2z`;
    else paths[bit ? "one" : "zero"] += `M${x} ${y + 3}h3.2v6h-3.2z`;
  });
  const attributes = {
    viewBox: `0 0 ${columns * 4 + gap} ${rows * 14}`,
    preserveAspectRatio: "none",
    class: "rsh-mini",
    "aria-hidden": "true",
  };
  const bars = Object.entries(paths).map(([kind, d]) => svg("path", { d, class: `rsh-mini-${kind}` }));
  const code = svg("svg", attributes, ...bars);
  code.style.height = `${Math.max(rows * 8, 12)}px`;
  return code;
}

/** @param {number} number */
const signed = (number) =>
  number
    .toFixed(2)
    .replace(/^-0\.00$/, "0.00")
    .replace("-", "\u2212");

/**
 * "3 bits · 4 tied" or "score 0.93 · 2 of 5".
 * @param {ResultCard} card
 */
function tieLabel(card) {
  const at = card.score === null ? plural(card.distance, "bit") : `score ${signed(card.score)}`;
  if (card.tied === 1) return at;
  if (card.tied_shown < card.tied) return `${at} · ${card.tied_shown} of ${card.tied}`;
  return `${at} · ${card.tied} tied`;
}

/**
 * The line over all cards of one distance or score, with a label above the first and above the first
 * of each row.
 * @param {ResultCard} card
 * @param {ResultCard | undefined} before
 * @param {ResultCard | undefined} after
 */
function bracket(card, before, after) {
  const [first, last] = [before?.tie !== card.tie, after?.tie !== card.tie];
  return make(
    "span",
    { class: `rsh-tie${first ? " is-first" : ""}${last ? " is-last" : ""}`, "aria-hidden": "true" },
    make("span", {}, tieLabel(card)),
  );
}

/**
 * Buttons for a tile, out of the way of Tab: on a card in focus, keys do the same.
 * @param {Model} model
 * @param {ResultCard} card
 */
function tools(model, card) {
  /** @type {(sign: Sign, text: string, hint: string) => HTMLElement} */
  const button = (sign, text, hint) =>
    make(
      "button",
      {
        type: "button",
        tabindex: "-1",
        title: `${hint} (${text === "+" ? "+" : "-"})`,
        "aria-label": `${hint}: ${card.alt}`,
        onclick: () => giveFeedback(model, card.row, sign),
      },
      text,
    );
  return make(
    "span",
    { class: "rsh-tools-of-card" },
    button("like", "+", "More tiles like this"),
    button("unlike", "−", "Fewer tiles like this"),
    make(
      "button",
      {
        type: "button",
        tabindex: "-1",
        title: "Enlarge (E)",
        "aria-label": `Enlarge: ${card.alt}`,
        onclick: () => emit(model, "enlarge", card),
      },
      icon("enlarge"),
    ),
    copyButton(model, card.id, `Copy the id ${card.id} (C)`, { tabindex: "-1" }),
  );
}

/**
 * The verdict on a stack: one sign if it is that of all, otherwise how many have which.
 * @param {ResultCard[]} stack
 */
function verdict(stack) {
  const [right, wrong] = [true, false].map((relevant) => stack.filter((card) => card.relevant === relevant).length);
  if (right && wrong) return `${right}✓ ${wrong}✗`;
  return byRelevance(stack[0].relevant, "✓", "✗", "");
}

/**
 * The class of relevance that all tiles of a stack have.
 * @param {ResultCard[]} stack
 */
const relevance = (stack) =>
  stack.every((card) => card.relevant === stack[0].relevant)
    ? byRelevance(stack[0].relevant, "is-right", "is-wrong", "")
    : "";

/**
 * @param {ResultCard} card
 * @param {string} sign
 * @param {number} count of classes
 */
function caption(card, sign, count) {
  const isFile = isNamedByFile(card);
  const name = make(
    "span",
    { class: "rsh-class", title: card.name },
    card.color < 0 ? null : make("i", { class: "rsh-dot", style: `background:${classColor(card.color, count)}` }),
    make("span", {}, card.name),
  );
  return make(
    "span",
    { class: "rsh-card-text", "aria-hidden": "true" },
    make(
      "span",
      { class: "rsh-card-line" },
      make("span", { class: "rsh-rank" }, String(card.rank)),
      make("span", { class: "rsh-distance" }, plural(card.distance, "bit")),
      make("span", { class: "rsh-verdict" }, sign),
    ),
    ...(isFile ? [origin(card), name] : [name, origin(card)]),
    make("span", { class: "rsh-given-place" }),
    isFile ? null : make("span", { class: "rsh-id", title: card.id }, make("span", {}, fileOf(card.id))),
  );
}

/**
 * The cards of each code together, in the order of the first of each; without stacks each card alone.
 * @param {ResultCard[]} cards
 * @param {boolean} stacked
 */
function stacksOf(cards, stacked) {
  /** @type {Map<string | number, ResultCard[]>} */
  const stacks = new Map();
  for (const card of cards) {
    const key = stacked ? card.code : card.row;
    stacks.set(key, [...(stacks.get(key) ?? []), card]);
  }
  return [...stacks.values()];
}

/**
 * The results as cards.
 * @param {Props<{ view: ResultsView, stacked: boolean, composites: Composite[], composite: string, brightness: number }>} props
 */
function render({ model, el }) {
  const stacking = make("input", {
    type: "checkbox",
    onchange: () => {
      emit(model, "hover", { row: null });
      model.set("stacked", stacking.checked);
      model.save_changes();
    },
  });
  const stackSwitch = make("label", { class: "rsh-switch" }, stacking, make("span", {}, "Stack equal codes"));
  const composites = model.get("composites");
  const shownAs = make(
    "select",
    {
      id: "rsh-composite",
      onchange: () => {
        model.set("composite", shownAs.value);
        model.save_changes();
      },
    },
    ...composites.map(({ name }) => make("option", { value: name }, name)),
  );
  const made = make("p", { class: "rsh-note", role: "status" });
  const brightness = brightnessControl(el, {
    show: () => {
      const shown = composites.find(({ name }) => name === shownAs.value);
      made.textContent = shown ? compositeWords(shown, brightness.factor()) : "";
    },
    keep: (factor) => {
      model.set("brightness", factor);
      model.save_changes();
    },
  });
  const composite = make(
    "div",
    { class: "rsh-composite", hidden: !composites.length },
    make("label", { for: "rsh-composite" }, "Show bands as"),
    shownAs,
    brightness.element,
    made,
  );
  const selectAll = make(
    "button",
    { type: "button", class: "rsh-quiet", onclick: () => model.send({ kind: "select results" }) },
    "Select all",
  );
  const heading = make("h2", { class: "rsh-heading" });
  const summary = make("p", { class: "rsh-summary", role: "status" });
  const note = make("p", { class: "rsh-note" });
  const waiting = make("p", { class: "rsh-waiting", hidden: true });
  const squares = make(
    "p",
    { class: "rsh-squares", hidden: model.get("view").images },
    "These tiles have no images: each square shows the bits of a tile's code, dark for 1.",
  );
  const list = make("ol", { class: "rsh-cards" });
  el.classList.add("rsh-panel", "rsh-results");
  el.append(
    make("div", { class: "rsh-panel-head" }, heading, stackSwitch, selectAll),
    composite,
    summary,
    note,
    glossary(
      "Hamming distance",
      ...(model.get("view").num_classes ? JUDGED : []),
      "neighbors kept",
      "tied",
      "held out",
      "score",
    ),
    waiting,
    squares,
    list,
  );

  const choice = selecting(model, list);
  /** @type {HTMLElement[]} */
  let buttons = [];
  /** @type {Set<string>} */
  const open = new Set(); // codes whose stacks are open
  list.addEventListener("keydown", (event) => {
    const { key, target } = event;
    const card = target instanceof Element ? target.closest("[data-row]:not(.is-stack)") : null;
    const code = card?.getAttribute("data-stack");
    if (key !== "Escape" || !code) return;
    toggle(code);
    event.preventDefault(); // it closes nothing else
  });
  let followed = false; // whether the next search is for one of these cards
  list.addEventListener("click", ({ target }) => {
    followed = target instanceof Element && target.closest(".rsh-card:not(.is-stack)") !== null;
  });

  /**
   * One card, alone or as the first of a stack.
   * @param {{ card: ResultCard, stack: ResultCard[] }[]} shown
   * @param {number} place
   * @param {ResultsView} view
   */
  function cardButton(shown, place, view) {
    const { card, stack } = shown[place];
    const [bits, queryBits] = [card.code, view.query_code].map((code) => bitsOf(code, view.num_bits));
    if (countDifferent(bits, queryBits) !== card.distance) {
      console.warn("rsh: a card's distance is not that of its code", card.row);
    }
    const isOpen = open.has(card.code);
    const isStack = stack.length > 1 && !isOpen;
    const one = isStack ? stack : [card];
    const count = `${stack.length} tiles with this code`;
    const right = stack.filter((each) => each.relevant).length;
    const judged = card.relevant === null ? "" : `, ${view.relevance.same}: ${right}`;
    const attributes = isStack
      ? {
          class: `is-stack ${relevance(one)}`.trimEnd(),
          "aria-expanded": "false",
          title: `${count}: press to show all`,
          "aria-keyshortcuts": null,
          onclick: () => toggle(card.code),
        }
      : { class: `${isOpen ? "is-open " : ""}${relevance(one)}` };
    return tileCard(
      model,
      isStack ? { ...card, alt: `${count}${judged}, first ${card.alt}` } : card,
      { ...attributes, ...(stack.length > 1 ? { "data-stack": card.code } : {}) },
      bracket(card, shown[place - 1]?.card, shown[place + 1]?.card),
      caption(card, verdict(one), view.num_classes),
      miniCode(bits, queryBits, view.class_bits),
      isStack ? make("span", { class: "rsh-stack-count", "aria-hidden": "true" }, count) : null,
    );
  }

  /**
   * What stands beside a card: for a stack that is open, at its first card, what closes it.
   * @param {{ card: ResultCard, stack: ResultCard[] }} shown
   */
  function beside({ card, stack }) {
    const mine = make("span", {}, choice.box(card), tools(model, card));
    if (stack.length === 1) return mine;
    if (!open.has(card.code)) return null;
    if (card !== stack[0]) return mine;
    const words = `Stack these ${stack.length} again`;
    const close = make("button", { type: "button", class: "rsh-unstack", onclick: () => toggle(card.code) }, words);
    mine.append(close);
    return mine;
  }

  /**
   * Open or close a stack; the focus stays on its first card.
   * @param {string} code
   */
  function toggle(code) {
    if (!open.delete(code)) open.add(code);
    drawCards();
    const first = buttons.find((button) => button.dataset.stack === code);
    for (const button of buttons) button.tabIndex = button === first ? 0 : -1;
    first?.focus({ preventScroll: true });
  }

  // A tie that goes on in the next row has its label there, too.
  function markRows() {
    const rows = rowsOf(buttons);
    buttons.forEach((button, place) => {
      button.classList.toggle("is-row-first", rows[place] !== rows[place - 1]);
      button.classList.toggle("is-row-last", rows[place] !== rows[place + 1]);
    });
  }

  function drawCards() {
    const view = model.get("view");
    const stacked = model.get("stacked");
    const shown = stacksOf(view.cards ?? [], stacked).flatMap((stack) =>
      (stack.length > 1 && !open.has(stack[0].code) ? stack.slice(0, 1) : stack).map((card) => ({ card, stack })),
    );
    stacking.checked = stacked;
    buttons = shown.map((_, place) => cardButton(shown, place, view));
    fillGrid(list, buttons, (place) => beside(shown[place]));
    choice.mark();
    drawGiven();
    markRows();
  }

  /** The given class of each shown tile that has one. @type {Record<string, string>} */
  let given = {};
  function drawGiven() {
    for (const button of buttons) {
      const name = given[button.dataset.row ?? ""];
      button.querySelector(".rsh-given-place")?.replaceChildren(...(name ? [givenPill(name)] : []));
    }
  }

  /** @param {{ words?: string }} work */
  function wait({ words = "" }) {
    list.classList.add("is-busy");
    waiting.textContent = words;
    waiting.hidden = !words;
  }
  function rest() {
    list.classList.remove("is-busy");
    waiting.hidden = true;
  }

  function draw() {
    const view = model.get("view");
    heading.textContent = view.heading ?? "";
    summary.textContent = view.summary ?? "";
    note.textContent = view.note ?? "";
    stackSwitch.hidden = !view.cards?.length;
    selectAll.hidden = stackSwitch.hidden;
    open.clear();
    drawCards();
    rest();
    shownAs.value = model.get("composite");
    brightness.set(model.get("brightness"));
    list.setAttribute("aria-label", view.heading ?? "");
    if (followed && heading.getBoundingClientRect().top < 0) {
      const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
      heading.scrollIntoView({ behavior: calm ? "auto" : "smooth" });
    }
    followed = false;
  }

  const watcher = new ResizeObserver(() => {
    markRows();
    brightness.apply(); // the panel may have been on no page before
  });
  watcher.observe(list);
  return stopAll([
    redrawOn(model, ["view", "stacked", "composite"], draw),
    redrawOn(model, ["brightness"], () => brightness.set(model.get("brightness"))),
    on(model, {
      hover: ({ row }) => pointAt(list, row),
      busy: wait,
      idle: rest,
      given: ({ classes }) => {
        given = classes;
        drawGiven();
      },
    }),
    () => watcher.disconnect(),
    () => choice.stop(),
    brightness.stop,
  ]);
}

export default { render };
