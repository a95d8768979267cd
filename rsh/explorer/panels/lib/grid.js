import { choose, make, tell } from "./shared.js";

// A tile as a button: pressing it makes it the query, pointing at it shows it in all panels.
export function tileButton(model, tile, url, attributes, ...children) {
  const point = () => tell(model, "hover", { ...tile, thumb: null, url });
  const leave = () => tell(model, "hover", { row: null });
  return make(
    "button",
    {
      type: "button",
      "data-row": tile.row,
      onclick: () => choose(model, tile.row),
      onmouseenter: point,
      onfocus: point,
      onmouseleave: leave,
      onblur: leave,
      ...attributes,
    },
    ...children,
  );
}

// Puts buttons into a list. Arrow keys move between them, so that Tab takes one step past two
// hundred; who works by keyboard goes on from the first of the new ones.
// `beside` makes what stands next to a button in its cell.
export function fillGrid(list, buttons, beside = () => null) {
  const byKeyboard = list.querySelector("button:focus-visible") !== null;
  buttons.forEach((button, place) => (button.tabIndex = place ? -1 : 0));
  list.replaceChildren(...buttons.map((button, place) => make("li", {}, button, beside(place))));
  list.onkeydown = (event) => move(event, buttons);
  if (byKeyboard) buttons[0]?.focus({ preventScroll: true });
}

export function pointAt(list, row) {
  list
    .querySelectorAll("button")
    .forEach((button) => button.classList.toggle("is-pointed", Number(button.dataset.row) === row));
}

// The number of the row that each button stands in, from 0.
export function rowsOf(buttons) {
  let [row, last] = [-1, null];
  return buttons.map((button) => {
    const top = button.parentElement.offsetTop;
    if (top !== last) [row, last] = [row + 1, top];
    return row;
  });
}

function move(event, buttons) {
  const here = buttons.indexOf(document.activeElement);
  if (here < 0) return;
  const below = rowsOf(buttons).indexOf(1);
  const columns = below < 0 ? buttons.length : below;
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
  const ends = { Home: 0, End: buttons.length - 1 };
  const next = event.key in ends ? ends[event.key] : here + (steps[event.key] ?? NaN);
  if (!(next >= 0 && next < buttons.length)) return;
  event.preventDefault();
  buttons[here].tabIndex = -1;
  buttons[next].tabIndex = 0;
  buttons[next].focus();
}
