// @ts-check
import { closedByEscape } from "./escape.js";
import { make } from "./shared.js";

/** @import { Child, Stop } from "./types" */

/**
 * A menu that opens below its title; the next press elsewhere, Escape, or `close` closes it.
 * @param {string} title
 * @param {string} kind its class
 * @param {...Child} children
 */
export function menu(title, kind, ...children) {
  const summary = make("summary", {}, title);
  const node = make(
    "details",
    { class: `rsh-menu ${kind}` },
    summary,
    make("div", { class: "rsh-popover" }, ...children),
  );
  /** @param {PointerEvent} event */
  const leave = ({ target }) => {
    if (!node.isConnected) document.removeEventListener("pointerdown", leave);
    else if (target instanceof Node && !node.contains(target)) node.open = false;
  };
  function close() {
    const wasOpen = node.open && node.isConnected;
    if (wasOpen && node.contains(document.activeElement)) summary.focus();
    node.open = false;
    return wasOpen;
  }
  /** @type {Stop} */
  let stop = () => {};
  node.addEventListener("toggle", () => {
    stop();
    stop = node.open ? closedByEscape("menu", close) : () => {};
    if (node.open) document.addEventListener("pointerdown", leave);
    else document.removeEventListener("pointerdown", leave);
  });
  return { node, close };
}
