// @ts-check
// The address of the page: it opens what was shown, and follows what is.

import { readAddress, writeAddress } from "../address.js";
import { NOT_FOUND, rowByHash } from "../lookup.js";
import { idsOf } from "./find.js";

/** @import { Explorer } from "../explorer.js" */
/** @import { Query } from "../types" */

const GIVEN = /^\s*(set|label|group)\s*!?=/; // conditions on what the visitor gave

export class Links {
  /** @param {Explorer} page */
  constructor(page) {
    this.page = page;
    this.opened = "";
    this.message = ""; // about what was opened
    /** What was opened before labels and sets were read, if it is about them. @type {{ address: string, query: Query } | null} */
    this.early = null;
  }

  /**
   * Set the state to what a link says, before anything is shown.
   * @param {string} address
   */
  async open(address) {
    if (!address) return;
    this.opened = address;
    this.message = await this.read(address).catch((error) => this.page.explain(error));
    const wheres = new URLSearchParams(address).getAll("where");
    if (wheres.some((text) => GIVEN.test(text))) this.early = { address, query: this.page.state.query };
  }

  /** Open it once more when labels and sets are read, unless the visitor went on meanwhile. */
  async openAgain() {
    const { early, page } = this;
    this.early = null;
    if (early?.query !== page.state.query || !page.gallery.annotations.state.events.length) return;
    const leftOut = await this.read(early.address);
    await page.refresh();
    page.alert(leftOut);
  }

  /** @param {string} address */
  async read(address) {
    const { state } = this.page;
    const before = state.compared;
    const leftOut = await readAddress(address, state, (id) => this.rowOf(id));
    if (state.compared !== before) this.page.openTab("compare");
    return leftOut;
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
    page.set("header", { address: "" }); // the browser shows another one, even if the state stays
    page.flush();
    if (address === this.opened) {
      this.opened = ""; // it is shown already, but not what is wrong with it
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
