// @ts-check
// The model of a panel, with the interface of anywidget's, whose other side is the worker.

/** @import { ToWorker } from "./types" */

/** @typedef {(...values: any[]) => void} Handler */

export class PanelModel {
  /**
   * @param {string} panel its id
   * @param {Record<string, unknown>} traits
   * @param {(message: ToWorker) => void} post
   */
  constructor(panel, traits, post) {
    this.panel = panel;
    this.traits = traits;
    this.post = post;
    /** @type {Record<string, unknown>} traits that were set and not yet sent */
    this.unsent = {};
    /** @type {Map<string, Set<Handler>>} */
    this.handlers = new Map();
  }

  /** @param {string} name */
  get(name) {
    return this.traits[name];
  }

  /**
   * @param {string} name
   * @param {unknown} value
   */
  set(name, value) {
    this.unsent[name] = value;
    this.take({ [name]: value });
  }

  save_changes() {
    this.post({ kind: "traits", panel: this.panel, traits: this.unsent });
    this.unsent = {};
  }

  /**
   * @param {{ kind: string }} content
   * @param {undefined} [_callbacks]
   * @param {ArrayBuffer[]} buffers
   */
  send(content, _callbacks, buffers = []) {
    this.post({ kind: "message", panel: this.panel, content, buffers });
  }

  /**
   * @param {string} event
   * @param {Handler} handler
   */
  on(event, handler) {
    const known = this.handlers.get(event);
    if (known) known.add(handler);
    else this.handlers.set(event, new Set([handler]));
  }

  /**
   * @param {string} event
   * @param {Handler} handler
   */
  off(event, handler) {
    this.handlers.get(event)?.delete(handler);
  }

  /**
   * Take new traits: all of them, before the first handler runs.
   * @param {Record<string, unknown>} traits
   */
  take(traits) {
    const changed = Object.keys(traits).filter((name) => traits[name] !== this.traits[name]);
    Object.assign(this.traits, traits);
    for (const name of changed) this.tell(`change:${name}`);
  }

  /**
   * Take a message.
   * @param {{ kind: string }} content
   * @param {ArrayBuffer[]} buffers
   */
  receive(content, buffers) {
    const views = buffers.map((buffer) => new DataView(buffer));
    this.tell("msg:custom", content, views);
  }

  /**
   * @param {string} event
   * @param {...unknown} values
   */
  tell(event, ...values) {
    for (const handler of this.handlers.get(event) ?? []) handler(...values);
  }
}
