import { bitsOf, countDifferent, listen, make, Pictures, plural, redrawOn } from "./shared.js";

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
    { class: "rsh-strip", role: "img", "aria-label": `code ${code.toUpperCase()}${where}`, style: `grid-template-columns: repeat(${columns}, 1fr)` },
    ...starts.map((start) => nibble(code, bits, other, start)),
  );
}

function bitKey() {
  const entries = [[[""], "0"], [["is-one"], "1"], [["is-different", "is-different is-one"], "differs"]];
  const swatch = (kind) => make("i", { class: `rsh-bit ${kind}`, "aria-hidden": "true" });
  return make("p", { class: "rsh-bit-key" }, ...entries.map(([kinds, text]) => make("span", {}, ...kinds.map(swatch), text)));
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

// How far everything is: one column a distance, for long codes one a few distances, the query's
// class below and the others on top. Heights grow with the square root of the count, or the few
// near tiles could not be seen beside the many far ones.
function histogram(view) {
  const { same, other } = view.histogram;
  const width = Math.ceil(same.length / 65);
  const sum = (counts, start) => counts.slice(start, start + width).reduce((total, count) => total + count, 0);
  const starts = Array.from({ length: Math.ceil(same.length / width) }, (_, index) => index * width);
  const bins = starts.map((start) => ({ start, same: sum(same, start), other: sum(other, start) }));
  const most = Math.max(...bins.map((bin) => bin.same + bin.other), 1);
  return make(
    "figure",
    { class: "rsh-histogram" },
    make(
      "div",
      { class: `rsh-columns${bins.length > 40 ? " is-dense" : ""}`, role: "img", "aria-label": histogramWords(view) },
      ...bins.map((bin) => column(bin, width, most, bin.start <= view.reach)),
    ),
    make("div", { class: "rsh-axis" }, make("span", {}, "0"), make("span", {}, "bits away from the query"), make("span", {}, String(view.num_bits))),
  );
}

function histogramWords({ histogram: { same, other }, reach }) {
  const sum = (counts) => counts.reduce((total, count) => total + count, 0);
  const nearest = same.findIndex((count, distance) => count + other[distance] > 0);
  if (nearest < 0) return "no other tiles";
  const parts = [
    [`up to ${plural(reach, "bit")} away`, same.slice(0, reach + 1), other.slice(0, reach + 1)],
    ["farther", same.slice(reach + 1), other.slice(reach + 1)],
  ].map(([where, right, wrong]) => `${where} ${sum(right).toLocaleString("en")} of the query's class and ${sum(wrong).toLocaleString("en")} of others`);
  return `Distances of all other tiles: the nearest ${plural(nearest, "bit")} away; ${parts.join("; ")}.`;
}

function column({ start, same, other }, width, most, shown) {
  const total = same + other;
  const part = (count, kind) =>
    make("i", { class: kind, style: `height:${(100 * Math.sqrt(total / most) * count) / (total || 1)}%` });
  const where = width === 1 ? plural(start, "bit") : `${start} to ${start + width - 1} bits`;
  const title = `${where}: ${plural(total, "tile")}, ${same.toLocaleString("en")} of the same class`;
  return make("span", { class: `rsh-column${shown ? " is-shown" : ""}`, title }, part(other, "is-wrong"), part(same, "is-right"));
}

function render({ model, el }) {
  const pictures = new Pictures();
  const heading = make("h2", { class: "rsh-heading" });
  const pair = make("div", { class: "rsh-pair" });
  const verdict = make("p", { class: "rsh-differ" });
  const side = make("div", { class: "rsh-side" });
  el.classList.add("rsh-panel", "rsh-bits");
  const lead = make("p", { class: "rsh-note" });
  el.append(make("div", { class: "rsh-compare" }, heading, lead, pair, make("div", { class: "rsh-verdict-line" }, verdict, bitKey())), side);
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
      make("strong", {}, differ ? `${differ} of ${view.num_bits} bits ${differ === 1 ? "differs" : "differ"}` : "the same code, bit by bit"),
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
    pictures.revoke();
    queryUrl = pictures.url(view.query.thumb);
    firstUrl = view.first ? pictures.url(view.first.thumb) : "";
    heading.textContent = "What the search compares";
    lead.textContent = `Each tile has become a code of ${view.num_bits} bits. The fewer bits differ, the nearer the tile.`;
    compare(first());
    side.replaceChildren(make("h3", {}, "How far is the rest?"), key, histogram(view));
  }

  const stops = [
    redrawOn(model, ["view"], draw),
    listen(model, {
      hover: (tile) => (tile.row === null ? compare(first()) : tile.code && compare(tile)),
    }),
    () => pictures.revoke(),
  ];
  return () => stops.forEach((stop) => stop());
}

export default { render };
