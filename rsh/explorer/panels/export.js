// @ts-check
import { copyText } from "./lib/clipboard.js";
import { menu } from "./lib/menu.js";
import { saveFile } from "./lib/save.js";
import { make, on, plural, redrawOn, stopAll } from "./lib/shared.js";

/** @import { Bytes, Message, Props } from "./lib/types" */

/** @typedef {[form: string, text: string, hint: string]} Form */

/** @type {Form[]} */
const FILES = [
  ["csv", "CSV", "the tiles as a table"],
  ["json", "JSON", "the tiles, the query and the settings"],
  ["geojson", "GeoJSON", "the tiles as points on a map"],
  ["geopackage", "GeoPackage", "the tiles with their places, for QGIS and others"],
  ["geoparquet", "GeoParquet", "the tiles with their places, for programs"],
  ["sheet", "Contact sheet", "one image of the query and the tiles"],
];
const PLACED = ["geojson", "geopackage", "geoparquet"]; // which need places of tiles
/** @type {Form[]} */
const TEXTS = [
  ["link", "Link", "opens the dashboard as it is now"],
  ["python", "Python", "code that reproduces the results"],
  ["command", "Command", "a command that reproduces the results"],
];

/**
 * Files to save, and texts to copy; a copied text is also shown, for browsers that do not copy.
 * @param {Props<{ forms: string[], map: boolean, selected: number, own_image: boolean }>} props
 */
function render({ model, el }) {
  const status = make("span", { role: "status" });
  const copied = make("textarea", {
    class: "rsh-copied",
    readonly: true,
    hidden: true,
    rows: 2,
    "aria-label": "Copied text",
  });
  const selection = make("option", { value: "selection" });
  const what = make(
    "select",
    { "aria-label": "What to export" },
    make("option", { value: "answer" }, "results"),
    selection,
  );

  /** @type {(text: string, note?: string) => Promise<void>} */
  async function copy(text, note = "") {
    copied.value = text;
    copied.rows = Math.min(text.split("\n").length + 1, 14);
    copied.hidden = false;
    if (await copyText(text)) {
      status.textContent = `Copied. ${note}`.trimEnd();
      return;
    }
    copied.select();
    status.textContent = `Press Ctrl+C to copy. ${note}`.trimEnd();
  }
  // What was copied belongs to the results that were shown.
  function forget() {
    copied.hidden = true;
    status.textContent = "";
  }
  /** @param {string} form */
  const give = (form) => {
    if (form === "link" && model.get("own_image")) {
      forget();
      status.textContent = "A link cannot hold your own image.";
    } else if (form === "link") copy(location.href);
    else model.send({ kind: "take", form, what: what.value });
  };
  /** @type {(content: Message, buffers: Bytes[]) => void} */
  const receive = (content, buffers) => {
    if (content.kind === "text") copy(content.text, content.note);
    if (content.kind !== "file") return;
    saveFile(content.name, content.type, buffers[0]);
    status.textContent = `Saved ${content.name}.`;
  };
  model.on("msg:custom", receive);

  /** @type {(name: string, label: string, forms: Form[]) => HTMLElement} */
  const row = (name, label, forms) =>
    make(
      "div",
      { role: "group", "aria-label": name },
      make("span", { class: "rsh-export-label" }, label),
      ...forms.map(([form, text, title]) =>
        make("button", { type: "button", title, "data-form": form, onclick: () => give(form) }, text),
      ),
    );
  /** @param {Form[]} every */
  const offered = (every) =>
    every.filter(([form]) => model.get("forms").includes(form) && (!PLACED.includes(form) || model.get("map")));
  const texts = offered(TEXTS);
  el.classList.add("rsh-panel", "rsh-export");
  el.append(
    menu(
      "Export",
      "rsh-export-menu",
      make("label", {}, "Export ", what),
      row("Export as", "as", offered(FILES)),
      model.get("map")
        ? null
        : make(
            "p",
            { class: "rsh-note" },
            "Files for maps need coordinates: add longitude and latitude to items.csv and encode again.",
          ),
      ...(texts.length ? [row("Copy", "Copy", texts)] : []),
      status,
      copied,
    ).node,
  );
  // No command finds tiles that were selected by hand.
  const command = el.querySelector('[data-form="command"]');
  const offer = () => {
    if (command instanceof HTMLElement) command.hidden = what.value === "selection";
  };
  what.addEventListener("change", offer);
  return stopAll([
    redrawOn(model, ["selected"], () => {
      const count = model.get("selected");
      selection.textContent = plural(count, "selected tile");
      selection.disabled = !count;
      selection.hidden = !count;
      what.value = count ? "selection" : "answer";
      offer();
      forget();
    }),
    on(model, { busy: forget }),
    () => model.off("msg:custom", receive),
  ]);
}

export default { render };
