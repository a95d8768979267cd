// @ts-check
// The tab with near duplicates, as `rsh.explorer.parts.duplicates`: a site compares codes alone.

import { fullName } from "../../../panels/lib/shared.js";
import { farthest, findGroups } from "../duplicates/groups.js";
import { NO_CLASS } from "../gallery.js";
import { humanize, pluralOf as plural } from "../text.js";
import { alt, givenWords } from "../views.js";

/** @import { StripsView } from "../../../panels/lib/types" */
/** @import { Group } from "../duplicates/groups.js" */
/** @import { Content, Explorer } from "../explorer.js" */
/** @import { PartPanel } from "../types" */

const AT_ONCE = 24; // groups shown before one asks for more
const MOST_CARDS = 48; // of a group
const RADII = [0, 1, 2, 3, 4, 6, 8, 12]; // that one can choose beside the default, bits
const BITS_PER_STEP = 16;
const LEAD =
  "Tiles whose codes are near: choose how near, then look for them. A published page compares codes alone, not images.";
const ALONE = ", whose codes alone were compared: look before you call any of them a duplicate.";
const OTHERS = "Select all but one of each kind";
const CHAIN = "a chain: its ends differ more than a pair may";
const NO_GROUPS = "No near duplicates: no two codes are that near.";
const TOO_MANY =
  "So many codes share so many bits that this page would take long to compare them: choose fewer bits, or run " +
  "`rsh duplicates` on the gallery.";

export class DuplicatesPart {
  tab = /** @type {const} */ (["duplicates", "Duplicates"]);

  /** @param {Explorer} explorer */
  constructor(explorer) {
    this.explorer = explorer;
    /** What was found; null if nothing was looked for, or that would take too long. @type {Group[] | null} */
    this.found = null;
    this.note = LEAD;
    this.shown = AT_ONCE;
    this.radius = 0; // codes of one class are near: only equal ones are likely to look alike
  }

  /** @returns {PartPanel[]} */
  get panels() {
    return [["duplicates", "strips", "dock", { subject: "duplicates", working: "" }]];
  }

  get radii() {
    const usual = RADII.filter((radius) => radius <= Math.floor(this.explorer.gallery.numBits / 4));
    const step = Math.max(1, Math.floor(this.explorer.gallery.numBits / BITS_PER_STEP));
    return [...new Set([...usual, step])].sort((one, other) => one - other);
  }

  /** @type {(panel: string, content: Content) => void} */
  receive(_panel, { kind, do: what, key, chosen }) {
    if (kind !== "duplicates") return;
    this.explorer.queue(async () => {
      if (what === "duplicates") this.look(Number(/** @type {{ radius?: string }} */ (chosen).radius));
      if (what === "more") this.shown += AT_ONCE;
      if (what === "duplicates" || what === "more") await this.open();
      const group = this.found?.[Number(key)];
      if (what === "select" && group) await this.select([group], () => true);
      if (what === "select others" && group) await this.select([group], (isKept) => !isKept);
      if (what === "select removable") await this.select(this.found ?? [], (isKept) => !isKept);
      this.explorer.alert("");
    });
  }

  /** @param {number} radius */
  look(radius) {
    const { explorer } = this;
    if (this.radii.includes(radius)) this.radius = radius;
    explorer.set("duplicates", { working: "Comparing all codes." });
    explorer.flush();
    this.found = findGroups(explorer.gallery, this.radius);
    this.shown = AT_ONCE;
    this.note = this.found ? this.count(this.found) : TOO_MANY;
    explorer.set("duplicates", { working: "" });
  }

  /** @param {Group[]} groups */
  count(groups) {
    if (!groups.length) return NO_GROUPS;
    const tiles = groups.reduce((sum, { rows }) => sum + rows.length, 0);
    return `${plural(groups.length, "group")} with ${plural(tiles, "tile")}${ALONE}`;
  }

  /**
   * @param {Group[]} groups
   * @param {(isKept: boolean) => boolean} chosen
   */
  select(groups, chosen) {
    const rows = groups.flatMap((group) => group.rows.filter((_, place) => chosen(group.kept[place])));
    return this.explorer.select(Int32Array.from(rows));
  }

  refresh() {}

  /** Show what was found. */
  async open() {
    const { gallery } = this.explorer;
    const groups = (this.found ?? []).slice(0, this.shown);
    await gallery.load(groups.flatMap(({ rows }) => rows.slice(0, MOST_CARDS)));
    this.explorer.set("duplicates", { view: this.view(groups) });
  }

  /**
   * @param {Group[]} groups that are loaded
   * @returns {StripsView}
   */
  view(groups) {
    const all = this.found ?? [];
    /** @type {[name: string, words: string][]} */
    const actions = [["duplicates", "Find duplicates"]];
    if (all.some(({ kept }) => kept.includes(false))) actions.push(["select removable", OTHERS]);
    if (groups.length === this.shown) actions.push(["more", "Show more"]);
    return {
      note: this.note,
      actions,
      choices: [
        {
          ...{ name: "radius", words: "at most", chosen: String(this.radius) },
          options: this.radii.map((radius) => [String(radius), plural(radius, "bit")]),
        },
      ],
      strips: groups.map((group, number) => this.strip(group, number)),
    };
  }

  /**
   * @param {Group} group
   * @param {number} number
   * @returns {StripsView["strips"][number]}
   */
  strip(group, number) {
    const { gallery } = this.explorer;
    const { rows, kept, distances } = group;
    const far = farthest(group);
    const splits = countsOf(rows.map((row) => gallery.split(row)));
    const labels = rows.map((row) => gallery.label(row)).filter((label) => label !== NO_CLASS);
    const classes = countsOf(labels.map((label) => gallery.classes[label])).map(([name]) => humanize(name));
    const words = [
      far ? `up to ${plural(far, "bit")} apart` : "equal codes",
      ...(splits.length > 1 ? splits.map(([name, count]) => `${count} ${name}`) : []),
      ...(classes.length > 1 ? [`different classes: ${classes.join(", ")}`] : []),
      ...(kept.filter(Boolean).length > 1 ? [CHAIN] : []),
      ...(rows.length > MOST_CARDS ? [`the first ${MOST_CARDS} are shown`] : []),
    ];
    return {
      ...{ key: String(number), title: plural(rows.length, "tile"), words: words.join(" · ") },
      cards: rows.slice(0, MOST_CARDS).map((row, place) => {
        const tile = gallery.describe(row);
        const given = gallery.annotations.state.given.of(row);
        const far = plural(distances[place], "bit");
        return { ...tile, alt: alt(fullName(tile), far, givenWords(given)), far, given };
      }),
      actions: [
        ["select", "Select"],
        ["select others", OTHERS],
      ],
      ...{ named: false, name: "", facts: [] },
    };
  }
}

/**
 * How often there is each name but "", by name.
 * @param {string[]} names
 */
function countsOf(names) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const name of names) if (name) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort(([one], [other]) => (one < other ? -1 : 1));
}
