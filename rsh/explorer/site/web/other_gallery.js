// @ts-check
// Another gallery of the same tiles, which results are compared with: it has codes, labels and splits of its own.

import { drawCode } from "./drawing.js";
import { Gallery, readParts } from "./gallery.js";

export class OtherGallery extends Gallery {
  /**
   * @param {Gallery} first whose tiles it has, in the same order
   * @param {number} number among those that can be compared with
   * @param {ArrayBuffer[]} parts see `readParts`
   */
  constructor(first, number, parts) {
    const { manifest, store, order } = first;
    super({ ...manifest, ...manifest.others[number] }, store, folderOf(number), parts, order);
    this.first = first;
  }

  /**
   * @param {Gallery} first
   * @param {number} number
   */
  static async beside(first, number) {
    return new OtherGallery(first, number, await readParts(first.store, folderOf(number)));
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

/** @param {number} number */
const folderOf = (number) => `data/other-${number}`;
