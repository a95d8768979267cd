// @ts-check
// The gallery of a site: codes, labels and splits in memory, all else read when it is shown.

import { fileOf, readable } from "../../panels/lib/shared.js";
import { drawCode } from "./drawing.js";
import { Annotations } from "./labels/annotations.js";
import { scan } from "./scan.js";
import { SiteError, Store } from "./store.js";
import { formatPlace, humanize } from "./text.js";

/** @import { TileWords } from "../../panels/lib/types" */
/** @import { Item, Manifest, ParquetFile, ParquetMetadata } from "./types" */

export const FORMAT = 1;
export const NO_ROW = -1;
export const NO_CLASS = -1;
const SOFT_ROWS = 16384; // tiles in a file of soft bits
const ROW_GROUP = 2048; // tiles that are read together from the table
const GROUPS_KEPT = 64; // groups of rows in memory
const FEW_GROUPS = 8; // that are read for some ids; for more, the column of all ids is
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
   * @param {Uint16Array} labels
   * @param {Uint8Array} splits
   */
  constructor(manifest, store, words, labels, splits) {
    this.manifest = manifest;
    this.store = store;
    this.words = words;
    this.labels = labels;
    this.splits = splits;
    this.size = manifest.num_tiles;
    this.numBits = manifest.num_bits;
    this.groupSize = ROW_GROUP;
    this.perCode = words.length / this.size; // words of a code
    this.isHeldOut = Uint8Array.from(splits, (split) => (manifest.splits[split] === "query" ? 1 : 0));
    this.numHeldOut = this.isHeldOut.reduce((sum, one) => sum + one, 0);
    this.numLabeled = labels.reduce((sum, label) => sum + (label < manifest.classes.length ? 1 : 0), 0);
    /** Rows of the table by the number of their group, the last one used last. @type {Map<number, Promise<Item[]>>} */
    this.groups = new Map();
    /** @type {Map<number, Item>} rows that were loaded last */
    this.items = new Map();
    /** Tables by name. @type {Map<string, Promise<{ file: ParquetFile, metadata: ParquetMetadata }>>} */
    this.tables = new Map();
    /** @type {Promise<string[]> | null} */
    this.allIds = null;
    this.annotations = new Annotations(this);
  }

  /**
   * Open the gallery of a site: the first search needs its codes, labels and splits.
   * @param {string} base address of the site's folder
   */
  static async open(base) {
    const manifest = await readManifest(base);
    const store = new Store(base, manifest.files);
    const [codes, labels, splits] = await Promise.all(
      ["codes", "labels", "splits"].map((name) => store.whole(`data/${name}.bin`)),
    );
    return new Gallery(manifest, store, new Uint32Array(codes), new Uint16Array(labels), new Uint8Array(splits));
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
    const files = new Map(rows.map((row) => [Math.floor(row / SOFT_ROWS), row]));
    const read = new Map();
    for (const file of files.keys()) read.set(file, new Int8Array(await this.store.whole(`data/soft-${file}.bin`)));
    return rows.map((row) => {
      const start = (row % SOFT_ROWS) * this.numBits;
      return read.get(Math.floor(row / SOFT_ROWS)).subarray(start, start + this.numBits);
    });
  }

  /**
   * Load what is shown of some tiles: afterwards `describe` has their words and images.
   * @param {Iterable<number>} rows
   */
  async load(rows) {
    const wanted = [...new Set(rows)].filter((row) => row >= 0);
    const missing = wanted.filter((row) => !this.items.has(row));
    const groups = new Map();
    for (const row of missing) {
      const number = Math.floor(row / ROW_GROUP);
      if (!groups.has(number)) groups.set(number, this.group(number));
    }
    await Promise.all(groups.values());
    for (const row of missing) {
      const item = (await groups.get(Math.floor(row / ROW_GROUP)))[row % ROW_GROUP];
      this.items.set(row, item);
    }
    await Promise.all(wanted.map((row) => this.loadThumbnail(row)));
  }

  /**
   * Rows of the table, without thumbnails.
   * @param {ArrayLike<number>} rows
   * @returns {Promise<Item[]>}
   */
  async itemsOf(rows) {
    const items = [];
    for (const row of Array.from(rows)) items.push((await this.group(Math.floor(row / ROW_GROUP)))[row % ROW_GROUP]);
    return items;
  }

  /**
   * @param {Int32Array} rows
   * @returns {Promise<string[]>}
   */
  async idsOf(rows) {
    const groups = new Set(rows.map((row) => Math.floor(row / ROW_GROUP)));
    if (groups.size <= FEW_GROUPS) return (await this.itemsOf(rows)).map(({ id }) => id);
    const ids = await this.ids();
    return Array.from(rows, (row) => ids[row]);
  }

  /** Forget tiles that are no longer shown. @param {Iterable<number>} kept */
  forgetAllBut(kept) {
    const rows = new Set(kept);
    for (const row of this.items.keys()) if (!rows.has(row)) this.items.delete(row);
  }

  /** @param {number} row */
  async loadThumbnail(row) {
    const item = /** @type {Item} */ (this.items.get(row));
    if (item.thumb) return;
    const { thumb_pack: pack, thumb_start: start, thumb_size: size } = item;
    const content = size
      ? await this.store.part(`data/thumbs-${pack}.bin`, start, start + size)
      : await drawCode(this.hex(row), this.numBits);
    item.thumb = new DataView(content);
  }

  /**
   * The largest image of a tile, which must be loaded: its preview, else its thumbnail.
   * @param {number} row
   */
  async largest(row) {
    const item = /** @type {Item} */ (this.items.get(row));
    const { preview_pack: pack = 0, preview_start: start = 0, preview_size: size = 0 } = item;
    if (size) {
      const content = await this.store.part(`data/previews-${pack}.bin`, start, start + size);
      return { kind: "preview", content };
    }
    return { kind: item.thumb_size ? "thumbnail" : "drawing", content: this.describe(row).thumb.buffer };
  }

  /**
   * The rows of a group of the table.
   * @param {number} number
   */
  group(number) {
    const known = this.groups.get(number);
    this.groups.delete(number);
    const start = number * ROW_GROUP;
    const rows = known ?? this.readRows(start, Math.min(start + ROW_GROUP, this.size));
    this.groups.set(number, rows);
    rows.catch(() => this.groups.delete(number));
    if (this.groups.size > GROUPS_KEPT) this.groups.delete(this.groups.keys().next().value ?? number);
    return rows;
  }

  /**
   * @param {number} start
   * @param {number} stop
   * @returns {Promise<Item[]>}
   */
  async readRows(start, stop) {
    return hyparquet.parquetReadObjects({ ...(await this.table("items")), rowStart: start, rowEnd: stop });
  }

  /** The names of the columns of the table. @returns {Promise<string[]>} */
  async columnNames() {
    const { metadata } = await this.table("columns");
    return metadata.schema.slice(1).map(({ name }) => name); // the first one is the table itself
  }

  /**
   * A column of the table, one value a tile.
   * @param {string} name
   * @returns {Promise<unknown[]>}
   */
  async column(name) {
    const values = new Array(this.size);
    await hyparquet.parquetRead({
      ...(await this.table("columns")),
      columns: [name],
      onChunk: ({ columnData, rowStart }) => {
        for (let place = 0; place < columnData.length; place++) values[rowStart + place] = columnData[place];
      },
    });
    return values;
  }

  /**
   * A table, opened.
   * @param {string} name
   */
  table(name) {
    const path = `data/${name}.parquet`;
    const table = this.tables.get(name) ?? this.openTable(path);
    this.tables.set(name, table);
    table.catch(() => this.tables.delete(name)); // another try may read it
    return table;
  }

  /** @param {string} path */
  async openTable(path) {
    const { size } = this.store.files[path];
    /** @type {ParquetFile} */
    const file = { byteLength: size, slice: (start, stop = size) => this.store.part(path, start, stop) };
    return { file, metadata: await hyparquet.parquetMetadataAsync(file) };
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
 * A link to a map of a position; the page itself contacts no other host.
 * @param {number} longitude
 * @param {number} latitude
 */
function mapUrl(longitude, latitude) {
  const [x, y] = [longitude.toFixed(5), latitude.toFixed(5)];
  return `https://www.openstreetmap.org/?mlat=${y}&mlon=${x}#map=9/${y}/${x}`;
}
