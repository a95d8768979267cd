import { schemeSwitch } from "./lib/scheme.js";
import { make, redrawOn, tell } from "./lib/shared.js";
import { tour } from "./lib/tour.js";

const PING_EVERY = 5_000; // ms
const GONE_AFTER = 12_000; // ms without an answer: longer than any search takes

// Name, question and facts; the alert; and the banner for when Python is no longer there.
function render({ model, el }) {
  const title = make("h1", {}, "rsh");
  const question = make("p", { class: "rsh-question" });
  const facts = make("p", { class: "rsh-facts" });
  const words = make("span");
  const dismiss = make("button", { type: "button", onclick: () => (alert.hidden = true) }, "Dismiss");
  const alert = make("div", { class: "rsh-alert", hidden: true }, words, dismiss);
  const gone = make("div", { class: "rsh-alert", hidden: true });
  // The live region is there before its text, or screen readers say nothing.
  const region = make("div", { role: "alert" }, alert, gone);
  const names = model.get("galleries");
  const select = make("select", { onchange: () => model.send({ kind: "gallery", name: select.value }) });
  select.append(...names.map((name) => make("option", { value: name, selected: name === model.get("gallery") }, name)));
  const gallery = names.length > 1 ? make("label", { class: "rsh-gallery" }, "Gallery ", select) : null;
  // A notebook has a theme of its own, and its visitors can see the code.
  const { dataset } = document.body;
  const standalone = "voila" in dataset;
  const guide = tour();
  const scheme = schemeSwitch();
  const extras = standalone ? [make("div", { class: "rsh-extras" }, guide.button, scheme.element)] : [];
  el.classList.add("rsh-frame");
  el.append(make("header", {}, title, question, ...(gallery ? [gallery] : []), facts, ...extras), guide.card, region);
  if (standalone && model.get("facts")) guide.startAtFirstVisit();

  function draw() {
    const message = model.get("message");
    question.textContent = model.get("question");
    facts.textContent = model.get("facts");
    words.textContent = message;
    alert.hidden = !message;
    if (message) tell(model, "alert", {});
  }

  // In a notebook the address is the notebook's own. What a link says is kept until Python has read
  // it, once: another gallery on the same page brings another frame.
  let unread = standalone && location.search && !("rshRead" in dataset);
  dataset.rshRead = "";
  if (unread) model.send({ kind: "address", text: location.search });
  function drawAddress() {
    const address = model.get("address");
    if (standalone && address && !unread) history.replaceState(null, "", address);
    unread = false;
  }

  let silentSince = null;
  const hear = (content) => {
    if (content.kind === "idle") tell(model, "idle", {});
    if (content.kind !== "pong") return;
    silentSince = null;
    gone.hidden = true;
  };
  model.on("msg:custom", hear);

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
      make("span", {}, "The page has lost its connection to Python, perhaps after a long rest."),
      make("button", { type: "button", onclick: () => location.reload() }, "Reload the page"),
    );
    gone.hidden = false;
  }
  const timer = setInterval(ping, PING_EVERY);

  const stops = [redrawOn(model, ["message", "question", "facts"], draw), redrawOn(model, ["address"], drawAddress)];
  return () => {
    clearInterval(timer);
    model.off("msg:custom", hear);
    guide.stop();
    scheme.stop();
    stops.forEach((stop) => stop());
  };
}

export default { render };
