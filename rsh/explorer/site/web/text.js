// @ts-check
// Words as `rsh.text` and `rsh.data.places` write them.

import { readable } from "../../panels/lib/shared.js";
import { fixed } from "./numbers.js";

/**
 * A count with its noun: "1 bit", "2,400 tiles", "10 classes", "2 galleries".
 * @param {number} count
 * @param {string} noun
 */
export function pluralOf(count, noun) {
  const number = count.toLocaleString("en");
  if (count === 1) return `${number} ${noun}`;
  if (noun.endsWith("y")) return `${number} ${noun.slice(0, -1)}ies`;
  return `${number} ${noun}${noun.endsWith("s") ? "es" : "s"}`;
}

/**
 * A text with characters that cannot be seen written out, as `escape_control_chars` does.
 * @param {string} text
 */
export const escapeControl = (text) =>
  text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const short = new Map([
      [9, "\\t"],
      [10, "\\n"],
      [13, "\\r"],
    ]).get(code);
    if (short) return short;
    if (code < 256) return `\\x${code.toString(16).padStart(2, "0")}`;
    return code < 65536 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
  });

/**
 * A class name, which is a folder name, with spaces for its underscores.
 * @param {string} name
 */
export const humanize = (name) => readable(name.replaceAll("_", " ").trim()) || "(no name)";

/**
 * A place such as 34.52° N, 102.13° E; "" where it is unknown.
 * @param {number} longitude degrees
 * @param {number} latitude degrees
 * @param {number} decimals of both
 */
export function formatPlace(longitude, latitude, decimals) {
  if (!Number.isFinite(longitude) || !Number.isFinite(latitude)) return "";
  const [x, y] = [longitude, latitude].map((degrees) => Number(fixed(degrees, decimals)));
  const [north, east] = [y < 0 ? "S" : "N", x < 0 ? "W" : "E"];
  return `${fixed(Math.abs(y), decimals)}° ${north}, ${fixed(Math.abs(x), decimals)}° ${east}`;
}

/**
 * "a, b and c".
 * @param {string[]} words
 */
export const joined = (words) =>
  words.length > 1 ? `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}` : (words[0] ?? "");

/** @param {(string | false | null | undefined)[]} parts */
export const sentences = (...parts) => parts.filter(Boolean).join(" ");

/**
 * A text as a part of an address, as `urllib.parse.quote` writes it.
 * @param {string} text
 * @param {string} safe characters that stay
 */
export function quote(text, safe) {
  const quoted = encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return [...safe].reduce((left, sign) => left.replaceAll(encodeURIComponent(sign), sign), quoted);
}

/**
 * A text in quotes, as `repr` of Python writes it.
 * @param {string} text
 */
export function quoted(text) {
  const escaped = text.replaceAll("\\", "\\\\");
  return text.includes("'") && !text.includes('"') ? `"${escaped}"` : `'${escaped.replaceAll("'", "\\'")}'`;
}
