// @ts-check
// Names of classes and sets, as `rsh.gallery.annotations.names` takes them.

import { SiteError } from "../store.js";

const MAX_NAME = 60; // characters
const SEPARATORS = /[,;]/; // between names of sets
const AROUND = /^\p{White_Space}+|\p{White_Space}+$/gu;
export const UNSEEN = /(?! )[\p{C}\p{Z}]/u;

/**
 * A text as a name is written, by which it can be looked up; it may be no name.
 * @param {string} text
 */
export const tidyName = (text) =>
  text
    .replace(/\p{Zs}/gu, " ")
    .replace(AROUND, "")
    .normalize("NFC");

/**
 * @param {string} text what was typed
 * @param {string} [what] it names
 * @throws {SiteError} it is empty, too long, or has a character that cannot be seen
 */
export function cleanName(text, what = "name") {
  const name = tidyName(text);
  const letters = [...name];
  if (!letters.length) throw new SiteError("type a name first");
  if (letters.length > MAX_NAME) {
    const start = letters.slice(0, MAX_NAME).join("");
    throw refused(what, `${start}...`, `write 1 to ${MAX_NAME} characters, not ${letters.length}`);
  }
  if (UNSEEN.test(name)) throw refused(what, name, "remove what cannot be seen");
  return name;
}

/**
 * @param {string} text
 * @param {string} [what]
 * @throws {SiteError} as for `cleanName`, or it has a comma or a semicolon
 */
export function cleanSetName(text, what = "name") {
  const name = cleanName(text, what);
  if (SEPARATORS.test(name)) throw refused(what, name, "a set has no comma and no semicolon in its name");
  return name;
}

/** @type {(what: string, value: string, why: string) => SiteError} */
export const refused = (what, value, why) => new SiteError(`the ${what} \u201c${value}\u201d: ${why}`);
