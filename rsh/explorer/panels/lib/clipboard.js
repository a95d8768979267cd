// @ts-check
import { icon } from "./icons.js";
import { emit, make } from "./shared.js";

/** @import { Model } from "./types" */

const THANKS_FOR = 1500; // ms that a button shows that it has copied

/**
 * Copy a text; a page without https has no clipboard, but can copy what is selected.
 * @param {string} text
 * @returns {Promise<boolean>} whether it is copied
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const focused = document.activeElement;
    const area = make("textarea", { class: "rsh-hidden", "aria-hidden": "true", tabindex: "-1" });
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
    return copied;
  }
}

/**
 * Copy a text and say so, or say that it cannot be copied.
 * @param {Model} model
 * @param {string} text
 */
export async function copyAndSay(model, text) {
  const copied = await copyText(text);
  emit(model, "say", { words: copied ? `Copied ${text}` : "This browser does not let the page copy" });
  return copied;
}

/**
 * A small button that copies a text.
 * @param {Model} model
 * @param {string} text
 * @param {string} label
 * @param {Record<string, unknown>} attributes
 */
export function copyButton(model, text, label, attributes = {}) {
  const button = make(
    "button",
    { type: "button", class: "rsh-copy", title: label, "aria-label": label, onclick: copy, ...attributes },
    icon("copy"),
  );
  async function copy() {
    if (!(await copyAndSay(model, text))) return;
    button.replaceChildren(icon("done"));
    window.setTimeout(() => button.replaceChildren(icon("copy")), THANKS_FOR);
  }
  return button;
}
