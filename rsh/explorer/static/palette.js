// Colours of classes. The first twelve are CSS variables with one value for light and one for
// dark, found by a search for the largest smallest difference under normal sight and both
// kinds of red-green blindness, in an order in which any first few are far apart.
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
