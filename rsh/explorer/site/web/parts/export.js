// @ts-check
// Exports results and selections as files, as `rsh.explorer.panels.export`.

import { toContactSheet } from "../formats/contact_sheet.js";
import { toCsv, toGeojson, toJsonFile } from "../formats/tables.js";
import { SiteError } from "../store.js";
import { selectedTiles, shownRows } from "../views.js";

/** @import { Content, Explorer } from "../explorer.js" */
/** @import { Tiles } from "../formats/tables.js" */
/** @import { PartPanel } from "../types" */

/** @typedef {(tiles: Tiles, isSelection: boolean) => Promise<string | Blob>} Make */
/** @type {Map<string, [suffix: string, type: string, make: Make]>} */
const FILES = new Map([
  ["csv", ["csv", "text/csv", toCsv]],
  ["json", ["json", "application/json", toJsonFile]],
  ["geojson", ["geojson", "application/geo+json", toGeojson]],
  ["sheet", ["png", "image/png", toContactSheet]],
]);

export class ExportPart {
  tab = null;

  /** @param {Explorer} explorer */
  constructor(explorer) {
    this.explorer = explorer;
  }

  /** @returns {PartPanel[]} */
  get panels() {
    const { has_map: map } = this.explorer.gallery.manifest;
    return [["export", "export", "toolbar", { forms: [...FILES.keys(), "link"], map, selected: 0, own_image: false }]];
  }

  /** @type {(panel: string, content: Content) => void} */
  receive(_panel, { kind, form, what }) {
    if (kind === "take") this.explorer.queue(() => this.give(String(form), what === "selection"));
  }

  /**
   * @param {string} form
   * @param {boolean} isSelection
   */
  async give(form, isSelection) {
    const { explorer } = this;
    const [suffix, type, make] = FILES.get(form) ?? [];
    if (!suffix || !type || !make) throw new SiteError(`form ${form}: choose one of ${[...FILES.keys()].join(", ")}`);
    const tiles = isSelection ? this.selection : this.answer;
    if (!tiles?.rows.length) {
      throw new SiteError("there is nothing to export: search for tiles or select some first");
    }
    const bytes = await new Blob([await make(tiles, isSelection)]).arrayBuffer();
    const name = `${isSelection ? "selection" : "results"}.${suffix}`;
    explorer.send("export", { kind: "file", name, type }, [bytes]);
    explorer.alert("");
  }

  /** @returns {Tiles | null} */
  get answer() {
    const { result } = this.explorer;
    if (!result) return null;
    const rows = shownRows(result);
    return {
      ...{ gallery: result.gallery, query: result.query, options: result.options, available: result.available, rows },
      distances: Array.from(result.distances.subarray(0, rows.length)),
      scores: result.scores && Array.from(result.scores.subarray(0, rows.length)),
      relevance: (row) => result.relevance(row),
    };
  }

  /** @returns {Tiles | null} */
  get selection() {
    const { answer } = this;
    if (!answer) return null;
    const tiles = selectedTiles(this.explorer.state);
    return { ...answer, rows: tiles.map(([row]) => row), distances: tiles.map(([, far]) => far), scores: null };
  }

  refresh() {}

  open() {}
}
