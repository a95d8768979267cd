// @ts-check
// How the class that a visitor gave is shown on a card.

import { icon } from "./icons.js";
import { make } from "./shared.js";

/** @param {string} name of the class */
export function givenPill(name) {
  return make(
    "span",
    { class: "rsh-given", title: `given class: ${name}` },
    icon("label"),
    make("span", {}, name.replaceAll("_", " ")),
  );
}
