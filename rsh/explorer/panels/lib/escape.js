// @ts-check
// Escape closes what is open, one thing at a time, wherever on the page the focus is.

/** @import { Stop } from "./types" */

/** What Escape closes, the innermost first. */
const LAYERS = /** @type {const} */ (["alert", "typing", "tour", "menu", "drawing", "spaces", "drawer", "selection"]);
const ASKED = "rsh-escape";

/**
 * Let Escape close something.
 * @param {typeof LAYERS[number]} layer
 * @param {() => boolean} close returns whether it was open
 * @returns {Stop}
 */
export function closedByEscape(layer, close) {
  /** @param {Event} event */
  const handle = (event) => {
    const asked = /** @type {CustomEvent} */ (event);
    if (asked.detail === layer && !asked.defaultPrevented && close()) asked.preventDefault();
  };
  window.addEventListener(ASKED, handle);
  return () => window.removeEventListener(ASKED, handle);
}

/**
 * Listen to Escape. What has the focus may use it first; the browser itself closes a dialog by it.
 * @returns {Stop}
 */
export function listenToEscape() {
  /** @param {KeyboardEvent} event */
  const press = (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const isOpen = (/** @type {string} */ layer) =>
      !window.dispatchEvent(new CustomEvent(ASKED, { cancelable: true, detail: layer }));
    if (LAYERS.some(isOpen)) event.preventDefault();
  };
  document.addEventListener("keydown", press);
  return () => document.removeEventListener("keydown", press);
}
