"""Words as a query, in a real browser, with the real architecture of a text tower."""

from urllib.parse import quote_plus

import pytest
from browser.steps import ANSWER, cards_of, expect_cards, open_page, violations
from hub_host import hub
from make_clip import clip_gallery, fetch_clip
from tiers import RELEASE, SLOW

from rsh.gallery.ids import NO_ROW
from rsh.search.retrieve import search

pytestmark = pytest.mark.browser
FIELD = "Search by words"
FIRST = 90_000  # ms: the text tower is loaded


@pytest.fixture(scope="module")
def patch():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def words(patch, tiny_split, tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    patch.setenv("RSH_CACHE", str(folder / "cache"))
    patch.setenv("HF_HUB_CACHE", str(folder / "hub"))
    patch.setenv("NO_PROXY", "127.0.0.1")
    with hub() as served:
        file = fetch_clip(served, patch)
    return clip_gallery(folder, tiny_split), file


@pytest.fixture(scope="module")
def served(serving, words):
    return serving(words[0])


@pytest.fixture(autouse=True)
def cache(words, monkeypatch):
    monkeypatch.setenv("RSH_CACHE", str(words[1].parents[1]))


def wait_for_words(page, text):
    page.wait_for_selector(f".rsh-query-words:text-is('“{text}”')", timeout=FIRST)
    page.wait_for_selector(".rsh-results .rsh-cards:not(.is-busy)", timeout=ANSWER)


@SLOW
def test_words_find_what_the_command_finds(visit, served, words):
    gallery, _ = words
    page = open_page(visit, served)
    field = page.get_by_label(FIELD)
    field.fill(" solar  farm ")
    field.press("Enter")
    page.wait_for_selector(".rsh-drop[aria-busy=true]")
    wait_for_words(page, "solar farm")
    found = search(gallery, text="solar farm")
    expect_cards(page, found.rows.tolist())
    assert page.get_attribute(".rsh-query", "data-row") == str(NO_ROW)
    assert not page.query_selector(".rsh-query img")
    assert page.inner_text(".rsh-query .rsh-badge").lower() == "your words"
    page.wait_for_function("location.search.includes('text=solar+farm')")
    assert violations(page) == []
    other = open_page_of_words(visit, page.url, "solar farm")
    assert cards_of(other) == found.rows.tolist()


def open_page_of_words(visit, url, text):
    page = visit().page
    page.goto(url)
    wait_for_words(page, text)
    return page


@RELEASE
def test_a_link_keeps_feedback_on_words(visit, served, words):
    gallery, _ = words
    marked = gallery.ids[3]
    query = f"?text=solar+farm&k=5&like={quote_plus(marked)}"
    page = open_page_of_words(visit, f"{served.url}{query}", "solar farm")
    expect_cards(page, search(gallery, text="solar farm", top_k=5, positive=[marked]).rows.tolist())


@RELEASE
@pytest.mark.parametrize(("text", "told"), [(" ", "the text is empty"), ("ship " * 90, "77")])
def test_words_that_cannot_be_read_are_named(visit, served, text, told):
    page = open_page(visit, served)
    page.get_by_label(FIELD).fill(text)
    page.get_by_label(FIELD).press("Enter")
    page.wait_for_selector(f".rsh-alert:has-text('{told}')", timeout=FIRST)


@RELEASE
def test_weights_that_are_gone_are_named(visit, served, words):
    file = words[1]
    away = file.rename(file.with_suffix(".away"))
    try:
        page = open_page(visit, served)
        page.get_by_label(FIELD).fill("solar farm")
        page.get_by_label(FIELD).press("Enter")
        page.wait_for_selector(".rsh-alert:has-text('rsh backbones fetch')", timeout=FIRST)
    finally:
        away.rename(file)


@RELEASE
def test_a_gallery_without_a_text_tower_has_no_field(visit, server):
    page = open_page(visit, server)
    assert page.get_by_label(FIELD).count() == 0
    page = open_page(visit, server, url=f"{server.url}?text=solar+farm")
    page.wait_for_selector(".rsh-alert:has-text('not searched with words')", timeout=ANSWER)
