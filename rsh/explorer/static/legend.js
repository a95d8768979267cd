import { listen, make, redrawOn, tell } from "./shared.js";
import { classColour } from "./palette.js";

// Class chips for the three planes: pointing at one shows its class, pressing one keeps it.
function render({ model, el }) {
  const list = make("ul", { class: "rsh-legend", "aria-label": "Classes: press one to keep it highlighted in the planes" });
  let kept = null;
  const show = (number) => tell(model, "class", { number });

  function keep(number) {
    kept = kept === number ? null : number;
    list.querySelectorAll("button").forEach((chip, place) => chip.setAttribute("aria-pressed", String(place === kept)));
    show(kept);
  }

  function draw() {
    const classes = model.get("classes");
    list.replaceChildren(
      ...classes.map((name, number) => {
        const dot = make("i", { class: "rsh-dot", style: `background:${classColour(number, classes.length)}` });
        const chip = make(
          "button",
          {
            type: "button",
            class: "rsh-chip",
            "aria-pressed": "false",
            title: name,
            onclick: () => keep(number),
            onmouseenter: () => show(number),
            onfocus: () => show(number),
            onmouseleave: () => show(kept),
            onblur: () => show(kept),
          },
          dot,
          make("span", {}, name),
        );
        return make("li", {}, chip);
      }),
    );
  }

  const key = make(
    "p",
    { class: "rsh-key", role: "img", "aria-label": "A star marks the query, a ring a tile of the same class, a cross one of another class." },
    make("span", { class: "is-query" }, "★ query"),
    make("span", { class: "is-right" }, "○ same class"),
    make("span", { class: "is-wrong" }, "✕ another class"),
  );
  el.classList.add("rsh-panel");
  el.append(
    make("div", { class: "rsh-answer" }, make("h2", { class: "rsh-heading" }, model.get("heading")), key),
    make("p", { class: "rsh-note" }, model.get("note")),
    list,
  );
  const stops = [redrawOn(model, ["classes"], draw), listen(model, {})];
  return () => stops.forEach((stop) => stop());
}

export default { render };
