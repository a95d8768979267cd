// @ts-check
import { make } from "./shared.js";

/** @import { Coloring, DotColoring, Draw, Stop } from "./types" */

// Colors of classes. The first twelve are CSS variables with one value for light and one for
// dark, found by annealing in OKLCH for the largest smallest difference under normal sight and
// both kinds of red-green blindness, weighted so that any first few are far apart, within limits:
// - at least 0.17 (OKLab) from the color of "wrong" and 0.115 from "right" and the accent;
// - hues 17 degrees or more from each other, and within 6 degrees the same in both schemes, where
//   only the lightness changes much: a class is recognized when the scheme changes.
const NUM_NAMED = 12;

/**
 * The CSS color of a class.
 * @param {number} number
 * @param {number} count how many classes there are
 * @returns {string}
 */
export function classColor(number, count) {
  if (count <= NUM_NAMED) return `var(--rsh-c${number})`;
  // More classes than eyes can keep apart by color: the golden angle keeps neighbors apart,
  // and the legend's highlight tells the rest.
  const lightness = [0.5, 0.66, 0.58][number % 3];
  return `oklch(${lightness} 0.14 ${Math.round((number * 137.5) % 360)})`;
}

/**
 * The CSS color of one value of a coloring with names; the value after the last means "unknown".
 * @param {Pick<Coloring, "names" | "colors" | "num_values">} coloring
 * @param {number} value
 * @returns {string}
 */
export function valueColor({ names, colors, num_values }, value) {
  if (value === num_values) return "var(--rsh-missing)";
  return colors.length ? `var(--rsh-${colors[value]})` : classColor(value, names.length);
}

// The scale from its strong end to the weak: purples apart in lightness alone, which every kind of
// color blindness keeps, and no neighbors of the colors of query, right and wrong.
const SCALE = [0, 1, 2, 3, 4].map((stop) => `var(--rsh-s${stop})`);

/**
 * A CSS gradient of the scale, with the strong end where it belongs.
 * @param {Pick<Coloring, "strong">} coloring
 * @returns {string}
 */
export function scaleGradient({ strong }) {
  return `linear-gradient(to ${strong === "low" ? "right" : "left"}, ${SCALE})`;
}

/**
 * The value that a CSS variable has on an element, light or dark as it is there: a canvas knows none.
 * @param {string} color
 * @param {Element} element
 * @returns {string}
 */
export function resolveColor(color, element) {
  if (!color.startsWith("var(")) return color;
  const probe = make("i", { style: `color:${color}` });
  element.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}

/**
 * Call `act` when light changes to dark or back: in the system, by the dashboard's switch, or in a
 * notebook's theme.
 * @param {Draw} act
 * @returns {Stop}
 */
export function onScheme(act) {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const chosen = new MutationObserver(act);
  const attributeFilter = ["data-rsh-scheme", "data-jp-theme-light"];
  for (const node of [document.documentElement, document.body]) chosen.observe(node, { attributeFilter });
  system.addEventListener("change", act);
  return () => {
    chosen.disconnect();
    system.removeEventListener("change", act);
  };
}

/**
 * The context of a canvas.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} settings
 * @returns {CanvasRenderingContext2D}
 */
export function contextOf(canvas, settings = {}) {
  const ctx = canvas.getContext("2d", settings);
  if (!ctx) throw new Error("this browser draws no canvas");
  return ctx;
}

/**
 * The colors of all values, and of the unknown one, as 32-bit pixels (red lowest).
 * @param {DotColoring} coloring
 * @param {Element} element
 * @returns {Uint32Array}
 */
export function colorTable(coloring, element) {
  const { ends, strong, num_values: count } = coloring;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [count + 1, 1];
  const ctx = contextOf(canvas, { willReadFrequently: true });
  /** @type {(color: string | CanvasGradient, from: number, width: number) => void} */
  const fill = (color, from, width) => {
    ctx.fillStyle = color;
    ctx.fillRect(from, 0, width, 1);
  };
  if (ends.length) {
    const [start, end] = strong === "low" ? [0, count] : [count, 0];
    const ramp = ctx.createLinearGradient(start, 0, end, 0);
    SCALE.forEach((stop, place) => {
      ramp.addColorStop(place / (SCALE.length - 1), resolveColor(stop, element));
    });
    fill(ramp, 0, count);
  } else {
    for (let value = 0; value < count; value++) fill(resolveColor(valueColor(coloring, value), element), value, 1);
  }
  fill(resolveColor("var(--rsh-missing)", element), count, 1);
  return new Uint32Array(ctx.getImageData(0, 0, count + 1, 1).data.buffer);
}

/**
 * A CSS color as a 32-bit pixel.
 * @param {string} color
 * @returns {number}
 */
export function pixelOf(color) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const ctx = contextOf(canvas, { willReadFrequently: true });
  ctx.fillStyle = color;
  ctx.fillRect(0, 0, 1, 1);
  return new Uint32Array(ctx.getImageData(0, 0, 1, 1).data.buffer)[0];
}

/**
 * @param {number} pixel
 * @returns {string}
 */
export function cssOf(pixel) {
  return `rgb(${pixel & 255} ${(pixel >> 8) & 255} ${(pixel >> 16) & 255})`;
}
