// @ts-check
import { copyButton } from "./lib/clipboard.js";
import { givenPill } from "./lib/labels.js";
import { classColor } from "./lib/palette.js";
import { emit, fullName, giveFeedback, imageUrl, make, on, originOf, redrawOn, stopAll } from "./lib/shared.js";

/** @import { Model, Props, QueryView } from "./lib/types" */

/**
 * @param {Model} model
 * @param {QueryView} view
 * @param {string} url
 */
function queryCard(model, view, url) {
  const { query } = view;
  const dot =
    query.color < 0
      ? null
      : make("i", { class: "rsh-dot", style: `background:${classColor(query.color, view.num_classes)}` });
  const origin = originOf(query).filter((words) => !query.id.includes(words));
  const link = { href: query.map, target: "_blank", rel: "noreferrer", title: "Open this place in OpenStreetMap" };
  const image = () =>
    make(
      "button",
      {
        type: "button",
        class: "rsh-query-open",
        title: "Enlarge",
        onclick: () => emit(model, "enlarge", { row: query.row, name: query.name }),
      },
      make("img", { src: url, alt: `query tile, ${fullName(query)}${query.place ? `, ${query.place}` : ""}` }),
    );
  return make(
    "div",
    { class: "rsh-query", "data-row": query.row },
    view.words ? make("p", { class: "rsh-query-words" }, `“${query.name}”`) : image(),
    make(
      "div",
      { class: "rsh-about" },
      view.words || (query.name === query.id && query.row >= 0)
        ? null
        : make("p", { class: "rsh-query-class" }, dot, make("span", { title: query.name }, query.name)),
      make("span", { class: "rsh-given-place" }),
      make(
        "p",
        { class: "rsh-id" },
        make("span", { title: query.id }, query.row < 0 ? "" : query.id),
        query.row < 0 ? null : copyButton(model, query.id, `Copy the id ${query.id}`),
      ),
      origin.length ? make("p", { class: "rsh-place" }, origin.join(" · ")) : null,
      query.place ? make("p", { class: "rsh-place" }, make("a", link, query.place)) : null,
      view.novelty ? make("p", { class: "rsh-novelty" }, view.novelty) : null,
      query.split ? make("p", { class: `rsh-badge${query.unseen ? " is-unseen" : ""}` }, query.split) : null,
    ),
  );
}

/**
 * The tiles with relevance feedback: pressing one removes its feedback.
 * @param {Model} model
 * @param {QueryView} view
 * @param {HTMLElement} clear
 */
function feedbackTiles(model, view, clear) {
  const tiles = view.marks.map((card) => {
    const positive = card.sign === "like";
    const words = `${positive ? "More" : "Fewer"} tiles like this: ${fullName(card)}`;
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
        make("img", { src: imageUrl(card.thumb), alt: "" }),
        make("b", { "aria-hidden": "true" }, positive ? "+" : "−"),
      ),
    );
  });
  return make("div", { class: "rsh-feedback" }, make("ul", { "aria-label": "Feedback" }, ...tiles), clear);
}

/**
 * The query, and the way back to others.
 * @param {Props<{ view: QueryView }>} props
 */
function render({ model, el }) {
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
  el.classList.add("rsh-panel", "rsh-query-panel");
  el.append(
    make("h2", { class: "rsh-hidden" }, "Query"),
    query,
    make("div", { class: "rsh-buttons" }, back, forward, random),
  );

  /** The given class of tiles that have one, by row. @type {Record<string, string>} */
  let given = {};
  function drawGiven() {
    const name = given[model.get("view").query.row];
    query.querySelector(".rsh-given-place")?.replaceChildren(...(name ? [givenPill(name)] : []));
  }

  function draw() {
    const view = model.get("view");
    query.replaceChildren(queryCard(model, view, imageUrl(view.query.thumb)));
    if (view.marks.length) {
      const clear = button("clear", "Clear feedback", "Search with the query alone");
      query.append(feedbackTiles(model, view, clear));
    }
    drawGiven();
    // aria-disabled keeps the focus where a disabled button would lose it.
    back.setAttribute("aria-disabled", String(!view.can_go_back));
    forward.setAttribute("aria-disabled", String(!view.can_go_forward));
  }

  return stopAll([
    redrawOn(model, ["view"], draw),
    on(model, {
      given: ({ classes }) => {
        given = classes;
        drawGiven();
      },
    }),
  ]);
}

export default { render };
