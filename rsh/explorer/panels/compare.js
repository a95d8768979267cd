// @ts-check
import { glossary } from "./lib/glossary.js";
import { byRelevance, fillGrid, origin, pointAt, tileCard } from "./lib/grid.js";
import { make, on, redrawOn, stopAll } from "./lib/shared.js";

/** @import { CompareView, Props, SideCard } from "./lib/types" */

const JUDGED = /** @type {const} */ (["average precision"]);

/**
 * The results of two sides next to each other; those of only one side stand out.
 * @param {Props<{ choices: [value: string, words: string][], chosen: string, labeled: boolean, view: Partial<CompareView> }>} props
 */
function render({ model, el }) {
  const page = model.get("page");
  const select = make("select", { id: `rsh-compare-${page}` });
  const note = make("p", { class: "rsh-summary", role: "status" });
  const body = make("div", { class: "rsh-compare-sides" });
  const judged = model.get("labeled") ? JUDGED : [];
  const terms = glossary("overlap@k", ...judged, "unquantized features");
  el.classList.add("rsh-panel", "rsh-compare");
  el.append(
    make(
      "div",
      { class: "rsh-panel-head" },
      make("h2", { class: "rsh-heading" }, make("label", { for: select.id }, "Compare these results with")),
      select,
    ),
    note,
    terms,
    body,
  );
  function drawChoices() {
    const options = model.get("choices").map(([value, text]) => make("option", { value }, text));
    select.replaceChildren(make("option", { value: "" }, "nothing"), ...options);
    select.value = model.get("chosen");
  }
  select.addEventListener("change", () => {
    note.textContent = select.value ? "Comparing…" : "";
    model.set("chosen", select.value);
    model.save_changes();
  });

  /**
   * @param {SideCard} tile
   * @param {boolean} mine
   */
  function card(tile, mine) {
    const words = make(
      "span",
      { class: "rsh-card-text", "aria-hidden": "true" },
      make(
        "span",
        { class: "rsh-card-line" },
        make("span", { class: "rsh-rank" }, String(tile.rank)),
        make("span", { class: "rsh-distance" }, tile.far),
        make("span", { class: "rsh-verdict" }, byRelevance(tile.relevant, "✓", "✗", "")),
      ),
      origin(tile),
      tile.only ? make("span", { class: "rsh-only" }, "only here") : null,
    );
    const classes = `${byRelevance(tile.relevant, "is-right", "is-wrong", "")}${tile.only ? " is-only" : ""}`;
    return tileCard(mine ? model : null, tile, { class: classes, title: mine ? null : tile.alt }, words);
  }

  function draw() {
    const { note: words = "", sides = [] } = model.get("view");
    note.textContent = words;
    terms.hidden = !sides.length;
    body.replaceChildren(
      ...sides.map(({ title, figures, cards, mine }) => {
        const list = make("ol", { class: "rsh-cards", "aria-label": title });
        fillGrid(
          list,
          cards.map((tile) => card(tile, mine)),
        );
        const metrics = figures.map((figure) => figure.replaceAll(" ", "\u00a0")).join("\u00a0· ");
        return make("section", {}, make("h3", {}, title), make("p", { class: "rsh-note" }, metrics), list);
      }),
    );
  }

  return stopAll([
    redrawOn(model, ["choices", "chosen"], drawChoices),
    redrawOn(model, ["view"], draw),
    on(model, {
      hover: ({ row }) => {
        for (const list of body.querySelectorAll("ol")) pointAt(list, row);
      },
    }),
  ]);
}

export default { render };
