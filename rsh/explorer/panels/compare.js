import { glossary } from "./lib/glossary.js";
import { fillGrid, pointAt, tileButton } from "./lib/grid.js";
import { Images, listen, make, redrawOn } from "./lib/shared.js";

// Two answers to one question side by side; what only one of them found stands out.
function render({ model, el }) {
  const images = new Images();
  const page = model.get("page");
  const select = make("select", { id: `rsh-side-${page}` });
  const note = make("p", { class: "rsh-summary", role: "status" });
  const body = make("div", { class: "rsh-two" });
  const terms = glossary("overlap@k", "average precision", "features before the bits");
  el.classList.add("rsh-panel", "rsh-sides");
  el.append(
    make(
      "div",
      { class: "rsh-answer" },
      make("h2", { class: "rsh-heading" }, make("label", { for: select.id }, "Compare with")),
      select,
    ),
    note,
    terms,
    body,
  );
  select.append(
    make("option", { value: "" }, "nothing"),
    ...model.get("choices").map(([value, text]) => make("option", { value }, text)),
  );
  select.value = model.get("chosen");
  select.addEventListener("change", () => {
    note.textContent = select.value ? "Comparing…" : "";
    model.set("chosen", select.value);
    model.save_changes();
  });

  function card(tile, mine) {
    const url = images.url(tile.thumb);
    const classes = `rsh-card ${tile.relevant ? "is-right" : "is-wrong"}${tile.only ? " is-only" : ""}`;
    const words = make(
      "span",
      { class: "rsh-card-text", "aria-hidden": "true" },
      make(
        "span",
        { class: "rsh-card-line" },
        make("span", { class: "rsh-rank" }, String(tile.rank)),
        make("span", { class: "rsh-distance" }, tile.far),
        make("span", { class: "rsh-verdict" }, tile.relevant ? "✓" : "✗"),
      ),
      tile.only ? make("span", { class: "rsh-only" }, "only here") : null,
    );
    const image = make("img", { src: url, alt: tile.alt, draggable: "false" });
    if (mine) return tileButton(model, tile, url, { class: classes }, image, words);
    // A tile of another gallery: its row means nothing here.
    return make("button", { type: "button", class: classes, "aria-disabled": "true", title: tile.alt }, image, words);
  }

  function draw() {
    const { note: words = "", sides = [] } = model.get("view");
    const old = images.urls;
    images.urls = [];
    note.textContent = words;
    terms.hidden = !sides.length;
    body.replaceChildren(
      ...sides.map(({ title, figures, cards, mine }) => {
        const list = make("ol", { class: "rsh-cards", "aria-label": title });
        fillGrid(
          list,
          cards.map((tile) => card(tile, mine)),
        );
        return make(
          "section",
          {},
          make("h3", {}, title),
          make("p", { class: "rsh-note" }, figures.map((figure) => figure.replaceAll(" ", "\u00a0")).join("\u00a0· ")),
          list,
        );
      }),
    );
    old.forEach((url) => URL.revokeObjectURL(url));
  }

  const stops = [
    redrawOn(model, ["view"], draw),
    listen(model, { hover: ({ row }) => body.querySelectorAll("ol").forEach((list) => pointAt(list, row)) }),
    () => images.revoke(),
  ];
  return () => stops.forEach((stop) => stop());
}

export default { render };
