// @ts-check
import { emit, make, on, redrawOn, stopAll } from "./lib/shared.js";

/** @import { Model, Props } from "./lib/types" */

const PAUSE = 150; // ms without a key before Python is asked for names

/**
 * A field for words to search with.
 * @param {Model} model
 */
function wordsForm(model) {
  const id = `rsh-words-${model.get("page")}`;
  const note = make("p", { class: "rsh-note", id: `${id}-note` }, model.get("about_words"));
  const field = make("input", { id, type: "search", placeholder: "solar farm", "aria-describedby": note.id });
  const form = make("form", { class: "rsh-go-to rsh-words" }, field, make("button", {}, "Search"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    emit(model, "busy", { words: "Reading the words…" });
    model.send({ kind: "words", text: field.value });
  });
  return [make("h2", { class: "rsh-label" }, make("label", { for: id }, "Search by words")), form, note];
}

/**
 * A tile by its name, words, or the visitor's own image: chosen, dropped anywhere on the dashboard, or pasted.
 * @param {Props<{ typed: string, matching: string[], found: string, limit: number, working: string, images: boolean, about: string, about_words: string }>} props
 */
function render({ model, el }) {
  const page = model.get("page");
  const list = make("datalist", { id: `rsh-names-${page}` });
  const field = make("input", {
    id: `rsh-go-to-${page}`,
    type: "search",
    list: list.id,
    autocomplete: "off",
    spellcheck: "false",
    placeholder: "part of a name",
  });
  const form = make("form", { class: "rsh-go-to" }, field, make("button", {}, "Go"));
  const input = make("input", {
    type: "file",
    accept: "image/*",
    class: "rsh-hidden",
    tabindex: "-1",
    "aria-hidden": "true",
  });
  const limit = `${Math.floor(model.get("limit") / 2 ** 20)}\u00a0MB`;
  const open = make(
    "button",
    { type: "button", class: "rsh-drop" },
    make("strong", {}, "Choose an image"),
    make("span", {}, `or drop or paste one, at most ${limit}`),
  );
  const status = make("p", { class: "rsh-note", role: "status" });
  const found = make("p", { class: "rsh-note", role: "status" });
  el.classList.add("rsh-panel", "rsh-upload");
  el.append(make("h2", { class: "rsh-label" }, make("label", { for: field.id }, "Go to tile")), form, found, list);
  if (model.get("about_words")) el.append(...wordsForm(model));
  if (model.get("images")) {
    const heading = make("h2", { class: "rsh-label" }, "Search with your own image");
    el.append(heading, open, input, make("p", { class: "rsh-note" }, model.get("about")), status);
  } else if (model.get("about")) el.append(make("p", { class: "rsh-note" }, model.get("about")));

  let timer = 0;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      model.set("typed", field.value);
      model.save_changes();
    }, PAUSE);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!field.value.trim()) return;
    emit(model, "busy", {});
    finding = true;
    model.send({ kind: "find", text: field.value });
  });
  let finding = false; // and once it is found, keys are for the results again
  function leaveField() {
    const first = document.querySelector(".rsh-results .rsh-card");
    if (finding && document.activeElement === field && first instanceof HTMLElement) first.focus();
    finding = false;
  }

  /** @param {File | undefined} file */
  async function send(file) {
    if (!file) return;
    const name = file.name || "the pasted image";
    if (file.size > model.get("limit")) {
      model.send({ kind: "too large", name, size: file.size });
      return;
    }
    status.textContent = `Reading ${name}…`;
    emit(model, "busy", { words: status.textContent });
    model.send({ kind: "image", name }, undefined, [await file.arrayBuffer()]);
  }
  const prepare = () => model.send({ kind: "prepare" });
  open.addEventListener("click", () => {
    prepare();
    input.click();
  });
  input.addEventListener("change", () => {
    send(input.files?.[0]);
    input.value = ""; // so that the same file can be chosen again
  });

  /** @param {DragEvent} event */
  const drag = (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    if (event.type === "dragenter") {
      if (!event.relatedTarget) prepare(); // from outside the window
      return;
    }
    open.classList.toggle("is-over", event.type === "dragover");
    if (event.type === "drop") send(event.dataTransfer.files[0]);
  };
  /** @param {ClipboardEvent} event */
  const paste = (event) => {
    send(event.clipboardData?.files[0]);
  };
  const drags = /** @type {const} */ (["dragenter", "dragover", "dragleave", "drop"]);
  if (model.get("images")) {
    for (const name of drags) document.addEventListener(name, drag);
    document.addEventListener("paste", paste);
  }

  return stopAll([
    on(model, {
      alert: () => {
        finding = false;
      },
      idle: leaveField,
    }),
    redrawOn(model, ["matching"], () => {
      list.replaceChildren(...model.get("matching").map((value) => make("option", { value })));
    }),
    redrawOn(model, ["found"], () => {
      found.textContent = model.get("found");
    }),
    redrawOn(model, ["working"], () => {
      status.textContent = model.get("working");
      if (status.textContent) emit(model, "busy", { words: status.textContent });
      open.setAttribute("aria-busy", String(Boolean(status.textContent)));
    }),
    () => {
      for (const name of drags) document.removeEventListener(name, drag);
    },
    () => document.removeEventListener("paste", paste),
    () => clearTimeout(timer),
  ]);
}

export default { render };
