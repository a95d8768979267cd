"""The pixels of a contact sheet show what it draws."""

import io

import numpy as np
import pytest
from make_gallery import tiny_gallery
from PIL import Image, ImageColor
from refusals import refused

from rsh.gallery.filters import Filter
from rsh.gallery.gallery import Gallery
from rsh.search.formats import contact_sheet
from rsh.search.formats.contact_sheet import CELL, FRAME, GAP, HIGH, MARGIN, to_contact_sheet
from rsh.search.query import Query, QueryImage, SearchOptions
from rsh.search.results import SearchedTiles, SearchResult
from rsh.search.retrieve import search

AWKWARD = {"barren": "森林", "coast": "long name " * 8, "tundra": "<i>\n=1+1</i>", "savanna": ""}


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return tiny_gallery(tmp_path_factory.mktemp("sheet") / "g", num_tiles=230, rename=AWKWARD)


def result_of(
    gallery: Gallery, rows: list[int], query: int = 0, image: QueryImage | None = None, **options
) -> SearchResult:
    """A result of any rows, at their row number modulo 9 bits."""
    found = np.asarray(rows, dtype=np.int64)
    distances = (found % 9).astype(np.int32)
    asked = Query(None, image) if image else Query(query)
    ranks = np.arange(1, len(rows) + 1)
    searched = SearchedTiles(gallery, asked, SearchOptions(**options))
    return SearchResult(searched, found, distances, None, ranks)


def pixels(view: SearchResult) -> np.ndarray:
    image = Image.open(io.BytesIO(to_contact_sheet(view)))
    assert (image.format, image.mode) == ("PNG", "RGB")
    return np.asarray(image).astype(int)


def share(pixels: np.ndarray, color: str) -> float:
    return (pixels == ImageColor.getrgb(color)).all(axis=-1).mean()


def edge(drawn: np.ndarray, x: int, y: int) -> np.ndarray:
    return drawn[y, x : x + HIGH]


def test_right_and_wrong_differ_in_color_and_form(gallery):
    same = gallery.labels == gallery.labels[0]
    rows = [int(np.flatnonzero(same)[1]), int(np.flatnonzero(~same)[0])]
    drawn = pixels(result_of(gallery, rows, top_k=2))
    y = MARGIN + HIGH + GAP + 12
    solid, dashed = edge(drawn, MARGIN, y), edge(drawn, MARGIN + CELL + GAP, y)
    assert share(solid, contact_sheet.RIGHT) == 1
    assert (
        0.4 < share(dashed, contact_sheet.WRONG) < 0.8 and share(dashed, contact_sheet.RIGHT) == 0
    )
    below = drawn[y + HIGH :]
    left, right = below[:, : MARGIN + CELL], below[:, MARGIN + CELL + GAP :]
    assert share(left, contact_sheet.RIGHT) > 0 == share(left, contact_sheet.WRONG)
    assert share(right, contact_sheet.WRONG) > 0 == share(right, contact_sheet.RIGHT)


def test_thumbnails_are_where_their_frames_are(gallery):
    view = search(gallery, gallery.items["id"][5], top_k=12)
    drawn = pixels(view)
    columns = contact_sheet._columns(12)
    names = [contact_sheet._name(hit.class_name) for hit in view]
    step = HIGH + (3 + max(map(len, names))) * contact_sheet.LINE + GAP
    for number, tile in enumerate(view):
        down, along = divmod(number, columns)
        x = MARGIN + along * (CELL + GAP) + FRAME
        y = MARGIN + HIGH + GAP + 12 + down * step + FRAME
        thumbnail = Image.open(io.BytesIO(gallery.thumbnail(tile.row))).convert("RGB")
        wanted = np.asarray(thumbnail.resize((128, 128), Image.Resampling.LANCZOS)).astype(int)
        assert (drawn[y : y + 128, x : x + 128] == wanted).all()


@pytest.mark.parametrize("number", [0, 1, 5, 20, 23, 100, 200])
def test_sheet_grows_with_its_tiles_and_stays_a_page(gallery, number):
    drawn = pixels(result_of(gallery, list(range(number)), top_k=number or 1))
    high, wide, _ = drawn.shape
    columns = contact_sheet._columns(number)
    assert 4 <= columns <= 12 and wide == 2 * MARGIN + columns * (CELL + GAP) - GAP
    rows = -(-number // columns)
    assert rows * (HIGH + GAP) < high - 2 * MARGIN - HIGH < (rows + 1) * 260


def test_more_than_fit_are_told(gallery):
    view = result_of(gallery, list(range(230)), radius=32)
    assert contact_sheet._notes(view, "")[0] == "The first 200 of 230 tiles are drawn."
    some = view.take(slice(200))
    assert pixels(view).shape[0] == pixels(some).shape[0] + contact_sheet.LINE
    assert not any("The first" in note for note in contact_sheet._notes(some, ""))


def test_names_without_glyphs_are_told(gallery):
    classes = gallery.items["class"]
    chinese, plain = (int(np.flatnonzero(classes == name)[0]) for name in ("森林", "grassland"))
    for row, told in ((chinese, True), (plain, False)):
        view = result_of(gallery, [row], query=plain, top_k=1)
        assert any("code points" in note for note in contact_sheet._notes(view, "")) == told
    assert contact_sheet._name("森林") == [r"\u68ee\u6797"]
    assert contact_sheet._name("") == []
    long = contact_sheet._name("long name " * 8)
    assert len(long) == 2 and long[1].endswith("…")


def test_the_search_is_described(gallery):
    one = gallery.items["id"][1]
    for options, words in (
        ({"top_k": 20}, "The 20 nearest tiles in tiny"),
        ({"radius": 1}, "The tiles at most 1 bit away in tiny"),
        (
            {"top_k": 3, "rerank": "features", "filter": Filter.read(["split=train"])},
            "The 3 nearest tiles in tiny; ordered by features; with split=train",
        ),
        ({"top_k": 3, "positive": (one,)}, f"The 3 nearest tiles in tiny; positive {one}"),
    ):
        result = search(gallery, gallery.items["id"][0], **options)
        assert contact_sheet._search_words(result) == words


def test_selected_tiles_are_not_called_the_nearest(gallery):
    words = contact_sheet._selection_words
    assert words(result_of(gallery, [0, 1, 2], top_k=20)) == (
        "3 selected tiles in tiny, the nearest to the query first"
    )
    assert words(result_of(gallery, [1], top_k=20)) == "1 selected tile in tiny"
    result = result_of(gallery, [0, 1, 2], top_k=20)
    assert to_contact_sheet(result, selection=True) != to_contact_sheet(result)


def test_image_as_a_query(gallery):
    thumbnail = io.BytesIO()
    Image.new("RGB", (300, 100), "#ff0000").save(thumbnail, "PNG")
    image = QueryImage("mine.png", thumbnail.getvalue(), gallery.encoded(3))
    drawn = pixels(result_of(gallery, [0], image=image, top_k=1))
    assert (drawn[MARGIN + HIGH // 2, MARGIN + HIGH // 2] == (255, 0, 0)).all()
    assert share(drawn, contact_sheet.RIGHT) == share(drawn, contact_sheet.WRONG) == 0, (
        "its class is unknown"
    )


def test_spoilt_thumbnail_is_named(gallery, monkeypatch):
    monkeypatch.setattr(gallery, "thumbnail", lambda row: b"no image")
    with refused(names=gallery.items["id"][0]):
        to_contact_sheet(result_of(gallery, []))
