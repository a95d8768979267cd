// @ts-check
// Sliders with names and buttons: standard inputs, so that all of it works by keyboard.

/** @import { Model } from "../explorer/panels/lib/types" */

/**
 * @typedef {object} Traits
 * @property {[name: string, words: string, least: number, most: number, step: number][]} sliders
 * @property {Record<string, number>} values
 * @property {boolean} live
 * @property {string[]} buttons
 * @property {string[]} pressed
 * @property {string} message
 */

/** @param {{ model: Model<Traits>, el: HTMLElement }} props */
function render({ model, el }) {
  // Each widget loads this text again, so only chance tells two of them on a page apart.
  const number = Math.random().toString(36).slice(2);
  const root = document.createElement("fieldset");
  root.className = "rsh-sliders";
  const legend = document.createElement("legend");
  legend.textContent = "Loss";
  root.append(legend);

  const rows = model.get("sliders").map(([name, words, least, most, step]) => {
    const row = document.createElement("div");
    row.className = "rsh-slider";
    const label = document.createElement("label");
    label.htmlFor = `rsh-slider-${number}-${name}`;
    label.textContent = name.endsWith("weight") ? `weight: ${words}` : words;
    const input = document.createElement("input");
    Object.assign(input, { type: "range", id: label.htmlFor, name, min: least, max: most, step });
    const read = document.createElement("output");
    read.htmlFor.value = label.htmlFor;
    const send = () => {
      model.set("values", { ...model.get("values"), [name]: Number(input.value) });
      model.save_changes();
    };
    input.addEventListener("input", () => {
      read.textContent = readValue(name, Number(input.value));
      if (model.get("live")) send();
    });
    input.addEventListener("change", send);
    row.append(label, input, read);
    return { name, input, read, row };
  });

  const line = document.createElement("div");
  line.className = "rsh-sliders-buttons";
  const buttons = model.get("buttons").map((words) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words;
    button.addEventListener("click", () => model.send({ kind: "press", button: words }));
    return button;
  });
  line.append(...buttons);
  const message = document.createElement("p");
  message.className = "rsh-sliders-message";
  message.setAttribute("role", "status");
  root.append(...rows.map(({ row }) => row), line, message);

  const showValues = () => {
    for (const { name, input, read } of rows) {
      const value = model.get("values")[name];
      if (document.activeElement !== input || Number(input.value) !== value) input.value = String(value);
      read.textContent = readValue(name, value);
    }
  };
  const showPressed = () => {
    for (const button of buttons) {
      if (model.get("pressed").includes(button.textContent)) button.setAttribute("aria-pressed", "true");
      else button.removeAttribute("aria-pressed");
    }
  };
  const showMessage = () => {
    message.textContent = model.get("message");
  };
  /** @type {[trait: keyof Traits, show: () => void][]} */
  const follow = [
    ["values", showValues],
    ["pressed", showPressed],
    ["message", showMessage],
  ];
  for (const [name, show] of follow) {
    show();
    model.on(`change:${name}`, show);
  }
  el.append(root);
  return () => {
    for (const [name, show] of follow) model.off(`change:${name}`, show);
  };
}

/**
 * A value as it is read: a weight of 0 is off.
 * @param {string} name
 * @param {number} value
 */
function readValue(name, value) {
  return name.endsWith("weight") && value === 0 ? "off" : value.toFixed(2);
}

export default { render };
