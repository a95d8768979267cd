// @ts-check
import { emit, make, on, redrawOn, stopAll } from "./lib/shared.js";

/** @import { ControlsView, Props, Search } from "./lib/types" */

/**
 * A radio button that looks like a segment of a switch.
 * @param {string} page
 * @param {Search["mode"]} value
 * @param {string} text
 * @param {() => void} onchange
 */
function segment(page, value, text, onchange) {
  const input = make("input", { type: "radio", name: `rsh-mode-${page}`, value, onchange });
  return { input, label: make("label", {}, input, make("span", {}, text)) };
}

/**
 * How to search with the query.
 * @param {Props<{ view: ControlsView, search: Search }>} props
 */
function render({ model, el }) {
  const page = model.get("page");
  const byCount = segment(page, "top_k", "Top k", () => search());
  const byRadius = segment(page, "radius", "Radius", () => search());
  const slider = make("input", { type: "range", id: `rsh-slider-${page}`, oninput: () => search() });
  const amount = make("output", { for: slider.id });
  const sliderName = make("label", { for: slider.id });
  const rankBy = make("select", {
    id: `rsh-rank-by-${page}`,
    "aria-describedby": `rsh-rank-by-note-${page}`,
    onchange: () => search(),
  });
  const heldOut = make("input", {
    type: "checkbox",
    "aria-describedby": `rsh-searched-${page}`,
    onchange: () => search(),
  });
  const heldOutSwitch = make("label", { class: "rsh-switch" }, heldOut, make("span", {}, "Include held-out tiles"));
  const searched = make("p", { class: "rsh-note", id: `rsh-searched-${page}` });
  const rankByNote = make("p", { class: "rsh-note", id: `rsh-rank-by-note-${page}` });

  el.classList.add("rsh-panel", "rsh-controls");
  el.append(
    make(
      "fieldset",
      { class: "rsh-segments" },
      make("legend", { class: "rsh-hidden" }, "Which tiles to show"),
      byCount.label,
      byRadius.label,
    ),
    make("div", { class: "rsh-slider" }, sliderName, slider, amount),
    make("div", { class: "rsh-rank-by" }, make("label", { for: rankBy.id }, "Rank by"), rankBy),
    make("div", { class: "rsh-searched" }, searched, heldOutSwitch),
    rankByNote,
  );

  // A trait and not a message: while Python is at work only the newest value waits.
  function search() {
    const old = model.get("search");
    const mode = byRadius.input.checked ? "radius" : "top_k";
    const value = mode === old.mode ? { [mode]: Number(slider.value) } : {};
    emit(model, "busy", {});
    model.set("search", { ...old, mode, ...value, order: rankBy.value, include_held_out: heldOut.checked });
    model.save_changes();
    drawSearch();
  }

  function drawSearch() {
    const { mode, top_k, radius, order, include_held_out } = model.get("search");
    const { max_top_k, num_bits } = model.get("view");
    const inRadius = mode === "radius";
    byCount.input.checked = !inRadius;
    byRadius.input.checked = inRadius;
    slider.min = inRadius ? "0" : "1";
    slider.max = String(inRadius ? num_bits : max_top_k);
    slider.value = String(inRadius ? radius : top_k);
    slider.disabled = slider.min === slider.max;
    sliderName.textContent = inRadius ? "Hamming radius r" : "Number of tiles k"; // read, not seen
    const noun = inRadius ? "bit" : "tile";
    amount.textContent = `${slider.value} ${noun}${slider.value === "1" ? "" : "s"}`;
    slider.setAttribute("aria-valuetext", amount.textContent);
    rankBy.value = order;
    heldOut.checked = include_held_out;
  }

  function draw() {
    const view = model.get("view");
    // Made once: options that are replaced would close a list that is open.
    if (!rankBy.length) rankBy.append(...view.orders.map(([value, words]) => make("option", { value }, words)));
    rankByNote.textContent = view.order_note;
    rankBy.disabled = view.has_feedback;
    rankBy.title = rankBy.disabled ? "The feedback decides the order: clear it to choose another" : "";
    searched.textContent = view.searched;
    heldOutSwitch.hidden = !view.has_held_out;
    drawSearch();
  }

  return stopAll([
    redrawOn(model, ["view"], draw),
    redrawOn(model, ["search"], drawSearch),
    on(model, { alert: () => drawSearch() }),
  ]);
}

export default { render };
