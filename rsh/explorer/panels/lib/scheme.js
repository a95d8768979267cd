// @ts-check
import { onScheme } from "./palette.js";
import { make, store } from "./shared.js";

/**
 * A switch between light and dark. Only a choice that differs from the system's is stored, so that
 * choosing the system's again means to follow it; the template reads it before anything is drawn.
 */
export function schemeSwitch() {
  const { dataset } = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  /** @param {boolean} dark */
  const name = (dark) => (dark ? "dark" : "light");
  const isDark = () => (dataset.rshScheme || name(system.matches)) === "dark";
  const toggle = () => {
    const wanted = name(!isDark());
    const chosen = wanted === name(system.matches) ? "" : wanted;
    dataset.rshScheme = chosen;
    store("rsh-scheme", chosen);
  };
  const element = make(
    "button",
    {
      type: "button",
      class: "rsh-scheme",
      "aria-label": "Dark colors",
      title: "Light or dark colors",
      onclick: toggle,
    },
    make("i"),
  );
  const draw = () => element.setAttribute("aria-pressed", String(isDark()));
  draw();
  return { element, stop: onScheme(draw) };
}
