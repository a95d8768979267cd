import { make } from "./shared.js";

// Colors of classes. The first twelve are CSS variables with one value for light and one for
// dark, found by annealing in OKLCH for the largest smallest difference under normal sight and
// both kinds of red-green blindness, weighted so that any first few are far apart, within limits:
// - at least 0.17 (OKLab) from the color of "wrong" and 0.115 from "right" and the accent;
// - hues 17 degrees or more from each other, and within 6 degrees the same in both schemes, where
//   only the lightness changes much: a class is recognized when the scheme changes.
const NUM_NAMED = 12;

export function classColor(number, count) {
  if (count <= NUM_NAMED) return `var(--rsh-c${number})`;
  // More classes than eyes can keep apart by color: the golden angle keeps neighbors apart,
  // and the legend's highlight tells the rest.
  const lightness = [0.5, 0.66, 0.58][number % 3];
  return `oklch(${lightness} 0.14 ${Math.round((number * 137.5) % 360)})`;
}

// A CSS color for one value of a coloring with names; the value behind the last is "not known".
export function valueColor({ names, colors, num_values }, value) {
  if (value === num_values) return "var(--rsh-missing)";
  return colors.length ? `var(--rsh-${colors[value]})` : classColor(value, names.length);
}

// The scale from its strong end to the weak: purples apart in lightness alone, which every kind of
// color blindness keeps, and no neighbors of the colors of query, right and wrong.
const SCALE = [0, 1, 2, 3, 4].map((stop) => `var(--rsh-s${stop})`);

// A CSS gradient of the scale, the strong end where it belongs.
export function scaleGradient({ strong }) {
  return `linear-gradient(to ${strong === "low" ? "right" : "left"}, ${SCALE})`;
}

// A canvas knows no variables: read the present value off an element, light or dark as it is there.
export function resolveColor(color, element) {
  if (!color.startsWith("var(")) return color;
  const probe = make("i", { style: `color:${color}` });
  element.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}

// Calls `act` when light changes to dark or back: in the system, by the page's switch, or in a
// notebook's theme. Returns the way to stop.
export function onScheme(act) {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const chosen = new MutationObserver(act);
  const attributeFilter = ["data-rsh-scheme", "data-jp-theme-light"];
  [document.documentElement, document.body].forEach((node) => chosen.observe(node, { attributeFilter }));
  system.addEventListener("change", act);
  return () => {
    chosen.disconnect();
    system.removeEventListener("change", act);
  };
}

// The colors of all values, and of the one that is not known, as 32-bit pixels (red lowest).
export function colorsOf(coloring, element) {
  const { ends, strong, num_values: count } = coloring;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [count + 1, 1];
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const fill = (color, from, width) => {
    pen.fillStyle = color;
    pen.fillRect(from, 0, width, 1);
  };
  if (ends.length) {
    const [start, end] = strong === "low" ? [0, count] : [count, 0];
    const ramp = pen.createLinearGradient(start, 0, end, 0);
    SCALE.forEach((stop, place) => ramp.addColorStop(place / (SCALE.length - 1), resolveColor(stop, element)));
    fill(ramp, 0, count);
  } else {
    for (let value = 0; value < count; value++) fill(resolveColor(valueColor(coloring, value), element), value, 1);
  }
  fill(resolveColor("var(--rsh-missing)", element), count, 1);
  return new Uint32Array(pen.getImageData(0, 0, count + 1, 1).data.buffer);
}

export function pixelOf(color) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = color;
  pen.fillRect(0, 0, 1, 1);
  return new Uint32Array(pen.getImageData(0, 0, 1, 1).data.buffer)[0];
}

export function cssOf(pixel) {
  return `rgb(${pixel & 255} ${(pixel >> 8) & 255} ${(pixel >> 16) & 255})`;
}
