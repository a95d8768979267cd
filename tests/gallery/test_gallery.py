import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import reference
from make_gallery import parts, planes, write
from make_harm import survived
from PIL import Image
from refusals import refused

from rsh.codes.binary import pack
from rsh.errors import InputError
from rsh.gallery.filters import NO_FILTER, Filter
from rsh.gallery.gallery import Gallery
from rsh.gallery.manifest import with_checksum
from rsh.gallery.segment import FILES
from rsh.gallery.writer import write_projection

BITS = 12


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "gallery", **parts())
    return tmp_path / "gallery"


def test_gallery_gives_back_what_was_written(folder: Path):
    written, gallery = parts(), Gallery.open(folder)
    assert gallery.items.equals(written["items"])
    assert np.array_equal(gallery.codes, written["codes"])
    assert np.array_equal(gallery.packed, pack(written["codes"]))
    assert np.array_equal(gallery.features, written["features"])
    assert [gallery.thumbnail(row) for row in range(24)] == written["thumbnails"]
    assert (gallery.name, gallery.num_bits, len(gallery)) == ("tiny", BITS, 24)
    assert repr(gallery) == f"Gallery({str(folder)!r}, 24 items, {BITS} bits)"
    assert gallery.has_map
    assert gallery.projection is None
    assert gallery.classes == ["coast", "forest", "tundra"]
    assert [gallery.classes[label] for label in gallery.labels] == gallery.items["class"].tolist()


def test_thumbnails_are_jpeg(folder: Path):
    gallery = Gallery.open(folder)
    for row in range(len(gallery)):
        assert Image.open(io.BytesIO(gallery.thumbnail(row))).format == "JPEG"


def head_of(folder: Path) -> dict:
    return json.loads((folder / "gallery.json").read_text())


def segment_of(folder: Path) -> Path:
    (entry,) = head_of(folder)["segments"]
    return folder / entry["folder"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("harm", ["cut", "altered", "missing", "grown"])
def test_harmed_file_is_named_with_the_way_out(folder: Path, name: str, harm: str):
    file = segment_of(folder) / name
    content = bytearray(file.read_bytes())
    if harm == "missing":
        file.unlink()
    else:
        content[len(content) // 2] ^= 1
        spoilt = {"cut": content[:-1], "altered": content, "grown": file.read_bytes() + b"\0"}
        file.write_bytes(spoilt[harm])
    state = "is missing" if harm == "missing" else "was altered or cut short"
    with refused(names=state) as error:
        Gallery.open(folder)
    assert str(file) in str(error.value)


@pytest.mark.parametrize("content", [b"", b'{"format": 4, "num', b'{"format": 4}', b"[]"])
def test_spoilt_head_is_named(folder: Path, content: bytes):
    (folder / "gallery.json").write_bytes(content)
    with refused(names="gallery.json"):
        Gallery.open(folder)


def test_newer_format_is_refused(folder: Path):
    (folder / "gallery.json").write_text(json.dumps(head_of(folder) | {"format": 5}))
    with refused(names=(5, 4)):
        Gallery.open(folder)


def test_folder_that_is_no_gallery_is_named(tmp_path: Path):
    with refused(names=tmp_path) as error:
        Gallery.open(tmp_path)
    assert str(tmp_path) in str(error.value)


def test_gallery_is_replaced_as_a_whole(folder: Path):
    write_projection(Gallery.open(folder), planes(24))
    (folder / "notes.txt").touch()
    gallery = write(folder, **parts(10, seed=1))
    assert len(gallery) == 10
    assert {path.name for path in segment_of(folder).iterdir()} == set(FILES)
    assert (folder / "notes.txt").exists()  # what is not ours stays
    assert gallery.projection is None
    assert [path.name for path in folder.parent.iterdir()] == ["gallery"]


def test_broken_writing_leaves_the_old_gallery(folder: Path):
    def thumbnails():
        yield b"one"
        raise InputError("coast/1.png cannot be read")

    with refused(names="coast/1.png"):
        write(folder, **(parts() | {"thumbnails": thumbnails()}))
    assert Gallery.open(folder).thumbnail(0) == parts()["thumbnails"][0]
    assert [path.name for path in folder.parent.iterdir()] == ["gallery"]


@pytest.mark.parametrize("found", ["holiday.jpg", "config.json"])
def test_folder_with_something_else_is_not_written_over(tmp_path: Path, found: str):
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / found).write_text("precious")
    with refused(names="--output"):
        write(tmp_path / "place", **parts())
    assert (tmp_path / "place" / found).read_text() == "precious"


def test_file_in_the_place_of_a_gallery_is_named(tmp_path: Path):
    (tmp_path / "place").write_text("precious")
    with refused(names="place"):
        write(tmp_path / "place", **parts())
    assert (tmp_path / "place").read_text() == "precious"


def test_empty_folder_is_written_into(tmp_path: Path):
    (tmp_path / "place").mkdir()
    assert len(write(tmp_path / "place", **parts())) == 24


def test_queries_are_not_searchable(folder: Path):
    gallery = Gallery.open(folder)
    assert gallery.searchable.tolist() == [r for r in range(24) if r % 6 not in (1, 5)]
    found = gallery.search(gallery.packed, top_k=len(gallery.searchable))
    for hits in found:
        assert sorted(hits.ids.tolist()) == gallery.searchable.tolist()


def test_search_is_brute_force_over_searchable_rows(folder: Path):
    gallery = Gallery.open(folder)
    codes, allowed = gallery.codes.tolist(), set(gallery.searchable.tolist())
    for row in range(24):
        expected = [pair for pair in reference.search(codes[row], codes) if pair[1] in allowed]
        (hits,) = gallery.search(gallery.packed[row, None], top_k=7)
        assert list(zip(hits.distances.tolist(), hits.ids.tolist(), strict=True)) == expected[:7]
        (hits,) = gallery.range_search(gallery.packed[row, None], radius=4)
        assert list(zip(hits.distances.tolist(), hits.ids.tolist(), strict=True)) == [
            pair for pair in expected if pair[0] <= 4
        ]


def test_conditions_hold_in_every_search(folder: Path):
    gallery, conditions = Gallery.open(folder), Filter.read(["class=coast,tundra"])
    allowed = [r for r in gallery.searchable if gallery.items["class"][r] in ("coast", "tundra")]
    assert 0 < len(allowed) < len(gallery.searchable)
    assert gallery.searchable_rows(conditions).tolist() == allowed
    assert gallery.searchable_rows(NO_FILTER).tolist() == gallery.searchable.tolist()
    for asked in (
        gallery.search(gallery.packed, top_k=len(allowed), filter=conditions),
        gallery.range_search(gallery.packed, radius=BITS, filter=conditions),
    ):
        assert [sorted(hits.ids.tolist()) for hits in asked] == [allowed] * len(gallery)


def test_one_item_is_as_the_network_said(folder: Path):
    gallery, written = Gallery.open(folder), parts()
    for row in (0, 7):
        one = gallery.encoded(row)
        for name in ("codes", "relaxed", "features"):
            assert np.array_equal(getattr(one, name), getattr(gallery, name)[[row]])
        assert np.array_equal(one.codes, written["codes"][[row]])


@pytest.mark.parametrize("top_k", [0, 17])
def test_more_than_can_be_found_is_refused(folder: Path, top_k: int):
    gallery = Gallery.open(folder)
    with refused("top_k", value=top_k, names=16):
        gallery.search(gallery.packed[:1], top_k=top_k)


def test_gallery_of_queries_alone_says_that_nothing_can_be_found(tmp_path: Path):
    some = parts(5)
    some["items"]["split"] = "query"
    gallery = write(tmp_path / "gallery", **some)
    with refused("top_k", value=1):
        gallery.search(gallery.packed[:1], top_k=1)


@pytest.mark.parametrize("count", range(1, 7))
def test_tiny_gallery_is_written_and_searched(tmp_path: Path, count: int):
    some = parts(count)
    some["items"]["split"] = ""
    gallery = write(tmp_path / "gallery", **some)
    (hits,) = gallery.search(gallery.packed[:1], top_k=count)
    assert hits.distances[0] == 0
    assert len(hits.ids) == count


@pytest.mark.parametrize("part", ["items", "features", "thumbnails", "codes"])
def test_parts_of_different_length_are_refused(tmp_path: Path, part: str):
    with refused(names=23):
        write(tmp_path / "gallery", **(parts(24) | {part: parts(23)[part]}))
    assert not (tmp_path / "gallery").exists()


def test_projection_is_kept_with_a_checksum(folder: Path):
    gallery = Gallery.open(folder)
    write_projection(gallery, planes(24, 1.5))
    assert gallery.projection.equals(planes(24, 1.5))
    assert Gallery.open(folder).projection.equals(planes(24, 1.5))
    write_projection(gallery, planes(24, 2.5))
    assert gallery.projection.equals(planes(24, 2.5))
    file = folder / head_of(folder)["projection"]["file"]
    file.write_bytes(file.read_bytes()[:-1])
    with refused(names="projection-3.arrow"):
        Gallery.open(folder)


def test_gallery_is_opened_and_searched_without_torch(folder: Path):
    code = (
        "import sys; from rsh.gallery.gallery import Gallery; g = Gallery.open(sys.argv[1]); "
        "g.search(g.packed[:1], top_k=3); g.thumbnail(0); g.features; "
        "sys.exit('torch' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code, str(folder)], cwd=root, check=False)
    assert done.returncode == 0


def test_head_that_was_altered_is_refused_or_does_no_harm(folder: Path):
    write_projection(Gallery.open(folder), planes(24))

    def use(done: str) -> None:
        gallery = Gallery.open(folder)
        assert len(gallery.search(gallery.packed[:1], top_k=3)[0].ids) == 3, done
        assert gallery.projection is None or len(gallery.projection) == 24
        assert isinstance(gallery.name, str)

    works = survived(folder / "gallery.json", use)
    assert works == {"name", "model.run", "data.sources"}  # what may differ from machine to machine


@pytest.mark.parametrize("name", FILES)
def test_file_without_a_checksum_is_refused(folder: Path, name: str):
    head = head_of(folder)
    del head["segments"][0]["files"][name]
    (folder / "gallery.json").write_text(json.dumps(head))
    with refused(names=("gallery.json", f"'{name}'")):
        Gallery.open(folder)


@pytest.mark.parametrize("change", [{"num_bits": 20}, {"num_items": 23}, {"num_bits": 11}])
def test_head_that_contradicts_the_files_is_refused(folder: Path, change: dict[str, int]):
    head = head_of(folder)
    head["model"] = {"num_bits": BITS}
    (folder / "gallery.json").write_text(json.dumps(with_checksum(head | change)))
    with refused(names="gallery.json"):
        Gallery.open(folder)
