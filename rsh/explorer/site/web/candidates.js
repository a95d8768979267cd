// @ts-check
// The tiles that a search compares: all of a gallery, or those of the lists that it reads.

/** @import { CodeScanner } from "./scan.js" */
/** @import { Manifest } from "./types" */

/** Whether the numbers of label sets are bytes. @param {Manifest} manifest */
export const hasFewSets = ({ label_sets: sets }) => sets.length < 256;

export class Candidates {
  /**
   * @param {CodeScanner} scanner with their codes
   * @param {Uint8Array | Uint16Array} labelSets number of that of each tile
   * @param {Uint8Array} isHeldOut 1 each
   * @param {Uint32Array | null} rows of the gallery; null if these are all its tiles in their order
   */
  constructor(scanner, labelSets, isHeldOut, rows = null) {
    this.scanner = scanner;
    this.labelSets = labelSets;
    this.isHeldOut = isHeldOut;
    this.rows = rows;
  }

  get size() {
    return this.labelSets.length;
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
