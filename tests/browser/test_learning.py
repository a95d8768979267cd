"""From an archive without labels to a learned gallery and a map, by keyboard."""

import pytest
from browser.steps import ANSWER, open_page, open_tab, violations
from make_gallery import tiny_gallery, without_classes

from rsh.gallery.gallery import Gallery

pytestmark = pytest.mark.browser
NAMES = ("forest", "desert", "ice")
LEARN = ".rsh-strips.is-learn"
LONG = 120_000  # milliseconds


@pytest.fixture
def archive(serving, tmp_path):
    """A gallery of its own, since labels stay in it."""
    return serving(tiny_gallery(tmp_path / "mine", num_tiles=150, more=without_classes))


@pytest.mark.slow
def test_an_archive_is_browsed_named_learned_and_exported_by_keyboard(visit, archive):
    page = open_page(visit, archive)
    name_three_groups(page)
    label_what_is_suggested(page, 30)
    learn_and_compare(page)
    open_tab(page, "labels", ".rsh-labels")
    assert not page.locator(LEARN).is_visible()
    open_tab(page, "learn", f"{LEARN} .rsh-card")
    page.get_by_role("button", name="Open it").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("location.search.includes('mine-learned-1')", timeout=LONG)
    chosen = "document.querySelector('.rsh-gallery select').value === 'mine-learned-1'"
    page.wait_for_function(chosen, timeout=LONG)
    page.wait_for_selector(".rsh-results .rsh-card", timeout=ANSWER)
    export_geopackage(page)
    new = Gallery.open(archive.gallery.folder.with_name("mine-learned-1"))
    assert new.manifest.learned.report.labels == 30
    assert set(new.annotations.state.given.names) == set(NAMES)


def name_three_groups(page):
    """A gallery without classes opens with its groups; each name is a class from then on."""
    page.wait_for_selector(".rsh-strips.is-groups section:nth-child(4)", timeout=ANSWER)
    page.locator(".rsh-strips.is-groups form input").first.focus()
    for name in NAMES:
        page.keyboard.type(name)
        page.keyboard.press("Enter")
        page.wait_for_selector(f".rsh-strips.is-groups h3:text-is('{name}')", timeout=ANSWER)


FOCUS = """(selector) => {
  const card = document.querySelector(selector);
  card.focus();
  return card.dataset.row;
}"""


def label_what_is_suggested(page, many):
    """Give each suggestion a class; when all have one, others follow."""
    open_tab(page, "learn", f"{LEARN} .rsh-card")
    unlabeled = f"{LEARN} section:first-child .rsh-card:not([title*='✓'])"
    for place in range(many):
        page.wait_for_selector(unlabeled, timeout=ANSWER)
        row = page.evaluate(FOCUS, unlabeled)  # in one step: other suggestions may just come
        page.keyboard.press(str(1 + place % len(NAMES)))
        left = f"{unlabeled}[data-row='{row}']"
        page.wait_for_selector(left, state="detached", timeout=ANSWER)
    assert violations(page) == []


def learn_and_compare(page):
    slider = page.locator(f"{LEARN} input[type=range]")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(f"{LEARN} output:text-is('75 %')", timeout=ANSWER)
    page.wait_for_function(
        "document.activeElement.type === 'range' && document.activeElement.value === '75'"
    )
    page.get_by_role("button", name="Learn from 30 labels").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{LEARN} h3:text-is('mine-learned-1')", timeout=LONG)
    page.wait_for_selector(f"{LEARN} .rsh-waiting", state="hidden", timeout=LONG)
    assert "Neighbors kept" in page.inner_text(f"{LEARN} section:first-child")
    page.get_by_role("button", name="Compare with this gallery").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".rsh-compare-sides section:nth-child(2) .rsh-card", timeout=ANSWER)
    chosen = page.get_by_label("Compare these results with")
    assert chosen.input_value() == "mine-learned-1/bits"
    assert violations(page) == []
    open_tab(page, "learn", f"{LEARN} .rsh-card")


def export_geopackage(page):
    page.get_by_role("button", name="Select all").first.focus()
    page.keyboard.press("Enter")
    page.locator(".rsh-menu summary", has_text="Export").focus()
    page.keyboard.press("Enter")
    with page.expect_download() as taken:
        page.get_by_role("button", name="GeoPackage").first.focus()
        page.keyboard.press("Enter")
    assert taken.value.suggested_filename.endswith(".gpkg")
