// @ts-check
import { closedByEscape } from "./lib/escape.js";
import { icon } from "./lib/icons.js";
import { make, on, redrawOn, stopAll } from "./lib/shared.js";

/** @import { Props } from "./lib/types" */

/**
 * The tabs of the drawer. Its panels stand beside them in the same box, which names the open one, so that
 * the stylesheet shows that alone.
 * @param {Props<{ tabs: [name: string, words: string][], tab: string }>} props
 */
function render({ model, el }) {
  const tabs = model.get("tabs");
  const buttons = tabs.map(([name, words]) =>
    make(
      "button",
      {
        type: "button",
        "aria-expanded": "false",
        "data-name": name,
        onclick: () => choose(model.get("tab") === name ? "" : name),
      },
      words,
    ),
  );
  const close = make(
    "button",
    { type: "button", class: "rsh-dock-close", "aria-label": "Close the drawer", title: "Close (Esc)" },
    icon("close"),
  );
  close.addEventListener("click", () => choose(""));
  el.classList.add("rsh-panel", "rsh-dock-tabs");
  el.append(make("h2", { class: "rsh-hidden" }, "A closer look"), ...buttons, close);

  /** @param {string} name */
  function choose(name) {
    const before = model.get("tab");
    model.set("tab", name);
    model.save_changes();
    // A focus that would vanish with the drawer goes to its tab.
    const focused = document.activeElement;
    if (name || !(focused === document.body || el.closest(".rsh-dock")?.contains(focused))) return;
    buttons.find((button) => button.dataset.name === before)?.focus({ preventScroll: true });
  }

  function leave() {
    const isOpen = model.get("tab") !== "";
    if (isOpen) choose("");
    return isOpen;
  }

  function draw() {
    const chosen = model.get("tab");
    for (const button of buttons) button.setAttribute("aria-expanded", String(button.dataset.name === chosen));
    close.hidden = !chosen;
    showTab(chosen);
  }

  /**
   * Name the open tab on the box, which is there some time after the first draw.
   * @param {string} chosen
   */
  function showTab(chosen) {
    const box = el.closest(".rsh-dock");
    if (box instanceof HTMLElement) {
      if (box.dataset.tab !== chosen) box.scrollTop = 0; // each tab begins with its head
      box.dataset.tab = chosen;
    } else if (chosen) requestAnimationFrame(() => showTab(model.get("tab")));
  }
  return stopAll([
    redrawOn(model, ["tab"], draw),
    closedByEscape("drawer", leave),
    on(model, {
      select: ({ rows }) => {
        const tab = buttons.find((button) => button.dataset.name === "selected");
        const words = tabs.find(([name]) => name === "selected")?.[1] ?? "";
        if (tab) tab.textContent = rows.length ? `${words} (${rows.length.toLocaleString("en")})` : words;
      },
      // On a phone the drawer is a region of its own, which should not be empty.
      region: ({ name }) => {
        const alone = window.matchMedia("(max-width: 1099px)").matches;
        if (alone && name === "dock" && !model.get("tab")) choose(tabs[0][0]);
      },
    }),
  ]);
}

export default { render };
