import { bitsOf, choose, countDifferent, listen, make, Pictures, redrawOn, tell } from "./shared.js";
import { classColour } from "./palette.js";

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
    // Different bits are also taller, so that colour is not all that tells them apart.
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

// "3 bits · 4 tied", above the first card of each distance; the line runs over all of them.
function tieLabel(card) {
  const bits = `${card.distance} ${card.distance === 1 ? "bit" : "bits"}`;
  if (card.tied === 1) return bits;
  if (card.tied_shown < card.tied) return `${bits} · ${card.tied_shown} of ${card.tied}`;
  return `${bits} · ${card.tied} tied`;
}

function bracket(card, before, after) {
  const [first, last] = [before?.tie !== card.tie, after?.tie !== card.tie];
  return make(
    "span",
    { class: `rsh-tie${first ? " is-first" : ""}${last ? " is-last" : ""}`, "aria-hidden": "true" },
    first ? make("span", {}, tieLabel(card)) : null,
  );
}

function caption(card, count) {
  const verdict = card.relevant ? "✓" : "✗";
  return make(
    "span",
    { class: "rsh-card-text", "aria-hidden": "true" },
    make(
      "span",
      { class: "rsh-card-line" },
      make("span", { class: "rsh-rank" }, String(card.rank)),
      make("span", { class: "rsh-distance" }, `${card.distance} ${card.distance === 1 ? "bit" : "bits"}`),
      make("span", { class: "rsh-verdict" }, verdict),
    ),
    make(
      "span",
      { class: "rsh-class", title: card.name },
      make("i", { class: "rsh-dot", style: `background:${classColour(card.colour, count)}` }),
      make("span", {}, card.name),
    ),
  );
}

function render({ model, el }) {
  const compact = model.get("compact");
  const pictures = new Pictures();
  const heading = make("h2", { class: "rsh-heading" });
  const summary = make("p", { class: "rsh-summary", role: "status" });
  const note = make("p", { class: "rsh-note" });
  const list = make("ol", { class: compact ? "rsh-chooser" : "rsh-cards" });
  el.classList.add("rsh-panel");
  el.append(...(compact ? [list] : [make("div", { class: "rsh-answer" }, heading, summary), note, list]));

  let followed = false; // whether the next answer is to one of these cards

  const buttons = () => [...list.querySelectorAll("button")];

  const point = (card, url) => tell(model, "hover", { ...card, thumb: null, url });

  function cardButton(card, index, cards, view) {
    const url = pictures.url(card.thumb);
    const kind = card.rank ? (card.relevant ? " is-right" : " is-wrong") : "";
    const bits = compact ? null : bitsOf(card.code, view.num_bits);
    const button = make(
      "button",
      {
        type: "button",
        class: `rsh-card${kind}${card.current ? " is-current" : ""}`,
        tabindex: index ? -1 : 0,
        "data-row": card.row,
        title: compact ? card.alt : null,
        onclick: () => {
          followed = !compact;
          choose(model, card.row);
        },
        onmouseenter: () => point(card, url),
        onfocus: () => point(card, url),
        onmouseleave: () => tell(model, "hover", { row: null }),
        onblur: () => tell(model, "hover", { row: null }),
      },
      compact ? null : bracket(card, cards[index - 1], cards[index + 1]),
      make("img", { src: url, alt: card.alt, draggable: "false" }),
      compact ? null : caption(card, view.num_classes),
      compact ? null : miniCode(bits, bitsOf(view.query_code, view.num_bits)),
    );
    if (bits && countDifferent(bits, bitsOf(view.query_code, view.num_bits)) !== card.distance) {
      console.warn("rsh: a card's distance is not that of its code", card.row);
    }
    return make("li", {}, button);
  }

  function draw() {
    const view = model.get("view");
    const cards = view.cards ?? [];
    const byKeyboard = list.querySelector("button:focus-visible") !== null;
    const old = pictures.urls;
    pictures.urls = [];
    heading.textContent = view.heading ?? "";
    summary.textContent = view.summary ?? "";
    note.textContent = view.note ?? "";
    list.replaceChildren(...cards.map((card, index) => cardButton(card, index, cards, view)));
    old.forEach((url) => URL.revokeObjectURL(url));
    list.classList.remove("is-busy");
    list.setAttribute("aria-label", compact ? "Tiles to choose from" : view.heading ?? "");
    // Who works by keyboard goes on from the new answer's first card.
    if (byKeyboard) buttons()[0]?.focus({ preventScroll: true });
    if (followed && heading.getBoundingClientRect().top < 0) {
      const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
      heading.scrollIntoView({ behavior: calm ? "auto" : "smooth" });
    }
    followed = false;
  }

  // Arrow keys move between cards, so that Tab takes one step past two hundred of them.
  function move(event) {
    const all = buttons();
    const here = all.indexOf(document.activeElement);
    if (here < 0) return;
    const top = (button) => button.parentElement.offsetTop;
    const below = all.findIndex((button) => top(button) > top(all[0]));
    const columns = below < 0 ? all.length : below;
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
    const ends = { Home: 0, End: all.length - 1 };
    const next = event.key in ends ? ends[event.key] : here + (steps[event.key] ?? NaN);
    if (!(next >= 0 && next < all.length)) return;
    event.preventDefault();
    all[here].tabIndex = -1;
    all[next].tabIndex = 0;
    all[next].focus();
  }
  list.addEventListener("keydown", move);

  const mark = (row) =>
    buttons().forEach((button) => button.classList.toggle("is-pointed", Number(button.dataset.row) === row));
  const stops = [
    redrawOn(model, ["view"], draw),
    listen(model, {
      hover: ({ row }) => mark(row),
      busy: () => compact || list.classList.add("is-busy"),
      idle: () => list.classList.remove("is-busy"),
    }),
    () => pictures.revoke(),
  ];
  return () => stops.forEach((stop) => stop());
}

export default { render };
