// @ts-check
// Tables in CSV (RFC 4180), as `rsh.search.formats.tables` writes them.

import { SiteError } from "../store.js";

const NUL = String.fromCharCode(0);
// Where a spreadsheet begins a cell, and what it reads as a formula: see `to_csv` in Python.
const BEGIN = `(^|[;\\t\\r\\n${NUL}])`;
const READ_AS_FORMULA = `(?=["'\\s]*[=+\\-@\\t\\r\\n${NUL}\uff1d\uff0b\uff0d\uff20])`;
const FORMULA = new RegExp(BEGIN + READ_AS_FORMULA, "g");
const ESCAPED = new RegExp(`${BEGIN}'${READ_AS_FORMULA}`, "g");

/** Put an apostrophe in front of what a spreadsheet would read as a formula. @param {string} text */
export const escapeFormula = (text) => text.replace(FORMULA, "$1'");

/** @param {string} text */
export const unescapeFormula = (text) => text.replace(ESCAPED, "$1");

/**
 * @param {unknown[][]} rows the header among them; null is an empty cell
 * @returns {string}
 */
export function writeCsv(rows) {
  const cell = (/** @type {unknown} */ value) => {
    const text = value === null ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

/**
 * The columns of a table; null where a cell is empty.
 * @param {string} text
 * @param {string} file its name, for messages
 * @returns {Map<string, (string | null)[]>}
 * @throws {SiteError} it is no table
 */
export function readCsv(text, file) {
  const [header = [], ...rows] = cellsOf(text, file).filter((row) => row.length > 1 || row[0] !== "");
  const wide = rows.findIndex((row) => row.length > header.length);
  if (wide >= 0) throw new SiteError(`${file} has more cells than columns in row ${wide + 2}: save it as CSV again`);
  return new Map(header.map((name, place) => [name.trim(), rows.map((row) => row[place] || null)]));
}

/**
 * @param {string} text
 * @param {string} file
 */
function cellsOf(text, file) {
  /** @type {string[][]} */
  const rows = [[]];
  const pattern = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\r|\n|$)/gy;
  const content = text.replace(/^\ufeff/, "");
  while (pattern.lastIndex < content.length) {
    const found = pattern.exec(content);
    if (!found) throw new SiteError(`${file} is no table, its quotes do not match: save it as CSV again`);
    const [, quoted, plain, end] = found;
    rows[rows.length - 1].push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === ",") {
      if (pattern.lastIndex === content.length) rows[rows.length - 1].push("");
    } else rows.push([]);
  }
  return rows.filter((row) => row.length);
}
