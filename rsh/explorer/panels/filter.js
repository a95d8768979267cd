import { make, redrawOn, tell } from "./lib/shared.js";

// "Only tiles where ...": chips of the conditions, and a form that adds one.
function render({ model, el }) {
  const column = make("select", { "aria-label": "What the condition is on" });
  const sign = make(
    "select",
    { "aria-label": "Is or is not" },
    make("option", { value: "=" }, "is"),
    make("option", { value: "!=" }, "is not"),
  );
  const choice = make("select", { "aria-label": "Value" });
  const field = make("input", { type: "text", "aria-label": "Value", autocomplete: "off", spellcheck: "false" });
  const form = make("form", { class: "rsh-filter-form" }, column, sign, choice, field, make("button", {}, "Add"));
  const chips = make("ul", { class: "rsh-conditions", "aria-label": "Conditions that hold" });
  const found = make("p", { class: "rsh-note", role: "status" });
  const body = make("details", { class: "rsh-filter" }, make("summary", {}, "Only tiles where …"), form);
  el.classList.add("rsh-panel", "rsh-filters");
  el.append(body, chips, found);

  function ask(texts) {
    tell(model, "busy", {});
    model.send({ kind: "where", texts });
  }

  const chosen = () => model.get("view").columns[column.selectedIndex];

  function drawValue() {
    const { name, values, hint } = chosen() ?? { name: "", values: [], hint: "" };
    choice.replaceChildren(...values.map((value) => make("option", { value }, value.replaceAll("_", " "))));
    choice.hidden = !values.length;
    field.hidden = !choice.hidden;
    field.placeholder = hint;
    field.title = hint;
    sign.hidden = name === "bbox";
  }
  column.addEventListener("change", drawValue);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { name } = chosen();
    const value = field.hidden ? choice.value : field.value.trim();
    if (!value) return field.focus();
    ask([...model.get("view").texts, `${name}${sign.hidden ? "=" : sign.value}${value.replaceAll(", ", ",")}`]);
    field.value = "";
  });

  function draw() {
    const { texts, columns, found: words } = model.get("view");
    if (!column.options.length) {
      column.append(...columns.map(({ name, words: text }) => make("option", { value: name }, text)));
      drawValue();
    }
    body.hidden = !columns.length;
    chips.replaceChildren(
      ...texts.map((text, place) => {
        const drop = () => ask(texts.filter((_, other) => other !== place));
        return make(
          "li",
          {},
          make(
            "button",
            { type: "button", class: "rsh-chip", title: "take this condition away", onclick: drop },
            make("span", {}, text.replaceAll("_", " ")),
            "✕",
          ),
        );
      }),
    );
    found.textContent = words;
  }
  return redrawOn(model, ["view"], draw);
}

export default { render };
