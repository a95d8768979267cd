import { curve, histogram } from "./lib/figures.js";
import { bitsOf, countDifferent, Images, listen, make, plural, redrawOn } from "./lib/shared.js";

// A hexadecimal digit stands for four bits: one digit over its four cells.
function nibble(code, bits, other, start) {
  const cells = bits.slice(start, start + 4).map((bit, offset) => {
    const differs = other && bit !== other[start + offset];
    return make("i", { class: `rsh-bit${bit ? " is-one" : ""}${differs ? " is-different" : ""}` });
  });
  const digit = make("b", {}, code[start / 4].toUpperCase());
  return make("span", { class: "rsh-nibble" }, digit, make("span", {}, ...cells));
}

// Lines of 32 bits, or of 64 for codes so long that they would fill the window.
function strip(code, bits, other) {
  const differing = other ? bits.flatMap((bit, place) => (bit === other[place] ? [] : [place + 1])) : [];
  const where = differing.length ? `, differs from the query in bit ${differing.join(", ")}` : "";
  const columns = Math.min(Math.ceil(bits.length / 4), bits.length > 64 ? 16 : 8);
  const starts = Array.from({ length: Math.ceil(bits.length / 4) }, (_, index) => index * 4);
  return make(
    "span",
    {
      class: "rsh-strip",
      role: "img",
      "aria-label": `code ${code.toUpperCase()}${where}`,
      style: `grid-template-columns: repeat(${columns}, 1fr)`,
    },
    ...starts.map((start) => nibble(code, bits, other, start)),
  );
}

function bitKey() {
  const entries = [
    [[""], "0"],
    [["is-one"], "1"],
    [["is-different", "is-different is-one"], "differs"],
  ];
  const swatch = (kind) => make("i", { class: `rsh-bit ${kind}`, "aria-hidden": "true" });
  return make(
    "p",
    { class: "rsh-bit-key" },
    ...entries.map(([kinds, text]) => make("span", {}, ...kinds.map(swatch), text)),
  );
}

function codeRow(tile, title, bits, other) {
  return make(
    "div",
    { class: "rsh-code-row" },
    make("img", { src: tile.url, alt: "" }),
    make("span", { class: "rsh-code-who" }, make("strong", {}, title), make("span", { title: tile.name }, tile.name)),
    strip(tile.code, bits, other),
  );
}

// The tiles shown, all at once: of each bit, how many have the query's value.
function agreementRow(agreement, shown) {
  const cell = (share) =>
    make("i", {
      class: "rsh-bit is-share",
      style: `--share:${share}`,
      title: `${Math.round(100 * share)} % agree with the query`,
    });
  const nibbles = Array.from({ length: Math.ceil(agreement.length / 4) }, (_, place) => {
    return make(
      "span",
      { class: "rsh-nibble" },
      make("span", {}, ...agreement.slice(4 * place, 4 * place + 4).map(cell)),
    );
  });
  const columns = Math.min(nibbles.length, agreement.length > 64 ? 16 : 8);
  const all = agreement.filter((share) => share === 1).length;
  const words = `In ${plural(all, "bit")} all ${shown} tiles shown agree with the query.`;
  return make(
    "div",
    { class: "rsh-code-row rsh-agreement" },
    make("span", { class: "rsh-agreement-count", "aria-hidden": "true" }, String(shown)),
    make(
      "span",
      { class: "rsh-code-who" },
      make("strong", {}, "all shown"),
      make("span", { title: words }, `agree in ${all}`),
    ),
    make(
      "span",
      { class: "rsh-strip", role: "img", "aria-label": words, style: `grid-template-columns: repeat(${columns}, 1fr)` },
      ...nibbles,
    ),
  );
}

function render({ model, el }) {
  const images = new Images();
  const heading = make("h2", { class: "rsh-heading" });
  const pair = make("div", { class: "rsh-pair" });
  const verdict = make("p", { class: "rsh-differ" });
  const [together, far, good] = [make("div"), make("div", { class: "rsh-side" }), make("div", { class: "rsh-side" })];
  el.classList.add("rsh-panel", "rsh-bits");
  const lead = make("p", { class: "rsh-note" });
  el.append(
    make(
      "div",
      { class: "rsh-compare" },
      heading,
      lead,
      pair,
      make("div", { class: "rsh-verdict-line" }, verdict, bitKey()),
      together,
    ),
    far,
    good,
  );
  const key = make(
    "p",
    { class: "rsh-note" },
    make("b", { class: "is-right" }, "same class"),
    ", ",
    make("b", { class: "is-wrong" }, "other classes"),
    "; height: square root of their number",
  );
  let queryUrl = "";

  function compare(tile) {
    const view = model.get("view");
    const bits = bitsOf(view.query.code, view.num_bits);
    const query = { ...view.query, url: queryUrl };
    const other = tile ? bitsOf(tile.code, view.num_bits) : null;
    pair.replaceChildren(codeRow(query, "query", bits, null));
    if (!tile) {
      verdict.textContent = "";
      return;
    }
    const title = tile.row === view.query.row ? "query" : tile.rank ? `rank ${tile.rank}` : "this tile";
    pair.append(codeRow(tile, title, other, bits));
    const differ = countDifferent(bits, other);
    verdict.replaceChildren(
      make(
        "strong",
        {},
        differ
          ? `${differ} of ${view.num_bits} bits ${differ === 1 ? "differs" : "differ"}`
          : "the same code, bit by bit",
      ),
      ` — their Hamming distance is ${differ}.`,
    );
  }

  function first() {
    const view = model.get("view");
    return view.first ? { ...view.first, url: firstUrl } : null;
  }
  let firstUrl = "";

  function draw() {
    const view = model.get("view");
    if (!view.query) return;
    images.revoke();
    queryUrl = images.url(view.query.thumb);
    firstUrl = view.first ? images.url(view.first.thumb) : "";
    heading.textContent = "What the search compares";
    lead.textContent = `Each tile has become a code of ${view.num_bits} bits. The fewer bits differ, the nearer the tile.`;
    compare(first());
    together.replaceChildren(...(view.shown > 1 ? [agreementRow(view.agreement, view.shown)] : []));
    const anyTile = make("p", { class: "rsh-note" }, "height: square root of the number of tiles");
    far.replaceChildren(make("h3", {}, "How far is the rest?"), view.query.row < 0 ? anyTile : key, histogram(view));
    const note = make("p", { class: "rsh-note" }, "of this query: each dot is one more bit of radius");
    good.replaceChildren(...(view.curve.length ? [make("h3", {}, "Precision and recall"), note, curve(view)] : []));
    good.hidden = !view.curve.length;
  }

  const stops = [
    redrawOn(model, ["view"], draw),
    listen(model, {
      hover: (tile) => (tile.row === null ? compare(first()) : tile.code && compare(tile)),
    }),
    () => images.revoke(),
  ];
  return () => stops.forEach((stop) => stop());
}

export default { render };
