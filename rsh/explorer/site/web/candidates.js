// @ts-check
// The tiles that a search compares: all of a gallery, or those of the lists that it reads.

/** @import { CodeScanner } from "./scan.js" */

export class Candidates {
  /**
   * @param {CodeScanner} scanner with their codes
   * @param {Uint8Array | Uint16Array} labels
   * @param {Uint8Array} isHeldOut 1 each
   * @param {Uint32Array | null} rows of the gallery; null if these are all its tiles in their order
   */
  constructor(scanner, labels, isHeldOut, rows = null) {
    this.scanner = scanner;
    this.labels = labels;
    this.isHeldOut = isHeldOut;
    this.rows = rows;
  }

  get size() {
    return this.labels.length;
  }

  /** @param {number} place */
  row(place) {
    return this.rows ? this.rows[place] : place;
  }

  /** The place of a row, -1 if it is not among them. @param {number} row */
  place(row) {
    return this.rows ? this.rows.indexOf(row) : row;
  }
}
