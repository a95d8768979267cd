// @ts-check
// The part of the page that labels tiles and puts them into sets, as `rsh.explorer.parts.labels`.

import { NAMED } from "../filters.js";
import { FORMS, readLabels, writeLabels } from "../labels/files.js";
import { Labeling } from "../labels/labeling.js";
import { NONE_GIVEN } from "../labels/state.js";
import { pluralOf as plural } from "../text.js";
import { describeGallery, shownRows } from "../views.js";
import { filterView } from "./filter.js";

/** @import { Content, Explorer } from "../explorer.js" */
/** @import { PartPanel } from "../types" */

const TABS_WITH_GIVEN = ["selected", "duplicates", "groups"]; // whose cards show given classes
const BEFORE_NAME = /^.*[/\\]/s; // folders of a visitor's machine
const MOST_SHOWN = 100; // characters of a file's name

export class LabelsPart {
  tab = /** @type {const} */ (["labels", "Labels"]);

  /** @param {Explorer} explorer */
  constructor(explorer) {
    this.explorer = explorer;
    this.labeling = new Labeling(explorer.gallery);
    /** Settled when what the browser kept was read, before which nothing is recorded. */
    this.met = Promise.resolve();
  }

  /** @returns {PartPanel[]} */
  get panels() {
    const { manifest } = this.explorer.gallery;
    const fingerprint = manifest.provenance.data.fingerprint ?? manifest.fingerprint;
    const view = this.labeling.view();
    return [
      ["tray", "tray", "over", { view, given: {}, said: "" }],
      ["labels", "labels", "dock", { view, fingerprint, forms: FORMS, map: manifest.has_map }],
    ];
  }

  /** @type {(panel: string, content: Content, buffers: ArrayBuffer[]) => void} */
  receive(_panel, content, buffers) {
    const { explorer } = this;
    if (content.kind === "visitor") {
      const { token, author, dump } = content;
      // Ids of a million tiles take seconds, in which searches go on.
      this.met = this.met.then(() => this.labeling.meet(String(token), String(author), dump));
      this.met.catch(() => {});
      explorer.queue(() => this.afterMeeting());
    }
    if (content.kind === "label") {
      explorer.queue(async () => {
        await this.met.catch(() => {});
        this.labeling.said = "";
        if ((await this.label(content)) || (await this.arrange(content))) {
          explorer.alert("");
          await this.showSaved();
        }
        await this.exchange(content, buffers);
      });
    }
  }

  /** Show what the browser kept, once it is read; searches do not wait for it. */
  afterMeeting() {
    this.met.then(
      () =>
        this.explorer.queue(async () => {
          await this.show();
          await this.explorer.links.openAgain();
        }),
      (error) =>
        this.explorer.queue(() => {
          this.met = Promise.resolve();
          throw error;
        }),
    );
  }

  /**
   * Record something, once what the browser kept is read, and show it.
   * @param {(labeling: Labeling) => Promise<void>} act
   */
  async record(act) {
    await this.met.catch(() => {});
    await act(this.labeling);
    this.explorer.alert("");
    await this.showSaved();
  }

  /** Give classes, and put tiles into sets; whether this was asked for. @param {Content} content */
  async label({ do: what, name, number, row }) {
    const { labeling, explorer } = this;
    if (row !== undefined && row !== null) explorer.state.checkRow(Number(row));
    const rows = row === undefined || row === null ? explorer.state.selection : Int32Array.of(Number(row));
    if (what === "give") await labeling.give(rows, String(name));
    else if (what === "number") await labeling.giveNumber(rows, Number(number));
    else if (what === "settle") await labeling.settle(rows, String(name));
    else if (what === "put") await labeling.put(rows, String(name));
    else if (what === "take") await labeling.take(rows, String(name));
    else if (what === "undo" || what === "redo") await labeling.reverse(what);
    else return false;
    return true;
  }

  /** Rename, remove and select classes and sets; whether this was asked for. @param {Content} content */
  async arrange({ do: what, name, new: made }) {
    const { labeling, explorer } = this;
    const text = String(name);
    if (what === "rename class") await labeling.renameClass(text, String(made));
    else if (what === "remove class") await labeling.removeClass(text);
    else if (what === "select class") await explorer.select(labeling.rowsOfClass(text));
    else if (what === "rename set") await labeling.renameSet(text, String(made));
    else if (what === "delete set") await labeling.deleteSet(text);
    else if (what === "select set") await explorer.select(labeling.rowsOfSet(text).slice());
    else return false;
    return true;
  }

  /**
   * Write labels and sets to a file, and read them from one.
   * @param {Content} content
   * @param {ArrayBuffer[]} buffers
   */
  async exchange({ do: what, form, name }, buffers) {
    const { explorer, labeling } = this;
    const { gallery } = explorer;
    if (what === "export") {
      const { bytes, ...file } = await writeLabels(gallery, String(form));
      explorer.send("labels", { kind: "file", ...file }, [bytes.buffer]);
    }
    if (what === "import") {
      const file = String(name).replace(BEFORE_NAME, "").slice(-MOST_SHOWN);
      const { classes, sets, numTiles } = await readLabels(gallery, buffers[0], file);
      const before = labeling.state.given;
      await gallery.annotations.giveAll(classes, sets, labeling.by);
      const after = labeling.state.given;
      let others = 0;
      before.numbers.forEach((number, row) => {
        if (number !== NONE_GIVEN && before.of(row) !== after.of(row)) others += 1;
      });
      labeling.said = `${file}: labels and sets of ${plural(numTiles, "tile")}`;
      if (others) labeling.said += `, ${others.toLocaleString("en")} of another class before`;
      explorer.send("labels", { kind: "imported", words: `${labeling.said}. Undo takes them back.` });
      explorer.alert("");
      await this.showSaved();
    }
  }

  /** Show what is recorded now, and let the browser keep it. */
  async showSaved() {
    const { explorer, labeling } = this;
    explorer.send("labels", { kind: "keep", dump: labeling.annotations.dump() });
    await this.show();
    explorer.set("tray", { said: "" });
    explorer.flush();
    explorer.set("tray", { said: labeling.said });
    labeling.said = "";
    await this.filterAgain();
  }

  /** Search again if the filter is on labels or sets: it may find other tiles, or none, and then goes. */
  async filterAgain() {
    const { explorer } = this;
    const { conditions } = explorer.state.filter;
    if (!conditions.some(({ column }) => NAMED.includes(column))) return;
    try {
      await explorer.state.filterBy(conditions);
    } catch (error) {
      await explorer.state.filterBy([]);
      throw error;
    } finally {
      await explorer.refresh();
    }
  }

  async show() {
    const { explorer, labeling } = this;
    this.refresh();
    const view = labeling.view();
    explorer.set("tray", { view });
    explorer.set("labels", { view });
    explorer.set("header", { facts: describeGallery(explorer.gallery) });
    explorer.set("filter", { view: filterView(explorer.state) });
    if (explorer.coloredBy === "given") await explorer.color("given");
    if (TABS_WITH_GIVEN.includes(explorer.tab)) await explorer.showTab();
  }

  /** Mark the shown tiles that have a given class. */
  refresh() {
    const { result, state } = this.explorer;
    if (!result) return;
    const shown = [...shownRows(result), ...(state.query.image ? [] : [state.query.row])];
    this.explorer.set("tray", { given: this.labeling.given(shown) });
  }

  open() {}
}
