// @ts-check
import { curve, histogram } from "./lib/figures.js";
import { bitsOf, countDifferent, imageUrl, make, on, plural, redrawOn, stopAll } from "./lib/shared.js";

/** @import { Child, CodeParts, CodesView, CodeTile, Props } from "./lib/types" */

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
 * Nibbles in lines of some columns.
 * @param {string} label
 * @param {number} columns
 * @param {HTMLElement[]} nibbles
 */
function strip(label, columns, nibbles) {
  const style = `--columns: ${columns}`;
  return make("span", { class: "rsh-strip", role: "img", "aria-label": label, style }, ...nibbles);
}

/**
 * The nibbles in one line: of 32 bits, or of 64 for codes so long that they would fill the window.
 * @param {number} numBits
 */
const columnsOf = (numBits) => Math.min(Math.ceil(numBits / 4), numBits > 64 ? 16 : 8);

/**
 * The first bit of each nibble of a code.
 * @param {number} numBits
 */
const nibbleStarts = (numBits) => Array.from({ length: Math.ceil(numBits / 4) }, (_, index) => index * 4);

/**
 * A strip for each part of a code side by side, under its name; one strip for a code that is not divided.
 * @param {CodeParts} parts
 * @param {number} numBits
 * @param {(start: number, stop: number, columns: number, part: string) => HTMLElement} draw
 * @param {(start: number, stop: number, name: string) => string} title
 */
function inParts(parts, numBits, draw, title) {
  if (!parts.length) return draw(0, numBits, columnsOf(numBits), "");
  const lines = Math.ceil(numBits / 4 / columnsOf(numBits));
  let stop = 0;
  const strips = parts.map(([name, size]) => {
    const start = stop;
    stop += size;
    const columns = Math.ceil(size / 4 / lines);
    const words = make("span", { class: "rsh-part-name", "aria-hidden": "true" }, title(start, stop, name));
    const style = `--columns: ${columns}`;
    return make("span", { class: "rsh-part", style }, words, draw(start, stop, columns, `${name} bits, `));
  });
  return make("span", { class: "rsh-parts" }, ...strips);
}

/**
 * @param {CodeTile} tile
 * @param {number[]} bits
 * @param {number[] | null} other
 * @param {CodeParts} parts
 */
function codeStrip({ code }, bits, other, parts) {
  /** @type {(start: number, stop: number) => number[]} */
  const differing = (start, stop) =>
    other ? bits.flatMap((bit, at) => (at >= start && at < stop && bit !== other[at] ? [at + 1] : [])) : [];
  return inParts(
    parts,
    bits.length,
    (start, stop, columns, part) => {
      const places = differing(start, stop);
      const where = places.length ? `, differs from the query in bit ${places.join(", ")}` : "";
      const nibbles = nibbleStarts(stop - start).map((at) => nibble(code, bits, other, start + at));
      return strip(`${part}code ${code.slice(start / 4, Math.ceil(stop / 4))}${where}`, columns, nibbles);
    },
    (start, stop, name) =>
      other ? `${differing(start, stop).length} of ${stop - start} differ` : `${stop - start} ${name} bits`,
  );
}

/**
 * " (class 2 of 48, look 5 of 16)", or nothing for codes that are not divided.
 * @param {CodeParts} parts
 * @param {number[]} bits
 * @param {number[]} others
 */
function byPart(parts, bits, others) {
  let start = 0;
  const words = parts.map(([name, size]) => {
    const [one, other] = [bits, others].map((each) => each.slice(start, start + size));
    start += size;
    return `${name} ${countDifferent(one, other)} of ${size}`;
  });
  return words.length ? ` (${words.join(", ")})` : "";
}

/**
 * ": 48 class bits say what it is, 16 look bits say what it looks like", or nothing.
 * @param {CodeParts} parts
 */
const partWords = (parts) =>
  parts.length ? `: ${parts.map(([name, size, meaning]) => `${size} ${name} bits ${meaning}`).join(", ")}` : "";

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
 * @param {CodeParts} parts
 */
function codeRow(tile, title, bits, other, parts) {
  return make(
    "div",
    { class: "rsh-code-row" },
    make("img", { src: tile.url, alt: "" }),
    make("span", { class: "rsh-code-name" }, make("strong", {}, title), make("span", { title: tile.name }, tile.name)),
    codeStrip(tile, bits, other, parts),
  );
}

/**
 * The results shown, all at once: of each bit, how many have the query's value.
 * @param {number[]} agreement
 * @param {number} shown
 * @param {CodeParts} parts
 */
function agreementRow(agreement, shown, parts) {
  /** @param {number} share */
  const cell = (share) =>
    make("i", {
      class: "rsh-bit is-share",
      style: `--share:${share}`,
      title: `${Math.round(100 * share)}% agree with the query`,
    });
  /** @type {(start: number, stop: number) => number} */
  const agreed = (start, stop) => agreement.slice(start, stop).filter((share) => share === 1).length;
  const all = agreed(0, agreement.length);
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
    inParts(
      parts,
      agreement.length,
      (start, stop, columns, part) => {
        const nibbles = nibbleStarts(stop - start).map((at) =>
          make(
            "span",
            { class: "rsh-nibble" },
            make("span", {}, ...agreement.slice(start + at, Math.min(start + at + 4, stop)).map(cell)),
          ),
        );
        return strip(part ? `${part}all agree in ${agreed(start, stop)}` : words, columns, nibbles);
      },
      (start, stop) => `agree in ${agreed(start, stop)}`,
    ),
  );
}

/**
 * The query's code above that of a result, and how far all tiles are.
 * @param {Props<{ view: CodesView }>} props
 */
function render({ model, el }) {
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
    pair.replaceChildren(codeRow({ ...view.query, url: queryUrl }, "query", bits, null, view.parts));
    if (!tile) {
      verdict.textContent = "";
      return;
    }
    const other = bitsOf(tile.code, view.num_bits);
    const title = tile.row === view.query.row ? "query" : tile.rank ? `rank ${tile.rank}` : "this tile";
    pair.append(codeRow(tile, title, other, bits, view.parts));
    const differ = countDifferent(bits, other);
    verdict.replaceChildren(
      make(
        "strong",
        {},
        differ ? `${differ} of ${view.num_bits} bits ${differ === 1 ? "differs" : "differ"}` : "The codes are the same",
      ),
      `: the Hamming distance is ${differ}${byPart(view.parts, bits, other)}.`,
    );
  }

  function compareFirst() {
    const { first } = model.get("view");
    compare(first && { ...first, url: firstUrl });
  }

  /** @param {CodesView} view */
  const heightNote = (view) =>
    !view.judged
      ? [`bar height: square root of the count${counted(view)}`]
      : [
          make("b", { class: "is-right" }, view.relevance.same),
          ", ",
          make("b", { class: "is-wrong" }, view.relevance.other),
          ...(view.histogram.unknown.some(Boolean)
            ? [", ", make("b", { class: "is-unknown" }, `no ${view.relevance.label}`)]
            : []),
          `; bar height: square root of the count${counted(view)}`,
        ];

  /** Which tiles are counted, if not all. @param {CodesView} view */
  const counted = (view) => (view.counted ? `, ${view.counted}` : "");

  function draw() {
    const view = model.get("view");
    if (!view.query) return;
    queryUrl = imageUrl(view.query.thumb);
    firstUrl = view.first ? imageUrl(view.first.thumb) : "";
    lead.textContent =
      `Each tile has a code of ${view.num_bits} bits${partWords(view.parts)}. ` +
      "The fewer bits differ, the nearer the tile.";
    compareFirst();
    together.replaceChildren(...(view.shown > 1 ? [agreementRow(view.agreement, view.shown, view.parts)] : []));
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
    redrawOn(model, ["view"], draw),
    on(model, {
      hover: (tile) => {
        // A tile stays compared while the way to this panel leads over nothing, as it does on a phone.
        if (tile.row === null || !tile.code || !model.get("view").query) return;
        compare(/** @type {CodeTile} */ (tile));
      },
    }),
  ]);
}

export default { render };
