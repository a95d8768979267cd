// @ts-check
// The gallery of a site: codes, labels and splits in memory, all else read when it is shown.

import { fileOf, readable } from "../../panels/lib/shared.js";
import { Candidates, hasFewSets } from "./candidates.js";
import { drawCode } from "./drawing.js";
import { InputError } from "./errors.js";
import { parseRings } from "./footprints.js";
import { Groups } from "./groups.js";
import { Annotations } from "./labels/annotations.js";
import { Lists } from "./lists.js";
import { fixed } from "./numbers.js";
import { keepLast } from "./recent.js";
import { bitCount, bytesOf, CodeScanner, OTHER, RELEVANT, UNJUDGED } from "./scan.js";
import { SiteError, Store } from "./store.js";
import { formatPlace, humanize } from "./text.js";

/** @import { TileWords } from "../../panels/lib/types" */
/** @import { Item, TableRow, Manifest, ParquetFile, ParquetMetadata } from "./types" */

export const FORMAT = 5;
export const NO_ROW = -1;
export const NO_CLASS = -1;
const MANY_OF_PACK = 16; // tiles, from which on the whole file is read
const STARTS_KEPT = 512; // packs whose starts are in memory
const ITEMS_KEPT = 2000; // tiles
const MOST_ITEMS = 2000; // tiles of a gallery in lists, whose columns are read one by one
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
 * What a page has in memory of all tiles, so that it can compare them with a query; of none in lists.
 * @typedef {object} Parts
 * @property {CodeScanner} scanner with their codes
 * @property {Uint8Array | Uint16Array} labelSets number of that of each tile in the manifest
 * @property {Uint8Array} splits
 */

/**
 * @param {Store} store
 * @param {string} folder of their files
 * @param {Manifest} manifest
 * @returns {Promise<Parts>}
 */
export async function readParts(store, folder, manifest) {
  const [codes, labelSets, splits] = await Promise.all([
    store.once(`${folder}/codes.bin`), // they are copied to where they are scanned
    ...["labels", "splits"].map((name) => store.whole(`${folder}/${name}.bin`)),
  ]);
  const scanner = new CodeScanner(wordsOf(manifest));
  scanner.reserve(manifest.num_tiles).set(new Uint32Array(codes));
  return {
    scanner,
    labelSets: hasFewSets(manifest) ? new Uint8Array(labelSets) : new Uint16Array(labelSets),
    splits: new Uint8Array(splits),
  };
}

/** How many words a code has. @param {Manifest} manifest */
const wordsOf = ({ num_bits: bits }) => Math.ceil(bits / 32);

export class Gallery {
  /**
   * @param {Manifest} manifest
   * @param {Store} store
   * @param {string} folder of its codes, labels, splits and soft bits
   * @param {Parts} parts
   * @param {Uint32Array} order place of each tile in the files of packs; of none in lists
   * @param {Lists | null} lists
   */
  constructor(manifest, store, folder, { scanner, labelSets, splits }, order, lists = null) {
    this.manifest = manifest;
    this.store = store;
    this.folder = folder;
    this.size = manifest.num_tiles;
    this.numBits = manifest.num_bits;
    this.perCode = scanner.perCode;
    this.scanner = scanner;
    this.words = scanner.words;
    this.labelSets = labelSets;
    this.splits = splits;
    this.order = order;
    this.lists = lists;
    const isQuery = manifest.splits.map((split) => (split === "query" ? 1 : 0));
    this.isHeldOut = new Uint8Array(splits.length);
    /** How many tiles have each label; the last number is that of tiles without one. */
    this.labelCounts = new Int32Array(manifest.label_names.length + 1);
    const ofSets = new Int32Array(manifest.label_sets.length + 1);
    for (let row = 0; row < splits.length; row++) {
      this.isHeldOut[row] = isQuery[splits[row]];
      ofSets[labelSets[row]] += 1;
    }
    ofSets.forEach((count, labelSet) => {
      const labels = this.labelsOfSet(labelSet);
      for (const label of labels.length ? labels : [manifest.label_names.length]) this.labelCounts[label] += count;
    });
    this.numHeldOut = lists?.numHeldOut ?? this.isHeldOut.reduce((sum, one) => sum + one, 0);
    this.all = new Candidates(scanner, labelSets, this.isHeldOut);
    this.numLabeled = this.size - this.labelCounts[manifest.label_names.length];
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
    /** Which composite of their bands thumbnails show, a place in the manifest's. */
    this.composite = 0;
    this.annotations = new Annotations(this);
    this.groups = new Groups(this);
  }

  /**
   * Open the gallery of a site: the first search needs its codes, labels and splits, or the centers of its lists.
   * @param {string} base address of the site's folder
   */
  static async open(base) {
    const manifest = await readManifest(base);
    const store = new Store(base, manifest.files, manifest.checked);
    if (manifest.lists) {
      const none = new Uint8Array(0);
      const parts = { scanner: new CodeScanner(wordsOf(manifest)), labelSets: none, splits: none };
      return new Gallery(manifest, store, "data", parts, new Uint32Array(0), await Lists.open(store, manifest));
    }
    const [parts, order] = await Promise.all([readParts(store, "data", manifest), store.whole("data/order.bin")]);
    return new Gallery(manifest, store, "data", parts, new Uint32Array(order));
  }

  get classes() {
    return this.manifest.classes;
  }

  /**
   * Find tiles in their lists, if there are any: then their codes, classes and splits are known.
   * @param {Iterable<number>} rows
   */
  async locate(rows) {
    await this.lists?.locate(rows);
  }

  /** Whether tiles have several labels each, which count instead of a class. */
  get hasSeveral() {
    return this.manifest.relevance.label === "label";
  }

  /** The number of the label set of a tile. @param {number} row */
  labelSet(row) {
    if (row === NO_ROW) return this.manifest.label_sets.length;
    return this.lists ? this.lists.at(row).labelSet : this.labelSets[row];
  }

  /** The number of the class of a tile. @param {number} row */
  label(row) {
    return this.manifest.label_sets[this.labelSet(row)]?.[0] ?? NO_CLASS;
  }

  /** @param {number} labelSet */
  labelsOfSet(labelSet) {
    return this.manifest.label_sets[labelSet]?.[1] ?? [];
  }

  /** The numbers of the labels of a tile, or that of its class. @param {number} row */
  labelsOf(row) {
    return this.labelsOfSet(this.labelSet(row));
  }

  /** The names of the labels of a tile, or that of its class, as Python has them. @param {number} row */
  listLabels(row) {
    return this.labelsOf(row).map((label) => this.manifest.label_names[label]);
  }

  /** The same, readable. @param {number} row */
  labelNames(row) {
    return this.listLabels(row).map(humanize);
  }

  /** What a query makes of each label set; the last is of tiles without any. @param {number} row of the query */
  verdicts(row) {
    const own = new Set(this.labelsOf(row));
    const verdict = (/** @type {number[]} */ labels) =>
      labels.length ? (labels.some((label) => own.has(label)) ? RELEVANT : OTHER) : UNJUDGED;
    return Uint8Array.from([...this.manifest.label_sets.map(([, labels]) => verdict(labels)), UNJUDGED]);
  }

  /**
   * Show tiles in another composite of their bands from now on; they must be loaded again.
   * @param {string} name
   * @throws {InputError} the gallery has no such composite
   */
  showComposite(name) {
    const names = this.manifest.composites.map(({ name: each }) => each);
    if (!names.includes(name)) {
      throw new InputError(`choose one of ${names.join(", ") || "none, since its tiles are images"}`);
    }
    this.changeComposite(names.indexOf(name));
  }

  /** @param {number} composite */
  changeComposite(composite) {
    if (composite === this.composite) return;
    this.composite = composite;
    this.items.clear();
  }

  /**
   * The words of the code of a tile.
   * @param {number} row
   */
  code(row) {
    return this.lists ? this.lists.at(row).code : this.words.subarray(row * this.perCode, (row + 1) * this.perCode);
  }

  /**
   * A code as hexadecimal digits, four bits each.
   * @param {Uint32Array} code
   */
  hex(code) {
    const digits = Array.from(bytesOf(code), (byte) => byte.toString(16).padStart(2, "0")).join("");
    return digits.slice(0, Math.ceil(this.numBits / 4));
  }

  /**
   * The tiles that a search with a code compares, until the next call.
   * @param {Uint32Array} code
   * @param {{ least: number, includeHeldOut: boolean }} options how many tiles it needs, if there are as many
   * @returns {Promise<Candidates> | Candidates}
   */
  candidates(code, options) {
    return this.lists ? this.lists.candidates(code, options) : this.all;
  }

  /**
   * The Hamming distance of each tile to a code, until the next call; not for lists.
   * @param {Uint32Array} code
   */
  distances(code) {
    return this.scanner.scan(code);
  }

  /**
   * The Hamming distances of some tiles to a code.
   * @param {Uint32Array} code
   * @param {Int32Array} rows
   */
  distancesTo(code, rows) {
    if (!this.lists) {
      const every = this.distances(code);
      return Uint16Array.from(rows, (row) => every[row]);
    }
    return Uint16Array.from(rows, (row) => {
      const words = this.code(row);
      return code.reduce((sum, word, at) => sum + bitCount(word ^ words[at]), 0);
    });
  }

  /** @param {number} row */
  split(row) {
    if (row === NO_ROW) return "";
    return this.manifest.splits[this.lists ? this.lists.at(row).split : this.splits[row]] ?? "";
  }

  /**
   * The soft bits of some tiles, from -127 to 127.
   * @param {number[]} rows
   * @returns {Promise<Int8Array[]>}
   * @throws {SiteError} a file did not come, or holds those of other codes, such as of another version
   */
  async softBits(rows) {
    await this.locate(rows);
    return Promise.all(
      rows.map(async (row) => {
        const { soft_rows: perFile } = this.manifest;
        const start = (row % perFile) * this.numBits;
        const file = `${this.folder}/soft-${Math.floor(row / perFile)}.bin`;
        const soft = new Int8Array(await this.store.part(file, start, start + this.numBits));
        const bytes = new Uint8Array(this.code(row).buffer, this.code(row).byteOffset);
        const isSet = (/** @type {number} */ bit) => (bytes[bit >> 3] & (128 >> (bit & 7))) > 0;
        if (soft.some((value, bit) => value && value > 0 !== isSet(bit))) throw this.store.harmed(file, "was altered");
        return soft;
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
    await this.locate(wanted);
    const missing = [...wanted].filter((row) => !this.items.has(row));
    await this.loadFullPacks("tiles", missing);
    if (this.composite) await this.loadFullPacks(`composite-${this.composite}`, missing);
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
    if (this.lists) return this.itemsInLists(Array.from(rows));
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
   * The same in lists, where the words of a tile have its columns.
   * @param {number[]} rows
   * @returns {Promise<TableRow[]>}
   */
  async itemsInLists(rows) {
    if (rows.length > MOST_ITEMS) {
      const [many, most] = [rows.length, MOST_ITEMS].map((number) => number.toLocaleString("en"));
      throw new InputError(`${many} tiles are too many for a file from this site: select at most ${most}`);
    }
    await this.load(rows);
    return rows.map((row) => /** @type {TableRow} */ (this.items.get(row)?.columns));
  }

  /**
   * @param {Int32Array} rows
   * @returns {Promise<string[]>}
   */
  async idsOf(rows) {
    if (rows.length <= FEW_ROWS || this.lists) return Promise.all(Array.from(rows, (row) => this.idOf(row)));
    const ids = await this.ids();
    return Array.from(rows, (row) => ids[row]);
  }

  /**
   * Read packs as a whole of which many tiles are needed: one request instead of one for each.
   * @param {string} name of the packs
   * @param {number[]} rows
   * @param {Uint32Array} order place of each tile in the packs
   */
  async loadFullPacks(name, rows, order = this.order) {
    /** @type {Map<number, number>} */
    const counts = new Map();
    for (const place of await Promise.all(rows.map((row) => this.placeOf(row, order)))) {
      const pack = Math.floor(place / this.manifest.pack);
      counts.set(pack, (counts.get(pack) ?? 0) + 1);
    }
    const full = [...counts].filter(([, count]) => count >= MANY_OF_PACK);
    await Promise.all(full.map(([pack]) => this.store.whole(`data/${name}-${pack}.bin`)));
  }

  /**
   * What is shown of a tile, which is kept until there is no room.
   * @param {number} row
   * @returns {Promise<Item>}
   */
  async loadTile(row) {
    return this.items.get(row) ?? this.take(row, await this.stored(row));
  }

  /**
   * Keep what a pack holds of a tile.
   * @param {number} row
   * @param {ArrayBuffer} bytes
   */
  async take(row, bytes) {
    const { words, image: first } = wordsAndImage(bytes);
    const image = this.composite && first.byteLength ? await this.inComposite(row) : first;
    const [id, longitude, latitude, footprint, columns, scene, date] = words;
    const thumb = new DataView(image.byteLength ? image : await drawCode(this.hex(this.code(row)), this.numBits));
    const rings = parseRings(footprint);
    const item = { id, longitude, latitude, rings, columns, scene, date, thumb, hasImage: image.byteLength > 0 };
    this.items.set(row, item);
    return item;
  }

  /** The thumbnail of a tile in another composite than the first. @param {number} row */
  async inComposite(row) {
    return this.packed(`composite-${this.composite}`, await this.placeOf(row, this.order));
  }

  /**
   * What is stored of a tile: words, and a thumbnail if it has an image.
   * @param {number} row
   */
  async stored(row) {
    return this.packed("tiles", await this.placeOf(row, this.order));
  }

  /**
   * The largest image of a tile, which must be loaded: its preview, of the first composite alone, else its thumbnail.
   * @param {number} row
   */
  async largest(row) {
    const { thumb, hasImage } = /** @type {Item} */ (this.items.get(row));
    if (!this.composite && this.store.has("data/previews-0.bin")) {
      const content = await this.packed("previews", await this.placeOf(row, this.order));
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
   * The place of a tile in packs.
   * @param {number} row
   * @param {Uint32Array} order of them, if the gallery is not in lists
   */
  placeOf(row, order) {
    return this.lists ? this.lists.placeOf(row) : order[row];
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
    const known = this.items.get(row) ?? (this.lists ? null : await this.loadTile(row));
    return known?.id ?? wordsAndImage(await this.stored(row)).words[0];
  }

  /**
   * The row of a tile by the place of its id's hash among those of all ids.
   * @param {number} place
   */
  async rowByHash(place) {
    return this.lists ? this.lists.numberOf("ids", place) : place;
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

  /** The outlines of the footprint of a tile, which must be loaded. @param {number} row */
  ringsOf(row) {
    return this.items.get(row)?.rings ?? [];
  }

  /**
   * One tile in words and bytes, as all panels show it; it must be loaded.
   * @param {number} row
   * @returns {TileWords & { thumb: DataView<ArrayBuffer> }}
   */
  describe(row) {
    const item = /** @type {Item} */ (this.items.get(row));
    const { longitude, latitude } = item;
    const color = this.hasSeveral ? NO_CLASS : this.label(row);
    const place =
      typeof longitude === "number" && typeof latitude === "number"
        ? formatPlace(longitude, latitude, this.manifest.decimals)
        : "";
    const split = this.split(row);
    return {
      row,
      id: item.id,
      name: this.labelNames(row).join(", ") || readable(fileOf(item.id)),
      color,
      scene: item.scene,
      date: item.date,
      code: this.hex(this.code(row)),
      place,
      map: place ? mapUrl(Number(longitude), Number(latitude)) : "",
      split: SPLITS.get(split) ?? "",
      unseen: split === "query",
      thumb: item.thumb,
    };
  }
}

/**
 * What a pack holds of a tile: its words, and its thumbnail if it has an image.
 * @param {ArrayBuffer} bytes
 */
function wordsAndImage(bytes) {
  const size = new DataView(bytes).getUint32(0, true);
  const words = new TextDecoder().decode(new Uint8Array(bytes, 4, size));
  return { words: JSON.parse(words), image: bytes.slice(4 + size) };
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
