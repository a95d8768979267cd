// @ts-check
// Classes that a visitor gives: their keys, and how they are shown on a card.

import { icon } from "./icons.js";
import { make } from "./shared.js";

export const KEYS = 9; // classes that have a digit

/** @param {string} name of the class */
export function givenPill(name) {
  return make(
    "span",
    { class: "rsh-given", title: `given class: ${name}` },
    icon("label"),
    make("span", {}, name.replaceAll("_", " ")),
  );
}
