import { make, redrawOn, tell } from "./lib/shared.js";

const PAUSE = 150; // ms without a key before Python is asked for names

// A tile by its name, or an image of one's own: chosen, dropped anywhere on the page, or pasted.
function render({ model, el }) {
  const page = model.get("page");
  const list = make("datalist", { id: `rsh-names-${page}` });
  const field = make("input", {
    id: `rsh-find-${page}`,
    type: "search",
    list: list.id,
    autocomplete: "off",
    spellcheck: "false",
    placeholder: "part of a name",
  });
  const form = make("form", { class: "rsh-find" }, field, make("button", {}, "Find"));
  const input = make("input", {
    type: "file",
    accept: "image/*",
    class: "rsh-hidden",
    tabindex: "-1",
    "aria-hidden": "true",
  });
  const open = make("button", { type: "button", class: "rsh-drop" });
  const status = make("p", { class: "rsh-note", role: "status" });
  el.classList.add("rsh-panel", "rsh-ask");
  el.append(
    make("h2", { class: "rsh-label" }, make("label", { for: field.id }, "Find a tile by name")),
    form,
    list,
    make("h2", { class: "rsh-label" }, "Ask with your own image"),
    open,
    input,
    status,
  );
  const limit = `${Math.floor(model.get("limit") / 2 ** 20)}\u00a0MB`;
  open.append(make("strong", {}, "Choose an image"), make("span", {}, `or drop or paste one, at most ${limit}`));

  let timer = 0;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      model.set("typed", field.value);
      model.save_changes();
    }, PAUSE);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!field.value.trim()) return;
    tell(model, "busy", {});
    model.send({ kind: "find", text: field.value });
  });

  async function take(file) {
    if (!file) return;
    const name = file.name || "the pasted image";
    if (file.size > model.get("limit")) {
      model.send({ kind: "too large", name, size: file.size });
      return;
    }
    status.textContent = `Sending ${name}…`;
    model.send({ kind: "image", name }, undefined, [await file.arrayBuffer()]);
  }
  const prepare = () => model.send({ kind: "prepare" });
  open.addEventListener("click", () => {
    prepare();
    input.click();
  });
  input.addEventListener("change", () => {
    take(input.files[0]);
    input.value = ""; // so that the same file can be chosen again
  });

  const over = (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    if (event.type === "dragenter") {
      if (!event.relatedTarget) prepare(); // from outside the window
      return;
    }
    open.classList.toggle("is-over", event.type === "dragover");
    if (event.type === "drop") take(event.dataTransfer.files[0]);
  };
  const paste = (event) => {
    const file = [...event.clipboardData.files][0];
    if (file) take(file);
  };
  const heard = ["dragenter", "dragover", "dragleave", "drop"];
  heard.forEach((name) => document.addEventListener(name, over));
  document.addEventListener("paste", paste);

  const stops = [
    redrawOn(model, ["matching"], () =>
      list.replaceChildren(...model.get("matching").map((value) => make("option", { value }))),
    ),
    redrawOn(model, ["working"], () => {
      status.textContent = model.get("working");
      open.setAttribute("aria-busy", String(Boolean(status.textContent)));
    }),
    () => heard.forEach((name) => document.removeEventListener(name, over)),
    () => document.removeEventListener("paste", paste),
    () => clearTimeout(timer),
  ];
  return () => stops.forEach((stop) => stop());
}

export default { render };
