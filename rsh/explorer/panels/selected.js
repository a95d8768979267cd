// @ts-check
import { fillGrid, pointAt, tileCard } from "./lib/grid.js";
import { Images, make, on, redrawOn, stopAll } from "./lib/shared.js";

/** @import { Card, Props } from "./lib/types" */

/**
 * The selected tiles as cards.
 * @param {Props<{ view: { heading: string, note: string, cards: (Card & { far: string })[] } }>} props
 */
function render({ model, el }) {
  const images = new Images();
  const heading = make("h2", { class: "rsh-heading" });
  const note = make("p", { class: "rsh-note" });
  const list = make("ol", { class: "rsh-cards" });
  el.classList.add("rsh-panel", "rsh-selected");
  el.append(heading, note, list);

  /** @param {Card & { far: string }} tile */
  function card(tile) {
    const words = make(
      "span",
      { class: "rsh-card-text", "aria-hidden": "true" },
      make("span", { class: "rsh-distance" }, tile.far),
      make("span", { class: "rsh-class" }, make("span", {}, tile.name)),
    );
    return tileCard(model, images, tile, {}, words);
  }

  function draw() {
    const { heading: title = "", note: words = "", cards = [] } = model.get("view");
    heading.textContent = title;
    note.textContent = words;
    list.setAttribute("aria-label", title);
    fillGrid(list, cards.map(card));
  }

  return stopAll([
    redrawOn(model, ["view"], () => images.redraw(draw)),
    on(model, { hover: ({ row }) => pointAt(list, row) }),
    () => images.revoke(),
  ]);
}

export default { render };
