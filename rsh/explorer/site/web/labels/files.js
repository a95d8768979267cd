// @ts-check
// Files of labels and sets, as `rsh.search.formats.label_files` writes and reads them.

import { escapeFormula, readCsv, unescapeFormula, writeCsv } from "../formats/csv.js";
import { Float, toJson } from "../formats/json.js";
import { geometry, hasPlaces } from "../formats/places.js";
import { SiteError } from "../store.js";
import { pluralOf as plural } from "../text.js";

/** @import { Gallery } from "../gallery.js" */

/** What a site writes and reads; Parquet needs Python. */
export const FORMS = ["csv", "geojson"];
const TYPES = new Map([
  ["csv", "text/csv"],
  ["geojson", "application/geo+json"],
]);
const DEGREES = ["longitude", "latitude"];
const ID_NAMES = ["id", "path"];
const LABEL_NAMES = ["label", "labels", "class", "class_name", "category"]; // the first there is counts
const SHOWN = 3; // unknown ids in a message

/** @typedef {{ ids: string[], classes: string[], sets: string[][] }} Labels a row for each tile */

/**
 * All labels and sets as a file.
 * @param {Gallery} gallery
 * @param {string} form
 */
export async function writeLabels(gallery, form) {
  const type = TYPES.get(form);
  if (!type) throw new SiteError(`form ${form}: choose one of ${FORMS.join(", ")}`);
  const { given, sets: all } = gallery.annotations.state;
  /** @type {Map<number, string[]>} */
  const sets = new Map();
  given.numbers.forEach((_, row) => {
    if (given.of(row)) sets.set(row, []);
  });
  for (const { key, name } of all) {
    for (const row of gallery.annotations.state.members(key)) sets.set(row, [...(sets.get(row) ?? []), name]);
  }
  if (!sets.size) throw new SiteError("this gallery has no labels and no sets: give some first");
  const items = await gallery.itemsOf([...sets.keys()]);
  if (form === "geojson" && !hasPlaces(Object.keys(items[0]))) {
    throw new SiteError("this gallery has no coordinates: export CSV");
  }
  const rows = [...sets.keys()].map((row, place) => ({
    item: items[place],
    given: given.of(row),
    sets: sets.get(row) ?? [],
  }));
  rows.sort((one, other) => (one.item.id < other.item.id ? -1 : 1));
  const text = form === "csv" ? toCsv(rows) : toGeojson(rows);
  return { name: `labels.${form}`, type, bytes: new TextEncoder().encode(text) };
}

/** @typedef {{ item: import("../types").TableRow, given: string, sets: string[] }} Row */

/** @param {Row[]} rows */
function toCsv(rows) {
  const known = DEGREES.filter((name) => name in rows[0].item);
  const degrees = (/** @type {unknown} */ value) => (Number.isFinite(value) ? new Float(Number(value)) : null);
  const cells = rows.map(({ item, given, sets }) => [
    ...[item.id, given, sets.join(";")].map(escapeFormula),
    ...known.map((name) => degrees(item[name])),
  ]);
  return writeCsv([["id", "class", "sets", ...known], ...cells]);
}

/** @param {Row[]} rows */
function toGeojson(rows) {
  const features = rows.map(({ item, given, sets }) => ({
    type: "Feature",
    geometry: geometry(item),
    properties: { id: item.id, class: given || null, sets },
  }));
  return toJson({ type: "FeatureCollection", features });
}

/**
 * The rows of each class and of each set that a file gives.
 * @param {Gallery} gallery
 * @param {ArrayBuffer} content
 * @param {string} file its name
 */
export async function readLabels(gallery, content, file) {
  const { ids, classes, sets } = parse(content, file);
  const rows = await matchRows(gallery, ids, file);
  /** @type {Map<number, string>} */
  const seen = new Map();
  /** @type {Map<string, number[]>} */
  const ofClasses = new Map();
  /** @type {Map<string, number[]>} */
  const ofSets = new Map();
  rows.forEach((row, place) => {
    if (classes[place].trim()) {
      const name = gallery.annotations.className(classes[place]);
      const before = seen.get(row) ?? name;
      if (before !== name) {
        throw new SiteError(`${file} gives ${ids[place]} two classes, ${before} and ${name}: keep one`);
      }
      seen.set(row, name);
      ofClasses.set(name, [...(ofClasses.get(name) ?? []), row]);
    }
    for (const name of sets[place]) ofSets.set(name, [...(ofSets.get(name) ?? []), row]);
  });
  if (!ofClasses.size && !ofSets.size) {
    throw new SiteError(`${file} gives no tile a class or a set: fill in one of these columns`);
  }
  return { classes: packed(ofClasses), sets: packed(ofSets), numTiles: new Set(rows).size };
}

/** @param {Map<string, number[]>} rows */
const packed = (rows) => new Map([...rows].map(([name, some]) => [name, Int32Array.from(some)]));

/**
 * @param {Gallery} gallery
 * @param {string[]} ids
 * @param {string} file
 */
async function matchRows(gallery, ids, file) {
  const known = new Map(ids.map((id) => [id, -1]));
  (await gallery.ids()).forEach((id, row) => {
    if (known.has(id)) known.set(id, row);
  });
  const unknown = ids.filter((id) => known.get(id) === -1);
  if (unknown.length) {
    const hint = unknown.length === ids.length ? "check its ids" : "fix them, or remove these rows";
    throw new SiteError(
      `${file}: no tile of the gallery has ${unknown.length.toLocaleString("en")} of its ` +
        `${plural(ids.length, "id")}, such as ${unknown.slice(0, SHOWN).join(", ")}: ${hint}`,
    );
  }
  return ids.map((id) => known.get(id) ?? -1);
}

/**
 * @param {ArrayBuffer} content
 * @param {string} file
 * @returns {Labels}
 */
function parse(content, file) {
  let text = "";
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch {
    throw new SiteError(`${file} is no text in UTF-8: save it again`);
  }
  const suffix = file.toLowerCase().match(/\.\w+$/)?.[0] ?? "";
  if (suffix === ".csv") return parseCsv(text, file);
  if (suffix === ".geojson" || suffix === ".json") return parseGeojson(text, file);
  throw new SiteError(`${file}: choose a name that ends in .csv or .geojson`);
}

/**
 * @param {string} text
 * @param {string} file
 */
function parseCsv(text, file) {
  const columns = readCsv(text, file);
  /** @type {Map<string, unknown[]>} */
  const texts = new Map();
  for (const [name, cells] of columns) {
    texts.set(
      name,
      cells.map((cell) => cell && unescapeFormula(cell)),
    );
  }
  return labelsOf(texts, file);
}

/**
 * @param {string} text
 * @param {string} file
 */
function parseGeojson(text, file) {
  /** @type {Record<string, unknown>[]} */
  let rows = [];
  try {
    const features = /** @type {{ id?: unknown, properties: object | null }[]} */ (JSON.parse(text).features);
    rows = features.map(({ id, properties }) => ({ id: id ?? null, ...properties }));
  } catch {
    throw new SiteError(`${file} is no FeatureCollection: save it again`);
  }
  const names = [...new Set(rows.flatMap(Object.keys))];
  return labelsOf(new Map(names.map((name) => [name, rows.map((row) => row[name] ?? null)])), file);
}

/**
 * @param {Map<string, unknown[]>} columns
 * @param {string} file
 * @returns {Labels}
 */
function labelsOf(columns, file) {
  const first = (/** @type {string[]} */ names) => columns.get(names.find((name) => columns.has(name)) ?? "");
  const [ids, classes, sets] = [first(ID_NAMES), first(LABEL_NAMES), columns.get("sets")];
  if (!ids || (!classes && !sets)) {
    const has = [...columns.keys()].join(", ") || "none";
    const hint = /[;\t]/.test(has) ? ": separate columns by commas" : "";
    throw new SiteError(`${file} needs the columns id, and class or sets; it has ${has}${hint}`);
  }
  if ([...ids, ...(classes ?? [])].some(Array.isArray)) {
    throw new SiteError(`${file} has a list in place of an id or a class: give one text a row`);
  }
  if (!ids.every(Boolean)) throw new SiteError(`${file} has a row without an id: fill it in, or remove the row`);
  const listed = (/** @type {unknown} */ value) => (Array.isArray(value) ? value : String(value ?? "").split(";"));
  return {
    ids: ids.map(String),
    classes: ids.map((_, place) => String(classes?.[place] ?? "")),
    sets: ids.map((_, place) =>
      listed(sets?.[place])
        .map((name) => String(name).trim())
        .filter(Boolean),
    ),
  };
}
