"""A gallery without classes, and one in which every second tile has one, in a real browser."""

import numpy as np
import pytest
from browser.steps import (
    ANSWER,
    compare_with_features,
    go_to,
    open_bit,
    open_codes,
    open_menu,
    open_page,
    open_pairs,
    query_of,
    violations,
    wait_for_query,
)
from make_gallery import half_labeled, tiny_gallery, without_classes

pytestmark = pytest.mark.browser

# Words of all visible and spoken texts; scripts, styles, the names of files, and what gives a class
# to tiles that have none apart.
SAID = """() => {
  const words = [document.body.innerText];
  for (const node of document.querySelectorAll("[aria-label], [title], [alt]")) {
    if (node.closest(".rsh-tray, .rsh-labels")) continue;
    for (const name of ["aria-label", "title", "alt"]) words.push(node.getAttribute(name) ?? "");
  }
  for (const node of document.querySelectorAll("details")) words.push(node.textContent);
  for (const node of document.querySelectorAll("option")) words.push(node.textContent);
  return words.join("\\n");
}"""


@pytest.fixture(scope="module")
def plain(serving, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain") / "g"
    return serving(tiny_gallery(folder, num_tiles=120, more=without_classes))


@pytest.fixture(scope="module")
def partly(serving, tmp_path_factory):
    folder = tmp_path_factory.mktemp("partly") / "g"
    return serving(tiny_gallery(folder, num_tiles=120, more=half_labeled))


def open_everything(page):
    """Open the menus and, one after the other, the tabs of the drawer; yields after each."""
    for name in ("Filters", "Export"):
        open_menu(page, name)
        yield
    page.keyboard.press("Escape")
    for look in (open_codes, compare_with_features, open_bit):
        look(page)
        for glossary in page.locator(".rsh-glossary:not([open]) summary:visible").all():
            glossary.click()
        yield


def test_nothing_speaks_of_classes_where_there_are_none(visit, plain):
    page = open_page(visit, plain, first_visit=True)
    page.wait_for_selector(".rsh-tour:not([hidden])", timeout=ANSWER)
    steps = []
    while page.is_visible(".rsh-tour"):
        steps.append(page.inner_text(".rsh-tour"))
        page.locator(".rsh-tour button").last.click()
    assert len(steps) == 5 and not any("class" in words or "✓" in words for words in steps)
    for _ in open_everything(page):
        said = page.evaluate(SAID).casefold()
        for word in ("class", "precision", "recall", "✓", "✗", "relevan", "confus", "(no name)"):
            assert word not in said, word
    assert "no labels" in page.inner_text(".rsh-header")
    assert page.locator(".rsh-results .rsh-card").count() == 20
    assert page.locator(".rsh-results .is-right, .rsh-results .is-wrong").count() == 0
    assert page.locator(".rsh-results .rsh-dot, .rsh-query .rsh-dot").count() == 0
    ways = page.get_by_label("Color by").locator("option").all_inner_texts()
    assert ways == ["distance from the query", "given label", "split", "results"]
    columns = page.get_by_label("Filter by").locator("option").all_text_contents()
    assert columns == ["split", "bounding box (degrees)", "polygon (degrees)"]
    assert violations(page) == []


def test_tiles_without_classes_are_browsed_and_followed(visit, plain):
    page = open_page(visit, plain)
    first = page.get_attribute(".rsh-class-tiles .rsh-card", "data-row")
    assert page.get_by_role("heading", name="Browse", exact=True).is_visible()
    assert page.locator(".rsh-class-browser select").count() == 0
    page.get_by_role("button", name="Next 24").click()
    page.wait_for_selector(f'.rsh-class-tiles li:first-child .rsh-card:not([data-row="{first}"])')
    row = int(page.get_attribute(".rsh-class-tiles .rsh-card", "data-row"))
    page.click(".rsh-class-tiles .rsh-card")
    wait_for_query(page, row)
    assert query_of(page) == row


def test_classes_are_shown_where_they_are_known(visit, partly):
    page, gallery = open_page(visit, partly), partly.gallery
    assert gallery.labels[query_of(page)] >= 0
    marks = page.eval_on_selector_all(
        ".rsh-results .rsh-card",
        "all => all.map(b => [+b.dataset.row, b.querySelector('.rsh-verdict').textContent,"
        " b.querySelectorAll('.rsh-dot').length])",
    )
    own = gallery.labels[query_of(page)]
    for row, mark, dots in marks:
        label = gallery.labels[row]
        assert mark == ("" if label < 0 else "✓" if label == own else "✗")
        assert dots == (label >= 0)
    judged = sum(gallery.labels[row] >= 0 for row, _, _ in marks)
    assert f"precision@{judged} = " in page.inner_text(".rsh-results .rsh-summary")
    assert "○ no class" in page.inner_text(".rsh-key")
    assert page.get_by_role("button", name="no class", exact=True).is_visible()  # of the legend
    open_codes(page)
    assert "another class" in page.get_attribute(".rsh-columns", "aria-label")
    assert "no class" in page.get_attribute(".rsh-columns", "aria-label")
    open_pairs(page)
    assert violations(page) == []


def test_query_without_a_class_is_not_judged(visit, partly):
    page, gallery = open_page(visit, partly), partly.gallery
    row = int(np.flatnonzero(gallery.labels < 0)[0])
    go_to(page, gallery.items["id"][row])
    wait_for_query(page, row)
    assert page.locator(".rsh-results .is-right, .rsh-results .is-wrong").count() == 0
    summary = page.inner_text(".rsh-results .rsh-summary")
    assert "without a class" in summary and "precision" not in summary
    assert page.inner_text(".rsh-key").split("\n")[-1] == "○ result"
    browser = page.get_by_label("Browse by class")
    assert browser.evaluate("select => select.selectedOptions[0].textContent") == "no class (60)"
