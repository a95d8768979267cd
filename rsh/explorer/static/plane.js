import { bitsOf, countDifferent, listen, make, Pictures, plural, redrawOn, tell } from "./shared.js";
import { PlaneView } from "./plane_view.js";
import { steer } from "./plane_steer.js";
import { drawBackground, drawHit, drawRing, drawSpokes, drawStar, readInk } from "./plane_draw.js";
import { dotRadius, drawPoints, makeSprites } from "./plane_points.js";

const CARD_AFTER = 125; // ms: a pointer that only passes by asks Python for nothing
const CARD_STAYS = 260; // ms, so that a small slip does not lose the card
const KEPT_TILES = 300;

// Asks Python for what a hover card shows, once a tile.
class Tiles {
  constructor(model) {
    this.model = model;
    this.known = new Map();
    this.pictures = new Pictures();
    this.hear = (content, buffers) => {
      if (content.kind !== "tile") return;
      if (this.known.size >= KEPT_TILES) this.forget();
      this.known.set(content.row, { ...content, url: this.pictures.url(buffers[0]) });
      this.arrived?.(content.row);
    };
    model.on("msg:custom", this.hear);
  }

  get(row) {
    if (!this.known.has(row)) this.model.send({ kind: "peek", row });
    return this.known.get(row);
  }

  forget() {
    this.known.clear();
    this.pictures.revoke();
  }

  stop() {
    this.model.off("msg:custom", this.hear);
    this.forget();
  }
}

function bytesAs(Type, bytes) {
  return new Type(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

function render({ model, el }) {
  const world = model.get("world");
  const [base, over] = [make("canvas"), make("canvas")];
  const card = make("div", { class: "rsh-hover", hidden: true });
  const voice = make("p", { class: "rsh-hidden", "aria-live": "polite" });
  const help = `${model.get("heading")}. Arrow keys move between tiles, Enter makes one the query, plus and minus zoom, 0 shows all.`;
  const stage = make("div", { class: "rsh-stage", tabindex: 0, role: "application", "aria-label": help }, base, over);
  const zoomButton = (text, name, act) => make("button", { type: "button", "aria-label": name, title: name, onclick: act }, text);
  const hint = make("p", { class: "rsh-hint", hidden: true }, "Hold Ctrl, or click first, to zoom with the wheel");
  const buttons = make(
    "div",
    { class: "rsh-zoom" },
    zoomButton("+", "zoom in", () => zoom(1.6)),
    zoomButton("−", "zoom out", () => zoom(1 / 1.6)),
    zoomButton("⟲", "show all", () => reset()),
  );
  el.classList.add("rsh-panel", "rsh-plane");
  if (world) el.classList.add("is-world");
  el.append(
    make("div", { class: "rsh-plane-head" }, make("h3", {}, model.get("heading")), make("span", { title: model.get("term") }, model.get("term")), buttons),
    make("div", { class: "rsh-plane-body" }, stage, hint, card),
    make("p", { class: "rsh-note" }, model.get("caption")),
    voice,
  );

  const view = new PlaneView(bytesAs(Float32Array, model.get("xy")), world);
  const labels = bytesAs(Uint16Array, model.get("labels"));
  let radius = 3;
  const tiles = new Tiles(model);
  let [ink, sprites, picture, only] = [null, null, null, null];
  let pointed = null; // the row with the ring
  let [ratio, waiting, cardTimer] = [1, false, 0];

  function redraw(all = true) {
    if (all) waiting = "all";
    else waiting ||= "over";
    requestAnimationFrame(() => {
      if (waiting === "all") paintBase();
      if (waiting) paintOver();
      waiting = false;
    });
  }

  function paintBase() {
    const pen = base.getContext("2d");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, base.width, base.height);
    pen.scale(ratio, ratio);
    if (world) drawBackground(pen, view, picture, ink, only === null ? 0.1 : 0.4);
    pen.setTransform(1, 0, 0, 1, 0, 0);
    drawPoints(pen, view, labels, sprites, { ratio, only, faint: world ? 0.65 : 0.45, radius });
  }

  function paintOver() {
    const pen = over.getContext("2d");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, over.width, over.height);
    pen.scale(ratio, ratio);
    const { query, hits } = model.get("marks");
    if (view.has(query)) drawSpokes(pen, view, query, hits, ink);
    for (const [row, relevant] of [...hits].reverse()) {
      if (view.has(row)) drawHit(pen, view.pointOnScreen(row), relevant, labels[row], ink, radius);
    }
    if (view.has(query)) drawStar(pen, view.pointOnScreen(query), ink);
    if (view.has(pointed)) drawRing(pen, view.pointOnScreen(pointed), ink);
  }

  function restyle() {
    ratio = window.devicePixelRatio || 1;
    const { width, height } = stage.getBoundingClientRect();
    for (const canvas of [base, over]) {
      canvas.width = Math.max(Math.round(width * ratio), 1);
      canvas.height = Math.max(Math.round(height * ratio), 1);
    }
    view.resize(width, height);
    radius = dotRadius(view.count) * Math.min(Math.max(width / (world ? 850 : 430), 0.6), 1.2);
    ink = readInk(stage, model.get("classes").length);
    sprites = makeSprites(ink, radius, ratio, world ? "rgb(255 255 255 / 75%)" : "transparent");
    redraw();
  }

  function zoom(factor, x, y) {
    view.zoomBy(factor, x, y);
    hideCard();
    redraw();
  }

  function reset() {
    view.reset();
    hideCard();
    redraw();
  }

  function point(row) {
    if (row === pointed) return;
    pointed = row;
    stage.style.cursor = row === null ? "grab" : "pointer";
    tell(model, "hover", { row });
    redraw(false);
    clearTimeout(cardTimer);
    if (row === null) cardTimer = setTimeout(hideCard, CARD_STAYS);
    else cardTimer = setTimeout(() => tiles.get(row) && showCard(row), CARD_AFTER);
  }

  function words(tile) {
    const { query, query_code, num_bits, hits } = model.get("marks");
    if (tile.row === query) return "the query";
    const apart = plural(countDifferent(bitsOf(tile.code, num_bits), bitsOf(query_code, num_bits)), "bit");
    const rank = hits.findIndex(([row]) => row === tile.row) + 1;
    return rank ? `rank ${rank}, ${apart} away` : `${apart} away`;
  }

  function showCard(row) {
    const tile = tiles.known.get(row);
    if (!tile || row !== pointed) return;
    const lines = [words(tile), tile.place, tile.split].filter(Boolean);
    card.replaceChildren(
      make("img", { src: tile.url, alt: "" }),
      make("div", {}, make("strong", {}, tile.name), ...lines.map((text) => make("span", {}, text))),
    );
    card.hidden = false;
    const [x, y] = view.pointOnScreen(row);
    const [width, height] = view.size;
    card.style.left = `${Math.min(Math.max(x + 16, 4), Math.max(width - card.offsetWidth - 4, 4))}px`;
    card.style.top = `${y + 20 + card.offsetHeight > height ? y - card.offsetHeight - 16 : y + 18}px`;
    tell(model, "hover", tile);
    if (document.activeElement === stage) voice.textContent = [tile.name, ...lines].join(", ");
  }
  tiles.arrived = showCard;

  function hideCard() {
    card.hidden = true;
  }

  const stop = steer({ stage, hint, view, redraw, reset, zoom, point, hideCard, model, pointed: () => pointed });
  const scheme = window.matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", restyle);
  const watcher = new ResizeObserver(restyle);
  watcher.observe(stage);
  const background = model.get("background");
  if (background?.byteLength) {
    createImageBitmap(new Blob([background], { type: "image/jpeg" })).then((image) => {
      picture = image;
      if (ink) redraw();
    });
  }
  const stops = [
    stop,
    redrawOn(model, ["marks"], () => ink && redraw(false)),
    listen(model, {
      class: ({ number }) => {
        only = number;
        redraw();
      },
      hover: ({ row }) => {
        pointed = row;
        redraw(false);
      },
    }),
    () => watcher.disconnect(),
    () => scheme.removeEventListener("change", restyle),
    () => clearTimeout(cardTimer),
    () => tiles.stop(),
  ];
  return () => stops.forEach((end) => end());
}

export default { render };
