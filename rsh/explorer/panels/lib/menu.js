// @ts-check
import { make } from "./shared.js";

/** @import { Child } from "./types" */

/**
 * A menu that opens below its title; the next press elsewhere, or Escape, closes it.
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
  node.addEventListener("toggle", () => {
    if (node.open) document.addEventListener("pointerdown", leave);
    else document.removeEventListener("pointerdown", leave);
  });
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !node.open) return;
    node.open = false;
    summary.focus();
    event.preventDefault();
  });
  return node;
}
