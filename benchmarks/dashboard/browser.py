"""JavaScript that waits until a visitor would see the effect of a click."""

PATIENCE = 30_000  # ms after which a click counts as one that did nothing

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
_WORDS = """(what) => {
  const element = document.querySelector(what);
  return element?.dataset.row ?? element?.textContent;
}"""
# Cards of the question before are marked: without that, the end of its answer could be taken for
# that of the next one. Those of a comparison must have gone, too.
_ANSWERED = """(what) => {
  const shown = ":is(.rsh-results, .rsh-compare-sides)";
  const old = document.querySelector(`${shown} :is(.is-busy, [data-old])`);
  return old ? "" : document.querySelector(what)?.dataset.row;
}"""
_MARKED = """(what) => {
  const cards = document.querySelectorAll(":is(.rsh-results, .rsh-compare-sides) .rsh-card");
  for (const card of cards) card.dataset.old = "yes";
  (%s)(what);
}"""
ASK = _MARKED % (_WAIT % (_ANSWERED, "pointerdown", PATIENCE))
CHOOSE = _WAIT % (_WORDS, "change", PATIENCE)
UNFOLD = _WAIT % (_WORDS, "click", PATIENCE)
