// @ts-check
import { make } from "./shared.js";

const STEP = 0.02; // of a side that an arrow key moves the box
const START = 0.5; // of each side, in the middle
const LEAST = 0.02; // of a side

/** @typedef {[left: number, top: number, right: number, bottom: number]} CropBox fractions of the sides */

/**
 * A box on an image: drawn with the pointer, or moved with the arrow keys and resized with Shift and them.
 * @param {HTMLElement} frame around the image, as large as it
 * @param {(box: CropBox) => void} done
 */
export function cropper(frame, done) {
  const shade = make("div", {
    class: "rsh-crop",
    tabindex: "0",
    role: "group",
    "aria-label": "Part of the image: arrow keys move it, Shift and arrow keys resize it, Enter searches with it",
    hidden: true,
  });
  const start = make("button", { type: "button", "aria-pressed": "false", onclick: toggle }, "Choose a part");
  const go = make("button", { type: "button", hidden: true, onclick: () => done(box) }, "Search with this part");
  const note = make("p", { class: "rsh-note", role: "status" });
  frame.append(shade);
  /** @type {CropBox} */
  let box = [0, 0, 1, 1];

  /** @param {CropBox} wanted */
  function draw(wanted) {
    box = /** @type {CropBox} */ (wanted.map((value) => Math.min(Math.max(value, 0), 1)));
    const [left, top, right, bottom] = box.map((value) => 100 * value);
    shade.style.inset = `${top}% ${100 - right}% ${100 - bottom}% ${left}%`;
  }
  function reset() {
    shade.hidden = true;
    go.hidden = true;
    start.setAttribute("aria-pressed", "false");
    frame.classList.remove("is-cropping");
    note.textContent = "";
  }
  function toggle() {
    if (!shade.hidden) {
      reset();
      return;
    }
    shade.hidden = false;
    go.hidden = false;
    start.setAttribute("aria-pressed", "true");
    frame.classList.add("is-cropping");
    note.textContent = "Draw a box on the image, or move this one with the arrow keys.";
    draw([(1 - START) / 2, (1 - START) / 2, (1 + START) / 2, (1 + START) / 2]);
    shade.focus();
  }
  shade.addEventListener("keydown", (event) => {
    /** @type {Record<string, [x: number, y: number]>} */
    const moves = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
    const [left, top, right, bottom] = box;
    if (event.key === "Enter") done(box);
    else if (event.key in moves && event.shiftKey) {
      const [x, y] = moves[event.key];
      draw([left, top, Math.max(right + x, left + LEAST), Math.max(bottom + y, top + LEAST)]);
    } else if (event.key in moves) {
      const [x, y] = moves[event.key];
      const [dx, dy] = [Math.min(Math.max(x, -left), 1 - right), Math.min(Math.max(y, -top), 1 - bottom)];
      draw([left + dx, top + dy, right + dx, bottom + dy]);
    } else return;
    event.preventDefault();
  });
  frame.addEventListener("pointerdown", (event) => {
    if (shade.hidden) return;
    event.preventDefault();
    frame.setPointerCapture(event.pointerId);
    /** @param {PointerEvent} at */
    const placeOf = (at) => {
      const { left, top, width, height } = frame.getBoundingClientRect();
      return [(at.clientX - left) / width, (at.clientY - top) / height];
    };
    const [x, y] = placeOf(event);
    /** @param {PointerEvent} now */
    const move = (now) => {
      const [u, v] = placeOf(now);
      draw([Math.min(x, u), Math.min(y, v), Math.max(x, u), Math.max(y, v)]);
    };
    const end = () => {
      frame.removeEventListener("pointermove", move);
      go.focus({ preventScroll: true });
    };
    frame.addEventListener("pointermove", move);
    frame.addEventListener("pointerup", end, { once: true });
    frame.addEventListener("pointercancel", end, { once: true });
  });
  return { buttons: [start, go], note, reset };
}
