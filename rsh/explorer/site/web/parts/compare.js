// @ts-check
// The tab that compares results with those of another gallery, as `rsh.explorer.panels.compare`.

import { fullName } from "../../../panels/lib/shared.js";
import { compareRankings } from "../compare_rankings.js";
import { InputError } from "../errors.js";
import { fixed } from "../numbers.js";
import { OtherGallery } from "../other_gallery.js";
import { hasFeedback } from "../search.js";
import { SiteError } from "../store.js";
import { pluralOf as plural } from "../text.js";
import { alt } from "../views.js";

/** @import { Overlap, SideResult } from "../compare_rankings.js" */
/** @import { Explorer } from "../explorer.js" */
/** @import { PartPanel } from "../types" */

export class ComparePart {
  /** @param {Explorer} explorer */
  constructor(explorer) {
    this.explorer = explorer;
    const { choices, classes } = explorer.gallery.manifest;
    this.tab = choices.length ? /** @type {const} */ (["compare", "Compare"]) : null;
    /** @type {PartPanel[]} */
    this.panels = choices.length
      ? [["compare", "compare", "dock", { choices, chosen: "", labeled: classes.length > 0 }]]
      : [];
    /** The galleries that were compared with, by name. @type {Map<string, Promise<OtherGallery>>} */
    this.opened = new Map();
  }

  receive() {}

  /**
   * @param {string} panel
   * @param {Record<string, unknown>} traits
   */
  changed(panel, { chosen }) {
    if (panel !== "compare") return;
    this.explorer.queue(async () => {
      const { state, links } = this.explorer;
      state.compared = state.sides.includes(String(chosen)) ? String(chosen) : "";
      await this.open();
      links.write();
      this.explorer.alert("");
    });
  }

  refresh() {
    if (this.tab) this.explorer.set("compare", { chosen: this.explorer.state.compared });
  }

  async open() {
    this.explorer.set("compare", { view: await this.view() });
  }

  /** What the panel shows of the current query; nothing while nothing is chosen. */
  async view() {
    const { compared } = this.explorer.state;
    if (!compared) return {};
    try {
      return await this.compared(compared);
    } catch (error) {
      if (error instanceof SiteError) return { note: error.message, sides: [] }; // not those of another query
      throw error;
    }
  }

  /** @param {string} side */
  async compared(side) {
    const { gallery, state } = this.explorer;
    if (state.query.image) {
      throw new InputError("Only a tile of the gallery can be compared, not your own image.");
    }
    if (hasFeedback(state.query) || state.filter.conditions.length) {
      throw new InputError("Only the query alone can be compared: clear feedback and filters.");
    }
    const other = await this.other(side);
    const { topK, shared, overlap, sides } = await compareRankings([gallery, other], state.query.row, state.settings);
    const titles = ["", `${other.manifest.name}, `];
    await Promise.all(sides.map((result) => result.gallery.load(result.rows)));
    return {
      note: note(overlap, shared),
      sides: sides.map((result, number) => ({
        // Five bits of 64 are nearer than five of 32: each side says how many it has.
        title: `${titles[number]}${result.gallery.numBits} bits`,
        ...sideView(result, topK),
        mine: number === 0,
      })),
    };
  }

  /** @param {string} side */
  other(side) {
    const { gallery } = this.explorer;
    const number = gallery.manifest.choices.findIndex(([name]) => name === side);
    const opened = this.opened.get(side) ?? OtherGallery.beside(gallery, number);
    this.opened.set(side, opened);
    opened.catch(() => this.opened.delete(side)); // another try may read it
    return opened;
  }
}

/**
 * @param {Overlap | null} overlap
 * @param {number} shared
 */
function note(overlap, shared) {
  if (!overlap) return "The two galleries have no tile in common.";
  const { depth, expected, least, most } = overlap;
  const [low, high] = [Math.round(least * depth), Math.round(most * depth)];
  const isTied = low < high;
  const mean = isTied ? fixed(expected * depth, 1) : String(low);
  const ofTies = isTied ? ` (mean over the order of ties, ${low} to ${high})` : "";
  const both = isTied ? "both in some order of ties" : "both";
  return (
    `${mean} of the top ${depth} are shared${ofTies}: overlap@${depth} = ${fixed(expected, 2)}. ` +
    `Both can retrieve ${plural(shared, "tile")}. Dimmed: found by ${both}.`
  );
}

/**
 * @param {SideResult} result
 * @param {number} topK
 */
function sideView({ gallery, rows, distances, relevant, onlyHere, averagePrecision, precision }, topK) {
  const judged = relevant.filter((each) => each !== null).length;
  const { relevance: said } = gallery.manifest;
  const among = judged === topK ? "" : ` of the tiles with a ${said.label}`;
  const only = onlyHere.filter(Boolean).length;
  return {
    figures: [
      ...(precision === null ? [] : [`precision@${judged}${among} = ${fixed(precision, 2)}`]),
      ...(averagePrecision === null ? [] : [`average precision = ${fixed(averagePrecision, 2)}`]),
      `${only} only here`,
    ],
    cards: rows.map((row, place) => {
      const tile = gallery.describe(row);
      const far = plural(distances[place], "bit");
      const isRelevant = relevant[place];
      const same = isRelevant === null ? "" : isRelevant ? said.same : said.other;
      const words = alt(`rank ${place + 1}`, fullName(tile), far, same, onlyHere[place] && "only here");
      return { ...tile, alt: words, rank: place + 1, far, relevant: isRelevant, only: onlyHere[place] };
    }),
  };
}
