// Sliders with names and buttons: standard inputs, so that all of it works by keyboard.

function render({ model, el }) {
  // Each widget loads this text anew, so only chance tells two of them on a page apart.
  const number = Math.random().toString(36).slice(2);
  const root = document.createElement("fieldset");
  root.className = "rsh-dials";
  const legend = document.createElement("legend");
  legend.textContent = "Loss";
  root.append(legend);
  const inputs = new Map();

  for (const [name, words, least, most, step] of model.get("sliders")) {
    const row = document.createElement("div");
    row.className = "rsh-dial";
    const label = document.createElement("label");
    label.htmlFor = `rsh-dial-${number}-${name}`;
    label.textContent = name.endsWith("weight") ? `weight: ${words}` : words;
    const input = document.createElement("input");
    Object.assign(input, { type: "range", id: label.htmlFor, name, min: least, max: most, step });
    const read = document.createElement("output");
    read.htmlFor = label.htmlFor;
    const send = () => {
      model.set("values", { ...model.get("values"), [name]: Number(input.value) });
      model.save_changes();
    };
    input.addEventListener("input", () => {
      say(read, input.value, name);
      if (model.get("live")) send();
    });
    input.addEventListener("change", send);
    inputs.set(name, [input, read]);
    row.append(label, input, read);
    root.append(row);
  }

  const line = document.createElement("div");
  line.className = "rsh-dial-buttons";
  for (const words of model.get("buttons")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words;
    button.addEventListener("click", () => model.send({ kind: "press", button: words }));
    line.append(button);
  }
  const message = document.createElement("p");
  message.className = "rsh-dial-message";
  message.setAttribute("role", "status");
  root.append(line, message);

  const showValues = () => {
    for (const [name, [input, read]] of inputs) {
      const value = model.get("values")[name];
      if (document.activeElement !== input || Number(input.value) !== value) input.value = value;
      say(read, value, name);
    }
  };
  const showPressed = () => {
    for (const button of line.children) {
      if (model.get("pressed").includes(button.textContent)) button.setAttribute("aria-pressed", "true");
      else button.removeAttribute("aria-pressed");
    }
  };
  const showMessage = () => {
    message.textContent = model.get("message");
  };
  showValues();
  showPressed();
  showMessage();
  model.on("change:values", showValues);
  model.on("change:pressed", showPressed);
  model.on("change:message", showMessage);
  el.append(root);
  return () => {
    model.off("change:values", showValues);
    model.off("change:pressed", showPressed);
    model.off("change:message", showMessage);
  };
}

function say(read, value, name) {
  const off = name.endsWith("weight") && Number(value) === 0;
  read.textContent = off ? "off" : Number(value).toFixed(2);
}

export default { render };
