"""Queries and options: how they are made, what they refuse, and how a code is written."""

import json
import re

import numpy as np
import pytest
from make_gallery import tiny_gallery
from PIL import Image

from rsh.codes.binary import pack, to_hex, unpack
from rsh.errors import InputError
from rsh.explorer.panels.cards import cards_view
from rsh.explorer.state import ExplorerState
from rsh.gallery.gallery import Gallery
from rsh.search.formats.tables import to_json
from rsh.search.query import Query, QueryImage, SearchOptions
from rsh.search.retrieve import retrieve, search


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return tiny_gallery(tmp_path_factory.mktemp("query") / "gallery", num_tiles=60)


def test_a_query_of_ids_has_their_rows(gallery: Gallery):
    ids = gallery.items["id"]
    query = Query.of_tile(gallery, ids[4], positive=[ids[7], ids[2]], negative=[ids[9]])
    assert query == Query(4, positive=(7, 2), negative=(9,))
    assert query.excluded == (4, 7, 2, 9)
    assert [gallery.find_row(tile) for tile in ids] == list(range(60))
    for tile in ("", "nowhere.jpg", "\udc80"):
        with pytest.raises(InputError, match=r"query=.*: no tile of .* has this id; one is"):
            gallery.find_row(tile)


@pytest.mark.parametrize("row", [-1, 60, "3", None])
def test_a_row_that_the_gallery_does_not_have_is_refused(gallery: Gallery, row):
    with pytest.raises(InputError, match=r"there is no tile|give one"):
        retrieve(gallery, Query(row), SearchOptions())
    with pytest.raises(InputError, match="there is no tile"):
        retrieve(gallery, Query(0, positive=(row,)), SearchOptions())


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"top_k": 3, "radius": 2}, "radius=2: top_k and radius exclude each other"),
        ({"rerank_depth": 9}, "rerank_depth=9: it needs rerank"),
        ({"rerank": "luck"}, "rerank=luck: choose one of features, asymmetric, class-bits"),
        ({"look_weight": 3.0}, "look_weight=3.0: it needs rerank=weighted-bits"),
        ({"rerank": "look-bits", "look_weight": 3.0}, "look_weight=3.0: it needs rerank=weig"),
        ({"rerank": "weighted-bits", "look_weight": 0.0}, "look_weight=0.0: choose a number"),
    ],
)
def test_options_that_contradict_each_other_are_refused(given: dict, told: str):
    with pytest.raises(InputError, match=told):
        SearchOptions(**given)


def test_a_query_is_a_row_or_an_image(gallery: Gallery):
    image = QueryImage("mine.jpg", b"", gallery.encoded(3))
    for wrong in ({}, {"row": 1, "image": image}):
        with pytest.raises(InputError, match="either a row of the gallery or an image"):
            Query(**wrong)
    own, found = (retrieve(gallery, q, SearchOptions()) for q in (Query(3), Query(image=image)))
    assert set(own.rows) - set(found.rows) == set() or 3 in found.rows
    assert (found.relevant, found.precision, found.class_name) == (None, None, "")


def test_images_search_alike_as_file_path_and_opened(tiny_run, tmp_path):
    gallery = Gallery.open(tiny_run.gallery)
    file = tmp_path / "mine.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)).save(file)
    with Image.open(file) as opened:
        results = [search(gallery, query, top_k=5) for query in (str(file), file, opened)]
        unnamed = search(gallery, opened.copy(), top_k=5)
    shown = [result.to_dict() for result in results]
    assert shown[0] == shown[1] == shown[2] and shown[0]["query"] == str(file)
    assert unnamed.to_dict() == shown[0] | {"query": "image"}
    assert unnamed.query.thumbnail(gallery).startswith(b"\xff\xd8")


@pytest.mark.parametrize("num_bits", [4, 12, 16, 60, 64])
def test_a_code_has_one_digit_for_each_four_bits_everywhere(tmp_path, num_bits: int):
    gallery = tiny_gallery(tmp_path / "g", num_tiles=30, num_bits=num_bits)
    state = ExplorerState(gallery)
    result = state.results()
    bits = "".join("01"[bit > 0] for bit in gallery.codes[state.query.row].tolist())
    code = f"{int(bits, 2):0{num_bits // 4}x}"
    assert to_hex(pack(unpack(gallery.packed[[state.query.row]], num_bits)), num_bits) == code
    assert result.code == result.to_dict()["code"] == code
    assert re.search(rf"code {code} \({num_bits} bits\)", str(result))
    assert cards_view(result)["query_code"] == code
    assert json.loads(to_json(result))["query"]["code"] == code
