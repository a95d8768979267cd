import { make, redrawOn } from "./lib/shared.js";

const FORMS = [
  ["csv", "CSV", "the tiles as a table"],
  ["json", "JSON", "the tiles with the question and what made the codes"],
  ["geojson", "GeoJSON", "the tiles as places on a map"],
  ["sheet", "Contact sheet", "one image of the query and the tiles"],
];
const WAYS = [
  ["link", "Link", "opens the page as it is now"],
  ["python", "Python", "lines that give the same answer"],
  ["command", "Command", "a command line that gives the same answer"],
];

function save(name, type, bytes) {
  const url = URL.createObjectURL(new Blob([bytes], { type }));
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

// Files to keep, and words to copy; what was copied is shown, too, for browsers that refuse.
function render({ model, el }) {
  const said = make("span", { role: "status" });
  const words = make("textarea", {
    class: "rsh-copied",
    readonly: true,
    hidden: true,
    rows: 2,
    "aria-label": "What was copied",
  });
  const button = ([form, text, hint], act) => make("button", { type: "button", title: hint, onclick: act }, text);
  const files = FORMS.filter(([form]) => form !== "geojson" || model.get("map"));

  async function copy(text) {
    words.value = text;
    words.rows = Math.min(text.split("\n").length + 1, 14);
    words.hidden = false;
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = "Copied.";
    } catch {
      words.select();
      said.textContent = "Press Ctrl+C to copy.";
    }
  }
  const ask = (form) => () =>
    form === "link" ? copy(location.href) : model.send({ kind: "take", form, what: what.value });
  const hear = (content, buffers) => {
    if (content.kind === "text") copy(content.text);
    if (content.kind !== "file") return;
    save(content.name, content.type, buffers[0]);
    said.textContent = `${content.name} was saved.`;
  };
  model.on("msg:custom", hear);
  el.classList.add("rsh-panel", "rsh-take");
  const [answer, selection] = [
    make("option", { value: "answer" }, "this answer"),
    make("option", { value: "selection" }),
  ];
  const what = make("select", { "aria-label": "What to save" }, answer, selection);
  const row = (label, entries) =>
    make(
      "div",
      { role: "group", "aria-label": label },
      make("span", { class: "rsh-take-label" }, label),
      ...entries.map((entry) => button(entry, ask(entry[0]))),
    );
  el.append(
    make("div", { class: "rsh-take-row" }, make("label", {}, "Save ", what), row("as", files), row("Copy", WAYS), said),
    words,
  );
  const stop = redrawOn(model, ["selected"], () => {
    const count = model.get("selected");
    selection.textContent = `the ${count.toLocaleString("en")} selected tile${count === 1 ? "" : "s"}`;
    selection.disabled = !count;
    selection.hidden = !count;
    what.value = count ? "selection" : "answer";
  });
  return () => {
    model.off("msg:custom", hear);
    stop();
  };
}

export default { render };
