// @ts-check
import { fillGrid, pointAt, tileCard } from "./lib/grid.js";
import { imageUrl, make, on, redrawOn, stopAll } from "./lib/shared.js";

/** @import { Asked, BitView, BoundaryTile, Card, ExplainView, OcclusionView } from "./lib/types" */
/** @import { PairsView, Props } from "./lib/types" */

/**
 * Three explanations, each a tab of the drawer; each is computed when it is opened, since each takes Python
 * some work.
 * @param {Props<{ asked: Asked, view: ExplainView, working: string }>} props
 */
function render({ model, el }) {
  /** @param {Partial<Asked>} change */
  const ask = (change) => {
    model.set("asked", { ...model.get("asked"), ...change });
    model.save_changes();
  };
  const bodies = {
    parts: make("div", { class: "rsh-explain-body is-parts" }),
    bit: make("div", { class: "rsh-explain-body is-bit" }),
    pairs: make("div", { class: "rsh-explain-body is-pairs" }),
  };
  el.classList.add("rsh-panel", "rsh-explain");
  el.append(bodies.parts, bodies.bit, bodies.pairs);

  const page = model.get("page");
  /** @param {string} name */
  function bitChoice(name) {
    const select = make("select", {
      id: `rsh-bit-${name}-${page}`,
      onchange: () => ask({ bit: select.selectedIndex }),
    });
    select.append(...model.get("view").bits.map((bit) => make("option", {}, bit)));
    select.selectedIndex = model.get("asked").bit;
    return make("label", { class: "rsh-bit-choice" }, "Show ", select);
  }

  /** @param {string} text */
  const paragraph = (text) => make("p", { class: "rsh-note" }, text);

  /**
   * @template {Card} T
   * @param {T[]} cards
   * @param {{ label: string, class?: string }} attributes
   * @param {(card: T) => HTMLElement | null} words
   */
  function tiles(cards, { label, class: more = "" }, words = () => null) {
    const list = make("ol", { class: `rsh-cards${more}`, "aria-label": label });
    fillGrid(
      list,
      cards.map((card) => tileCard(model, card, { title: card.alt }, words(card))),
    );
    return list;
  }

  const working = make("p", { class: "rsh-note", role: "status" });
  const start = make("button", { type: "button", onclick: () => model.send({ kind: "parts" }) }, "Compute");
  /** @param {OcclusionView} view */
  function drawParts({ images: maps, note }) {
    const figures = maps.map(({ title, note: words, png, alt }) =>
      make(
        "figure",
        {},
        make("img", { src: imageUrl(png), alt }),
        make("figcaption", {}, make("strong", {}, title), make("span", {}, words)),
      ),
    );
    const lead = "A gray patch slides over the tile. The regions where the code changes most matter most.";
    bodies.parts.replaceChildren(
      paragraph(lead),
      ...(maps.length ? [bitChoice("parts"), make("div", { class: "rsh-attributions" }, ...figures)] : [start]),
      working,
      paragraph(note),
    );
  }

  /** @param {BitView} view */
  function drawBit({ note, on: ones, off: zeros, shares }) {
    const bars = shares.map(([name, share]) =>
      make(
        "li",
        {},
        make("span", { title: name }, name),
        make("i", { style: `--share:${share}` }),
        make("b", {}, `${Math.round(100 * share)}%`),
      ),
    );
    /** @type {(title: string, list: HTMLElement) => HTMLElement} */
    const column = (title, list) => make("div", {}, make("h3", {}, title), list);
    bodies.bit.replaceChildren(
      bitChoice("bit"),
      paragraph(note),
      make(
        "div",
        { class: "rsh-bit-profile" },
        column("Strongest 1", tiles(ones, { label: "Strongest 1" })),
        column("Strongest 0", tiles(zeros, { label: "Strongest 0" })),
        ...(model.get("view").num_classes
          ? [column("Share of each class with a 1", make("ul", { class: "rsh-shares" }, ...bars))]
          : []),
      ),
    );
  }

  /** @param {BoundaryTile} card */
  const nearestOther = (card) =>
    make(
      "span",
      { class: "rsh-nearest-other", "aria-hidden": "true" },
      make("img", { src: imageUrl(card.other.thumb), alt: "" }),
      make("span", {}, make("strong", {}, card.name), card.far),
    );

  /** @param {PairsView} view */
  function drawPairs({ pairs, chosen, note, tiles: cards }) {
    const select = make("select", {
      "aria-label": "Pair of classes",
      onchange: () => ask({ pair: select.selectedIndex }),
    });
    select.append(...pairs.map(([names, margin]) => make("option", {}, `${names}: margin ${margin}`)));
    select.selectedIndex = chosen ?? -1;
    const lead =
      "About all tiles of the gallery, whatever the query is. The margin is how many bits farther the other class is than a tile's own class, on average. " +
      "The smaller the margin, the more the classes are confused.";
    bodies.pairs.replaceChildren(
      paragraph(lead),
      ...(pairs.length ? [select] : []),
      paragraph(note),
      tiles(cards, { label: "Tiles at the class boundary", class: " rsh-boundary" }, nearestOther),
    );
  }

  function draw() {
    const { parts, bit, pairs } = model.get("view");
    const focused = document.activeElement?.id;
    if (parts) drawParts(parts);
    if (bit) drawBit(bit);
    if (pairs) drawPairs(pairs);
    if (focused) /** @type {HTMLElement | null} */ (el.querySelector(`[id="${focused}"]`))?.focus();
  }

  return stopAll([
    redrawOn(model, ["view"], draw),
    redrawOn(model, ["working"], () => {
      working.textContent = model.get("working");
      start.disabled = Boolean(working.textContent);
    }),
    on(model, {
      hover: ({ row }) => {
        for (const list of el.querySelectorAll("ol")) pointAt(list, row);
      },
    }),
  ]);
}

export default { render };
