import { classColor } from "./lib/palette.js";
import { Images, listen, make, mark, redrawOn, tell } from "./lib/shared.js";

function queryCard(view, url) {
  const { query } = view;
  const dot =
    query.color < 0
      ? null
      : make("i", { class: "rsh-dot", style: `background:${classColor(query.color, view.num_classes)}` });
  return make(
    "div",
    { class: "rsh-query", "data-row": query.row },
    make("img", { src: url, alt: `query tile, ${query.name}${query.place ? `, ${query.place}` : ""}` }),
    make(
      "div",
      {},
      make("p", { class: "rsh-query-class" }, dot, make("span", { title: query.name }, query.name)),
      query.place
        ? make(
            "p",
            { class: "rsh-place" },
            make(
              "a",
              { href: query.map, target: "_blank", rel: "noreferrer", title: "Open this place in OpenStreetMap" },
              query.place,
            ),
          )
        : null,
      make(
        "div",
        { class: "rsh-about" },
        query.split ? make("p", { class: `rsh-badge${query.unseen ? " is-unseen" : ""}` }, query.split) : null,
        make("p", { class: "rsh-hex", title: "its code in hexadecimal digits" }, query.code.match(/.{1,4}/g).join(" ")),
      ),
    ),
  );
}

// What was marked: pressing an image takes its mark away.
function markedTiles(model, view, urlOf, clear) {
  const tile = (card) => {
    const words = `${card.sign === "like" ? "more" : "fewer"} like ${card.name}`;
    const take = () => mark(model, card.row, card.sign);
    return make(
      "li",
      {},
      make(
        "button",
        {
          type: "button",
          class: `rsh-marked is-${card.sign}`,
          title: `${words}: take the mark away`,
          "aria-label": `${words}, take the mark away`,
          onclick: take,
        },
        make("img", { src: urlOf(card.thumb), alt: "" }),
        make("b", { "aria-hidden": "true" }, card.sign === "like" ? "+" : "−"),
      ),
    );
  };
  return make(
    "div",
    { class: "rsh-marked-row" },
    make("ul", { "aria-label": "Marked tiles" }, ...view.marks.map(tile)),
    clear,
  );
}

function segment(page, value, text, onchange) {
  const input = make("input", { type: "radio", name: `rsh-mode-${page}`, value, onchange });
  return [input, make("label", {}, input, make("span", {}, text))];
}

function render({ model, el }) {
  const images = new Images();
  const page = model.get("page");
  const query = make("div", { "aria-live": "polite" });
  const act = (kind) => (event) => {
    if (event.currentTarget.getAttribute("aria-disabled") === "true") return;
    tell(model, "busy", {});
    model.send({ kind });
  };
  const button = (kind, text, hint) => make("button", { type: "button", title: hint, onclick: act(kind) }, text);
  const back = button("back", "← Back", "the query before this one");
  const forward = button("forward", "Forward →", "undo Back");
  const random = button("random", "Random", "another tile, one that training has not seen if there is any");

  const [byCount, byCountLabel] = segment(page, "top_k", "nearest k", () => search());
  const [byRadius, byRadiusLabel] = segment(page, "radius", "within radius", () => search());
  const slider = make("input", { type: "range", id: `rsh-slider-${page}`, oninput: () => search() });
  const amount = make("output", { for: slider.id });
  const sliderName = make("label", { for: slider.id });
  const order = make("select", {
    id: `rsh-order-${page}`,
    "aria-describedby": `rsh-order-note-${page}`,
    onchange: () => search(),
  });
  const orderNote = make("p", { class: "rsh-note", id: `rsh-order-note-${page}` });

  el.classList.add("rsh-panel", "rsh-controls");
  el.append(
    make("h2", { class: "rsh-label" }, "Query"),
    query,
    make("div", { class: "rsh-buttons" }, back, forward, random),
    make("h2", { class: "rsh-label" }, "Find"),
    make(
      "fieldset",
      { class: "rsh-segments" },
      make("legend", { class: "rsh-hidden" }, "Which tiles to show"),
      byCountLabel,
      byRadiusLabel,
    ),
    make("div", { class: "rsh-slider" }, sliderName, amount, slider),
    make("div", { class: "rsh-order" }, make("label", { for: order.id }, "Order by"), order, orderNote),
  );

  // A trait and not a message: while Python is at work only the newest value waits.
  function search() {
    const old = model.get("search");
    const mode = byRadius.checked ? "radius" : "top_k";
    const value = mode === old.mode ? { [mode]: Number(slider.value) } : {};
    tell(model, "busy", {});
    model.set("search", { ...old, mode, ...value, order: order.value });
    model.save_changes();
    drawSearch();
  }

  function drawSearch() {
    const { mode, top_k, radius, order: chosen } = model.get("search");
    const { max_top_k, num_bits } = model.get("view");
    const inRadius = mode === "radius";
    byCount.checked = !inRadius;
    byRadius.checked = inRadius;
    slider.min = inRadius ? 0 : 1;
    slider.max = inRadius ? num_bits : max_top_k;
    slider.value = inRadius ? radius : top_k;
    slider.disabled = slider.min === slider.max;
    sliderName.textContent = inRadius ? "Hamming radius r" : "Number of tiles k";
    const noun = inRadius ? "bit" : "tile";
    amount.textContent = `${slider.value} ${noun}${slider.value === "1" ? "" : "s"}`;
    slider.setAttribute("aria-valuetext", amount.textContent);
    order.value = chosen;
  }

  function draw() {
    const view = model.get("view");
    const old = images.urls;
    images.urls = [];
    query.replaceChildren(queryCard(view, images.url(view.query.thumb)));
    if (view.marks.length)
      query.append(
        markedTiles(
          model,
          view,
          (thumb) => images.url(thumb),
          button("clear", "Clear marks", "ask with the query alone"),
        ),
      );
    old.forEach((url) => URL.revokeObjectURL(url));
    // aria-disabled keeps the focus where a disabled button would lose it.
    back.setAttribute("aria-disabled", String(!view.can_go_back));
    forward.setAttribute("aria-disabled", String(!view.can_go_forward));
    // Made once: options that are replaced would close the list under who reads it.
    if (!order.length) order.append(...view.orders.map(([value, words]) => make("option", { value }, words)));
    orderNote.textContent = view.order_note;
    drawSearch();
  }

  const stops = [
    redrawOn(model, ["view"], draw),
    redrawOn(model, ["search"], drawSearch),
    listen(model, { alert: () => drawSearch() }),
    () => images.revoke(),
  ];
  return () => stops.forEach((stop) => stop());
}

export default { render };
