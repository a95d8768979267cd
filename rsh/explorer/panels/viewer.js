// @ts-check
import { copyButton } from "./lib/clipboard.js";
import { cropper } from "./lib/cropper.js";
import { icon } from "./lib/icons.js";
import { emit, make, on, stopAll, withCommands } from "./lib/shared.js";

/** @import { Bytes, Message, Props } from "./lib/types" */

/**
 * A tile in a dialog over the page. At first it fills the room there is; at "actual size" one pixel of the image
 * is one pixel of the screen.
 * @param {Props<{ parts: boolean }>} props
 */
function render({ model, el }) {
  const title = make("h2", { class: "rsh-heading", id: `rsh-viewer-${model.get("page")}` });
  const image = make("img", { alt: "", draggable: "false" });
  const frame = make("div", { class: "rsh-viewer-frame" }, image);
  const stage = make("div", { class: "rsh-viewer-stage", role: "group", "aria-label": "Image", tabindex: 0 }, frame);
  const what = make("p", { class: "rsh-note", role: "status" });
  const facts = make("dl", { class: "rsh-facts-list" });
  const actual = make(
    "button",
    { type: "button", "aria-pressed": "false", onclick: () => fit(!isActual()) },
    "Actual size",
  );
  const search = make("button", { type: "button", onclick: () => act("choose") }, "Search with this tile");
  const close = make(
    "button",
    { type: "button", class: "rsh-viewer-close", "aria-label": "Close", title: "Close (Esc)" },
    icon("close"),
  );
  let row = -1;
  let isFirst = true; // of the images of this tile: a sharper one may follow
  let url = "";
  const crop = cropper(frame, (box) => {
    crop.note.classList.remove("is-problem");
    crop.note.textContent = "Reading the part of the image: the first one takes some seconds.";
    model.send({ kind: "part", row, box });
  });
  const tools = make("div", { class: "rsh-buttons" }, search, actual, ...(model.get("parts") ? crop.buttons : []));
  const dialog = make(
    "dialog",
    { class: "rsh-viewer", "aria-labelledby": title.id },
    make("header", {}, title, close),
    make(
      "div",
      { class: "rsh-viewer-body" },
      stage,
      make("div", { class: "rsh-viewer-side" }, tools, crop.note, facts, what),
    ),
  );
  close.addEventListener("click", () => dialog.close());
  // A click beside the dialog closes it.
  dialog.addEventListener("click", ({ target }) => {
    if (target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => {
    crop.note.classList.remove("is-problem");
    crop.reset();
  });
  el.classList.add("rsh-panel", "rsh-viewer-panel");
  el.append(dialog);
  const leave = () => dialog.close(); // the browser's Back shows another query behind it
  window.addEventListener("popstate", leave);

  const isActual = () => actual.getAttribute("aria-pressed") === "true";
  /** @param {boolean} one whether a pixel of the image is one of the screen */
  function fit(one) {
    actual.setAttribute("aria-pressed", String(one));
    const ratio = window.devicePixelRatio || 1;
    image.style.width = one ? `${image.naturalWidth / ratio}px` : "";
    frame.classList.toggle("is-actual", one);
  }

  /** @param {"choose"} kind */
  function act(kind) {
    emit(model, "busy", {});
    model.send({ kind, row });
    dialog.close();
  }

  /** @type {(content: Message, buffers: Bytes[]) => void} */
  function receive(content, buffers) {
    if (!("row" in content) || content.row !== row) return; // of a tile that was shown before
    if (content.kind === "part" && content.problem) {
      crop.note.classList.add("is-problem");
      crop.note.replaceChildren(...withCommands(content.problem));
    } else if (content.kind === "part") dialog.close();
    if (content.kind !== "enlarged") return;
    if (url) URL.revokeObjectURL(url);
    url = URL.createObjectURL(new Blob([buffers[0]], { type: "image/jpeg" }));
    image.src = url;
    image.onload = () => fit(isActual());
    image.alt = content.title;
    title.textContent = content.title;
    what.replaceChildren(...withCommands(content.what));
    if (!isFirst) return;
    isFirst = false;
    search.hidden = row < 0;
    facts.replaceChildren(
      ...content.facts.flatMap(([name, value]) => [
        make("dt", {}, name),
        make(
          "dd",
          {},
          make("span", {}, value),
          name === "id" ? copyButton(model, value, `Copy the id ${value}`) : null,
        ),
      ]),
    );
  }
  model.on("msg:custom", receive);

  return stopAll([
    () => window.removeEventListener("popstate", leave),
    on(model, {
      enlarge: (tile) => {
        row = tile.row;
        isFirst = true;
        fit(false);
        image.removeAttribute("src");
        facts.replaceChildren();
        title.textContent = tile.name;
        what.textContent = "Loading…";
        model.send({ kind: "enlarge", row });
        dialog.showModal();
      },
    }),
    () => model.off("msg:custom", receive),
    () => URL.revokeObjectURL(url),
  ]);
}

export default { render };
