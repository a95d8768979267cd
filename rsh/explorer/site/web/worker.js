// @ts-check
// The worker of a site: it holds the gallery, and answers the panels in the window.

import { Explorer } from "./explorer.js";
import { Gallery } from "./gallery.js";

/** @import { FromWorker, ToWorker } from "./types" */

/** @type {Explorer | null} */
let explorer = null;

/** @type {(message: FromWorker) => void} */
const post = (message) => self.postMessage(message);

/**
 * @param {string} base
 * @param {string} address
 */
async function open(base, address) {
  try {
    explorer = new Explorer(await Gallery.open(base), post);
    await explorer.start(address);
  } catch (error) {
    console.error(error);
    post({ kind: "failed", words: error instanceof Error ? error.message : String(error) });
  }
}

self.addEventListener("message", (/** @type {MessageEvent<ToWorker>} */ { data }) => {
  if (data.kind === "open") open(data.base, data.address);
  if (data.kind === "traits") explorer?.changed(data.panel, data.traits);
  if (data.kind === "message") explorer?.receive(data.panel, data.content, data.buffers);
});
