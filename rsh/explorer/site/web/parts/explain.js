// @ts-check
// The tabs on bits and on confused classes, as `rsh.explorer.panels.explain`: what they say is the same for all queries,
// so that Python has said it when the site was written.

import { fullName } from "../../../panels/lib/shared.js";
import { alt } from "../views.js";

/** @import { Asked } from "../../../panels/lib/types" */
/** @import { Explorer } from "../explorer.js" */
/** @import { Explained, PartPanel } from "../types" */

const FILE = "data/explained.json";

/** What both tabs share: they are one panel. */
class ExplainPart {
  /** @param {Explorer} explorer */
  constructor(explorer) {
    this.explorer = explorer;
    /** @type {PartPanel[]} */
    this.panels = [];
    /** @type {Asked} */
    this.asked = { bit: 0, pair: 0 };
    /** What the file says, once it was read. @type {Explained | null} */
    this.explained = null;
  }

  receive() {}

  refresh() {}

  /**
   * @param {string} panel
   * @param {Record<string, unknown>} traits
   */
  changed(panel, { asked }) {
    if (panel !== "explain") return;
    this.asked = /** @type {Asked} */ (asked);
    if (this.explorer.tab !== this.tab?.[0]) return;
    this.explorer.queue(async () => {
      await this.open();
      this.explorer.alert("");
    });
  }

  /** @returns {readonly [name: string, words: string] | null} */
  get tab() {
    return null;
  }

  async open() {
    const { store, classes } = this.explorer.gallery;
    /** @type {Explained} */
    const explained = this.explained ?? JSON.parse(new TextDecoder().decode(await store.whole(FILE)));
    this.explained = explained;
    const view = await this.view(explained);
    this.explorer.set("explain", { view: { bits: explained.names, num_classes: classes.length, ...view } });
  }

  /**
   * @param {Explained} _explained
   * @returns {Promise<object>}
   */
  async view(_explained) {
    return {};
  }

  /** @param {number} row of a tile that is loaded */
  card(row) {
    const tile = this.explorer.gallery.describe(row);
    return { ...tile, alt: alt(fullName(tile)) };
  }
}

export class BitsPart extends ExplainPart {
  /** @param {Explorer} explorer */
  constructor(explorer) {
    super(explorer);
    const view = { bits: [], num_classes: explorer.gallery.classes.length };
    /** @type {PartPanel[]} */
    this.panels = [["explain", "explain", "dock", { asked: this.asked, working: "", view }]];
  }

  get tab() {
    return /** @type {const} */ (["bit", "Bits"]);
  }

  /** @param {Explained} explained */
  async view({ bits }) {
    const found = bits[this.asked.bit];
    await this.explorer.gallery.load([...found.on, ...found.off]);
    const [on, off] = [found.on, found.off].map((rows) => rows.map((row) => this.card(row)));
    return { bit: { ...found, on, off } };
  }
}

export class PairsPart extends ExplainPart {
  get tab() {
    const { classes, hasSeveral } = this.explorer.gallery;
    return classes.length && !hasSeveral ? /** @type {const} */ (["pairs", "Confusion"]) : null;
  }

  /** @param {Explained} explained */
  async view({ pairs, borders, no_pairs: noPairs }) {
    if (!pairs.length) return { pairs: { pairs, note: noPairs, tiles: [] } };
    const chosen = Math.min(Math.max(this.asked.pair, 0), pairs.length - 1);
    const { note, tiles } = borders[chosen];
    await this.explorer.gallery.load(tiles.flatMap(([row, , nearest]) => [row, nearest]));
    const cards = tiles.map(([row, far, nearest]) => {
      const card = this.card(row);
      return { ...card, far, other: this.card(nearest), alt: `${card.name}: ${far}` };
    });
    return { pairs: { pairs, chosen, note, tiles: cards } };
  }
}
