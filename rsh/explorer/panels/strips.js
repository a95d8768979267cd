// @ts-check
import { fillGrid, focusOn, nameOf, origin, pointAt, tileCard } from "./lib/grid.js";
import { givenPill } from "./lib/labels.js";
import { selecting } from "./lib/selecting.js";
import { isNamed, make, on, redrawOn, stopAll, withCommands } from "./lib/shared.js";

/** @import { Props, Strip, StripsView } from "./lib/types" */

const NARROW = 9; // cards; a strip with more takes a whole line

/**
 * Strips of tiles, each under a heading.
 * @param {Props<{ subject: string, view: StripsView, working: string, lost: boolean }>} props
 */
function render({ model, el }) {
  const subject = model.get("subject");
  const note = make("p", { class: "rsh-note" });
  const actions = make("div", { class: "rsh-strip-actions" });
  const working = make("p", { class: "rsh-waiting", role: "status", tabindex: "-1" });
  const body = make("div", { class: "rsh-strips-body" });
  const choice = selecting(model, body);
  const choices = make("div", { class: "rsh-strip-choices" });
  /** What is chosen in each list, by its name. */
  const chosen = () =>
    Object.fromEntries(
      [...choices.querySelectorAll("select"), ...choices.querySelectorAll("input")].map(({ name, value }) => [
        name,
        value,
      ]),
    );

  /** @param {NonNullable<StripsView["choices"]>[number]} choice */
  function choiceOf({ name, words, options = [], range, unit, chosen: now }) {
    if (range) {
      const [min, max, step] = range;
      const slider = make("input", { type: "range", name, min, max, step, value: now });
      const shown = make("output", {}, `${now} ${unit}`);
      slider.addEventListener("input", () => {
        shown.textContent = `${slider.value} ${unit}`;
      });
      slider.addEventListener("change", () => model.send({ kind: subject, do: "choose", key: "", chosen: chosen() }));
      return make("label", {}, `${words} `, slider, " ", shown);
    }
    const list = make("select", { name });
    list.append(...options.map(([value, text]) => make("option", { value }, text)));
    list.value = now;
    list.addEventListener("change", () => {
      if (body.children.length) note.textContent = "What stands below was found with other settings: look again.";
    });
    return make("label", {}, `${words} `, list);
  }

  /** @type {(what: string, words: string, key?: string) => HTMLButtonElement} */
  const button = (what, words, key = "") =>
    make(
      "button",
      {
        type: "button",
        class: "rsh-quiet",
        "data-action": `${what} ${key}`,
        /** @param {MouseEvent} event */
        onclick: ({ detail, currentTarget }) => {
          // After a click of the mouse, Space is for the tile that is pointed at.
          if (detail && currentTarget instanceof HTMLElement) currentTarget.blur();
          model.send({ kind: subject, do: what, key, words, chosen: chosen() });
        },
      },
      words,
    );

  el.classList.add("rsh-panel", "rsh-strips", `is-${subject}`);
  el.append(make("div", { class: "rsh-strips-head" }, note, choices, actions), working, body);

  /** @param {Strip} one */
  function nameForm(one) {
    const field = make("input", {
      type: "text",
      placeholder: one.name ? "another name" : "give it a name",
      "aria-label": `Name of ${one.title}`,
      autocomplete: "off",
      spellcheck: "false",
      "data-key": one.key,
    });
    const form = make("form", {}, field, make("button", { class: "rsh-quiet" }, "Name it"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (isNamed(model, field)) model.send({ kind: subject, do: "rename", key: one.key, name: field.value });
    });
    return form;
  }

  /** @param {Strip["facts"]} facts */
  const factsOf = (facts) =>
    make(
      "dl",
      { class: "rsh-strip-facts" },
      ...facts.flatMap(([term, words]) => [make("dt", {}, term), make("dd", {}, words)]),
    );

  /** @param {Strip} one */
  function drawStrip(one) {
    const list = make("ol", { class: "rsh-cards", "aria-label": `${one.title}, ${one.words}` });
    const cards = one.cards.map((card) =>
      tileCard(
        model,
        card,
        { title: card.alt },
        make(
          "span",
          { class: "rsh-card-text", "aria-hidden": "true" },
          card.far ? make("span", { class: "rsh-distance", title: card.far }, card.far) : null,
          origin(card),
          nameOf(card),
          card.given ? givenPill(card.given) : null,
        ),
      ),
    );
    fillGrid(list, cards, (place) => choice.box(one.cards[place]));
    return make(
      "section",
      { class: one.cards.length > NARROW || one.facts.length ? "is-wide" : "" },
      make(
        "div",
        { class: "rsh-strip-head" },
        make("h3", {}, one.title),
        make("span", { class: "rsh-note" }, one.words),
        ...one.actions.map(([what, words]) => button(what, words, one.key)),
        one.named ? nameForm(one) : null,
      ),
      one.facts.length ? factsOf(one.facts) : null,
      one.cards.length ? list : null,
    );
  }

  /**
   * Keep the focus on a button that was drawn again, or near one that is gone.
   * @param {string} action
   * @param {number} place of its section
   */
  function stayOn(action, place) {
    const same = [...el.querySelectorAll("button[data-action]")].find(
      (one) => one instanceof HTMLElement && one.dataset.action === action,
    );
    const near = place < 0 ? working : body.children[place]?.querySelector("button");
    const next = same ?? near ?? body.querySelector(".rsh-card");
    if (next instanceof HTMLElement) next.focus({ preventScroll: true });
  }

  /** Ask before a tab is left whose work would be lost. @param {BeforeUnloadEvent} event */
  const ask = (event) => event.preventDefault();

  function draw() {
    const view = model.get("view");
    if (!view.strips) return;
    const focused = document.activeElement;
    const naming = body.contains(focused) ? focused?.closest("form")?.querySelector("input") : null;
    const key = naming?.dataset.key;
    const sliding = choices.contains(focused);
    const row = focused instanceof HTMLElement && body.contains(focused) ? focused.dataset.row : undefined;
    const place = [...body.children].findIndex((section) => section.contains(focused));
    const pressed = focused instanceof HTMLButtonElement && el.contains(focused) ? focused.dataset.action : undefined;
    note.replaceChildren(...withCommands(view.note));
    choices.replaceChildren(...(view.choices ?? []).map(choiceOf));
    if (sliding) choices.querySelector("input")?.focus();
    actions.replaceChildren(...view.actions.map(([what, words]) => button(what, words)));
    if (view.main) actions.firstElementChild?.classList.add("is-main");
    body.replaceChildren(...view.strips.map(drawStrip));
    choice.mark();
    if (row !== undefined) {
      const same = `.rsh-card[data-row="${row}"]`;
      const next =
        body.children[place]?.querySelector(same) ?? body.querySelector(same) ?? body.querySelector(".rsh-card");
      if (next instanceof HTMLElement) focusOn(next, { preventScroll: true });
    }
    if (pressed !== undefined) stayOn(pressed, place);
    // Naming goes on from group to group by keyboard.
    const fields = /** @type {HTMLInputElement[]} */ ([...body.querySelectorAll("input[data-key]")]);
    const here = fields.findIndex((field) => field.dataset.key === key);
    if (key !== undefined && here >= 0) fields[Math.min(here + 1, fields.length - 1)].focus();
  }

  return stopAll([
    redrawOn(model, ["view"], draw),
    redrawOn(model, ["working"], () => {
      working.textContent = model.get("working");
      working.hidden = !working.textContent;
      if (working.textContent && model.get("lost")) addEventListener("beforeunload", ask);
      else removeEventListener("beforeunload", ask);
    }),
    () => removeEventListener("beforeunload", ask),
    on(model, {
      hover: ({ row }) => pointAt(body, row),
    }),
    () => choice.stop(),
  ]);
}

export default { render };
