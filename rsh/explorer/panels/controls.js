// @ts-check
import { classColor } from "./lib/palette.js";
import { emit, giveFeedback, Images, make, on, redrawOn, stopAll } from "./lib/shared.js";

/** @import { ControlsView, Model, Props, Search } from "./lib/types" */

/**
 * @param {ControlsView} view
 * @param {string} url
 */
function queryCard(view, url) {
  const { query } = view;
  const dot =
    query.color < 0
      ? null
      : make("i", { class: "rsh-dot", style: `background:${classColor(query.color, view.num_classes)}` });
  const link = { href: query.map, target: "_blank", rel: "noreferrer", title: "Open this place in OpenStreetMap" };
  return make(
    "div",
    { class: "rsh-query", "data-row": query.row },
    make("img", { src: url, alt: `query tile, ${query.name}${query.place ? `, ${query.place}` : ""}` }),
    make(
      "div",
      {},
      make("p", { class: "rsh-query-class" }, dot, make("span", { title: query.name }, query.name)),
      query.place ? make("p", { class: "rsh-place" }, make("a", link, query.place)) : null,
      make(
        "div",
        { class: "rsh-about" },
        query.split ? make("p", { class: `rsh-badge${query.unseen ? " is-unseen" : ""}` }, query.split) : null,
        make(
          "p",
          { class: "rsh-hex", title: "The code in hexadecimal digits" },
          (query.code.match(/.{1,4}/g) ?? []).join(" "),
        ),
      ),
    ),
  );
}

/**
 * The tiles with relevance feedback: pressing one removes its feedback.
 * @param {Model} model
 * @param {ControlsView} view
 * @param {Images} images
 * @param {HTMLElement} clear
 */
function feedbackTiles(model, view, images, clear) {
  const tiles = view.marks.map((card) => {
    const positive = card.sign === "like";
    const words = `${positive ? "More" : "Fewer"} tiles like this: ${card.name}`;
    return make(
      "li",
      {},
      make(
        "button",
        {
          type: "button",
          class: `rsh-feedback-tile ${positive ? "is-positive" : "is-negative"}`,
          title: `${words} (press to remove)`,
          "aria-label": `${words}; press to remove`,
          onclick: () => giveFeedback(model, card.row, card.sign),
        },
        make("img", { src: images.url(card.thumb), alt: "" }),
        make("b", { "aria-hidden": "true" }, positive ? "+" : "−"),
      ),
    );
  });
  return make("div", { class: "rsh-feedback" }, make("ul", { "aria-label": "Feedback" }, ...tiles), clear);
}

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
 * The query, and how to search with it.
 * @param {Props<{ view: ControlsView, search: Search }>} props
 */
function render({ model, el }) {
  const images = new Images();
  const page = model.get("page");
  const query = make("div", { "aria-live": "polite" });
  /** @type {(kind: string, text: string, hint: string) => HTMLButtonElement} */
  const button = (kind, text, title) => {
    const node = make("button", { type: "button", title }, text);
    node.addEventListener("click", () => {
      if (node.getAttribute("aria-disabled") === "true") return;
      emit(model, "busy", {});
      model.send({ kind });
    });
    return node;
  };
  const back = button("back", "← Back", "Go to the previous query");
  const forward = button("forward", "Forward →", "Go to the next query");
  const random = button("random", "Random", "Pick a random held-out tile");

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
    make("h2", { class: "rsh-label" }, "Query"),
    query,
    make("div", { class: "rsh-buttons" }, back, forward, random),
    make("h2", { class: "rsh-label" }, "Search"),
    make(
      "fieldset",
      { class: "rsh-segments" },
      make("legend", { class: "rsh-hidden" }, "Which tiles to show"),
      byCount.label,
      byRadius.label,
    ),
    make("div", { class: "rsh-slider" }, sliderName, amount, slider),
    make("div", { class: "rsh-searched" }, searched, heldOutSwitch),
    make("div", { class: "rsh-rank-by" }, make("label", { for: rankBy.id }, "Rank by"), rankBy, rankByNote),
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
    sliderName.textContent = inRadius ? "Hamming radius r" : "Number of tiles k";
    const noun = inRadius ? "bit" : "tile";
    amount.textContent = `${slider.value} ${noun}${slider.value === "1" ? "" : "s"}`;
    slider.setAttribute("aria-valuetext", amount.textContent);
    rankBy.value = order;
    heldOut.checked = include_held_out;
  }

  function draw() {
    const view = model.get("view");
    query.replaceChildren(queryCard(view, images.url(view.query.thumb)));
    if (view.marks.length) {
      const clear = button("clear", "Clear feedback", "Search with the query alone");
      query.append(feedbackTiles(model, view, images, clear));
    }
    // aria-disabled keeps the focus where a disabled button would lose it.
    back.setAttribute("aria-disabled", String(!view.can_go_back));
    forward.setAttribute("aria-disabled", String(!view.can_go_forward));
    // Made once: options that are replaced would close a list that is open.
    if (!rankBy.length) rankBy.append(...view.orders.map(([value, words]) => make("option", { value }, words)));
    rankByNote.textContent = view.order_note;
    rankBy.disabled = view.marks.length > 0;
    rankBy.title = rankBy.disabled ? "The feedback decides the order: clear it to choose another" : "";
    searched.textContent = view.searched;
    heldOutSwitch.hidden = !view.has_held_out;
    drawSearch();
  }

  return stopAll([
    redrawOn(model, ["view"], () => images.redraw(draw)),
    redrawOn(model, ["search"], drawSearch),
    on(model, { alert: () => drawSearch() }),
    () => images.revoke(),
  ]);
}

export default { render };
