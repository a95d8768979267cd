// @ts-check
// The gallery of a site: codes, labels and splits in memory, all else read when it is shown.

import { fileOf, readable } from "../../panels/lib/shared.js";
import { scan } from "./scan.js";
import { SiteError, Store } from "./store.js";
import { formatPlace, humanize } from "./text.js";

/** @import { TileWords } from "../../panels/lib/types" */
/** @import { Item, Manifest, ParquetFile } from "./types" */

export const FORMAT = 1;
export const NO_ROW = -1;
export const NO_CLASS = -1;
const SOFT_ROWS = 16384; // tiles in a file of soft bits
const PACK = 256; // tiles in a file
const STARTS_KEPT = 512; // packs whose starts are in memory
const ITEMS_KEPT = 2000; // tiles
const SPLITS = new Map([
  ["query", "held out"],
  ["train", "training"],
  ["val", "validation"],
  ["unseen", "class not learned"],
]);

/**
 * Read the manifest of a site.
 * @param {string} base address of its folder
 * @returns {Promise<Manifest>}
 * @throws {SiteError} there is none, or it has another format
 */
export async function readManifest(base) {
  const empty = new Store(base, {});
  const response = await empty.fetch("site.json");
  const manifest = await response.json().catch(() => {
    throw empty.harmed("site.json", "was altered");
  });
  if (manifest.format !== FORMAT) {
    throw new SiteError(
      `site.json has format ${manifest.format}, this page reads ${FORMAT}: clear the browser's cache and reload, or ` +
        "publish the site again",
    );
  }
  return manifest;
}

export class Gallery {
  /**
   * @param {Manifest} manifest
   * @param {Store} store
   * @param {Uint32Array<ArrayBuffer>} words of all codes
   * @param {Uint8Array | Uint16Array} labels
   * @param {Uint8Array} splits
   * @param {Uint32Array} order place of each tile in the order of codes
   */
  constructor(manifest, store, words, labels, splits, order) {
    this.manifest = manifest;
    this.store = store;
    this.words = words;
    this.labels = labels;
    this.splits = splits;
    this.order = order;
    this.size = manifest.num_tiles;
    this.numBits = manifest.num_bits;
    this.perCode = words.length / this.size; // words of a code
    this.isHeldOut = Uint8Array.from(splits, (split) => (manifest.splits[split] === "query" ? 1 : 0));
    this.numHeldOut = this.isHeldOut.reduce((sum, one) => sum + one, 0);
    this.numLabeled = countBelow(labels, manifest.classes.length);
    /** Where tiles begin in the files of packs that were read last. @type {Map<number, Promise<Uint32Array>>} */
    this.starts = new Map();
    /** @type {Map<number, Item>} rows that were loaded last */
    this.items = new Map();
    /** @type {Promise<[ParquetFile, object]> | null} */
    this.table = null;
    /** @type {Promise<string[]> | null} */
    this.allIds = null;
  }

  /**
   * Open the gallery of a site: the first search needs its codes, labels and splits.
   * @param {string} base address of the site's folder
   */
  static async open(base) {
    const manifest = await readManifest(base);
    const store = new Store(base, manifest.files);
    const [codes, labels, splits, order] = await Promise.all(
      ["codes", "labels", "splits", "order"].map((name) => store.whole(`data/${name}.bin`)),
    );
    const numbers = manifest.classes.length < 256 ? new Uint8Array(labels) : new Uint16Array(labels);
    const [words, places] = [codes, order].map((bytes) => new Uint32Array(bytes));
    return new Gallery(manifest, store, words, numbers, new Uint8Array(splits), places);
  }

  get classes() {
    return this.manifest.classes;
  }

  /** @param {number} row */
  label(row) {
    const label = this.labels[row];
    return label < this.classes.length ? label : NO_CLASS;
  }

  /**
   * The words of the code of a tile.
   * @param {number} row
   */
  code(row) {
    return this.words.subarray(row * this.perCode, (row + 1) * this.perCode);
  }

  /**
   * A code as hexadecimal digits, four bits each.
   * @param {number} row
   */
  hex(row) {
    const { perCode, numBits } = this;
    const bytes = new Uint8Array(this.words.buffer, row * perCode * 4, perCode * 4);
    const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return digits.slice(0, Math.ceil(numBits / 4));
  }

  /**
   * The Hamming distance of each tile to a code.
   * @param {Uint32Array} code
   */
  distances(code) {
    const found = new Uint16Array(this.size);
    scan(code, this.words, found);
    return found;
  }

  /** @param {number} row */
  split(row) {
    return this.manifest.splits[this.splits[row]] ?? "";
  }

  /**
   * The soft bits of some tiles, from -127 to 127.
   * @param {number[]} rows
   * @returns {Promise<Int8Array[]>}
   */
  async softBits(rows) {
    return Promise.all(
      rows.map(async (row) => {
        const start = (row % SOFT_ROWS) * this.numBits;
        const file = `data/soft-${Math.floor(row / SOFT_ROWS)}.bin`;
        return new Int8Array(await this.store.part(file, start, start + this.numBits));
      }),
    );
  }

  /**
   * Load what is shown of some tiles: afterwards `describe` has their words and images.
   * @param {Iterable<number>} rows
   */
  async load(rows) {
    const wanted = [...new Set(rows)].filter((row) => row >= 0);
    await Promise.all(wanted.map((row) => this.loadTile(row)));
    for (const row of wanted) keepLast(this.items, row, /** @type {Item} */ (this.items.get(row)), ITEMS_KEPT);
  }

  /** @param {number} row */
  async loadTile(row) {
    if (this.items.has(row)) return;
    const place = this.order[row];
    const pack = Math.floor(place / PACK);
    const starts = await this.startsOf(pack);
    const [start, stop] = [starts[place % PACK], starts[(place % PACK) + 1]];
    const bytes = await this.store.part(pathOf(pack), start, stop);
    const size = new DataView(bytes).getUint16(0, true);
    const [id, longitude = null, latitude = null] = JSON.parse(
      new TextDecoder().decode(new Uint8Array(bytes, 2, size)),
    );
    this.items.set(row, { id, longitude, latitude, thumb: new DataView(bytes.slice(2 + size)) });
  }

  /**
   * Where each tile of a pack begins in its file.
   * @param {number} pack
   */
  startsOf(pack) {
    const known = this.starts.get(pack);
    const starts = known ?? this.store.part(pathOf(pack), 0, 4 * (PACK + 1)).then((bytes) => new Uint32Array(bytes));
    starts.catch(() => this.starts.delete(pack));
    keepLast(this.starts, pack, starts, STARTS_KEPT);
    return starts;
  }

  /**
   * @param {number} start
   * @param {number} stop
   * @param {string[]} [columns]
   * @returns {Promise<Record<string, unknown>[]>}
   */
  async readRows(start, stop, columns) {
    const [file, metadata] = await this.openTable();
    return hyparquet.parquetReadObjects({ file, metadata, columns, rowStart: start, rowEnd: stop });
  }

  openTable() {
    const path = "data/items.parquet";
    this.table ??= (async () => {
      const { size } = this.store.files[path];
      /** @type {ParquetFile} */
      const file = { byteLength: size, slice: (start, stop = size) => this.store.part(path, start, stop) };
      return [file, await hyparquet.parquetMetadataAsync(file)];
    })();
    return this.table;
  }

  /**
   * A column of the table, one value a tile.
   * @param {string} name
   * @returns {Promise<unknown[]>}
   */
  async column(name) {
    const rows = await this.readRows(0, this.size, [name]);
    return rows.map((row) => row[name]);
  }

  /** The ids of all tiles; a million take some seconds, once. @returns {Promise<string[]>} */
  ids() {
    this.allIds ??= /** @type {Promise<string[]>} */ (this.column("id"));
    return this.allIds;
  }

  /**
   * One tile in words and bytes, as all panels show it; it must be loaded.
   * @param {number} row
   * @returns {TileWords & { thumb: DataView<ArrayBuffer> }}
   */
  describe(row) {
    const item = /** @type {Item} */ (this.items.get(row));
    const { longitude, latitude } = item;
    const color = this.label(row);
    const place =
      typeof longitude === "number" && typeof latitude === "number"
        ? formatPlace(longitude, latitude, this.manifest.decimals)
        : "";
    const split = this.split(row);
    return {
      row,
      id: item.id,
      name: color === NO_CLASS ? readable(fileOf(item.id)) : humanize(this.classes[color]),
      color,
      code: this.hex(row),
      place,
      map: place ? mapUrl(Number(longitude), Number(latitude)) : "",
      split: SPLITS.get(split) ?? "",
      unseen: split === "query",
      thumb: item.thumb ?? new DataView(new ArrayBuffer(0)),
    };
  }
}

/**
 * @param {ArrayLike<number>} numbers
 * @param {number} bound
 */
function countBelow(numbers, bound) {
  let count = 0;
  for (let place = 0; place < numbers.length; place++) if (numbers[place] < bound) count += 1;
  return count;
}

/** @param {number} pack */
const pathOf = (pack) => `data/tiles-${pack}.bin`;

/**
 * Keep an entry as the last one, and forget the first ones.
 * @template Key, Value
 * @param {Map<Key, Value>} map
 * @param {Key} key
 * @param {Value} value
 * @param {number} most
 */
function keepLast(map, key, value, most) {
  map.delete(key);
  map.set(key, value);
  if (map.size > most) map.delete(/** @type {Key} */ (map.keys().next().value));
}

/**
 * A link to a map of a position; the page itself contacts no other host.
 * @param {number} longitude
 * @param {number} latitude
 */
function mapUrl(longitude, latitude) {
  const [x, y] = [longitude.toFixed(5), latitude.toFixed(5)];
  return `https://www.openstreetmap.org/?mlat=${y}&mlon=${x}#map=9/${y}/${x}`;
}
