// @ts-check
import { fillGrid, focusOn, nameOf, origin, pointAt, tileCard } from "./lib/grid.js";
import { givenPill } from "./lib/labels.js";
import { make, on, redrawOn, stopAll } from "./lib/shared.js";

/** @import { Card, Props } from "./lib/types" */

/** @typedef {Card & { far: string, given: string }} SelectedCard */

/**
 * The selected tiles as cards.
 * @param {Props<{ view: { heading: string, note: string, cards: SelectedCard[], more: number } }>} props
 */
function render({ model, el }) {
  const heading = make("h2", { class: "rsh-heading" });
  const note = make("p", { class: "rsh-note" });
  const list = make("ol", { class: "rsh-cards" });
  el.classList.add("rsh-panel", "rsh-selected");
  const more = make("button", { type: "button", onclick: () => model.send({ kind: "more selected" }) });
  el.append(heading, note, list, more);

  /** @param {SelectedCard} tile */
  function card(tile) {
    const words = make(
      "span",
      { class: "rsh-card-text", "aria-hidden": "true" },
      make("span", { class: "rsh-distance" }, tile.far),
      origin(tile),
      nameOf(tile),
      tile.given ? givenPill(tile.given) : null,
    );
    return tileCard(model, tile, {}, words);
  }

  function draw() {
    const { heading: title = "", note: words = "", cards = [], more: next = 0 } = model.get("view");
    heading.textContent = title;
    note.textContent = words;
    list.setAttribute("aria-label", title);
    const focused = document.activeElement;
    const row = focused instanceof HTMLElement && list.contains(focused) ? focused.dataset.row : undefined;
    fillGrid(list, cards.map(card));
    const same = row === undefined ? null : list.querySelector(`.rsh-card[data-row="${row}"]`);
    if (same instanceof HTMLElement) focusOn(same, { preventScroll: true });
    more.hidden = !next;
    more.textContent = `Show ${next} more`;
  }

  return stopAll([redrawOn(model, ["view"], draw), on(model, { hover: ({ row }) => pointAt(list, row) })]);
}

export default { render };
