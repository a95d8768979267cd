"""Labels that a browser keeps: two tabs lose none, and what cannot be kept is said."""

import base64
import json

import pytest
from browser.steps import ANSWER, open_page, open_tab

from rsh.explorer.bundle import PANELS

pytestmark = pytest.mark.browser
CARD = ".rsh-results .rsh-card"
FIRST, SECOND, OTHER = {"id": "a", "n": 1}, {"id": "b"}, {"time": "odd"}


def dump(*events, version=1):
    return {"format": version, "events": list(events)}


@pytest.mark.parametrize(
    ("stored", "new", "expected"),
    [
        (None, dump(FIRST), dump(FIRST)),
        (dump(FIRST), dump(SECOND), dump(FIRST, SECOND)),
        (dump(SECOND, FIRST), dump(FIRST, SECOND), dump(SECOND, FIRST)),
        (dump(FIRST), dump({"id": "a"}, SECOND), dump(FIRST, SECOND)),
        (dump(OTHER, None, 7), dump(OTHER, FIRST), dump(OTHER, None, 7, FIRST)),
        (dump(FIRST, version=2), dump(SECOND), None),
        ({"format": 1}, dump(SECOND), None),
        ({"format": 1, "events": "x"}, dump(SECOND), None),
        (7, dump(SECOND), None),
        ("no JSON", dump(SECOND), None),
    ],
)
def test_new_events_come_after_those_that_are_stored(visit, stored, new, expected):
    script = base64.b64encode((PANELS / "lib" / "kept.js").read_bytes()).decode()
    text = stored if stored is None or stored == "no JSON" else json.dumps(stored)
    merge = "([url, text, dump]) => import(url).then((kept) => kept.mergeKept(text, dump))"
    url = f"data:text/javascript;base64,{script}"
    assert visit().page.evaluate(merge, [url, text, new]) == expected


def label(page, place, key):
    page.locator(CARD).nth(place).focus()
    page.keyboard.press(key)
    card = page.locator(CARD).nth(place)
    card.locator(".rsh-given").wait_for(timeout=ANSWER)


def note_of(page):
    return page.locator(".rsh-labels-side .rsh-note").first


KEY = "Object.keys(localStorage).find((name) => name.startsWith('rsh-labels-'))"

FILL = """() => {
  for (let size = 1 << 22; size >= 1; size >>= 1) {
    try {
      localStorage.setItem("fill-" + size, "x".repeat(size));
    } catch {}
  }
}"""


def wait_for_kept(page, many):
    page.wait_for_function(
        f"(many) => JSON.parse(localStorage.getItem({KEY}) ?? 'null')?.events.length === many",
        arg=many,
        timeout=ANSWER,
    )


def test_two_tabs_of_one_visitor_lose_no_label(visit, own_labels):
    one = open_page(visit, own_labels)
    other = one.context.new_page()
    other.goto(own_labels.url)
    other.locator(CARD).nth(4).wait_for(timeout=180_000)
    for place in range(3):
        label(one, place, "1")
    wait_for_kept(one, 3)
    label(other, 4, "2")
    wait_for_kept(one, 4)
    other.close(run_before_unload=True)
    one.reload()
    one.locator(".rsh-facts").get_by_text("4 labels given").wait_for(timeout=180_000)


def test_what_cannot_be_read_stays_and_a_full_browser_says_so(visit, own_labels):
    page = open_page(visit, own_labels)
    label(page, 0, "1")
    wait_for_kept(page, 1)
    open_tab(page, "labels", ".rsh-labels")
    assert "kept in this browser alone" in note_of(page).inner_text()
    page.evaluate(f"localStorage.setItem({KEY}, '{{\"format\": 2}}')")
    label(page, 1, "1")
    note_of(page).get_by_text("labels that this page cannot read").wait_for(timeout=ANSWER)
    assert page.evaluate(f"localStorage.getItem({KEY})") == '{"format": 2}'
    page.evaluate(f"localStorage.removeItem({KEY})")
    label(page, 2, "1")
    wait_for_kept(page, 3)
    note_of(page).get_by_text("kept in this browser alone").wait_for(timeout=ANSWER)
    page.evaluate(FILL)
    label(page, 3, "1")
    full = "This browser has no room to keep labels: export them."
    note_of(page).get_by_text(full).wait_for(timeout=ANSWER)
    assert "kept in this browser" not in note_of(page).inner_text()
