// @ts-check
import { icon } from "./lib/icons.js";
import { KEYS } from "./lib/labels.js";
import { emit, make, on, plural, redrawOn, SEEN, stopAll } from "./lib/shared.js";

/** @import { LabelsView, Props } from "./lib/types" */

/**
 * A bar with what can be done with the selected tiles. The keys 1 to 9 give a class to the card that is pointed at;
 * to all selected tiles if it is one of them, or none is pointed at. Ctrl+Z undoes.
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
  const keys = make(
    "span",
    { class: "rsh-tray-keys", "aria-hidden": "true" },
    "Keys are for the tile that is pointed at.",
  );
  const classes = make("ul", { class: "rsh-label-keys", "aria-label": "Give a class" });
  const names = make("datalist", { id: `rsh-classes-${page}` });
  const field = make("input", {
    type: "text",
    list: names.id,
    placeholder: "another class",
    "aria-label": "Give the class of this name",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
    pattern: SEEN,
    title: "Write the name of a class",
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
    required: true,
    pattern: SEEN,
    title: "Write the name of a set",
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

  /** The tile that the keys are for; null for the selected ones. */
  function alone() {
    // A card that has the focus instead of one that was replaced was never pointed at.
    const focused = document.activeElement?.closest(".rsh-card[data-row]");
    const row = pointed ?? (focused instanceof HTMLElement ? Number(focused.dataset.row) : null);
    const mine = row !== null && selected.includes(row);
    const isCard = pointed === null || onCard;
    return !mine && (isCard || !selected.length) ? row : null;
  }

  /** @param {Record<string, unknown>} content */
  const act = (content) => model.send({ kind: "label", ...content });

  give.addEventListener("submit", (event) => {
    event.preventDefault();
    sent = field;
    act({ do: "give", name: field.value });
  });
  put.addEventListener("submit", (event) => {
    event.preventDefault();
    ofSet("put");
  });
  /** @param {"put" | "take"} what */
  function ofSet(what) {
    if (put.reportValidity()) act({ do: what, name: setField.value });
  }

  /** @param {KeyboardEvent} event */
  function press(event) {
    const { target, key, ctrlKey, metaKey, altKey, shiftKey } = event;
    const typing =
      target instanceof HTMLElement &&
      target.closest("input:not([type=checkbox], [type=range], [type=radio]), textarea, select, dialog");
    if (typing || altKey || !el.isConnected) return;
    if (ctrlKey || metaKey) {
      const back = key.toLowerCase() === "z" && !shiftKey;
      const again = key.toLowerCase() === "y" || (key.toLowerCase() === "z" && shiftKey);
      if (!back && !again) return;
      event.preventDefault();
      act({ do: back ? "undo" : "redo" });
      return;
    }
    const row = alone();
    if (!selected.length && row === null) return;
    if (/^[1-9]$/.test(key)) act({ do: "number", number: Number(key), row });
    else if (key === "Delete" || key === "Backspace") act({ do: "give", name: "", row });
    else return;
    event.preventDefault();
  }
  document.addEventListener("keydown", press);

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
      if (sent) sent.value = "";
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
        keys.classList.toggle("is-shown", alone() !== null);
        count.textContent = rows.length ? `${plural(rows.length, "tile")} selected` : "No tiles selected";
        const focused = bar.contains(document.activeElement);
        el.classList.toggle("is-open", rows.length > 0);
        const card = document.querySelector(".rsh-results .rsh-card");
        if (focused && !rows.length && card instanceof HTMLElement) card.focus();
      },
      hover: ({ row, card }) => {
        pointed = row;
        onCard = Boolean(card);
        keys.classList.toggle("is-shown", alone() !== null);
      },
      join: () => emit(model, "given", { classes: model.get("given") }),
    }),
    () => document.removeEventListener("keydown", press),
  ]);
}

export default { render };
