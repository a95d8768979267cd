// @ts-check
// The address of the page: it opens what was shown, and follows what is.

import { readAddress, writeAddress } from "../address.js";
import { NOT_FOUND, rowByHash } from "../lookup.js";
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
    const { state } = this.page;
    return readAddress(address, state, (id) => this.rowOf(id));
  }

  /**
   * The row of a tile; few are found by the ids of all tiles alone.
   * @param {string} id
   */
  async rowOf(id) {
    const { page } = this;
    const row = await rowByHash(page.gallery, id);
    return row === NOT_FOUND && !page.gallery.lists ? (await idsOf(page)).indexOf(id) : row;
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
