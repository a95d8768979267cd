// @ts-check
import { fillGrid, pointAt, tileCard } from "./lib/grid.js";
import { make, on, redrawOn, stopAll } from "./lib/shared.js";

/** @import { ClassView, Props } from "./lib/types" */

/**
 * A class, then one of its tiles: some at a time, because a class may hold thousands.
 * @param {Props<{ view: ClassView }>} props
 */
function render({ model, el }) {
  const page = model.get("page");
  const select = make("select", {
    id: `rsh-class-${page}`,
    onchange: () => model.send({ kind: "class", number: select.selectedIndex }),
  });
  const shown = make("span", { role: "status" });
  const next = make("button", { type: "button", onclick: () => model.send({ kind: "others" }) }, "Next 24");
  const all = make(
    "button",
    { type: "button", class: "rsh-quiet", onclick: () => model.send({ kind: "select class" }) },
    "Select all",
  );
  const { classes, label } = model.get("view");
  const labeled = classes.length > 0;
  const words = { class: "Tiles of this class", label: "Tiles with this label" }[label];
  const list = make("ol", { class: "rsh-class-tiles", "aria-label": labeled ? words : "Tiles" });
  el.classList.add("rsh-panel", "rsh-class-browser");
  el.append(
    make("h2", { class: "rsh-label" }, labeled ? make("label", { for: select.id }, `Browse by ${label}`) : "Browse"),
    ...(labeled ? [select] : []),
    make("div", { class: "rsh-pager" }, shown, all, next),
    make("p", { class: "rsh-note" }, "Click a tile to search with it."),
    list,
  );

  const showChosen = () => {
    select.selectedIndex = model.get("view").chosen;
  };

  function draw() {
    const { classes, cards, first, total } = model.get("view");
    const options = classes.map(({ name, count }) => make("option", {}, `${name} (${count.toLocaleString("en")})`));
    if (select.options.length !== options.length) select.replaceChildren(...options);
    showChosen();
    fillGrid(
      list,
      cards.map((card) => tileCard(model, card, { class: card.current ? "is-current" : "", title: card.alt })),
    );
    const last = first + cards.length - 1;
    shown.textContent = `${first === last ? "" : `${first}–`}${last} of ${total.toLocaleString("en")}`;
    next.hidden = cards.length === total;
  }

  return stopAll([
    redrawOn(model, ["view"], draw),
    on(model, { hover: ({ row }) => pointAt(list, row), alert: showChosen }),
  ]);
}

export default { render };
