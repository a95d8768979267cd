// @ts-check
// Another gallery of the same tiles, which results are compared with: it has codes, labels and splits of its own.

import { drawCode } from "./drawing.js";
import { Gallery, readParts } from "./gallery.js";

/** @import { Parts } from "./gallery.js" */
/** @import { Manifest } from "./types" */

export class OtherGallery extends Gallery {
  /**
   * @param {Gallery} first whose tiles it has, in the same order
   * @param {Manifest} manifest
   * @param {string} folder
   * @param {Parts} parts
   */
  constructor(first, manifest, folder, parts) {
    super(manifest, first.store, folder, parts, first.order);
    this.first = first;
  }

  /** Load some tiles, in the composite that the first gallery shows. @param {Iterable<number>} rows */
  async load(rows) {
    this.changeComposite(this.first.composite);
    await super.load(rows);
  }

  /**
   * @param {Gallery} first
   * @param {number} number among those that it can be compared with
   */
  static async beside(first, number) {
    const manifest = { ...first.manifest, ...first.manifest.others[number] };
    const folder = `data/other-${number}`;
    return new OtherGallery(first, manifest, folder, await readParts(first.store, folder, manifest));
  }

  /**
   * What is shown of a tile, from the files of the first gallery.
   * @param {number} row
   */
  async loadTile(row) {
    const item = await this.first.loadTile(row);
    const thumb = item.hasImage ? item.thumb : new DataView(await drawCode(this.hex(this.code(row)), this.numBits));
    const own = { ...item, thumb };
    this.items.set(row, own);
    return own;
  }
}
