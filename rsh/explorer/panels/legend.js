import { scaleGradient, valueColor } from "./lib/palette.js";
import { bytesAs, listen, make, plural, redrawOn, tell } from "./lib/shared.js";

// What the dots of all planes are colored by, the legend to it, and how many tiles are selected.
// The planes get the colors from here, through the page's channel: one copy serves all three.
function render({ model, el }) {
  const list = make("ul", { class: "rsh-legend" });
  const choice = make("select", {
    id: `rsh-color-${model.get("page")}`,
    onchange: () => model.send({ kind: "color", by: choice.value }),
  });
  choice.append(...model.get("ways").map(([by, words]) => make("option", { value: by }, words)));
  const count = make("p", { class: "rsh-count", role: "status" });
  const clear = make(
    "button",
    { type: "button", hidden: true, onclick: () => tell(model, "select", { rows: new Int32Array() }) },
    "Clear",
  );
  const tools = make(
    "div",
    { class: "rsh-tools", hidden: !choice.length },
    make("label", { for: choice.id }, "Color by"),
    choice,
    make("div", { class: "rsh-selected" }, count, clear),
  );

  let [kept, shown, selected] = [null, null, new Int32Array()];
  const bringOut = (value) => tell(model, "only", { value });

  function keep(value) {
    kept = kept === value ? null : value;
    list
      .querySelectorAll("button")
      .forEach((chip) => chip.setAttribute("aria-pressed", String(Number(chip.dataset.value) === kept)));
    bringOut(kept);
  }

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
        onclick: () => keep(value),
        onmouseenter: () => bringOut(value),
        onfocus: () => bringOut(value),
        onmouseleave: () => bringOut(kept),
        onblur: () => bringOut(kept),
      },
      dot,
      make("span", {}, name),
    );
    return make("li", {}, button);
  }

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
        make("span", { class: "rsh-on-map" }, "on the map", bar()),
      ),
    );
  }

  // Chips stay as they are while only values change: who works by keyboard keeps the focus.
  function drawLegend(coloring) {
    const { by, names, ends, num_values, missing, num_missing } = coloring;
    const key = JSON.stringify([by, names, ends, num_missing > 0]);
    if (key === shown) return;
    shown = key;
    kept = null;
    const rest = num_missing ? [chip(coloring, missing, num_values)] : [];
    const main = ends.length ? [scale(coloring)] : names.map((name, value) => chip(coloring, name, value));
    list.setAttribute("aria-label", "Legend: press an entry to keep it highlighted in the planes");
    list.replaceChildren(...main, ...rest);
    bringOut(null);
  }

  let colors = null;
  function draw() {
    const coloring = model.get("coloring");
    if (!coloring.by) return;
    choice.value = coloring.by;
    const values = bytesAs(coloring.wide ? Uint16Array : Uint8Array, coloring.values);
    colors = { ...coloring, values };
    tell(model, "colors", { colors });
    drawLegend(coloring);
  }

  // Whichever panel selects, this one alone tells Python.
  function select({ rows }) {
    if (rows === selected) return;
    selected = rows;
    model.send({ kind: "select" }, undefined, [rows.buffer.slice(rows.byteOffset, rows.byteOffset + rows.byteLength)]);
    count.textContent = rows.length ? `${plural(rows.length, "tile")} selected` : "No tiles selected";
    const focused = document.activeElement === clear;
    clear.hidden = rows.length === 0;
    if (focused && clear.hidden) choice.focus();
  }

  const key = make("p", { class: "rsh-key", role: "img" });
  function drawKey() {
    const judged = model.get("judged");
    const entries = judged
      ? [
          ["is-right", "○ same class"],
          ["is-wrong", "✕ another class"],
        ]
      : [["is-query", "○ found"]];
    const others = judged
      ? "a ring a tile of the same class, a cross one of another class"
      : "a ring a tile that was found";
    key.setAttribute("aria-label", `A star marks the query, ${others}.`);
    key.replaceChildren(
      ...[["is-query", "★ query"], ...entries].map(([kind, text]) => make("span", { class: kind }, text)),
    );
  }
  const note = make("p", { class: "rsh-note" });
  const drawn = choice.length > 0; // without a plane there is nothing to have a key to
  el.classList.add("rsh-panel");
  el.append(
    make(
      "div",
      { class: "rsh-answer" },
      make("h2", { class: "rsh-heading" }, model.get("heading")),
      ...(drawn ? [key] : []),
    ),
    note,
    tools,
    ...(drawn ? [list] : []),
  );
  const stops = [
    redrawOn(model, ["coloring"], draw),
    redrawOn(model, ["judged"], drawKey),
    redrawOn(model, ["note"], () => (note.textContent = model.get("note"))),
    listen(model, {
      select,
      // A plane that opens after this panel asks for what it has missed.
      join: () => {
        if (colors) tell(model, "colors", { colors });
        tell(model, "select", { rows: selected });
      },
      alert: () => (choice.value = model.get("coloring").by),
    }),
  ];
  return () => stops.forEach((stop) => stop());
}

export default { render };
