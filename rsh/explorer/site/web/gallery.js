// @ts-check
// The gallery of a site: codes, labels and splits in memory, all else read when it is shown.

import { fileOf, readable } from "../../panels/lib/shared.js";
import { drawCode } from "./drawing.js";
import { Groups } from "./groups.js";
import { Annotations } from "./labels/annotations.js";
import { fixed } from "./numbers.js";
import { keepLast } from "./recent.js";
import { CodeScanner } from "./scan.js";
import { SiteError, Store } from "./store.js";
import { formatPlace, humanize } from "./text.js";

/** @import { TileWords } from "../../panels/lib/types" */
/** @import { Item, TableRow, Manifest, ParquetFile, ParquetMetadata } from "./types" */

export const FORMAT = 2;
export const NO_ROW = -1;
export const NO_CLASS = -1;
const MANY_OF_PACK = 16; // tiles, from which on the whole file is read
const STARTS_KEPT = 512; // packs whose starts are in memory
const ITEMS_KEPT = 2000; // tiles
const FEW_ROWS = 200; // whose ids are read one by one; for more, the column of all ids is
/** Splits, and their words. */
export const SPLITS = new Map([
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

/**
 * The files that a search needs: codes, labels and splits of all tiles.
 * @param {Store} store
 * @param {string} folder
 */
export const readParts = (store, folder) =>
  Promise.all([
    store.once(`${folder}/codes.bin`), // they are copied to where they are scanned
    ...["labels", "splits"].map((name) => store.whole(`${folder}/${name}.bin`)),
  ]);

export class Gallery {
  /**
   * @param {Manifest} manifest
   * @param {Store} store
   * @param {string} folder of its codes, labels, splits and soft bits
   * @param {ArrayBuffer[]} parts what `readParts` returns
   * @param {Uint32Array} order place of each tile in the files of packs
   */
  constructor(manifest, store, folder, [codes, labels, splits], order) {
    this.manifest = manifest;
    this.store = store;
    this.folder = folder;
    this.size = manifest.num_tiles;
    this.numBits = manifest.num_bits;
    this.perCode = codes.byteLength / 4 / this.size; // words of a code
    this.scanner = new CodeScanner(this.perCode);
    this.words = this.scanner.reserve(this.size);
    this.words.set(new Uint32Array(codes));
    this.labels = manifest.classes.length < 256 ? new Uint8Array(labels) : new Uint16Array(labels);
    this.splits = new Uint8Array(splits);
    this.order = order;
    const isQuery = manifest.splits.map((split) => (split === "query" ? 1 : 0));
    this.isHeldOut = new Uint8Array(this.size);
    /** How many tiles have each class; the last number is that of tiles without a class. */
    this.classCounts = new Int32Array(manifest.classes.length + 1);
    for (let row = 0; row < this.size; row++) {
      this.isHeldOut[row] = isQuery[this.splits[row]];
      this.classCounts[this.labels[row]] += 1;
    }
    this.numHeldOut = this.isHeldOut.reduce((sum, one) => sum + one, 0);
    this.numLabeled = this.size - this.classCounts[manifest.classes.length];
    /** Where tiles begin in the files of packs that were read last. @type {Map<string, Promise<Uint32Array>>} */
    this.starts = new Map();
    /** Rows that were loaded last. @type {Map<number, Item>} */
    this.items = new Map();
    this.itemsKept = ITEMS_KEPT;
    /** Rows that stay in memory, since the page shows them. @type {Set<number>} */
    this.shown = new Set();
    /** @type {Promise<{ file: ParquetFile, metadata: ParquetMetadata }> | null} */
    this.table = null;
    /** @type {Promise<string[]> | null} */
    this.allIds = null;
    this.annotations = new Annotations(this);
    this.groups = new Groups(this);
  }

  /**
   * Open the gallery of a site: the first search needs its codes, labels and splits.
   * @param {string} base address of the site's folder
   */
  static async open(base) {
    const manifest = await readManifest(base);
    const store = new Store(base, manifest.files);
    const [parts, order] = await Promise.all([readParts(store, "data"), store.whole("data/order.bin")]);
    return new Gallery(manifest, store, "data", parts, new Uint32Array(order));
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
   * The Hamming distance of each tile to a code, until the next call.
   * @param {Uint32Array} code
   */
  distances(code) {
    return this.scanner.scan(code);
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
        const { soft_rows: perFile } = this.manifest;
        const start = (row % perFile) * this.numBits;
        const file = `${this.folder}/soft-${Math.floor(row / perFile)}.bin`;
        return new Int8Array(await this.store.part(file, start, start + this.numBits));
      }),
    );
  }

  /**
   * Load the tiles that the page shows: they can be described until it shows others.
   * @param {number[]} rows
   */
  async show(rows) {
    this.shown = new Set(rows);
    await this.load(rows);
  }

  /**
   * Load some tiles: right afterwards `describe` has their words and images.
   * @param {Iterable<number>} rows
   */
  async load(rows) {
    const wanted = new Set(rows);
    const missing = [...wanted].filter((row) => !this.items.has(row));
    await this.loadFullPacks(missing);
    await Promise.all(missing.map((row) => this.loadTile(row)));
    for (const row of this.items.keys()) {
      if (this.items.size <= this.itemsKept) break;
      if (!wanted.has(row) && !this.shown.has(row)) this.items.delete(row);
    }
  }

  /**
   * Rows of the table with all columns.
   * @param {ArrayLike<number>} rows
   * @returns {Promise<TableRow[]>}
   */
  async itemsOf(rows) {
    const items = Array.from(rows, () => /** @type {TableRow} */ ({ id: "" }));
    for (const name of await this.columnNames()) {
      const values = await this.column(name);
      Array.from(rows).forEach((row, place) => {
        items[place][name] = values[row];
      });
    }
    return items;
  }

  /**
   * @param {Int32Array} rows
   * @returns {Promise<string[]>}
   */
  async idsOf(rows) {
    if (rows.length <= FEW_ROWS) return Promise.all(Array.from(rows, (row) => this.idOf(row)));
    const ids = await this.ids();
    return Array.from(rows, (row) => ids[row]);
  }

  /**
   * Read packs as a whole of which many tiles are needed: one request instead of one for each.
   * @param {number[]} rows
   */
  async loadFullPacks(rows) {
    /** @type {Map<number, number>} */
    const counts = new Map();
    for (const row of rows) {
      const pack = Math.floor(this.order[row] / this.manifest.pack);
      counts.set(pack, (counts.get(pack) ?? 0) + 1);
    }
    const full = [...counts].filter(([, count]) => count >= MANY_OF_PACK);
    await Promise.all(full.map(([pack]) => this.store.whole(`data/tiles-${pack}.bin`)));
  }

  /**
   * What is shown of a tile, which is kept until there is no room.
   * @param {number} row
   * @returns {Promise<Item>}
   */
  async loadTile(row) {
    return this.items.get(row) ?? this.take(row, await this.packed("tiles", this.order[row]));
  }

  /**
   * Keep what a pack holds of a tile.
   * @param {number} row
   * @param {ArrayBuffer} bytes
   */
  async take(row, bytes) {
    const size = new DataView(bytes).getUint16(0, true);
    const words = new TextDecoder().decode(new Uint8Array(bytes, 2, size));
    const [id, longitude = null, latitude = null] = JSON.parse(words);
    const image = bytes.slice(2 + size);
    const thumb = new DataView(image.byteLength ? image : await drawCode(this.hex(row), this.numBits));
    const item = { id, longitude, latitude, thumb, hasImage: image.byteLength > 0 };
    this.items.set(row, item);
    return item;
  }

  /**
   * The largest image of a tile, which must be loaded: its preview, else its thumbnail.
   * @param {number} row
   */
  async largest(row) {
    const { thumb, hasImage } = /** @type {Item} */ (this.items.get(row));
    if (this.store.has("data/previews-0.bin")) {
      const content = await this.packed("previews", this.order[row]);
      if (content.byteLength) return { kind: "preview", content };
    }
    return { kind: hasImage ? "thumbnail" : "drawing", content: thumb.buffer };
  }

  /**
   * The bytes of a tile in packs.
   * @param {string} name of the packs
   * @param {number} place of the tile in them
   */
  async packed(name, place) {
    const size = this.manifest.pack;
    const path = `data/${name}-${Math.floor(place / size)}.bin`;
    const starts = await this.startsOf(path);
    const [start, stop] = [starts[place % size], starts[(place % size) + 1]];
    return start === stop ? new ArrayBuffer(0) : this.store.part(path, start, stop);
  }

  /**
   * Where each tile of a pack begins in its file.
   * @param {string} path
   */
  startsOf(path) {
    const known = this.starts.get(path);
    const size = 4 * (this.manifest.pack + 1);
    const starts = known ?? this.store.part(path, 0, size).then((bytes) => new Uint32Array(bytes));
    starts.catch(() => this.starts.delete(path));
    keepLast(this.starts, path, starts, STARTS_KEPT);
    return starts;
  }

  /** The names of the columns of the table. @returns {Promise<string[]>} */
  async columnNames() {
    const { metadata } = await this.openTable();
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
      ...(await this.openTable()),
      columns: [name],
      onChunk: ({ columnData, rowStart }) => {
        for (let place = 0; place < columnData.length; place++) values[rowStart + place] = columnData[place];
      },
    });
    return values;
  }

  /** The table of all columns, opened. */
  openTable() {
    if (this.table) return this.table;
    const path = "data/items.parquet";
    const { size } = this.store.files[path];
    /** @type {ParquetFile} */
    const file = { byteLength: size, slice: (start, stop = size) => this.store.part(path, start, stop) };
    this.table = hyparquet.parquetMetadataAsync(file).then((metadata) => ({ file, metadata }));
    this.table.catch(() => {
      this.table = null; // another try may read it
    });
    return this.table;
  }

  /** @param {number} row */
  async idOf(row) {
    return (await this.loadTile(row)).id;
  }

  /** The ids of all tiles; a million take some seconds, once. @returns {Promise<string[]>} */
  ids() {
    if (this.allIds) return this.allIds;
    this.allIds = /** @type {Promise<string[]>} */ (this.column("id"));
    this.allIds.catch(() => {
      this.allIds = null; // another try may read them
    });
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
      thumb: item.thumb,
    };
  }
}

/**
 * A link to a map of a position; the page itself contacts no other host.
 * @param {number} longitude
 * @param {number} latitude
 */
function mapUrl(longitude, latitude) {
  const [x, y] = [fixed(longitude, 5), fixed(latitude, 5)];
  return `https://www.openstreetmap.org/?mlat=${y}&mlon=${x}#map=9/${y}/${x}`;
}
