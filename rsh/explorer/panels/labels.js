// @ts-check
import { mergeKept } from "./lib/kept.js";
import { KEYS } from "./lib/labels.js";
import { saveFile } from "./lib/save.js";
import { isNamed, make, on, plural, redrawOn, stopAll, store, stored } from "./lib/shared.js";

/** @import { Bytes, Child, Dump, LabelsView, Message, Props } from "./lib/types" */

const TOKEN = "rsh-visitor";
const AUTHOR = "rsh-author";
/** @type {Record<LabelsView["kept"], string>} */
const KEPT = {
  gallery: "Labels are kept in the gallery, for everybody who opens it.",
  visitor: "Labels are kept in this browser alone.",
  none: "Labels are not kept: export them before you leave.",
};
const NO_ROOM = "This browser has no room to keep labels: export them.";
const UNREADABLE =
  "This browser keeps labels that this page cannot read. They stay as they are, and new ones are not kept: export them before you leave.";
/** @type {[form: string, words: string, suffixes: string][]} */
const FORMS = [
  ["csv", "CSV", ".csv"],
  ["parquet", "Parquet", ".parquet"],
  ["geojson", "GeoJSON", ".geojson,.json"],
];

/** A name for this browser, by which undo and redo know it. */
function visitorToken() {
  const known = stored(TOKEN);
  if (known && /^[\w-]{8,64}$/.test(known)) return known;
  const made = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
  store(TOKEN, made);
  return made;
}

/**
 * All classes and sets that were given, with what can be done to each.
 * @param {Props<{ view: LabelsView, fingerprint: string, forms: string[], map: boolean }>} props
 */
function render({ model, el }) {
  let fault = ""; // why this browser does not keep labels
  const shelf = `rsh-labels-${model.get("fingerprint")}`;
  const forms = FORMS.filter(([form]) => model.get("forms").includes(form));
  const where = make("p", { class: "rsh-note" });
  const author = make("input", {
    type: "text",
    maxlength: 60,
    value: stored(AUTHOR) ?? "",
    placeholder: "unknown",
    "aria-label": "Your name, which stands beside your labels",
    autocomplete: "name",
  });
  const classes = make("ul", { class: "rsh-label-list", "aria-label": "Given labels" });
  const sets = make("ul", { class: "rsh-label-list", "aria-label": "Sets" });
  const conflicts = make("ul", { class: "rsh-label-list", "aria-label": "Disagreements" });
  const disagree = make("section", {}, make("h3", {}, "Disagreements"), conflicts);
  const file = make("input", {
    type: "file",
    accept: forms.map(([, , suffixes]) => suffixes).join(","),
    class: "rsh-hidden",
    tabindex: "-1",
    "aria-hidden": "true",
  });
  const load = make("button", { type: "button", onclick: () => file.click() }, "Import…");
  const undo = make("button", { type: "button", title: "Undo (Ctrl+Z)", onclick: () => act({ do: "undo" }) }, "Undo");
  const status = make("p", { class: "rsh-note", role: "status" });
  el.classList.add("rsh-panel", "rsh-labels");
  el.append(
    make(
      "div",
      { class: "rsh-labels-columns" },
      make("section", {}, make("h3", {}, "Classes given"), classes),
      make("section", {}, make("h3", {}, "Sets"), sets),
      disagree,
      make(
        "section",
        { class: "rsh-labels-side" },
        where,
        make("label", {}, make("span", {}, "Your name "), author),
        make(
          "div",
          { class: "rsh-buttons", role: "group", "aria-label": "Labels and sets as files" },
          ...forms
            .filter(([form]) => form !== "geojson" || model.get("map"))
            .map(([form, words]) =>
              make(
                "button",
                {
                  type: "button",
                  title: `Save all labels and sets as ${words}`,
                  onclick: () => act({ do: "export", form }),
                },
                words,
              ),
            ),
          load,
          undo,
          file,
        ),
        status,
      ),
    ),
  );

  /** @param {Record<string, unknown>} content */
  const act = (content) => model.send({ kind: "label", ...content });
  function meet() {
    let dump = null;
    try {
      dump = JSON.parse(stored(shelf) ?? "null");
    } catch {
      fault = UNREADABLE;
    }
    model.send({ kind: "visitor", token: visitorToken(), author: author.value, dump });
  }
  author.addEventListener("change", () => {
    store(AUTHOR, author.value);
    meet();
  });
  file.addEventListener("change", async () => {
    const chosen = file.files?.[0];
    file.value = "";
    if (!chosen) return;
    status.textContent = `Reading ${chosen.name}…`;
    model.send({ kind: "label", do: "import", name: chosen.name }, undefined, [await chosen.arrayBuffer()]);
  });

  /** @type {(name: string, onclick: () => void, title?: string) => HTMLElement} */
  const small = (name, onclick, title) => make("button", { type: "button", class: "rsh-quiet", title, onclick }, name);
  /** @type {(what: "class" | "set", name: string, about: Child[], end: HTMLElement) => HTMLElement} */
  function lineOf(what, name, about, end) {
    const rename = () => {
      const field = make("input", {
        type: "text",
        value: name,
        "aria-label": `New name of ${name}`,
      });
      const form = make("form", {}, field, make("button", { class: "rsh-quiet" }, "Rename"));
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        if (isNamed(model, field)) act({ do: `rename ${what}`, name, new: field.value });
      });
      form.addEventListener("keydown", (event) => {
        if (event.key !== "Escape") return;
        event.preventDefault(); // it ends this alone
        draw();
      });
      line.replaceChildren(form);
      field.select();
    };
    const line = make("li", {}, ...about, small("Rename", rename), end);
    return line;
  }

  /** @type {(given: LabelsView["classes"][number], place: number) => HTMLElement} */
  function classLine([name, count], place) {
    const about = [
      place < KEYS ? make("kbd", { title: "Its key" }, String(place + 1)) : null,
      make("strong", {}, name.replaceAll("_", " ")),
      make("span", {}, plural(count, "tile")),
      count ? small("Select", () => act({ do: "select class", name })) : null,
    ];
    const hint = "No tile has it then; undo brings it back";
    return lineOf(
      "class",
      name,
      about,
      small("Remove", () => act({ do: "remove class", name }), hint),
    );
  }

  /** @param {LabelsView["sets"][number]} set */
  function setLine([name, count]) {
    const about = [
      make("strong", {}, name),
      make("span", {}, plural(count, "tile")),
      small("Select", () => act({ do: "select set", name })),
    ];
    const hint = "Its tiles stay; undo brings it back";
    return lineOf(
      "set",
      name,
      about,
      small("Delete", () => act({ do: "delete set", name }), hint),
    );
  }

  function draw() {
    const view = model.get("view");
    if (!view.classes) return;
    const given = view.classes
      .map((one, place) => /** @type {const} */ ([one, place]))
      .filter(([[, count], place]) => count || place >= view.num_encoded);
    classes.replaceChildren(
      ...given.map(([one, place]) => classLine(one, place)),
      ...(given.length ? [] : [make("li", {}, "None yet: select tiles and press 1 to 9, or name a class.")]),
    );
    sets.replaceChildren(
      ...view.sets.map(setLine),
      ...(view.sets.length ? [] : [make("li", {}, "None yet: select tiles and put them into a set.")]),
    );
    undo.setAttribute("aria-disabled", String(!view.can_undo));
    disagree.hidden = !view.conflicts.length;
    conflicts.replaceChildren(
      ...view.conflicts.map(([row, said]) =>
        make(
          "li",
          {},
          make("span", {}, said.map(([name, person]) => `${name} (${person})`).join(" or ")),
          ...said.map(([name]) => small(name, () => act({ do: "settle", row, name }), `Settle it: ${name}`)),
          small("Show", () => model.send({ kind: "choose", row })),
        ),
      ),
    );
    where.textContent = [
      fault || KEPT[view.kept],
      view.why && `The gallery cannot be written: ${view.why}.`,
      ...view.notes,
    ]
      .filter(Boolean)
      .join(" ");
  }

  /** @param {Dump} dump */
  function keep(dump) {
    const merged = mergeKept(stored(shelf), dump);
    if (!merged) fault = UNREADABLE;
    else fault = store(shelf, JSON.stringify(merged)) ? "" : NO_ROOM;
    draw();
  }

  /** @type {(content: Message, buffers: Bytes[]) => void} */
  function receive(content, buffers) {
    if (content.kind === "file") {
      saveFile(content.name, content.type, buffers[0]);
      status.textContent = `Saved ${content.name}.`;
    }
    if (content.kind === "keep") keep(/** @type {Dump} */ (content.dump));
    if (content.kind === "imported") status.textContent = content.words;
  }
  model.on("msg:custom", receive);
  meet();
  return stopAll([
    redrawOn(model, ["view"], draw),
    on(model, {
      alert: () => {
        status.textContent = "";
      },
    }),
    () => model.off("msg:custom", receive),
  ]);
}

export default { render };
