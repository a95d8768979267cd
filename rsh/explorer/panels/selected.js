import { fillGrid, pointAt, tileButton } from "./lib/grid.js";
import { Images, listen, make, redrawOn } from "./lib/shared.js";

// What was drawn around in a plane, as cards.
function render({ model, el }) {
  const images = new Images();
  const heading = make("h2", { class: "rsh-heading" });
  const note = make("p", { class: "rsh-note" });
  const list = make("ol", { class: "rsh-cards" });
  el.classList.add("rsh-panel", "rsh-picked");
  el.append(heading, note, list);

  function card(tile) {
    const url = images.url(tile.thumb);
    const words = make(
      "span",
      { class: "rsh-card-text", "aria-hidden": "true" },
      make("span", { class: "rsh-distance" }, tile.far),
      make("span", { class: "rsh-class" }, make("span", {}, tile.name)),
    );
    return tileButton(
      model,
      tile,
      url,
      { class: "rsh-card" },
      make("img", { src: url, alt: tile.alt, draggable: "false" }),
      words,
    );
  }

  function draw() {
    const { heading: title = "", note: words = "", cards = [] } = model.get("view");
    const old = images.urls;
    images.urls = [];
    el.hidden = !title;
    heading.textContent = title;
    note.textContent = words;
    list.setAttribute("aria-label", title);
    fillGrid(list, cards.map(card));
    old.forEach((url) => URL.revokeObjectURL(url));
  }

  const stops = [
    redrawOn(model, ["view"], draw),
    listen(model, { hover: ({ row }) => pointAt(list, row) }),
    () => images.revoke(),
  ];
  return () => stops.forEach((stop) => stop());
}

export default { render };
