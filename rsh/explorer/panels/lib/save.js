// @ts-check
import { make } from "./shared.js";

/** @import { Bytes } from "./types" */

/**
 * Save bytes as a file of the browser.
 * @param {string} name
 * @param {string} type
 * @param {Bytes} bytes
 */
export function saveFile(name, type, bytes) {
  const url = URL.createObjectURL(new Blob([bytes], { type }));
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
