// @ts-check
import { icon } from "./lib/icons.js";
import { menu } from "./lib/menu.js";
import { emit, make, on, redrawOn, stopAll } from "./lib/shared.js";

/** @import { FilterView, Props } from "./lib/types" */

const NUMBER = "[+-]?(\\d+(\\.\\d*)?|\\.\\d+)(e[+-]?\\d+)?";
const NUMBERS = new RegExp(`^${NUMBER}((\\.\\.${NUMBER})|(,${NUMBER})*)$`, "i");
const FOUR = new RegExp(`^${NUMBER}(,${NUMBER}){3}$`, "i");

/**
 * What is wrong with a typed value, or "".
 * @param {FilterView["columns"][number]["kind"]} kind
 * @param {string} value
 */
function problemWith(kind, value) {
  if (!value) return "Write a value first.";
  if (kind === "number" && !NUMBERS.test(value)) return `“${value}” is no number: write one, or a range such as 0..20.`;
  if (kind !== "box") return "";
  if (!FOUR.test(value)) return `“${value}” is no box: write four numbers, west, south, east, north, in degrees.`;
  const [, south, , north] = value.split(",").map(Number);
  if (south > north) return `The south, ${south}, lies above the north, ${north}: exchange them.`;
  return "";
}

/**
 * The conditions on results: a chip for each, and a form that adds one.
 * @param {Props<{ view: FilterView }>} props
 */
function render({ model, el }) {
  const column = make("select", { "aria-label": "Filter by" });
  const sign = make(
    "select",
    { "aria-label": "Is or is not" },
    make("option", { value: "=" }, "is"),
    make("option", { value: "!=" }, "is not"),
  );
  const choice = make("select", { "aria-label": "Value" });
  const field = make("input", { type: "text", "aria-label": "Value", autocomplete: "off", spellcheck: "false" });
  const form = make("form", { class: "rsh-filter-form" }, column, sign, choice, field, make("button", {}, "Add"));
  const chips = make("ul", { class: "rsh-conditions", "aria-label": "Active filters" });
  const problem = make("p", { class: "rsh-problem", role: "alert", hidden: true });
  const found = make("p", { class: "rsh-note", role: "status" });
  const { node: body, close } = menu("Filters", "rsh-filter", form, problem);
  el.classList.add("rsh-panel", "rsh-filters");
  el.append(body, chips, found);

  /** @param {string[]} texts */
  function apply(texts) {
    emit(model, "busy", {});
    model.send({ kind: "where", texts });
  }

  const chosen = () => model.get("view").columns[column.selectedIndex];

  let shown = "";
  function drawValue() {
    const { kind, values, hint } = chosen() ?? { kind: "text", values: [], hint: "" };
    choice.replaceChildren(...values.map((value) => make("option", { value }, value.replaceAll("_", " "))));
    choice.hidden = !values.length;
    field.hidden = !choice.hidden;
    field.placeholder = hint;
    field.title = hint;
    sign.hidden = kind === "box";
    complain("");
  }
  /** @param {string} words */
  function complain(words) {
    problem.textContent = words;
    problem.hidden = !words;
    if (words) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
  column.addEventListener("change", drawValue);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { name, kind } = chosen();
    const typed = field.value.trim();
    const value = field.hidden ? choice.value : kind === "text" ? typed : typed.replaceAll(/,\s+/g, ",");
    const words = field.hidden ? "" : problemWith(kind, value);
    complain(words);
    if (words) return field.focus();
    return apply([...model.get("view").texts, `${name}${sign.hidden ? "=" : sign.value}${value}`]);
  });

  /**
   * @param {string} words
   * @param {number} place
   */
  function chip(words, place) {
    const onclick = () => apply(model.get("view").texts.filter((_, other) => other !== place));
    const attributes = { type: "button", class: "rsh-chip", title: "Remove this filter", onclick };
    return make("li", {}, make("button", attributes, make("span", {}, words.replaceAll("_", " ")), icon("close")));
  }

  function draw() {
    const view = model.get("view");
    const known = JSON.stringify(view.columns);
    if (known !== shown) {
      const before = column.value;
      column.replaceChildren(...view.columns.map(({ name, words }) => make("option", { value: name }, words)));
      if (view.columns.some(({ name }) => name === before)) column.value = before;
      shown = known;
      drawValue();
    }
    body.hidden = !view.columns.length;
    // What was typed stays until it is a condition: a mistake can be mended.
    if (view.texts.length > chips.childElementCount) {
      field.value = "";
      close();
    }
    chips.replaceChildren(...view.words.map(chip));
    found.textContent = view.found;
  }
  return stopAll([
    redrawOn(model, ["view"], draw),
    on(model, { only: ({ condition }) => apply([...model.get("view").texts, condition]) }),
  ]);
}

export default { render };
