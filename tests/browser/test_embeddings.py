"""A gallery of embeddings without images, in a real browser."""

import pytest
from browser.steps import (
    ANSWER,
    cards_of,
    nearest,
    open_bit,
    open_codes,
    open_page,
    query_of,
    violations,
)
from make_gallery import tiny_gallery, without_classes

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def vectors(serving, tmp_path_factory):
    folder = tmp_path_factory.mktemp("vectors") / "g"
    return serving(
        tiny_gallery(folder, num_tiles=120, more=without_classes, vector_dim=12, look_bits=8)
    )


def test_tiles_show_their_codes_and_no_image_is_asked_for(visit, vectors):
    page = open_page(visit, vectors, first_visit=True)
    page.wait_for_selector(".rsh-tour:not([hidden])", timeout=ANSWER)
    words = ""
    while page.is_visible(".rsh-tour"):
        words += page.inner_text(".rsh-tour")
        page.locator(".rsh-tour button").last.click()
    assert "image" not in words and "regions" not in words
    facts = page.inner_text(".rsh-header")
    assert "32 bits, 8 for the look" in facts and "no images" in facts
    assert page.get_by_text("each square shows the bits of a tile's code").is_visible()
    open_codes(page)
    assert "24 group bits gather similar vectors, 8 look bits keep finer" in page.inner_text(
        ".rsh-codes"
    )
    assert "(group " in page.inner_text(".rsh-code-distance")
    for absent in ("Search with your own image", "Choose an image", "What matters"):
        assert page.get_by_text(absent).count() == 0, absent
    open_bit(page)
    widths = page.eval_on_selector_all(
        ".rsh-results .rsh-cards img", "(all) => all.map((image) => image.naturalWidth)"
    )
    assert len(widths) == 20 and set(widths) == {128}
    assert violations(page) == []


def test_results_are_those_of_the_gallery(visit, vectors):
    page = open_page(visit, vectors)
    assert cards_of(page) == nearest(vectors.gallery, query_of(page))


def test_dropped_file_does_nothing(visit, vectors):
    page = open_page(visit, vectors)
    before = query_of(page)
    page.evaluate("""() => {
      const data = new DataTransfer();
      data.items.add(new File(["x"], "x.png", { type: "image/png" }));
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
    }""")
    page.wait_for_timeout(500)
    assert query_of(page) == before and not page.is_visible(".rsh-alert")
