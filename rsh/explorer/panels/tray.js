// @ts-check
import { copyAndSay } from "./lib/clipboard.js";
import { closedByEscape } from "./lib/escape.js";
import { icon } from "./lib/icons.js";
import { KEYS } from "./lib/labels.js";
import { PICK } from "./lib/selecting.js";
import { emit, fileOf, giveFeedback, isNamed, make, on, plural, redrawOn, stopAll } from "./lib/shared.js";

/** @import { LabelsView, Props, Sign } from "./lib/types" */

/** @type {Record<string, Sign>} */
const SIGNS = { "+": "like", "-": "unlike" };
const TYPED = "input:not([type=checkbox], [type=range], [type=radio]), textarea, select, dialog";
const CHOSEN = "input:is([type=checkbox], [type=range], [type=radio]), select";
const PRESSED = "a, button, summary, input"; // by Space
const OF_CARDS = '.rsh-card, .rsh-cards [tabindex="-1"]'; // which are pressed by Enter or the pointer alone
const IS_TILE = ".rsh-card[data-row]:not(.is-stack)";

/**
 * A bar with what can be done with the selected tiles. Keys are for the card that is pointed at: Space selects it,
 * E enlarges it, + and - rate it, C copies its id, and 1 to 9 give it a class; all selected tiles if it is one of
 * them, or none is pointed at. Ctrl+Z undoes.
 * @param {Props<{ view: LabelsView, given: Record<string, string>, said: string }>} props
 */
function render({ model, el }) {
  const page = model.get("page");
  const count = make("strong", { role: "status" });
  const clear = make(
    "button",
    { type: "button", class: "rsh-quiet", onclick: () => emit(model, "select", { rows: new Int32Array() }) },
    "Clear",
  );
  const keys = make("span", { class: "rsh-tray-keys", "aria-hidden": "true" });
  const classes = make("ul", { class: "rsh-label-keys", "aria-label": "Give a class" });
  const names = make("datalist", { id: `rsh-classes-${page}` });
  const field = make("input", {
    type: "text",
    list: names.id,
    placeholder: "another class",
    "aria-label": "Give the class of this name",
    autocomplete: "off",
    spellcheck: "false",
  });
  const give = make("form", { class: "rsh-tray-form" }, field, make("button", {}, "Give"), names);
  const setNames = make("datalist", { id: `rsh-sets-${page}` });
  const setField = make("input", {
    type: "text",
    list: setNames.id,
    placeholder: "name of a set",
    "aria-label": "Name of a set",
    autocomplete: "off",
    spellcheck: "false",
  });
  const take = make("button", { type: "button", onclick: () => ofSet("take") }, "Take out");
  const put = make("form", { class: "rsh-tray-form" }, setField, make("button", {}, "Put in"), take, setNames);
  /** @type {(what: "undo" | "redo", words: string) => HTMLButtonElement} */
  const step = (what, words) =>
    make(
      "button",
      { type: "button", class: "rsh-tray-step", "aria-label": words, title: words, onclick: () => act({ do: what }) },
      icon(what),
    );
  const undo = step("undo", "Undo (Ctrl+Z)");
  const redo = step("redo", "Redo (Ctrl+Shift+Z)");
  /** The region that was drawn on the map, or "". */
  let polygon = "";
  const only = make(
    "button",
    {
      type: "button",
      class: "rsh-quiet",
      hidden: true,
      onclick: () => emit(model, "only", { condition: `polygon=${polygon}` }),
    },
    "Search only in this region",
  );
  const bar = make(
    "div",
    { class: "rsh-tray-bar", role: "group", "aria-label": "Selected tiles" },
    make("div", { class: "rsh-tray-count" }, count, clear, only),
    classes,
    give,
    put,
    make("div", { class: "rsh-tray-steps" }, keys, undo, redo),
  );
  el.classList.add("rsh-panel", "rsh-tray");
  el.append(make("h2", { class: "rsh-hidden" }, "Label tiles"), bar);

  let selected = new Int32Array();
  /** The tile that is pointed at, or has the focus. @type {number | null} */
  let pointed = null;
  let onCard = false; // and not a dot, which is small and near others
  /** The field whose name was sent, until it is recorded. @type {HTMLInputElement | null} */
  let sent = null;

  /** The tile that is pointed at or has the focus. */
  function inHand() {
    // A card that has the focus instead of one that was replaced was never pointed at.
    const focused = document.activeElement?.closest(".rsh-card[data-row]");
    return pointed ?? (focused instanceof HTMLElement ? Number(focused.dataset.row) : null);
  }

  /** The tile that the digits are for; null for the selected ones. */
  function alone() {
    const row = inHand();
    const mine = row !== null && selected.includes(row);
    const isCard = pointed === null || onCard;
    return !mine && (isCard || !selected.length) ? row : null;
  }

  /** @param {Record<string, unknown>} content */
  const act = (content) => model.send({ kind: "label", ...content });

  give.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!isNamed(model, field)) return;
    sent = field;
    act({ do: "give", name: field.value });
  });
  put.addEventListener("submit", (event) => {
    event.preventDefault();
    ofSet("put");
  });
  /** @param {"put" | "take"} what */
  function ofSet(what) {
    if (!isNamed(model, setField)) return;
    sent = setField;
    act({ do: what, name: setField.value });
  }

  /** @param {KeyboardEvent} event */
  function press(event) {
    const { target, key, ctrlKey, metaKey, altKey, shiftKey } = event;
    if (altKey || !el.isConnected) return;
    if (isTyping(target)) return;
    if (ctrlKey || metaKey) {
      const back = key.toLowerCase() === "z" && !shiftKey;
      const again = key.toLowerCase() === "y" || (key.toLowerCase() === "z" && shiftKey);
      if (!back && !again) return;
      event.preventDefault();
      act({ do: back ? "undo" : "redo" });
      return;
    }
    if (event.defaultPrevented) return; // a space has used it
    pressOnCard(event);
    if (event.repeat) return; // one press labels once
    const row = alone();
    if (!selected.length && row === null) return;
    if (/^[1-9]$/.test(key)) act({ do: "number", number: Number(key), row });
    else if (key === "Delete" || key === "Backspace") act({ do: "give", name: "", row });
    else return;
    event.preventDefault();
  }

  /** @param {EventTarget | null} target */
  const isTyping = (target) =>
    target instanceof HTMLElement && (target.isContentEditable || target.closest(TYPED) !== null);

  /** Leave a field that is typed into, so that keys are for cards again; one of a search is emptied first. */
  function leave() {
    const field = document.activeElement;
    if (!isTyping(field) || !(field instanceof HTMLElement) || field.matches("select")) return false;
    if (field instanceof HTMLInputElement && field.type === "search" && field.value) {
      field.value = "";
      field.dispatchEvent(new Event("input"));
    } else toCard(field);
    return true;
  }

  /**
   * Move the focus from a field to a card: a selected one, or the first result.
   * @param {HTMLElement} field
   */
  function toCard(field) {
    field.blur();
    const cards = [".rsh-card.is-selected", ".rsh-results .rsh-card"].map((one) => document.querySelector(one));
    const card = cards.find((one) => one instanceof HTMLElement && one.checkVisibility());
    if (card instanceof HTMLElement) card.focus({ preventScroll: true });
  }

  /** Say what keys are for, while a tile is pointed at. */
  function hint() {
    const typing = isTyping(document.activeElement);
    keys.textContent = typing
      ? "You are typing: press Escape, then the key."
      : "Keys are for the tile that is pointed at.";
    keys.classList.toggle("is-shown", alone() !== null);
  }

  /** Space is for the card that is pointed at, and not for the box that was clicked before. */
  function letGoOfClicked() {
    const held = document.activeElement;
    if (held instanceof HTMLElement && held.matches(CHOSEN) && !held.matches(":focus-visible")) held.blur();
  }

  /**
   * Do what a key does to the card that is pointed at or has the focus.
   * @param {KeyboardEvent} event
   */
  function pressOnCard(event) {
    const row = inHand();
    if (pointed !== null && !onCard) return; // a dot has keys of its own
    const cards = [...document.querySelectorAll(`.rsh-card[data-row="${row}"]`)];
    // One that was just drawn in place of another is not hovered before the pointer moves.
    const card = cards.find((each) => each.matches(":hover, :focus")) ?? cards.find((each) => each.checkVisibility());
    if (!(card instanceof HTMLElement) || !card.matches(IS_TILE) || row === null) return;
    const { id = "" } = card.dataset;
    const key = event.key.toLowerCase();
    if (key in SIGNS) giveFeedback(model, row, SIGNS[key]);
    else if (key === "c") copyAndSay(model, id);
    else if (key === "e") emit(model, "enlarge", { row, name: fileOf(id) });
    else if (key === " " && !isPressed(event)) pick(event, card, row);
    else return;
    event.preventDefault();
  }

  /** @type {(event: KeyboardEvent, card: HTMLElement, row: number) => void} */
  function pick({ repeat, shiftKey }, card, row) {
    isPicking = true;
    if (repeat) return;
    const picked = new CustomEvent(PICK, { bubbles: true, cancelable: true, detail: { range: shiftKey } });
    if (!card.dispatchEvent(picked)) return; // its list has selected it
    const rows = selected.includes(row) ? selected.filter((other) => other !== row) : [...selected, row];
    emit(model, "select", { rows: Int32Array.from(rows).sort() });
  }

  let isPicking = false; // while Space is held down for a card
  /** What was clicked last: it keeps the focus, but Space is for the card that is pointed at. @type {Element | null} */
  let clicked = null;
  /** @type {(event: Event) => Element | null} */
  const heldBy = ({ target }) => (target instanceof Element ? target.closest(PRESSED) : null);
  /**
   * Whether Space presses what has the focus.
   * @param {KeyboardEvent} event
   */
  function isPressed(event) {
    const held = heldBy(event);
    return held !== null && held !== clicked && !held.matches(OF_CARDS);
  }

  /**
   * Space on a tile never searches: a button would take it for a click.
   * @param {KeyboardEvent} event
   */
  function spare(event) {
    if (event.key !== " ") return;
    const { target, type } = event;
    if (isPicking || (target instanceof Element && target.matches(IS_TILE))) event.preventDefault();
    if (type === "keyup") isPicking = false;
  }
  /** @param {PointerEvent} event */
  function noteClick(event) {
    clicked = heldBy(event);
  }
  function letGo() {
    isPicking = false; // the key is released in another window
  }
  addEventListener("blur", letGo);
  document.addEventListener("keydown", press);
  document.addEventListener("keydown", spare);
  document.addEventListener("keyup", spare);
  document.addEventListener("pointerdown", noteClick);

  function draw() {
    const view = model.get("view");
    if (!view.classes) return;
    classes.replaceChildren(
      ...view.classes.slice(0, KEYS).map(([name], place) =>
        make(
          "li",
          {},
          make(
            "button",
            {
              type: "button",
              title: `Give the class ${name} (${place + 1})`,
              onclick: () => act({ do: "give", name }),
            },
            make("kbd", {}, String(place + 1)),
            make("span", {}, name.replaceAll("_", " ")),
          ),
        ),
      ),
    );
    names.replaceChildren(...view.classes.map(([name]) => make("option", { value: name })));
    setNames.replaceChildren(...view.sets.map(([name]) => make("option", { value: name })));
    undo.setAttribute("aria-disabled", String(!view.can_undo));
    redo.setAttribute("aria-disabled", String(!view.can_redo));
  }

  return stopAll([
    redrawOn(model, ["view"], draw),
    redrawOn(model, ["given"], () => emit(model, "given", { classes: model.get("given") })),
    redrawOn(model, ["said"], () => {
      const words = model.get("said");
      if (!words) return;
      emit(model, "say", { words });
      if (!sent) return;
      sent.value = "";
      if (document.activeElement === sent) toCard(sent);
      sent = null;
    }),
    on(model, {
      "region drawn": (event) => {
        polygon = event.polygon;
        only.hidden = false;
      },
      select: ({ rows }) => {
        only.hidden = true;
        selected = rows;
        hint();
        count.textContent = rows.length ? `${plural(rows.length, "tile")} selected` : "No tiles selected";
        const focused = bar.contains(document.activeElement);
        el.classList.toggle("is-open", rows.length > 0);
        const card = document.querySelector(".rsh-results .rsh-card");
        if (focused && !rows.length && card instanceof HTMLElement) card.focus();
      },
      hover: ({ row, card }) => {
        pointed = row;
        onCard = Boolean(card);
        if (onCard) letGoOfClicked();
        hint();
      },
      join: () => emit(model, "given", { classes: model.get("given") }),
    }),
    closedByEscape("typing", leave),
    closedByEscape("selection", () => {
      const any = selected.length > 0;
      if (any) emit(model, "select", { rows: new Int32Array() });
      return any;
    }),
    () => removeEventListener("blur", letGo),
    () => document.removeEventListener("keydown", press),
    () => document.removeEventListener("keydown", spare),
    () => document.removeEventListener("keyup", spare),
    () => document.removeEventListener("pointerdown", noteClick),
  ]);
}

export default { render };
