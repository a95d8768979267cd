// @ts-check
// The tab with groups of the hash space, as `rsh.explorer.parts.groups`: Python has said its words when the site was
// written.

import { fullName } from "../../../panels/lib/shared.js";
import { NO_GROUP } from "../groups.js";
import { SiteError } from "../store.js";
import { pluralOf as plural } from "../text.js";
import { alt, givenWords } from "../views.js";

/** @import { StripsView } from "../../../panels/lib/types" */
/** @import { Content, Explorer } from "../explorer.js" */
/** @import { GroupInWords, GroupsInWords, PartPanel } from "../types" */
/** @import { LabelsPart } from "./labels.js" */

const AT_ONCE = 24; // groups shown before one asks for more

export class GroupsPart {
  tab = /** @type {const} */ (["groups", "Groups"]);

  /**
   * @param {Explorer} explorer
   * @param {LabelsPart} labels which record the names of groups
   */
  constructor(explorer, labels) {
    this.explorer = explorer;
    this.labels = labels;
    this.groups = explorer.gallery.groups;
    this.numShown = AT_ONCE;
    /** The view that is shown but for its images, as text. */
    this.shown = "";
  }

  /** @returns {PartPanel[]} */
  get panels() {
    return [["groups", "strips", "dock", { subject: "groups", working: "" }]];
  }

  /** @type {(panel: string, content: Content) => void} */
  receive(_panel, { kind, do: what, key, name, words }) {
    if (kind !== "groups") return;
    this.explorer.queue(async () => {
      if (what === "more") await this.showMore();
      if (what === "select unusual") await this.selectUnusual();
      if (what === "select") await this.select(String(key));
      if (what === "rename") await this.rename(String(key), String(name));
      if (what === "label") await this.label(String(key), String(words));
      this.explorer.alert("");
    });
  }

  async showMore() {
    this.numShown += AT_ONCE;
    await this.open();
  }

  async selectUnusual() {
    const { unusual } = await this.groups.read();
    await this.explorer.select(Int32Array.from(unusual?.tiles ?? [], ([row]) => row));
  }

  /** @param {string} key */
  async select(key) {
    const number = await this.groups.find(key);
    if (number !== NO_GROUP) await this.explorer.select(await this.groups.rowsOf(number));
  }

  /**
   * @param {string} key
   * @param {string} name
   */
  async rename(key, name) {
    if ((await this.groups.find(key)) === NO_GROUP) return;
    await this.labels.record((labeling) => labeling.nameGroup(key, name));
  }

  /**
   * Give all tiles of a group its name, if that is still the one on the button.
   * @param {string} key
   * @param {string} words of the button
   */
  async label(key, words) {
    const number = await this.groups.find(key);
    if (number === NO_GROUP) return;
    await this.labels.record(async (labeling) => {
      const said = await this.groups.read();
      const name = this.groups.names.get(number) ?? "";
      if (!name || words !== labelWords(said, name)) {
        await this.open();
        throw new SiteError(said.changed);
      }
      await labeling.give(await this.groups.rowsOf(number), name);
    });
  }

  refresh() {}

  /** Show the groups, if anything of them has changed. */
  async open() {
    const { explorer, groups } = this;
    const said = await groups.read();
    const some = said.groups.slice(0, this.numShown);
    const unusual = said.unusual?.tiles.map(([row]) => row) ?? [];
    await groups.load([...unusual, ...some.flatMap(({ typical }) => typical)]);
    const view = this.view(said, some);
    const shown = JSON.stringify(view, (name, value) => (name === "thumb" ? undefined : value));
    if (shown !== this.shown) explorer.set("groups", { view });
    this.shown = shown;
  }

  /**
   * @param {GroupsInWords} said
   * @param {GroupInWords[]} some groups whose tiles are loaded
   * @returns {StripsView}
   */
  view(said, some) {
    const rest = Math.min(said.groups.length - some.length, AT_ONCE);
    const { names } = this.groups;
    return {
      note: said.note,
      actions: rest ? [["more", `Show ${rest} more of ${plural(said.groups.length, "group")}`]] : [],
      strips: [
        ...(said.unusual ? [this.unusual(said.unusual)] : []),
        ...some.map((group, number) => this.strip(said, group, names.get(number) ?? "")),
      ],
    };
  }

  /** @param {NonNullable<GroupsInWords["unusual"]>} unusual */
  unusual({ title, words, tiles }) {
    const cards = tiles.map(([row, far]) => {
      const tile = this.explorer.gallery.describe(row);
      return { ...tile, alt: alt(fullName(tile), far), far };
    });
    return strip("", title, words, cards, [["select unusual", "Select"]]);
  }

  /**
   * @param {GroupsInWords} said
   * @param {GroupInWords} group
   * @param {string} name
   */
  strip(said, { key, title, words, typical }, name) {
    const { gallery } = this.explorer;
    const cards = typical.map((row, place) => {
      const tile = gallery.describe(row);
      const given = gallery.annotations.state.given.of(row);
      return { ...tile, alt: alt(`typical tile ${place + 1}`, fullName(tile), givenWords(given)), given };
    });
    /** @type {[name: string, words: string][]} */
    const actions = [["select", "Select"]];
    if (name) actions.push(["label", labelWords(said, name)]);
    return { ...strip(key, name || title, words, cards, actions), named: true, name };
  }
}

/** @typedef {StripsView["strips"][number]} Strip */

/** @type {(key: string, title: string, words: string, cards: Strip["cards"], actions: Strip["actions"]) => Strip} */
const strip = (key, title, words, cards, actions) => ({
  ...{ key, title, words, cards, actions },
  ...{ named: false, name: "", facts: [] },
});

/** The words of the button that gives all tiles of a group its name. @type {(said: GroupsInWords, name: string) => string} */
const labelWords = ({ label }, name) => label.replace("{name}", () => name);
