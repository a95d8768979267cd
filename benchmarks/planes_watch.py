"""What the page's benchmarks ask a browser: when something that a person would see has happened."""

import time
from collections.abc import Callable

from playwright.sync_api import Page

LOST = 3000  # ms after which a hover or a click counts as one that did nothing
PATIENCE = 30_000  # ms, likewise, where many visitors share a machine or Python has to think
WATCHED = 1.5  # s for which frames are looked at after the wheel was turned

# Looks at each frame until what `sign` returns is another than before, and not empty. The clock
# starts with the event that the browser gets.
_WAIT = """(selector) => {
  const sign = %s;
  const before = sign(selector);
  let start = null;
  addEventListener("%s", () => (start ??= performance.now()), { capture: true, once: true });
  window.shown = new Promise((resolve) => {
    const end = performance.now() + %d;
    const look = () => {
      const now = sign(selector);
      if (start !== null && now && now !== before) return resolve(performance.now() - start);
      if (performance.now() > end) return resolve(null);
      return requestAnimationFrame(look);
    };
    look();
  });
}"""
_PICTURE = """(what) => {
  const element = document.querySelector(what);
  if (!element?.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return "";
  if (element.tagName === "IMG" && !(element.complete && element.naturalWidth)) return "";
  return element.src ?? element.style.backgroundImage;
}"""
_WORDS = """(what) => {
  const element = document.querySelector(what);
  return element?.dataset.row ?? element?.textContent;
}"""
# Cards of the question before are marked: without that, the end of its answer could be taken for
# that of the next one. Those of a comparison must have gone, too.
_ANSWERED = """(what) => {
  const old = document.querySelector(":is(.rsh-found, .rsh-two) :is(.is-busy, [data-old])");
  return old ? "" : document.querySelector(what)?.dataset.row;
}"""
_MARKED = """(what) => {
  const cards = document.querySelectorAll(":is(.rsh-found, .rsh-two) .rsh-card");
  for (const card of cards) card.dataset.old = "yes";
  (%s)(what);
}"""
HOVER = _WAIT % (_PICTURE, "pointermove", LOST)
PRESS = _WAIT % (_WORDS, "pointerdown", LOST)
ASK = _MARKED % (_WAIT % (_ANSWERED, "pointerdown", PATIENCE))
CHOOSE = _WAIT % (_WORDS, "change", PATIENCE)
UNFOLD = _WAIT % (_WORDS, "click", PATIENCE)

# From the wheel until all dots of our first plane are drawn.
WHEEL = """() => {
  const stage = document.querySelector(".rsh-stage");
  let start = null;
  addEventListener("wheel", () => (start ??= performance.now()), { capture: true, once: true });
  window.shown = new Promise((resolve) => {
    const look = () => {
      if (start !== null && performance.now() > start && stage.dataset.drawn === "yes") {
        return resolve(performance.now() - start);
      }
      return requestAnimationFrame(look);
    };
    stage.addEventListener("wheel", () => requestAnimationFrame(look), { once: true });
  });
}"""

# Times between frames, until `stopFrames` is called.
FRAMES = """() => {
  const times = [];
  let [last, on] = [performance.now(), true];
  const look = (now) => {
    times.push(now - last);
    last = now;
    if (on) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  window.stopFrames = () => {
    on = false;
    return times.slice(1);
  };
}"""


def first_change(page: Page, plot: str, act: Callable[[], None]) -> float | None:
    """Milliseconds from the wheel's event until the browser shows a changed frame.

    Frames come from the browser's own screencast with the time at which they were shown, for plots
    of every kind and however they are drawn.
    """
    frames: list[tuple[float, str]] = []
    client = page.context.new_cdp_session(page)

    def keep(frame: dict[str, object]) -> None:
        client.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})
        shown = frame["metadata"]
        assert isinstance(shown, dict)
        frames.append((float(shown["timestamp"]), str(frame["data"])))

    client.on("Page.screencastFrame", keep)
    client.send("Page.startScreencast", {"format": "jpeg", "quality": 60})
    page.wait_for_timeout(400)
    page.evaluate(
        "addEventListener('wheel', () => (window.turned ??= Date.now()), { capture: true });"
        "window.turned = null"
    )
    before = frames[-1][1] if frames else ""
    act()
    end = time.perf_counter() + WATCHED
    while time.perf_counter() < end:
        page.wait_for_timeout(50)
    turned = float(page.evaluate("window.turned")) / 1000
    client.send("Page.stopScreencast")
    client.detach()
    later = [when for when, image in frames if when >= turned and image != before]
    return 1000 * (later[0] - turned) if later else None
