// @ts-check
// How bright composites of bands are drawn: for display only, no value and no search changes.

import { make } from "./shared.js";

/** @import { Composite, Stop } from "./types" */

export const BRIGHTEST = 8;
export const STEP = 0.5;
const COLORS = ["Red", "green", "blue"];

/** Whether images can be drawn this bright. @param {number} factor */
export const isBrightness = (factor) => factor >= 1 && factor <= BRIGHTEST && Number.isInteger(factor / STEP);

/**
 * A slider that makes all images of a page brighter.
 * @param {HTMLElement} el of a panel of the page
 * @param {{ show: () => void, keep: (factor: number) => void }} acts what follows while it moves, and when it rests
 */
export function brightnessControl(el, { show, keep }) {
  const slider = make("input", { type: "range", id: "rsh-brightness", min: 1, max: BRIGHTEST, step: STEP, value: 1 });
  const shown = make("output", { for: slider.id });
  const reset = make("button", { type: "button", class: "rsh-quiet" }, "Reset");
  const element = make(
    "span",
    { class: "rsh-brightness" },
    make("label", { for: slider.id }, "Brightness"),
    slider,
    shown,
    reset,
  );
  const factor = () => Number(slider.value);
  const page = () => el.closest(".rsh-page");

  /** Draw images as bright as is chosen, as soon as the panel is on a page. */
  function apply() {
    const root = page();
    if (!(root instanceof HTMLElement)) return;
    root.style.setProperty("--rsh-brightness", String(factor()));
    root.classList.toggle("is-brighter", factor() > 1);
  }

  /** @param {number} wanted */
  function set(wanted) {
    slider.value = String(wanted);
    shown.textContent = `×${factor()}`;
    slider.setAttribute("aria-valuetext", `${factor()} times as bright`);
    reset.hidden = factor() === 1;
    apply();
    show();
  }

  slider.addEventListener("input", () => set(factor()));
  slider.addEventListener("change", () => keep(factor()));
  reset.addEventListener("click", () => {
    set(1);
    keep(1);
    slider.focus();
  });
  /** @type {Stop} */
  const stop = () => page()?.classList.remove("is-brighter");
  return { element, factor, set, apply, stop };
}

/**
 * What a composite shows: "Red is B04, green B03, blue B02. Black: reflectance 0.03 or less; white: 0.3 or more."
 * @param {Composite} composite
 * @param {number} factor of brightness
 */
export function compositeWords({ bands, black, white, unit, unseen }, factor) {
  const colors = bands.map((band, place) => `${COLORS[place]} ${place ? "" : "is "}${band}`);
  const shown = bands.length > 1 ? colors.join(", ") : `Gray is ${bands[0]}`;
  const brightest = white.map((high, place) => black[place] + (high - black[place]) / factor);
  const display = factor > 1 ? ` Brightness ×${factor} is for display only: the search stays the same.` : "";
  const others = unseen.length ? ` The network does not see ${[...new Set(unseen)].join(" and ")}.` : "";
  return `${shown}. Black: ${[unit, numbers(black)].filter(Boolean).join(" ")} or less; white: ${numbers(brightest)} or more.${others}${display}`;
}

/**
 * Numbers in few digits, once if they are equal.
 * @param {number[]} values
 */
function numbers(values) {
  const digits = values.map((value) => String(Number(value.toPrecision(Math.abs(value) < 1000 ? 3 : 4))));
  return [...(new Set(digits).size === 1 ? digits.slice(0, 1) : digits)].join(", ").replaceAll("-", "−");
}
