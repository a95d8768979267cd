// @ts-check
import { curve, histogram } from "./lib/figures.js";
import { bitsOf, countDifferent, Images, make, on, plural, redrawOn, stopAll } from "./lib/shared.js";

/** @import { Child, CodesView, CodeTile, Props } from "./lib/types" */

/**
 * A hexadecimal digit stands for four bits: one digit over its four cells.
 * @param {string} code
 * @param {number[]} bits
 * @param {number[] | null} other
 * @param {number} start
 */
function nibble(code, bits, other, start) {
  const cells = bits.slice(start, start + 4).map((bit, offset) => {
    const differs = other && bit !== other[start + offset];
    return make("i", { class: `rsh-bit${bit ? " is-one" : ""}${differs ? " is-different" : ""}` });
  });
  const digit = make("b", {}, code[start / 4]);
  return make("span", { class: "rsh-nibble" }, digit, make("span", {}, ...cells));
}

/**
 * Lines of 32 bits, or of 64 for codes so long that they would fill the window.
 * @param {string} label
 * @param {number} numBits
 * @param {HTMLElement[]} nibbles
 */
function strip(label, numBits, nibbles) {
  const columns = Math.min(nibbles.length, numBits > 64 ? 16 : 8);
  const style = `grid-template-columns: repeat(${columns}, 1fr)`;
  return make("span", { class: "rsh-strip", role: "img", "aria-label": label, style }, ...nibbles);
}

/**
 * The first bit of each nibble of a code.
 * @param {number} numBits
 */
const nibbleStarts = (numBits) => Array.from({ length: Math.ceil(numBits / 4) }, (_, index) => index * 4);

/**
 * @param {string} code
 * @param {number[]} bits
 * @param {number[] | null} other
 */
function codeStrip(code, bits, other) {
  const differing = other ? bits.flatMap((bit, place) => (bit === other[place] ? [] : [place + 1])) : [];
  const where = differing.length ? `, differs from the query in bit ${differing.join(", ")}` : "";
  const nibbles = nibbleStarts(bits.length).map((start) => nibble(code, bits, other, start));
  return strip(`code ${code}${where}`, bits.length, nibbles);
}

function bitKey() {
  /** @type {(text: string, ...kinds: string[]) => HTMLElement} */
  const entry = (text, ...kinds) =>
    make("span", {}, ...kinds.map((kind) => make("i", { class: `rsh-bit ${kind}`, "aria-hidden": "true" })), text);
  return make(
    "p",
    { class: "rsh-bit-key" },
    entry("0", ""),
    entry("1", "is-one"),
    entry("differs", "is-different", "is-different is-one"),
  );
}

/**
 * @param {CodeTile} tile
 * @param {string} title
 * @param {number[]} bits
 * @param {number[] | null} other
 */
function codeRow(tile, title, bits, other) {
  return make(
    "div",
    { class: "rsh-code-row" },
    make("img", { src: tile.url, alt: "" }),
    make("span", { class: "rsh-code-name" }, make("strong", {}, title), make("span", { title: tile.name }, tile.name)),
    codeStrip(tile.code, bits, other),
  );
}

/**
 * The results shown, all at once: of each bit, how many have the query's value.
 * @param {number[]} agreement
 * @param {number} shown
 */
function agreementRow(agreement, shown) {
  /** @param {number} share */
  const cell = (share) =>
    make("i", {
      class: "rsh-bit is-share",
      style: `--share:${share}`,
      title: `${Math.round(100 * share)}% agree with the query`,
    });
  const nibbles = nibbleStarts(agreement.length).map((start) =>
    make("span", { class: "rsh-nibble" }, make("span", {}, ...agreement.slice(start, start + 4).map(cell))),
  );
  const all = agreement.filter((share) => share === 1).length;
  const words = `All ${shown} results shown agree with the query in ${plural(all, "bit")}.`;
  return make(
    "div",
    { class: "rsh-code-row rsh-agreement" },
    make("span", { class: "rsh-agreement-count", "aria-hidden": "true" }, String(shown)),
    make(
      "span",
      { class: "rsh-code-name" },
      make("strong", {}, "all shown"),
      make("span", { title: words }, `agree in ${all}`),
    ),
    strip(words, agreement.length, nibbles),
  );
}

/**
 * The query's code above that of a result, and how far all tiles are.
 * @param {Props<{ view: CodesView }>} props
 */
function render({ model, el }) {
  const images = new Images();
  const heading = make("h2", { class: "rsh-heading" }, "Hash codes");
  const lead = make("p", { class: "rsh-note" });
  const pair = make("div", { class: "rsh-pair" });
  const verdict = make("p", { class: "rsh-code-distance" });
  const together = make("div");
  const far = make("div", { class: "rsh-codes-plot" });
  const good = make("div", { class: "rsh-codes-plot" });
  el.classList.add("rsh-panel", "rsh-codes");
  el.append(
    make(
      "div",
      { class: "rsh-code-comparison" },
      heading,
      lead,
      pair,
      make("div", { class: "rsh-verdict-line" }, verdict, bitKey()),
      together,
    ),
    far,
    good,
  );
  let queryUrl = "";
  let firstUrl = "";

  /** @param {CodeTile | null} tile */
  function compare(tile) {
    const view = model.get("view");
    const bits = bitsOf(view.query.code, view.num_bits);
    pair.replaceChildren(codeRow({ ...view.query, url: queryUrl }, "query", bits, null));
    if (!tile) {
      verdict.textContent = "";
      return;
    }
    const other = bitsOf(tile.code, view.num_bits);
    const title = tile.row === view.query.row ? "query" : tile.rank ? `rank ${tile.rank}` : "this tile";
    pair.append(codeRow(tile, title, other, bits));
    const differ = countDifferent(bits, other);
    verdict.replaceChildren(
      make(
        "strong",
        {},
        differ ? `${differ} of ${view.num_bits} bits ${differ === 1 ? "differs" : "differ"}` : "The codes are the same",
      ),
      `: the Hamming distance is ${differ}.`,
    );
  }

  function compareFirst() {
    const { first } = model.get("view");
    compare(first && { ...first, url: firstUrl });
  }

  /** @param {CodesView} view */
  const heightNote = (view) =>
    !view.judged
      ? ["bar height: square root of the count"]
      : [
          make("b", { class: "is-right" }, "same class"),
          ", ",
          make("b", { class: "is-wrong" }, "other classes"),
          ...(view.histogram.unknown.some(Boolean) ? [", ", make("b", { class: "is-unknown" }, "no class")] : []),
          "; bar height: square root of the count",
        ];

  function draw() {
    const view = model.get("view");
    if (!view.query) return;
    queryUrl = images.url(view.query.thumb);
    firstUrl = view.first ? images.url(view.first.thumb) : "";
    lead.textContent = `Each tile has a code of ${view.num_bits} bits. The fewer bits differ, the nearer the tile.`;
    compareFirst();
    together.replaceChildren(...(view.shown > 1 ? [agreementRow(view.agreement, view.shown)] : []));
    /** @type {(...children: Child[]) => HTMLElement} */
    const note = (...children) => make("p", { class: "rsh-note" }, ...children);
    far.replaceChildren(make("h3", {}, "Distance distribution"), note(...heightNote(view)), histogram(view));
    good.hidden = !view.curve.length;
    if (good.hidden) good.replaceChildren();
    else {
      const dots = note("of this query: each dot adds a bit to the radius");
      good.replaceChildren(make("h3", {}, "Precision and recall"), dots, curve(view));
    }
  }

  return stopAll([
    redrawOn(model, ["view"], () => images.redraw(draw)),
    on(model, {
      hover: (tile) => {
        if (tile.row === null) compareFirst();
        else if (tile.code) compare(/** @type {CodeTile} */ (tile));
      },
    }),
    () => images.revoke(),
  ]);
}

export default { render };
