// @ts-check
import { emit, make, on } from "./shared.js";

/** @import { Model } from "./types" */

/** The event of a card that was picked by a key. */
export const PICK = "rsh-pick";
/** @typedef {{ range: boolean }} Picked whether all from the last one to this one are selected */

/**
 * Cards that can be selected: with Ctrl and a click or with a key one, with Shift all from the last one to
 * this one. Tiles that are selected in another panel are marked here, too.
 * @param {Model} model
 * @param {HTMLElement} list of cards with data-row
 */
export function selecting(model, list) {
  let selected = new Set(/** @type {number[]} */ ([]));
  /** @type {number | null} */
  let last = null;

  const cards = () => /** @type {HTMLElement[]} */ ([...list.querySelectorAll(".rsh-card[data-row]:not(.is-stack)")]);
  /** @param {HTMLElement} card */
  const rowOf = (card) => Number(card.dataset.row);

  function mark() {
    for (const card of cards()) {
      const is = selected.has(rowOf(card));
      card.classList.toggle("is-selected", is);
      if (is) card.setAttribute("aria-description", "selected");
      else card.removeAttribute("aria-description");
    }
  }

  /** @param {Iterable<number>} rows */
  function emitRows(rows) {
    emit(model, "select", { rows: new Int32Array([...rows].sort((a, b) => a - b)) });
  }

  /**
   * @param {number} row
   * @param {boolean} range whether all from the last one to this one are selected
   */
  function toggle(row, range) {
    const rows = cards().map(rowOf);
    const [from, to] = [last === null ? -1 : rows.indexOf(last), rows.indexOf(row)];
    if (range && from >= 0 && to >= 0) {
      emitRows(new Set([...selected, ...rows.slice(Math.min(from, to), Math.max(from, to) + 1)]));
    } else {
      const rest = [...selected].filter((other) => other !== row);
      emitRows(selected.has(row) ? rest : [...rest, row]);
    }
    last = row;
  }

  /** @param {Event} event */
  const cardOf = ({ target }) => {
    const card = target instanceof Element ? target.closest(".rsh-card[data-row]:not(.is-stack)") : null;
    return card instanceof HTMLElement ? card : null;
  };
  /** @param {MouseEvent} event */
  function click(event) {
    const card = cardOf(event);
    if (!card || !(event.ctrlKey || event.metaKey || event.shiftKey)) return;
    event.preventDefault();
    event.stopPropagation(); // it does not become the query
    toggle(rowOf(card), event.shiftKey);
  }
  /** @param {Event} event */
  function pick(event) {
    const card = cardOf(event);
    if (!card) return;
    event.preventDefault(); // it is done
    toggle(rowOf(card), /** @type {CustomEvent<Picked>} */ (event).detail.range);
  }
  list.addEventListener("click", click, { capture: true });
  list.addEventListener(PICK, pick);
  return {
    mark,
    /**
     * The box on a card that selects it.
     * @param {{ row: number, alt: string }} card
     */
    box: ({ row, alt }) =>
      make("button", {
        type: "button",
        class: "rsh-select-box",
        tabindex: "-1",
        title: "Select (Space); with Shift all from the last one",
        "aria-label": `Select: ${alt}`,
        /** @param {MouseEvent} event */
        onclick: (event) => toggle(row, event.shiftKey),
      }),
    stop: on(model, {
      select: ({ rows }) => {
        selected = new Set(rows);
        mark();
      },
    }),
  };
}
