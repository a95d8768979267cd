// @ts-check
// The window of a site: it makes the panels that the worker names, and connects both.

import cards from "../../panels/cards.js";
import classBrowser from "../../panels/class_browser.js";
import codes from "../../panels/codes.js";
import compare from "../../panels/compare.js";
import controls from "../../panels/controls.js";
import desk from "../../panels/desk.js";
import dock from "../../panels/dock.js";
import explain from "../../panels/explain.js";
import exporting from "../../panels/export.js";
import filter from "../../panels/filter.js";
import header from "../../panels/header.js";
import labels from "../../panels/labels.js";
import legend from "../../panels/legend.js";
import query from "../../panels/query.js";
import scatter from "../../panels/scatter.js";
import selected from "../../panels/selected.js";
import strips from "../../panels/strips.js";
import tray from "../../panels/tray.js";
import upload from "../../panels/upload.js";
import viewer from "../../panels/viewer.js";
import { PanelModel } from "./model.js";

/** @import { FromWorker, PanelSpec, ToWorker } from "./types" */

/** @type {Record<string, { render: (props: never) => unknown }>} */
const SCRIPTS = {
  cards,
  class_browser: classBrowser,
  codes,
  compare,
  controls,
  desk,
  dock,
  filter,
  explain,
  export: exporting,
  header,
  labels,
  legend,
  query,
  scatter,
  selected,
  upload,
  viewer,
  strips,
  tray,
};
const REGIONS = ["ask", "answer", "spaces", "dock"];

const page = /** @type {HTMLElement} */ (document.querySelector(".rsh-page"));
const loading = /** @type {HTMLElement} */ (document.getElementById("rsh-loading"));
const worker = new Worker(new URL("worker.js", document.baseURI), { type: "module" });
/** @type {Map<string, PanelModel>} */
const models = new Map();
/** @type {(message: ToWorker) => void} */
const post = (message) => worker.postMessage(message);

/**
 * An element with a class.
 * @param {string} name
 * @param {HTMLElement} parent
 */
function box(name, parent) {
  const made = document.createElement("div");
  made.className = name;
  parent.append(made);
  return made;
}

/** @param {PanelSpec[]} panels */
function show(panels) {
  const head = box("rsh-head", page);
  const frame = box("rsh-desk", page);
  /** @type {Record<string, HTMLElement>} */
  const regions = Object.fromEntries(REGIONS.map((name) => [name, box(`rsh-${name}`, frame)]));
  regions.toolbar = box("rsh-toolbar", regions.answer);
  regions.over = frame;
  for (const { id, script, region, traits } of panels) {
    const model = new PanelModel(id, traits, post);
    models.set(id, model);
    const el = box("", region ? regions[region] : head);
    if (script === "header") document.title = `${traits.gallery} · rsh`;
    SCRIPTS[script].render(/** @type {never} */ ({ model, el }));
  }
  loading.hidden = true;
}

const text = /** @type {HTMLElement} */ (loading.querySelector("p"));
const opening = text.textContent;

/** @param {string} words */
function fail(words) {
  text.textContent = words;
  text.setAttribute("role", "alert");
  loading.classList.add("is-failed");
}

worker.addEventListener("message", (/** @type {MessageEvent<FromWorker>} */ { data }) => {
  if (data.kind === "panels") show(data.panels);
  if (data.kind === "traits") for (const [id, traits] of Object.entries(data.panels)) models.get(id)?.take(traits);
  if (data.kind === "message") models.get(data.panel)?.receive(data.content, data.buffers);
  if (data.kind === "waiting") text.textContent = data.words || opening;
  if (data.kind === "failed") fail(data.words);
});
worker.addEventListener("error", () => {
  fail("worker.js cannot be loaded: reload the page, and if that does not help, publish the site again");
});
post({ kind: "open", base: document.baseURI, address: location.search });
