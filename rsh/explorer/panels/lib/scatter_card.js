// @ts-check
import { bitsOf, countDifferent, emit, fileOf, imageUrl, isNamedByFile, make, originOf, plural } from "./shared.js";

/**
 * @import { Bytes, Message, Model, ScatterTraits, TileWords } from "./types"
 * @import { ScatterView } from "./scatter_view.js"
 */

/** @typedef {Model<ScatterTraits>} ScatterModel */
/** @typedef {TileWords & { url: string }} ShownTile */

const ASK_AFTER = 20; // ms: a pointer that only passes by asks Python for nothing
const SHOW_AFTER = 60; // ms on a tile before a card opens; once one is open the next comes at once
const STAYS = 260; // ms, so that a small slip does not lose the card
const KEPT_TILES = 300;
const LOW = 230; // CSS pixels: a plot that is lower than this gets a small card
const GAP = 16; // CSS pixels between a tile and its card

/** Asks Python for what a hover card shows, once a tile. */
class Tiles {
  /**
   * @param {ScatterModel} model
   * @param {(row: number) => void} arrived is called when a tile is there
   */
  constructor(model, arrived) {
    this.model = model;
    /** @type {Map<number, ShownTile>} */
    this.known = new Map();
    /** @type {(content: Message, buffers: Bytes[]) => void} */
    this.receive = (content, buffers) => {
      if (content.kind !== "tile") return;
      if (this.known.size >= KEPT_TILES) this.forget();
      this.known.set(content.row, { ...content, url: imageUrl(buffers[0]) });
      arrived(content.row);
    };
    model.on("msg:custom", this.receive);
  }

  /** @param {number} row */
  get(row) {
    if (!this.known.has(row)) this.model.send({ kind: "peek", row });
    return this.known.get(row);
  }

  forget() {
    this.known.clear();
  }

  stop() {
    this.model.off("msg:custom", this.receive);
    this.forget();
  }
}

/** The card beside the tile that is pointed at. */
export class HoverCard {
  /**
   * @param {ScatterModel} model
   * @param {ScatterView} view
   * @param {(words: string) => void} announce gets the words of each card
   */
  constructor(model, view, announce) {
    this.model = model;
    this.view = view;
    this.announce = announce;
    /** @type {number | null} */
    this.row = null;
    this.due = 0;
    this.timer = 0;
    this.element = make("div", { class: "rsh-hover", hidden: true });
    this.tiles = new Tiles(model, (row) => row === this.row && this.wait());
  }

  /** @param {number | null} row */
  point(row) {
    this.row = row;
    clearTimeout(this.timer);
    if (row === null) {
      this.timer = window.setTimeout(() => this.hide(), STAYS);
      return;
    }
    this.due = performance.now() + (this.element.hidden ? SHOW_AFTER : 0);
    this.timer = window.setTimeout(() => this.tiles.get(row) && this.wait(), ASK_AFTER);
  }

  wait() {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.show(), Math.max(this.due - performance.now(), 0));
  }

  show() {
    const tile = this.row === null ? undefined : this.tiles.known.get(this.row);
    if (!tile) return;
    const file = isNamedByFile(tile) ? "" : fileOf(tile.id);
    const lines = [this.words(tile), ...originOf(tile), file, tile.place, tile.split].filter(Boolean);
    this.element.replaceChildren(
      make("img", { src: tile.url, alt: "" }),
      make("div", {}, make("strong", {}, tile.name), ...lines.map((text) => make("span", {}, text))),
    );
    this.element.classList.toggle("is-small", this.view.size[1] < LOW);
    this.element.hidden = false;
    this.put(...this.view.pointOnScreen(tile.row));
    emit(this.model, "hover", tile);
    this.announce([tile.name, ...lines].join(", "));
  }

  /** Say again what depends on the query. */
  renew() {
    if (!this.element.hidden) this.show();
  }

  /**
   * Put the card below the tile or above it, and where neither fits, as near to it as the frame allows.
   * @type {(x: number, y: number) => void}
   */
  put(x, y) {
    const { offsetWidth: wide, offsetHeight: high, style } = this.element;
    const [width, height] = this.view.size;
    /** @type {(value: number, most: number) => string} */
    const within = (value, most) => `${Math.max(Math.min(value, most - 4), 4)}px`;
    const above = y + GAP + high + 4 > height;
    style.left = within(x + GAP, width - wide);
    style.top = within(above ? y - high - GAP : y + GAP, height - high);
  }

  /** @param {ShownTile} tile */
  words(tile) {
    const { query, query_code, num_bits, hits } = this.model.get("marks");
    if (tile.row === query) return "the query";
    const apart = plural(countDifferent(bitsOf(tile.code, num_bits), bitsOf(query_code, num_bits)), "bit");
    const rank = hits.findIndex(([row]) => row === tile.row) + 1;
    return rank ? `rank ${rank}, ${apart} away` : `${apart} away`;
  }

  hide() {
    clearTimeout(this.timer);
    this.row = null; // a tile that arrives late opens no card over what is drawn meanwhile
    this.element.hidden = true;
  }

  stop() {
    clearTimeout(this.timer);
    this.tiles.stop();
  }
}
