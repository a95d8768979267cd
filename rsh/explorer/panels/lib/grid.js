// @ts-check
import { choose, emit, imageUrl, isNamedByFile, make, originOf } from "./shared.js";

/**
 * @import { Card, Child, Model, Relevance } from "./types"
 */

/**
 * A tile as a card: its thumbnail, with words below. Pressing it makes it the query, and hovering it
 * highlights it in all panels.
 * @param {Model | null} model null for a tile of another gallery, whose row means nothing here
 * @param {Card} tile
 * @param {Record<string, unknown>} attributes
 * @param {...Child} children
 */
export function tileCard(model, tile, attributes, ...children) {
  const url = imageUrl(tile.thumb);
  return make(
    "button",
    {
      type: "button",
      ...(model ? handlers(model, tile, url) : { "aria-disabled": "true" }),
      ...attributes,
      class: `rsh-card ${attributes.class ?? ""}`.trimEnd(),
    },
    make("img", { src: url, alt: tile.alt, draggable: "false" }),
    ...children,
  );
}

/**
 * @param {Model} model
 * @param {Card} tile
 * @param {string} url
 */
function handlers(model, tile, url) {
  const { thumb, ...words } = tile;
  const point = () => emit(model, "hover", { ...words, url, card: true });
  const leave = () => emit(model, "hover", { row: null });
  return {
    "data-row": tile.row,
    "data-id": tile.id,
    "aria-keyshortcuts": "+ - C E Space",
    onclick: () => choose(model, tile.row),
    onmouseenter: point,
    onfocus: point,
    onmouseleave: leave,
    onblur: leave,
  };
}

/** @type {<T>(relevant: Relevance, right: T, wrong: T, unknown: T) => T} */
export const byRelevance = (relevant, right, wrong, unknown) => {
  if (relevant === null) return unknown;
  return relevant ? right : wrong;
};

/**
 * Put cards into a list. Arrow keys move between them, so that Tab takes one step past two hundred.
 * A visitor with the focus on a card, from the keyboard, gets the first of the new ones.
 * @param {HTMLElement} list
 * @param {HTMLElement[]} buttons
 * @param {(place: number) => Child} beside makes what stands next to a card in its cell
 */
export function fillGrid(list, buttons, beside = () => null) {
  const byKeyboard = list.querySelector("button:focus-visible") !== null;
  buttons.forEach((button, place) => {
    button.tabIndex = place ? -1 : 0;
  });
  list.replaceChildren(...buttons.map((button, place) => make("li", {}, button, beside(place))));
  list.onkeydown = (event) => move(event, buttons);
  if (byKeyboard) buttons[0]?.focus({ preventScroll: true });
}

/**
 * Move the focus to another card of a list, where Tab then comes back to.
 * @param {HTMLElement} card
 * @param {FocusOptions} options
 */
export function focusOn(card, options = {}) {
  for (const other of card.closest("ol, ul")?.querySelectorAll("button.rsh-card") ?? []) {
    other.setAttribute("tabindex", other === card ? "0" : "-1");
  }
  card.focus(options);
}

/**
 * Highlight the card of a row.
 * @param {HTMLElement} list
 * @param {number | null} row
 */
export function pointAt(list, row) {
  for (const button of list.querySelectorAll("button")) {
    button.classList.toggle("is-pointed", Number(button.dataset.row) === row);
  }
}

/**
 * The number of the line that each card stands in, from 0.
 * @param {HTMLElement[]} buttons
 * @returns {number[]}
 */
export function rowsOf(buttons) {
  let row = -1;
  let last = NaN;
  return buttons.map((button) => {
    const top = (button.parentElement ?? button).offsetTop;
    if (top !== last) [row, last] = [row + 1, top];
    return row;
  });
}

/**
 * @param {KeyboardEvent} event
 * @param {HTMLElement[]} buttons
 */
function move(event, buttons) {
  const here = buttons.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  if (here < 0) return;
  const below = rowsOf(buttons).indexOf(1);
  const columns = below < 0 ? buttons.length : below;
  /** @type {Record<string, number>} */
  const targets = {
    ArrowRight: here + 1,
    ArrowLeft: here - 1,
    ArrowDown: here + columns,
    ArrowUp: here - columns,
    Home: 0,
    End: buttons.length - 1,
  };
  const next = targets[event.key] ?? -1;
  if (!(next >= 0 && next < buttons.length)) return;
  event.preventDefault();
  focusOn(buttons[next]);
}

/**
 * The date and scene of a tile in a line, where they tell tiles apart.
 * @param {{ scene: string, date: string }} tile
 */
export function origin(tile) {
  const words = originOf(tile).join(" · ");
  return words ? make("span", { class: "rsh-origin", title: words }, words) : null;
}

/**
 * What a tile is called: its class or labels, or its file in one line.
 * @param {{ id: string, name: string }} tile
 */
export function nameOf(tile) {
  const kind = isNamedByFile(tile) ? " is-file" : "";
  return make("span", { class: `rsh-class${kind}`, title: tile.name }, make("span", {}, tile.name));
}
