// @ts-check
// What lies below the dots of the map besides the Earth: an online map, scenes, and footprints of tiles.

import { bytesAs, make } from "./shared.js";

/**
 * @import { Bytes, Message, Model, Point, ScatterTraits } from "./types"
 * @import { ScatterView } from "./scatter_view.js"
 */

/** @typedef {[west: number, south: number, east: number, north: number]} Bounds degrees */

const TILE_SIDE = 256; // pixels of a tile of an online map
const DEEPEST_ZOOM = 19; // zoom of an online map
const KEPT_ONLINE = 300; // tiles of it
const STRIPS = 8; // of a tile: its rows are not equally far apart in latitude
const FOOTPRINTS_FROM = 10; // CSS pixels that a tile is wide when footprints are drawn
const ASK_WHEN_STILL = 200; // ms after the view has changed

/**
 * The latitude of a row of an online map.
 * Source: Web Mercator, EPSG:3857
 * @param {number} y from 0 at the north to 1 at the south
 */
export const latitudeOf = (y) => (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;

/**
 * The row of a latitude, from 0 at the north to 1 at the south.
 * @param {number} latitude degrees, -85.05 to 85.05
 */
export const mercatorOf = (latitude) => (1 - Math.asinh(Math.tan((latitude * Math.PI) / 180)) / Math.PI) / 2;

/** Loads the tiles of an online map, which the owner of the page has named. */
export class OnlineMap {
  /**
   * @param {string} url of a tile
   * @param {() => void} arrived a tile is there
   * @param {() => void} failed no tile is there yet, and one cannot be loaded
   */
  constructor(url, arrived, failed) {
    this.url = url;
    this.arrived = arrived;
    this.failed = failed;
    this.works = false; // a tile was loaded: others may still lie outside of what the server has
    /** @type {Map<string, HTMLImageElement>} */
    this.tiles = new Map();
  }

  /**
   * @param {number} z
   * @param {number} x
   * @param {number} y
   */
  tile(z, x, y) {
    const key = `${z}/${x}/${y}`;
    let image = this.tiles.get(key);
    if (!image) {
      image = new Image();
      image.crossOrigin = "anonymous"; // the canvas is read again for the dots
      image.onload = () => {
        this.works = true;
        this.arrived();
      };
      image.onerror = () => this.works || this.failed();
      image.src = this.url.replace("{z}", String(z)).replace("{x}", String(x)).replace("{y}", String(y));
      this.tiles.set(key, image);
      if (this.tiles.size > KEPT_ONLINE) this.tiles.delete(this.tiles.keys().next().value ?? "");
    }
    return image.complete && image.naturalWidth ? image : null;
  }

  /**
   * @param {CanvasRenderingContext2D} ctx
   * @param {ScatterView} view
   */
  draw(ctx, view) {
    const z = Math.min(Math.max(Math.round(Math.log2((360 * view.scale) / TILE_SIDE)), 0), DEEPEST_ZOOM);
    const many = 2 ** z;
    const [west, north] = view.toData(0, 0);
    const [east, south] = view.toData(...view.size);
    /** @type {(value: number) => number} */
    const within = (value) => Math.min(Math.max(Math.floor(value), 0), many - 1);
    const [left, right] = [west, east].map((longitude) => within(((longitude + 180) / 360) * many));
    const [top, bottom] = [Math.min(north, 85.05), Math.max(south, -85.05)].map((each) =>
      within(mercatorOf(each) * many),
    );
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const image = this.tile(z, x, y);
        if (image) drawTile(ctx, view, image, x / many, y / many, 1 / many);
      }
    }
  }
}

/**
 * Draw a tile of an online map in strips, since the map has longitude and latitude as its axes.
 * @param {CanvasRenderingContext2D} ctx
 * @param {ScatterView} view
 * @param {HTMLImageElement} image
 * @param {number} x of its corner, 0 to 1
 * @param {number} y
 * @param {number} side
 */
function drawTile(ctx, view, image, x, y, side) {
  const { naturalWidth: width, naturalHeight: height } = image;
  for (let strip = 0; strip < STRIPS; strip++) {
    const [from, to] = [strip / STRIPS, (strip + 1) / STRIPS];
    const [left, top] = view.toScreen(360 * x - 180, latitudeOf(y + from * side));
    const [right, bottom] = view.toScreen(360 * (x + side) - 180, latitudeOf(y + to * side));
    const overlap = 0.6; // CSS pixels, so that no line shows between two
    ctx.drawImage(
      image,
      0,
      from * height,
      width,
      height / STRIPS,
      left,
      top,
      right - left + overlap,
      bottom - top + overlap,
    );
  }
}

/** Overviews of the scenes that the tiles were cut from. */
export class Overviews {
  constructor() {
    /** @type {{ bounds: Bounds, image: ImageBitmap }[]} */
    this.all = [];
  }

  /**
   * @param {Bounds} bounds
   * @param {Bytes} bytes WebP
   */
  async add(bounds, bytes) {
    this.all.push({ bounds, image: await createImageBitmap(new Blob([bytes], { type: "image/webp" })) });
  }

  /**
   * @param {CanvasRenderingContext2D} ctx
   * @param {ScatterView} view
   */
  draw(ctx, view) {
    for (const { bounds, image } of this.all) {
      const [left, bottom] = view.toScreen(bounds[0], bounds[1]);
      const [right, top] = view.toScreen(bounds[2], bounds[3]);
      const seen = right > 0 && left < view.size[0] && bottom > 0 && top < view.size[1];
      if (seen) ctx.drawImage(image, left, top, right - left, bottom - top);
    }
  }
}

/** The ground that tiles show, of those in the view once it is near enough. */
export class Footprints {
  /**
   * @param {Model<ScatterTraits>} model
   * @param {() => void} arrived
   */
  constructor(model, arrived) {
    this.model = model;
    this.arrived = arrived;
    /** @type {Point[][]} */
    this.rings = [];
    this.asked = "";
    this.timer = 0;
  }

  /**
   * Ask for those in the view, some time after it has stopped to move.
   * @param {ScatterView} view
   */
  follow(view) {
    clearTimeout(this.timer);
    const width = this.model.get("tile_width");
    if (!width || width * view.scale < FOOTPRINTS_FROM) {
      this.rings = [];
      this.asked = "";
      return;
    }
    const [west, north] = view.toData(0, 0);
    const [east, south] = view.toData(...view.size);
    const box = [west, south, east, north].map((each) => Number(each.toFixed(6)));
    if (String(box) === this.asked) return;
    this.timer = window.setTimeout(() => {
      this.asked = String(box);
      this.model.send({ kind: "footprints", view: box, tolerance: 1 / view.scale });
    }, ASK_WHEN_STILL);
  }

  /** @param {Bytes[]} buffers starts of the rings, and their corners */
  receive([starts, corners]) {
    const [from, xy] = [bytesAs(Int32Array, starts), bytesAs(Float32Array, corners)];
    this.rings = Array.from({ length: from.length - 1 }, (_, ring) =>
      Array.from({ length: from[ring + 1] - from[ring] }, (__, place) => {
        const at = 2 * (from[ring] + place);
        return /** @type {Point} */ ([xy[at], xy[at + 1]]);
      }),
    );
    this.arrived();
  }

  /**
   * @param {CanvasRenderingContext2D} ctx
   * @param {ScatterView} view
   * @param {string} color
   */
  draw(ctx, view, color) {
    ctx.beginPath();
    for (const ring of this.rings) {
      ring.forEach(([x, y], place) => {
        const at = view.toScreen(x, y);
        if (place) ctx.lineTo(...at);
        else ctx.moveTo(...at);
      });
      ctx.closePath();
    }
    ctx.globalAlpha = 0.7;
    ctx.strokeStyle = color;
    ctx.lineWidth = 1;
    ctx.stroke();
    ctx.globalAlpha = 1;
  }

  stop() {
    clearTimeout(this.timer);
  }
}

/** All that lies below the dots of the map. */
export class Ground {
  /**
   * @param {Model<ScatterTraits>} model
   * @param {() => void} redraw
   */
  constructor(model, redraw) {
    const { url, credit } = model.get("basemap");
    this.model = model;
    this.credit = make("p", { class: "rsh-credit", hidden: !credit }, credit);
    /** @param {string} words */
    const say = (words) => {
      this.credit.textContent = words;
      this.credit.hidden = !words;
    };
    const arrived = () => {
      say(credit);
      redraw();
    };
    this.online = url ? new OnlineMap(url, arrived, () => say(`No online map from ${new URL(url).host}`)) : null;
    this.overviews = new Overviews();
    this.footprints = new Footprints(model, redraw);
    /** @type {(content: Message, buffers: Bytes[]) => void} */
    this.receive = (content, buffers) => {
      if (content.kind === "scene") this.overviews.add(content.bounds, buffers[0]).then(redraw);
      if (content.kind === "footprints") this.footprints.receive(buffers);
    };
    model.on("msg:custom", this.receive);
    if (model.get("scenes")) model.send({ kind: "scenes" });
  }

  /**
   * @param {CanvasRenderingContext2D} ctx
   * @param {ScatterView} view
   * @param {string} color of outlines
   */
  draw(ctx, view, color) {
    ctx.imageSmoothingQuality = "medium";
    this.online?.draw(ctx, view);
    this.overviews.draw(ctx, view);
    this.footprints.follow(view);
    this.footprints.draw(ctx, view, color);
  }

  stop() {
    this.footprints.stop();
    this.model.off("msg:custom", this.receive);
  }
}
