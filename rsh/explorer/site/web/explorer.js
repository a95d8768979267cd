// @ts-check
// The page of one gallery: takes what panels ask for, and answers as `rsh.explorer.page` does.

import { SIGNS } from "./address.js";
import { makeColoring, WITH_QUERY } from "./coloring.js";
import { readFilter } from "./filters.js";
import { footprintsIn } from "./footprints.js";
import { ComparePart } from "./parts/compare.js";
import { DuplicatesPart } from "./parts/duplicates.js";
import { BitsPart, PairsPart } from "./parts/explain.js";
import { ExportPart } from "./parts/export.js";
import { filterView } from "./parts/filter.js";
import { FindPart } from "./parts/find.js";
import { GroupsPart } from "./parts/groups.js";
import { ImagesPart } from "./parts/images.js";
import { LabelsPart } from "./parts/labels.js";
import { Links } from "./parts/links.js";
import { enlarge } from "./parts/viewer.js";
import { rowsOf } from "./query.js";
import { search } from "./search.js";
import { State } from "./state.js";
import { SiteError } from "./store.js";
import {
  cardsView,
  classBrowserView,
  classPage,
  codesView,
  controlsView,
  describeGallery,
  legendNote,
  MAX_SELECTED_CARDS,
  marksView,
  queryView,
  searchView,
  selectedTiles,
  selectedView,
  shownRows,
  verdictsOf,
} from "./views.js";

/** @import { Gallery } from "./gallery.js" */
/** @import { SearchResult } from "./search.js" */
/** @import { FromWorker, PanelSpec, Part, PartPanel } from "./types" */

/** @typedef {Record<string, unknown>} Traits */
/** @typedef {{ kind: string, [key: string]: unknown }} Content */

const TABS = ["groups", "selected", "labels", "codes", "compare", "bit", "pairs", "duplicates"]; // in their order
const SPACES = ["feature", "code", "world"];
const EARTH = "data/earth.jpg";
const MOST_SELECTED = 1_000_000;

export class Explorer {
  /**
   * @param {Gallery} gallery
   * @param {(message: FromWorker, transfer?: Transferable[]) => void} post
   */
  constructor(gallery, post) {
    this.gallery = gallery;
    this.post = post;
    this.state = new State(gallery);
    this.tab = "";
    this.class = 0;
    this.part = 0;
    this.numSelected = MAX_SELECTED_CARDS;
    this.coloredBy = "";
    /** What a map has asked the footprints of last. @type {number[]} */
    this.view = [];
    /** The task that runs, after which the next begins: answers come in the order of the questions. */
    this.last = Promise.resolve();
    /** What is shown. @type {SearchResult | null} */
    this.result = null;
    /** The query whose results are shown, with those before and after it. @type {State["history"] | null} */
    this.history = null;
    /** Traits that panels begin with; null once the window has them. @type {Record<string, Traits> | null} */
    this.first = {};
    /** Traits that are sent together. @type {Record<string, Traits> | null} */
    this.unsent = null;
    this.links = new Links(this);
    this.finder = new FindPart(this);
    this.spaces = SPACES.filter((space) => gallery.manifest.planes[space]);
    this.images = new ImagesPart(this);
    const labels = new LabelsPart(this);
    const ofAll = [labels, new ComparePart(this), new DuplicatesPart(this), new GroupsPart(this, labels)];
    /** @type {Part[]} */
    this.parts = [
      ...(gallery.lists ? [] : ofAll),
      ...[new ExportPart(this), new BitsPart(this), new PairsPart(this), this.images],
    ];
  }

  /**
   * Make the panels, which begin with the first results.
   * @param {string} address of the page, whose query string says what to show
   */
  async start(address) {
    await this.links.open(address);
    await this.refresh();
    const { classes, groups } = this.gallery;
    const opens = !classes.length && groups.areThere && !this.state.compared; // a way in where no class offers one
    if (opens) this.openTab("groups");
    const panels = this.panels();
    this.first = null;
    this.post({ kind: "panels", panels });
    if (opens) this.queue(() => this.showTab());
  }

  /** The panels of the page, in order. @returns {PanelSpec[]} */
  panels() {
    const { manifest } = this.gallery;
    const ofParts = this.parts.flatMap(({ tab }) => (tab ? [tab] : []));
    const tabs = [["selected", "Selected"], ["codes", "Codes"], ...ofParts];
    tabs.sort(([one], [other]) => TABS.indexOf(one) - TABS.indexOf(other));
    const spaces = this.spaces.map((space) => [space, manifest.planes[space][0]]);
    const { images } = this.images.traits;
    const hasAll = !this.gallery.lists; // otherwise panels that need all tiles are left out
    /** @type {[id: string, script: string, region: string, traits: Traits][]} */
    const list = [
      [
        "header",
        "header",
        "",
        {
          question: manifest.question,
          facts: describeGallery(this.gallery),
          message: "",
          address: "",
          galleries: [manifest.name],
          gallery: manifest.name,
          labeled: manifest.label_names.length ? manifest.relevance.label : "",
          images,
        },
      ],
      ["query", "query", "ask", {}],
      ["upload", "upload", "ask", { typed: "", matching: [], found: "", working: "", ...this.images.traits }],
      ...(hasAll ? [/** @type {PartPanel} */ (["class_browser", "class_browser", "ask", {}])] : []),
      ["controls", "controls", "toolbar", { search: {} }],
      ...(hasAll ? [/** @type {PartPanel} */ (["filter", "filter", "toolbar", {}])] : []),
      [
        "cards",
        "cards",
        "answer",
        {
          stacked: false,
          composites: manifest.composites,
          composite: manifest.composites[0]?.name ?? "",
          brightness: 1,
        },
      ],
      [
        "legend",
        "legend",
        "spaces",
        { spaces, note: "", verdicts: [], relevance: manifest.relevance, ways: manifest.ways, coloring: {} },
      ],
      ...this.spaces.map(
        (space) =>
          /** @type {[string, string, string, Traits]} */ ([`plane-${space}`, "scatter", "spaces", this.plane(space)]),
      ),
      ["dock", "dock", "dock", { tabs, tab: "" }],
      ["codes", "codes", "dock", {}],
      ["selected", "selected", "dock", {}],
      ["viewer", "viewer", "over", { parts: images }],
      ...this.parts.flatMap(({ panels }) => panels),
      ["desk", "desk", "over", { spaces: this.spaces.length > 0 }],
    ];
    return list.map(([id, script, region, traits]) => ({
      id,
      script,
      region,
      traits: { page: "site", view: {}, ...traits, ...this.first?.[id] },
    }));
  }

  /** @param {string} space */
  plane(space) {
    const { planes, reach, scenes } = this.gallery.manifest;
    const [heading, term, caption] = planes[space];
    const nothing = new DataView(new ArrayBuffer(0));
    const marks = { query: -1, query_code: "", num_bits: this.gallery.numBits, hits: [] };
    return {
      space,
      heading,
      term,
      caption,
      xy: nothing,
      background: nothing,
      basemap: {},
      scenes: space === "world" ? scenes.length : 0,
      tile_width: space === "world" ? 2 * (reach[0] ?? 0) : 0,
      most: MOST_SELECTED,
      marks,
    };
  }

  /**
   * Change what a panel shows. Changes of one moment go out together, so that a query and its results change at once.
   * @param {string} panel
   * @param {Traits} traits
   */
  set(panel, traits) {
    if (!this.first && !this.unsent) {
      this.unsent = {};
      queueMicrotask(() => this.flush());
    }
    const changed = /** @type {Record<string, Traits>} */ (this.first ?? this.unsent);
    changed[panel] = { ...changed[panel], ...traits };
  }

  flush() {
    if (this.unsent) this.post({ kind: "traits", panels: this.unsent });
    this.unsent = null;
  }

  /**
   * Send a message to a panel, after the changes before it.
   * @param {string} panel
   * @param {Content} content
   * @param {ArrayBuffer[]} buffers
   */
  send(panel, content, buffers = []) {
    this.flush();
    this.post({ kind: "message", panel, content, buffers });
  }

  /**
   * Show a message, or remove it with ""; this also ends the wait.
   * @param {string} message
   */
  alert(message) {
    if (message && !this.first) {
      this.set("header", { message: "" }); // the same one a second time is read out again, too
      this.flush();
    }
    this.set("header", { message });
    if (!this.first) this.send("header", { kind: "idle" });
  }

  /**
   * Do something after all that was asked before. If it goes wrong, say so, and let the query be the one that is shown.
   * @param {() => Promise<void> | void} act
   */
  queue(act) {
    this.last = this.last.then(act).catch((error) => {
      if (this.history) this.state.history = this.history;
      this.alert(this.explain(error));
    });
    return this.last;
  }

  /**
   * Do something that searches do not wait for, and say what went wrong.
   * @param {() => Promise<void>} act
   */
  aside(act) {
    return act().catch((error) => this.alert(this.explain(error)));
  }

  /**
   * The message for an error; one that is no visitor's goes to the console.
   * @param {Error} error
   */
  explain(error) {
    if (error instanceof SiteError) return error.message;
    console.error(error);
    return `This did not work: ${error.message}`;
  }

  /**
   * Do something that takes long, and say so meanwhile.
   * @template Result
   * @param {string} words
   * @param {() => Promise<Result>} act
   */
  async waiting(words, act) {
    const say = (/** @type {string} */ working) => {
      if (this.first) return this.post({ kind: "waiting", words: working });
      this.set("upload", { working });
      return this.flush();
    };
    say(words);
    try {
      return await act();
    } finally {
      say("");
      if (!this.first) this.send("header", { kind: "idle" });
    }
  }

  /**
   * @param {string} panel
   * @param {Traits} traits that a panel has changed
   */
  changed(panel, traits) {
    const search =
      /** @type {{ mode: "top_k" | "radius", top_k: number, radius: number, order: string, include_held_out: boolean } | undefined} */ (
        traits.search
      );
    if (panel === "controls" && search) {
      const { mode, top_k: topK, radius, order, include_held_out: includeHeldOut } = search;
      this.queue(() => {
        this.state.searchBy({ mode, topK, radius, order, includeHeldOut });
        return this.showResults();
      });
    }
    if (panel === "cards") {
      this.queue(async () => {
        const { stacked, composite, brightness } = traits; // those that have changed
        if (stacked !== undefined) this.state.stacked = Boolean(stacked);
        if (brightness !== undefined) this.state.brighten(Number(brightness));
        if (composite !== undefined) {
          this.gallery.showComposite(String(composite));
          await this.refresh();
        }
        this.links.write();
      });
    }
    if (panel === "upload") this.queue(() => this.finder.suggest(String(traits.typed)));
    for (const part of this.parts) part.changed?.(panel, traits);
    if (panel === "dock") {
      this.tab = String(traits.tab);
      this.queue(async () => {
        await this.showTab();
        this.alert("");
      });
    }
  }

  /**
   * @param {string} panel
   * @param {Content} content
   * @param {ArrayBuffer[]} buffers
   */
  receive(panel, content, buffers) {
    const { kind } = content;
    const { state } = this;
    const row = Number(content.row);
    if (kind === "ping") this.send(panel, { kind: "pong" });
    if (kind === "choose") this.move(() => state.choose(row));
    if (kind === "mark") this.move(() => state.mark(row, SIGNS[/** @type {"like" | "unlike"} */ (content.sign)]));
    if (kind === "back") this.move(() => state.back());
    if (kind === "forward") this.move(() => state.forward());
    if (kind === "random") this.move(() => state.chooseRandom());
    if (kind === "clear") this.move(() => state.clearFeedback());
    if (kind === "address") this.queue(() => this.links.follow(String(content.text)));
    if (kind === "find") this.queue(() => this.finder.find(String(content.text)));
    if (kind === "enlarge") this.queue(() => enlarge(this, row));
    if (kind === "where")
      this.move(() => state.filterBy(readFilter(/** @type {string[]} */ (content.texts).map(String))));
    if (kind === "dots") this.queue(() => this.sendDots(panel));
    if (kind === "scenes") this.aside(() => this.sendScenes(panel));
    if (kind === "footprints")
      this.aside(() => this.sendFootprints(panel, /** @type {number[]} */ (content.view).map(Number)));
    if (kind === "color") this.queue(() => this.color(String(content.by)));
    if (kind === "peek") this.queue(() => this.peek(panel, row));
    if (kind === "class") this.queue(() => this.showClass(Number(content.number), 0));
    if (kind === "others") this.queue(() => this.showClass(this.class, this.part + 1));
    if (kind === "select") this.queue(() => this.selected(new Int32Array(buffers[0])));
    if (kind === "select results") this.queue(() => this.select(Int32Array.from(this.result?.rows ?? [])));
    if (kind === "select class") this.queue(() => this.select(Int32Array.from(state.listTiles(this.class))));
    if (kind === "more selected") {
      this.numSelected += MAX_SELECTED_CARDS;
      this.queue(() => this.showTab());
    }
    for (const part of this.parts) part.receive(panel, content, buffers);
  }

  /** @param {() => Promise<void> | void} act what changes the query or the filter */
  move(act) {
    return this.queue(async () => {
      await act();
      await this.refresh();
    });
  }

  /** Show the current query and its results in all panels. */
  async refresh() {
    const { gallery, state } = this;
    await gallery.locate(rowsOf(state.query));
    const labels = gallery.labelsOf(state.query.row);
    const shown = labels.length ? labels : [gallery.manifest.label_names.length];
    if (!state.query.image && !shown.includes(this.class)) [this.class, this.part] = [shown[0], 0]; // the browser follows the query to its class
    await this.showResults();
    if (!gallery.lists) await this.showClass(this.class, this.part);
  }

  async showResults() {
    const { gallery, state } = this;
    const result = await search(gallery, state.query, state.options);
    await gallery.show([...rowsOf(state.query), ...shownRows(result)]);
    [this.result, this.history] = [result, state.history];
    this.set("controls", { search: searchView(state), view: controlsView(state, result) });
    this.set("filter", { view: filterView(state) });
    this.set("query", { view: queryView(state) });
    const composite = gallery.manifest.composites[gallery.composite]?.name ?? "";
    this.set("cards", { stacked: state.stacked, composite, brightness: state.brightness, view: cardsView(result) });
    const marks = marksView(result);
    for (const space of this.spaces) this.set(`plane-${space}`, { marks });
    this.set("legend", { verdicts: verdictsOf(result), note: this.spaces.length ? legendNote(state.query) : "" });
    if (this.coloredBy && WITH_QUERY.includes(this.coloredBy)) await this.color(this.coloredBy);
    this.set("upload", { found: "" });
    for (const part of this.parts) part.refresh();
    await this.showTab();
    this.links.write();
    this.alert("");
  }

  /**
   * Open a tab of the drawer, which is then shown with the next results.
   * @param {string} tab
   */
  openTab(tab) {
    this.tab = tab;
    this.set("dock", { tab });
  }

  async showTab() {
    if (!this.result) return;
    if (this.tab === "codes") this.set("codes", { view: codesView(this.result) });
    if (this.tab === "selected") {
      const tiles = selectedTiles(this.state);
      await this.gallery.load(tiles.slice(0, this.numSelected).map(([row]) => row));
      this.set("selected", { view: selectedView(this.state, tiles, this.numSelected) });
    }
    for (const part of this.parts) if (this.tab && part.tab?.[0] === this.tab) await part.open();
  }

  /**
   * @param {number} number
   * @param {number} part
   */
  async showClass(number, part) {
    [this.class, this.part] = [number, part];
    const page = classPage(this.state, number, part);
    await this.gallery.load(page.rows);
    this.set("class_browser", { view: classBrowserView(this.state, number, page) });
    this.alert("");
  }

  /** @param {string} panel */
  async sendDots(panel) {
    const { size, store } = this.gallery;
    const space = panel.replace("plane-", "");
    const file = space === "world" ? "data/positions.bin" : "data/planes.bin";
    const start = space === "code" ? 8 * size : 0;
    const earth = space === "world" && store.has(EARTH) ? await store.whole(EARTH) : null;
    const xy = await store.part(file, start, start + 8 * size);
    this.set(panel, { xy: new DataView(xy), ...(earth && { background: new DataView(earth) }) });
    if (!this.coloredBy) await this.color(this.gallery.manifest.ways[0][0]);
  }

  /** @param {string} panel */
  async sendScenes(panel) {
    const { manifest, store } = this.gallery;
    const images = await store.whole("data/scenes.bin");
    let start = 0;
    for (const [west, south, east, north, size] of manifest.scenes) {
      this.send(panel, { kind: "scene", bounds: [west, south, east, north] }, [images.slice(start, start + size)]);
      start += size;
    }
  }

  /**
   * Outline the tiles in the view of a map.
   * @param {string} panel
   * @param {number[]} view west, south, east, north in degrees
   */
  async sendFootprints(panel, view) {
    this.view = view;
    const { starts, corners } = await footprintsIn(this.gallery, view);
    const isLast = this.view === view; // else it has moved on
    if (isLast) this.send(panel, { kind: "footprints" }, [starts.buffer, corners.buffer]);
  }

  /** @param {string} by */
  async color(by) {
    if (!this.result) return;
    this.coloredBy = by;
    this.set("legend", { coloring: await makeColoring(this.result, by) });
  }

  /**
   * Tell a space about the tile that the pointer is on.
   * @param {string} panel
   * @param {number} row
   */
  async peek(panel, row) {
    this.state.checkRow(row);
    await this.gallery.load([row]);
    const { thumb, ...words } = this.gallery.describe(row);
    this.send(panel, { kind: "tile", ...words }, [thumb.buffer]);
  }

  /** Take tiles that a panel selected. @param {Int32Array<ArrayBuffer>} rows */
  async selected(rows) {
    await this.gallery.locate(rows);
    this.state.selection = rows;
    this.set("export", { selected: rows.length });
    this.numSelected = MAX_SELECTED_CARDS;
    await this.showTab();
  }

  /** Select tiles that the panels do not know yet. @param {Int32Array<ArrayBuffer>} rows */
  async select(rows) {
    const ascending = rows.slice().sort();
    this.send("legend", { kind: "selected" }, [ascending.slice().buffer]);
    await this.selected(ascending);
    this.alert("");
  }
}
