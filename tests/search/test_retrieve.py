from pathlib import Path

import numpy as np
import pytest
from make_gallery import tiny_gallery
from refusals import refused

from rsh.codes.binary import hamming
from rsh.gallery.gallery import Gallery
from rsh.search.retrieve import search


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return tiny_gallery(tmp_path_factory.mktemp("search") / "gallery", num_tiles=120, num_bits=12)


def brute_force(gallery: Gallery, row: int) -> list[tuple[int, str]]:
    """Distance and id of every other searchable tile, in the order (distance, -cosine, row)."""
    (distance,) = hamming(gallery.packed[row, None], gallery.packed)
    rows = [other for other in gallery.searchable if other != row]
    features = gallery.features.tolist()
    near = [sum(map(float.__mul__, features[row], other)) for other in features]
    return [
        (int(distance[other]), gallery.items["id"][other])
        for other in sorted(rows, key=lambda other: (distance[other], -near[other], other))
    ]


@pytest.mark.parametrize("split", ["train", "query"])
def test_by_id_leaves_the_tile_itself_out(gallery: Gallery, split: str) -> None:
    for row in np.flatnonzero(gallery.items["split"] == split)[:10]:
        answer = search(gallery, gallery.items["id"][row], top_k=15)
        found = [(hit.distance, hit.id) for hit in answer.hits]
        assert found == brute_force(gallery, row)[:15]
        assert [hit.rank for hit in answer.hits] == list(range(1, 16))
        assert answer.class_name == gallery.items["class"][row]


def test_radius_finds_all_that_are_near(gallery: Gallery) -> None:
    row = int(gallery.searchable[3])
    answer = search(gallery, gallery.items["id"][row], radius=3)
    near = [pair for pair in brute_force(gallery, row) if pair[0] <= 3]
    assert [(hit.distance, hit.id) for hit in answer.hits] == near


@pytest.mark.parametrize("how", [{"top_k": 9}, {"top_k": 40}, {"radius": 3}])
def test_precision_is_the_mean_over_all_orders_of_the_ties(gallery: Gallery, how: dict) -> None:
    class_of = dict(zip(gallery.items["id"], gallery.items["class"], strict=True))
    for row in range(0, 120, 17):
        answer = search(gallery, gallery.items["id"][row], **how)
        right: dict[int, list[bool]] = {}
        for distance, tile in brute_force(gallery, row):
            right.setdefault(distance, []).append(class_of[tile] == answer.class_name)
        places = [right[hit.distance] for hit in answer.hits]
        expected = [sum(tied) / len(tied) for tied in places]
        assert answer.precision == (pytest.approx(np.mean(expected)) if expected else None)
        assert ("mean over all orders of ties" in str(answer)) == bool(expected)


def test_all_others_can_be_asked_for_and_no_more(gallery: Gallery) -> None:
    row = int(gallery.searchable[0])
    name, others = gallery.items["id"][row], len(gallery.searchable) - 1
    assert len(search(gallery, name, top_k=others).hits) == others
    for top_k in (0, others + 1):
        with refused("top_k", value=top_k, names=others):
            search(gallery, name, top_k=top_k)


def test_code_is_shown_as_hexadecimal(gallery: Gallery) -> None:
    answer = search(gallery, gallery.items["id"][0], top_k=1)
    assert answer.code == gallery.packed[0].tobytes().hex()[:3]
    assert "12 bits" in str(answer)


def test_query_that_is_neither_image_nor_tile(gallery: Gallery) -> None:
    with refused(names="nowhere.jpg"):
        search(gallery, "nowhere.jpg")


def test_image_without_a_known_run(gallery: Gallery, tmp_path: Path) -> None:
    image = tmp_path / "query.jpg"
    image.write_bytes(gallery.thumbnail(0))
    with refused(names="--run"):
        search(gallery, str(image))


def test_folder_is_no_query(gallery: Gallery, tmp_path: Path) -> None:
    with refused(names=tmp_path):
        search(gallery, str(tmp_path))


def test_twenty_are_found_unless_there_are_fewer(gallery: Gallery, tmp_path: Path) -> None:
    assert len(search(gallery, gallery.items["id"][0]).hits) == 20
    small = tiny_gallery(tmp_path / "small", num_tiles=8)
    row = int(small.searchable[0])
    assert len(search(small, small.items["id"][row]).hits) == len(small.searchable) - 1


def test_gallery_of_one_tile_says_that_nothing_can_be_found(tmp_path: Path) -> None:
    one = tiny_gallery(tmp_path / "one", num_tiles=1)
    with refused(names="one"):
        search(one, one.items["id"][0])
