// @ts-check
// The address of the page: it opens what was shown, and follows what is.

import { readAddress, writeAddress } from "../address.js";
import { idsOf } from "./find.js";

/** @import { Explorer } from "../explorer.js" */

export class Links {
  /** @param {Explorer} page */
  constructor(page) {
    this.page = page;
    this.opened = "";
    this.message = ""; // about what was opened
  }

  /**
   * Set the state to what a link says, before anything is shown.
   * @param {string} address
   */
  async open(address) {
    if (!address) return;
    this.opened = address;
    this.message = await this.read(address).catch((error) => this.page.explain(error));
  }

  /** @param {string} address */
  read(address) {
    const { gallery, state } = this.page;
    return readAddress(address, state, (id) => this.rowOf(id, gallery.manifest.first));
  }

  /**
   * The row of a tile; that of the first query is known without the ids of all tiles.
   * @param {string} id
   * @param {number} first
   */
  async rowOf(id, first) {
    const { page } = this;
    await page.gallery.load([first]);
    if (page.gallery.describe(first).id === id) return first;
    return (await idsOf(page)).indexOf(id);
  }

  /**
   * Show what a link says.
   * @param {string} address
   */
  async follow(address) {
    const { page } = this;
    if (address === this.opened) {
      this.opened = ""; // it is shown already, but neither its address nor what is wrong with it
      page.set("header", { address: "" });
      page.flush();
      this.write();
      page.alert(this.message);
      return;
    }
    const leftOut = await this.read(address);
    await page.refresh();
    page.alert(leftOut);
  }

  /** Show the address of what is shown. */
  write() {
    const { gallery, state } = this.page;
    this.page.set("header", { address: writeAddress(state, (row) => gallery.describe(row).id) });
  }
}
