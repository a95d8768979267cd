import { fillGrid, pointAt, tileButton } from "./lib/grid.js";
import { Images, listen, make, redrawOn } from "./lib/shared.js";

// A class, then one of its tiles: some at a time, because a class may hold thousands.
function render({ model, el }) {
  const images = new Images();
  const page = model.get("page");
  const select = make("select", {
    id: `rsh-class-${page}`,
    onchange: () => model.send({ kind: "class", number: select.selectedIndex }),
  });
  const which = make("span", { role: "status" });
  const others = make("button", { type: "button", onclick: () => model.send({ kind: "others" }) }, "Show others");
  const list = make("ol", { class: "rsh-chooser", "aria-label": "Tiles to choose from" });
  el.classList.add("rsh-panel", "rsh-choose");
  el.append(
    make("h2", { class: "rsh-label" }, make("label", { for: select.id }, "Choose a query by class")),
    select,
    make("div", { class: "rsh-pager" }, make("span", {}, "Then pick a tile", make("br"), which), others),
    list,
  );

  function tile(card) {
    const url = images.url(card.thumb);
    const attributes = { class: `rsh-card${card.current ? " is-current" : ""}`, title: card.alt };
    return tileButton(model, card, url, attributes, make("img", { src: url, alt: card.alt, draggable: "false" }));
  }

  function draw() {
    const { classes, chosen, cards, first, total } = model.get("view");
    const options = classes.map(({ name, count }) => make("option", {}, `${name} (${count.toLocaleString("en")})`));
    if (select.options.length !== options.length) select.replaceChildren(...options);
    select.selectedIndex = chosen;
    const old = images.urls;
    images.urls = [];
    fillGrid(list, cards.map(tile));
    old.forEach((url) => URL.revokeObjectURL(url));
    const last = first + cards.length - 1;
    which.textContent = `${first === last ? "" : `${first}–`}${last} of ${total.toLocaleString("en")}`;
    others.hidden = cards.length === total;
  }

  const stops = [
    redrawOn(model, ["view"], draw),
    listen(model, { hover: ({ row }) => pointAt(list, row) }),
    () => images.revoke(),
  ];
  return () => stops.forEach((stop) => stop());
}

export default { render };
