// @ts-check
// Labels that a browser keeps, of which other tabs may have stored more meanwhile.

/** @import { Dump } from "./types" */

/**
 * Events as they are stored, and behind them those that are new in this tab.
 * @param {string | null} text what is stored, null for nothing
 * @param {Dump} dump of this tab
 * @returns {Dump | null} null for a text that cannot be read, which must stay as it is
 */
export function mergeKept(text, dump) {
  if (text === null) return dump;
  /** @type {Dump | null} */
  let kept = null;
  try {
    kept = JSON.parse(text);
  } catch {
    return null;
  }
  if (kept?.format !== dump.format || !Array.isArray(kept.events)) return null;
  const known = new Set(kept.events.map(keyOf));
  return { ...kept, events: [...kept.events, ...dump.events.filter((event) => !known.has(keyOf(event)))] };
}

/**
 * What tells an event from others; one that no rsh wrote may have no id.
 * @param {Dump["events"][number]} event
 */
const keyOf = (event) => (typeof event?.id === "string" ? event.id : JSON.stringify(event));
