// @ts-check
import { closedByEscape } from "./lib/escape.js";
import { icon } from "./lib/icons.js";
import { scaleGradient, valueColor } from "./lib/palette.js";
import { bytesAs, emit, make, on, redrawOn, stopAll, store, stored, withCommands } from "./lib/shared.js";

/** @import { Bytes, Coloring, DotColoring, Events, Message, Props, RelevanceWords } from "./lib/types" */

const ALL = "all";
const TWO_FROM = 1800; // CSS pixels of window width from which all spaces are shown at first
const root = document.documentElement;

/**
 * @typedef {object} Traits
 * @property {[name: string, words: string][]} spaces
 * @property {string} note
 * @property {("right" | "wrong" | "unknown")[]} verdicts
 * @property {RelevanceWords} relevance
 * @property {[by: string, words: string][]} ways
 * @property {Coloring} coloring
 */

/**
 * What the dots of all maps are colored by, the legend to it, and how many tiles are selected.
 * The maps get the colors from here, through an event: one copy serves all three.
 * @param {Props<Traits>} props
 */
function render({ model, el }) {
  const spaces = model.get("spaces");
  const choices = spaces.length > 1 ? [...spaces, /** @type {[string, string]} */ ([ALL, "All"])] : spaces;
  const tabs = choices.map(([name, words]) =>
    make("button", { type: "button", "data-name": name, onclick: () => showSpace(name) }, words),
  );
  const widen = make(
    "button",
    { type: "button", class: "rsh-widen", onclick: () => maximize(!isWide()) },
    icon("enlarge"),
  );
  const isWide = () => root.dataset.rshWide === "yes";

  /** @param {string} name */
  function showSpace(name) {
    root.dataset.rshSpace = name;
    store("rsh-space", name);
    for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.dataset.name === name));
  }

  /** @param {boolean} wide whether the spaces take the place of the results */
  function maximize(wide) {
    root.dataset.rshWide = wide ? "yes" : "no";
    const words = wide ? "Show the results again (Esc)" : "Show the spaces over the whole width";
    widen.setAttribute("aria-pressed", String(wide));
    widen.setAttribute("aria-label", words);
    widen.title = words;
  }
  function leave() {
    const wasWide = isWide();
    if (wasWide) maximize(false);
    return wasWide;
  }
  const names = choices.map(([name]) => name);
  const before = stored("rsh-space") ?? (window.innerWidth >= TWO_FROM ? ALL : "");
  showSpace(names.includes(before) ? before : names[0]);
  maximize(false);

  const list = make("ul", { class: "rsh-legend" });
  const choice = make("select", {
    id: `rsh-color-${model.get("page")}`,
    onchange: () => model.send({ kind: "color", by: choice.value }),
  });
  choice.append(...model.get("ways").map(([by, words]) => make("option", { value: by }, words)));
  const hasMaps = choice.length > 0; // without a map there is nothing to have a key to
  const key = make("p", { class: "rsh-key", role: "img" });
  const tools = make("div", { class: "rsh-tools" }, make("label", { for: choice.id }, "Color by"), choice, key);

  /** The value whose chip was pressed. @type {number | null} */
  let kept = null;
  let shown = "";
  let selected = new Int32Array();
  /** @type {DotColoring | null} */
  let current = null;
  /** @param {number | null} value */
  const highlight = (value) => emit(model, "highlight", { value });

  /** @param {number} value */
  function toggleChip(value) {
    kept = kept === value ? null : value;
    for (const button of list.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.value) === kept));
    }
    highlight(kept);
  }

  /**
   * @param {Coloring} coloring
   * @param {string} name
   * @param {number} value
   */
  function chip(coloring, name, value) {
    const dot = make("i", { class: "rsh-dot", style: `background:${valueColor(coloring, value)}` });
    const button = make(
      "button",
      {
        type: "button",
        class: "rsh-chip",
        "data-value": value,
        "aria-pressed": "false",
        title: name,
        onclick: () => toggleChip(value),
        onmouseenter: () => highlight(value),
        onfocus: () => highlight(value),
        onmouseleave: () => highlight(kept),
        onblur: () => highlight(kept),
      },
      dot,
      make("span", {}, name),
    );
    return make("li", {}, button);
  }

  /** @param {Coloring} coloring */
  function scale(coloring) {
    const [low, high] = coloring.ends;
    const bar = () => make("i", { class: "rsh-scale-bar", style: `background:${scaleGradient(coloring)}` });
    const words = `${choice.selectedOptions[0]?.textContent}: from ${low} to ${high}`;
    return make(
      "li",
      {},
      make(
        "span",
        { class: "rsh-scale", role: "img", "aria-label": words },
        make("span", {}, low),
        bar(),
        make("span", {}, high),
        make("span", { class: "rsh-on-map" }, "on the world map", bar()),
      ),
    );
  }

  /**
   * Chips stay as they are while only values change, so that the keyboard keeps its focus.
   * @param {Coloring} coloring
   */
  function drawLegend(coloring) {
    const { by, names, ends, num_values, missing, num_missing } = coloring;
    const key = JSON.stringify([by, names, ends, num_missing > 0]);
    if (key === shown) return;
    shown = key;
    kept = null;
    const rest = num_missing ? [chip(coloring, missing, num_values)] : [];
    const main = ends.length ? [scale(coloring)] : names.map((name, value) => chip(coloring, name, value));
    list.setAttribute("aria-label", "Legend: press an entry to keep it highlighted in the maps");
    list.replaceChildren(...main, ...rest);
    highlight(null);
  }

  function draw() {
    const coloring = model.get("coloring");
    if (!coloring.by) return;
    choice.value = coloring.by;
    const values = coloring.wide ? bytesAs(Uint16Array, coloring.values) : bytesAs(Uint8Array, coloring.values);
    current = { ...coloring, values };
    emit(model, "coloring", { coloring: current });
    drawLegend(coloring);
  }

  /**
   * Whichever panel selects, this one alone tells Python.
   * @param {Events["select"]} event
   */
  function select({ rows }) {
    if (rows === selected) return;
    selected = rows;
    const bytes = rows.buffer.slice(rows.byteOffset, rows.byteOffset + rows.byteLength);
    model.send({ kind: "select" }, undefined, [bytes]);
  }

  function drawKey() {
    const verdicts = model.get("verdicts");
    const words = model.get("relevance");
    const judged = verdicts.length > 1;
    /** @type {Record<typeof verdicts[number], [kind: string, text: string]>} */
    const entries = {
      right: ["is-right", `○ ${words.same}`],
      wrong: ["is-wrong", `✕ ${words.other}`],
      unknown: ["is-query", judged ? `○ no ${words.label}` : "○ result"],
    };
    const others = judged ? `a ring a result (${words.same}), a cross another (${words.other})` : "a ring a result";
    key.setAttribute("aria-label", `A star marks the query, ${others}.`);
    const spans = verdicts.map((verdict) => make("span", { class: entries[verdict][0] }, entries[verdict][1]));
    key.replaceChildren(make("span", { class: "is-query" }, "★ query"), ...spans);
  }
  const note = make("p", { class: "rsh-note" });
  el.classList.add("rsh-panel", "rsh-spaces-head");
  el.append(
    make(
      "div",
      { class: "rsh-space-tabs", role: "group", "aria-label": "Which space to show" },
      make("h2", { class: "rsh-hidden" }, "Spaces"),
      ...tabs,
      hasMaps ? widen : null,
    ),
    ...(hasMaps ? [tools, list] : []),
    note,
  );
  /** @type {(content: Message, buffers: Bytes[]) => void} */
  const receive = (content, buffers) => {
    if (content.kind === "selected") emit(model, "select", { rows: bytesAs(Int32Array, buffers[0]) });
  };
  model.on("msg:custom", receive);
  return stopAll([
    () => model.off("msg:custom", receive),
    on(model, {
      only: () => {
        if (isWide()) emit(model, "say", { words: "The results lie below the spaces: Escape shows them." });
      },
    }),
    closedByEscape("spaces", leave),
    redrawOn(model, ["coloring"], draw),
    redrawOn(model, ["verdicts"], drawKey),
    redrawOn(model, ["note"], () => {
      note.replaceChildren(...withCommands(model.get("note")));
    }),
    on(model, {
      select,
      // A map that opens after this panel asks for what it has missed.
      join: () => {
        if (current) emit(model, "coloring", { coloring: current });
        emit(model, "select", { rows: selected });
      },
      alert: () => {
        choice.value = model.get("coloring").by;
      },
    }),
  ]);
}

export default { render };
