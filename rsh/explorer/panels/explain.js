import { fillGrid, pointAt, tileButton } from "./lib/grid.js";
import { Images, listen, make, redrawOn } from "./lib/shared.js";

const PARTS = [
  ["parts", "Which parts of the query make its code?"],
  ["bit", "What has a bit learned?"],
  ["pairs", "Which classes are confused?"],
];

// Three questions; each is answered when it is opened, since each takes Python some work.
function render({ model, el }) {
  const images = new Images();
  const bodies = {};
  const ask = (change) => {
    model.set("asked", { ...model.get("asked"), ...change });
    model.save_changes();
  };
  const details = PARTS.map(([name, title]) => {
    bodies[name] = make("div", { class: "rsh-reason" });
    const node = make("details", {}, make("summary", {}, title), bodies[name]);
    node.addEventListener("toggle", () => {
      const others = model.get("asked").open.filter((other) => other !== name);
      ask({ open: node.open ? [...others, name] : others });
    });
    return node;
  });
  el.classList.add("rsh-panel", "rsh-reasons");
  el.append(make("h2", { class: "rsh-heading" }, "Why?"), ...details);

  const page = model.get("page");
  function bitChoice(name) {
    const select = make("select", {
      id: `rsh-bit-${name}-${page}`,
      onchange: () => ask({ bit: select.selectedIndex }),
    });
    const options = Array.from({ length: model.get("view").num_bits }, (_, bit) =>
      make("option", {}, `bit ${bit + 1}`),
    );
    select.append(...options);
    select.selectedIndex = model.get("asked").bit;
    return make("label", { class: "rsh-bit-choice" }, "Look at ", select);
  }

  function tiles(list, cards, words) {
    fillGrid(
      list,
      cards.map((card) => {
        const url = images.url(card.thumb);
        const image = make("img", { src: url, alt: card.alt, draggable: "false" });
        return tileButton(model, card, url, { class: "rsh-card", title: card.alt }, image, words?.(card));
      }),
    );
    return list;
  }

  const working = make("p", { class: "rsh-note", role: "status" });
  const start = make(
    "button",
    { type: "button", onclick: () => model.send({ kind: "parts" }) },
    "Cover it part by part",
  );
  function drawParts({ images: heats, note }) {
    const figures = heats.map(({ title, note: words, png, alt }) => {
      const url = images.url(png);
      return make(
        "figure",
        {},
        make("img", { src: url, alt }),
        make("figcaption", {}, make("strong", {}, title), make("span", {}, words)),
      );
    });
    const lead = make(
      "p",
      { class: "rsh-note" },
      "A gray patch slides over the tile (occlusion): where the code changes most, there it looks.",
    );
    bodies.parts.replaceChildren(
      lead,
      ...(heats.length ? [bitChoice("parts"), make("div", { class: "rsh-heats" }, ...figures)] : [start]),
      working,
      make("p", { class: "rsh-note" }, note),
    );
  }

  function drawBit({ note, on, off, shares }) {
    const bar = ([name, share]) =>
      make(
        "li",
        {},
        make("span", { title: name }, name),
        make("i", { style: `--share:${share}` }),
        make("b", {}, `${Math.round(100 * share)}%`),
      );
    const side = (title, cards) =>
      make("div", {}, make("h3", {}, title), tiles(make("ol", { class: "rsh-cards", "aria-label": title }), cards));
    bodies.bit.replaceChildren(
      bitChoice("bit"),
      make("p", { class: "rsh-note" }, note),
      make(
        "div",
        { class: "rsh-learned" },
        side("Most surely 1", on),
        side("Most surely 0", off),
        make(
          "div",
          {},
          make("h3", {}, "Share of each class that has it on"),
          make("ul", { class: "rsh-shares" }, ...shares.map(bar)),
        ),
      ),
    );
  }

  function drawPairs({ pairs, chosen, note, tiles: cards }) {
    const select = make("select", {
      "aria-label": "Pair of classes",
      onchange: () => ask({ pair: select.selectedIndex }),
    });
    select.append(...pairs.map(([names, margin]) => make("option", {}, `${names}: margin ${margin}`)));
    select.selectedIndex = chosen ?? -1;
    const facing = (card) =>
      make(
        "span",
        { class: "rsh-facing", "aria-hidden": "true" },
        make("img", { src: images.url(card.other.thumb), alt: "" }),
        make("span", {}, make("strong", {}, card.name), card.far),
      );
    const lead =
      "The margin is how many bits farther the other class lies than the own one, on average: the smaller, the more confused.";
    bodies.pairs.replaceChildren(
      make("p", { class: "rsh-note" }, lead),
      ...(pairs.length ? [select] : []),
      make("p", { class: "rsh-note" }, note),
      tiles(make("ol", { class: "rsh-cards rsh-border", "aria-label": "Tiles on the border" }), cards, facing),
    );
  }

  const draws = { parts: drawParts, bit: drawBit, pairs: drawPairs };
  function draw() {
    const view = model.get("view");
    const focused = document.activeElement?.id;
    const old = images.urls;
    images.urls = [];
    for (const [name, drawOne] of Object.entries(draws)) if (view[name]) drawOne(view[name]);
    old.forEach((url) => URL.revokeObjectURL(url));
    if (focused && el.querySelector(`[id="${focused}"]`)) el.querySelector(`[id="${focused}"]`).focus();
  }

  const stops = [
    redrawOn(model, ["view"], draw),
    redrawOn(model, ["working"], () => {
      working.textContent = model.get("working");
      start.disabled = Boolean(working.textContent);
    }),
    listen(model, { hover: ({ row }) => el.querySelectorAll("ol").forEach((list) => pointAt(list, row)) }),
    () => images.revoke(),
  ];
  return () => stops.forEach((stop) => stop());
}

export default { render };
