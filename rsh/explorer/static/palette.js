// Colours of classes. The first twelve are CSS variables with one value for light and one for
// dark, found by annealing in OKLCH for the largest smallest difference under normal sight and
// both kinds of red-green blindness, weighted so that any first few are far apart, within limits:
// - at least 0.17 (OKLab) from the colour of "wrong" and 0.115 from "right" and the accent;
// - hues 17 degrees or more from each other, and within 6 degrees the same in both schemes, where
//   only the lightness changes much: a class is recognised when the scheme changes.
const NUM_NAMED = 12;

export function classColour(number, count) {
  if (count <= NUM_NAMED) return `var(--rsh-c${number})`;
  // More classes than eyes can keep apart by colour: the golden angle keeps neighbours apart,
  // and the legend's highlight tells the rest.
  const lightness = [0.5, 0.66, 0.58][number % 3];
  return `oklch(${lightness} 0.14 ${Math.round((number * 137.5) % 360)})`;
}

// A canvas knows no variables: read their present values off an element.
export function resolveColour(colour, element) {
  const name = colour.match(/^var\((.*)\)$/)?.[1];
  return name ? getComputedStyle(element).getPropertyValue(name).trim() || "#888" : colour;
}
