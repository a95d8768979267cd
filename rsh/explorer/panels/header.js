// @ts-check
import { closedByEscape } from "./lib/escape.js";
import { schemeSwitch } from "./lib/scheme.js";
import { emit, make, on, redrawOn, stopAll, withCommands } from "./lib/shared.js";
import { tour } from "./lib/tour.js";

/** @import { Message, Props } from "./lib/types" */

/**
 * @typedef {object} Traits
 * @property {string} question
 * @property {string} facts
 * @property {string} message
 * @property {string} address
 * @property {string[]} galleries
 * @property {string} gallery
 * @property {"class" | "label" | ""} labeled
 * @property {boolean} images
 */

const PING_EVERY = 5_000; // ms
const SAID_FOR = 2_500; // ms that a short message is shown
const GONE_AFTER = 12_000; // ms without an answer: longer than any search takes

/**
 * Name, tagline and facts; the alert; and the banner for when Python is no longer there.
 * @param {Props<Traits>} props
 */
function render({ model, el }) {
  const tagline = make("p", { class: "rsh-tagline" });
  const facts = make("p", { class: "rsh-facts" });
  const words = make("span");
  const alert = make("div", { class: "rsh-alert", hidden: true }, words);
  const dismiss = () => {
    alert.hidden = true;
  };
  alert.append(make("button", { type: "button", onclick: dismiss, title: "Dismiss (Esc)" }, "Dismiss"));
  const gone = make("div", { class: "rsh-alert", hidden: true });
  // The live region is there before its text, or screen readers say nothing.
  const region = make("div", { role: "alert" }, alert, gone);
  const said = make("p", { class: "rsh-said", role: "status" });
  let saidUntil = 0;
  /** @param {{ words: string }} event */
  function say({ words: text }) {
    said.textContent = text;
    clearTimeout(saidUntil);
    saidUntil = window.setTimeout(() => {
      said.textContent = "";
    }, SAID_FOR);
  }
  const select = make("select", { onchange: () => model.send({ kind: "gallery", name: select.value }) });
  const gallery = make("label", { class: "rsh-gallery" }, "Gallery ", select);
  function drawGalleries() {
    const names = model.get("galleries");
    select.replaceChildren(...names.map((name) => make("option", { value: name }, name)));
    select.value = model.get("gallery");
    gallery.hidden = names.length < 2;
  }
  // A notebook has a theme of its own, and its visitors can see the code.
  const { dataset } = document.body;
  const standalone = "rshPage" in dataset;
  const go = (/** @type {string} */ region) => emit(model, "go", { region });
  const guide = tour(model.get("labeled"), model.get("images"), go);
  const scheme = schemeSwitch();
  const extras = standalone ? make("div", { class: "rsh-extras" }, guide.button, scheme.element) : null;
  el.classList.add("rsh-header");
  el.append(make("header", {}, make("h1", {}, "rsh"), tagline, gallery, facts, extras), guide.card, region, said);
  if (standalone && model.get("facts")) guide.startAtFirstVisit();

  function draw() {
    const message = model.get("message");
    words.replaceChildren(...withCommands(message));
    alert.hidden = !message;
    if (message) emit(model, "alert", {});
  }

  // In a notebook the address is the notebook's own. What a link says is kept until Python has read
  // it, once: another gallery on the same page brings another header.
  let unread = standalone && location.search && !("rshRead" in dataset);
  dataset.rshRead = "";
  if (unread) model.send({ kind: "address", text: location.search });
  function drawAddress() {
    const address = model.get("address");
    if (standalone && address && !unread) {
      // The browser's Back returns to the query before: another query is another entry.
      const [before, now] = [location.search, address].map((text) => new URLSearchParams(text).get("q"));
      if (before === null || before === now) history.replaceState(null, "", address);
      else history.pushState(null, "", address);
    }
    unread = false;
  }
  const goBack = () => model.send({ kind: "address", text: location.search });
  if (standalone) window.addEventListener("popstate", goBack);

  /** @type {number | null} */
  let silentSince = null;
  /** @param {Message} content */
  const receive = (content) => {
    if (content.kind === "idle") emit(model, "idle", {});
    if (content.kind !== "pong") return;
    silentSince = null;
    gone.hidden = true;
  };
  model.on("msg:custom", receive);

  function ping() {
    if (document.hidden) {
      silentSince = null; // timers sleep in a hidden tab: silence there proves nothing
      return;
    }
    silentSince ??= Date.now();
    let cut = false;
    try {
      model.send({ kind: "ping" });
    } catch {
      cut = true; // the kernel's death has closed the channel
    }
    if ((!cut && Date.now() - silentSince < GONE_AFTER) || !gone.hidden) return;
    gone.replaceChildren(
      make("span", {}, "The dashboard has lost its connection to Python, perhaps after a long time without use."),
      make("button", { type: "button", onclick: () => location.reload() }, "Reload"),
    );
    gone.hidden = false;
  }
  const timer = setInterval(ping, PING_EVERY);

  return stopAll([
    redrawOn(model, ["message"], draw),
    redrawOn(model, ["question", "facts"], () => {
      tagline.textContent = model.get("question");
      facts.textContent = model.get("facts");
    }),
    redrawOn(model, ["galleries", "gallery"], drawGalleries),
    redrawOn(model, ["address"], drawAddress),
    on(model, { say }),
    closedByEscape("alert", () => {
      const isOpen = !alert.hidden;
      dismiss();
      return isOpen;
    }),
    () => clearInterval(timer),
    () => clearTimeout(saidUntil),
    () => window.removeEventListener("popstate", goBack),
    () => model.off("msg:custom", receive),
    () => guide.stop(),
    () => scheme.stop(),
  ]);
}

export default { render };
