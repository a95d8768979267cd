import { glossary } from "./lib/glossary.js";
import { fillGrid, pointAt, rowsOf, tileButton } from "./lib/grid.js";
import { classColor } from "./lib/palette.js";
import { bitsOf, countDifferent, Images, listen, make, mark, plural, redrawOn } from "./lib/shared.js";

const VERDICTS = { true: "is-right", false: "is-wrong", null: "" };
const SVG = "http://www.w3.org/2000/svg";

// One code as a row of small bars; those that differ from the query's stand out.
function miniCode(bits, queryBits) {
  const columns = Math.min(bits.length, 64);
  const rows = Math.ceil(bits.length / columns);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${columns * 4} ${rows * 14}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "rsh-mini");
  svg.setAttribute("aria-hidden", "true");
  svg.style.height = `${Math.max(rows * 8, 12)}px`;
  const paths = { one: "", zero: "", differs: "" };
  bits.forEach((bit, place) => {
    const [x, y] = [(place % columns) * 4, Math.floor(place / columns) * 14];
    const differs = bit !== queryBits[place];
    // Different bits are also taller, so that color is not all that tells them apart.
    paths[differs ? "differs" : bit ? "one" : "zero"] += differs
      ? `M${x} ${y}h3.2v12h-3.2z`
      : `M${x} ${y + 3}h3.2v6h-3.2z`;
  });
  for (const [kind, d] of Object.entries(paths)) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    path.setAttribute("class", `rsh-mini-${kind}`);
    svg.append(path);
  }
  return svg;
}

const signed = (number) =>
  number
    .toFixed(2)
    .replace(/^-0\.00$/, "0.00")
    .replace("-", "\u2212");

// "3 bits · 4 tied" or "score 0.93", above the first card of each distance or score and of each
// row; the line runs over all.
function tieLabel(card) {
  if (card.score !== null) return `score ${signed(card.score)}`;
  const bits = plural(card.distance, "bit");
  if (card.tied === 1) return bits;
  if (card.tied_shown < card.tied) return `${bits} · ${card.tied_shown} of ${card.tied}`;
  return `${bits} · ${card.tied} tied`;
}

function bracket(card, before, after) {
  const [first, last] = [before?.tie !== card.tie, after?.tie !== card.tie];
  return make(
    "span",
    { class: `rsh-tie${first ? " is-first" : ""}${last ? " is-last" : ""}`, "aria-hidden": "true" },
    make("span", {}, tieLabel(card)),
  );
}

// Out of the way of Tab: with the card in focus the keys + and - do the same.
function markButtons(model, card) {
  const button = (sign, text, hint) =>
    make(
      "button",
      {
        type: "button",
        tabindex: "-1",
        title: hint,
        "aria-label": `${hint}: ${card.alt}`,
        onclick: () => mark(model, card.row, sign),
      },
      text,
    );
  return make(
    "span",
    { class: "rsh-marks" },
    button("like", "+", "more tiles like this one"),
    button("unlike", "−", "fewer tiles like this one"),
  );
}

const SIGNS = { "+": "like", "-": "unlike" };

function caption(card, count) {
  const verdict = { true: "✓", false: "✗", null: "" }[card.relevant];
  return make(
    "span",
    { class: "rsh-card-text", "aria-hidden": "true" },
    make(
      "span",
      { class: "rsh-card-line" },
      make("span", { class: "rsh-rank" }, String(card.rank)),
      make("span", { class: "rsh-distance" }, plural(card.distance, "bit")),
      make("span", { class: "rsh-verdict" }, verdict),
    ),
    make(
      "span",
      { class: "rsh-class", title: card.name },
      make("i", { class: "rsh-dot", style: `background:${classColor(card.color, count)}` }),
      make("span", {}, card.name),
    ),
  );
}

function render({ model, el }) {
  const images = new Images();
  const heading = make("h2", { class: "rsh-heading" });
  const summary = make("p", { class: "rsh-summary", role: "status" });
  const note = make("p", { class: "rsh-note" });
  const list = make("ol", { class: "rsh-cards" });
  el.classList.add("rsh-panel", "rsh-found");
  el.append(
    make("div", { class: "rsh-answer" }, heading, summary),
    note,
    glossary("bits away", "precision@k", "recall", "tied", "score"),
    list,
  );

  let buttons = [];
  list.addEventListener("keydown", ({ key, target }) => {
    const row = target.closest("[data-row]")?.dataset.row;
    if (key in SIGNS && row) mark(model, Number(row), SIGNS[key]);
  });
  let followed = false; // whether the next answer is to one of these cards
  list.addEventListener("click", (event) => (followed = event.target.closest(".rsh-card") !== null));

  function cardButton(card, index, cards, view) {
    const url = images.url(card.thumb);
    const [bits, queryBits] = [card.code, view.query_code].map((code) => bitsOf(code, view.num_bits));
    if (countDifferent(bits, queryBits) !== card.distance) {
      console.warn("rsh: a card's distance is not that of its code", card.row);
    }
    return tileButton(
      model,
      card,
      url,
      { class: `rsh-card ${VERDICTS[card.relevant]}`, "aria-keyshortcuts": "+ -" },
      bracket(card, cards[index - 1], cards[index + 1]),
      make("img", { src: url, alt: card.alt, draggable: "false" }),
      caption(card, view.num_classes),
      miniCode(bits, queryBits),
    );
  }

  // A tie that goes on in the next row says there, too, what it is.
  function markRows() {
    const rows = rowsOf(buttons);
    buttons.forEach((button, place) => {
      button.classList.toggle("is-row-first", rows[place] !== rows[place - 1]);
      button.classList.toggle("is-row-last", rows[place] !== rows[place + 1]);
    });
  }

  function draw() {
    const view = model.get("view");
    const cards = view.cards ?? [];
    const old = images.urls;
    images.urls = [];
    heading.textContent = view.heading ?? "";
    summary.textContent = view.summary ?? "";
    note.textContent = view.note ?? "";
    buttons = cards.map((card, index) => cardButton(card, index, cards, view));
    fillGrid(list, buttons, (place) => markButtons(model, cards[place]));
    markRows();
    old.forEach((url) => URL.revokeObjectURL(url));
    list.classList.remove("is-busy");
    list.setAttribute("aria-label", view.heading ?? "");
    if (followed && heading.getBoundingClientRect().top < 0) {
      const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
      heading.scrollIntoView({ behavior: calm ? "auto" : "smooth" });
    }
    followed = false;
  }

  const watcher = new ResizeObserver(markRows);
  watcher.observe(list);
  const stops = [
    redrawOn(model, ["view"], draw),
    listen(model, {
      hover: ({ row }) => pointAt(list, row),
      busy: () => list.classList.add("is-busy"),
      idle: () => list.classList.remove("is-busy"),
    }),
    () => watcher.disconnect(),
    () => images.revoke(),
  ];
  return () => stops.forEach((stop) => stop());
}

export default { render };
