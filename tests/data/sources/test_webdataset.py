"""Shards open like folders; what is wrong with one is said in a sentence that names it."""

import io
import tarfile
from pathlib import Path

import pytest
from make_scenes import make, pixels, tile
from make_shards import make_shards, make_tar, png
from refusals import refused

from rsh.data.tiles import TileDataset


def test_one_shard_a_folder_and_a_pattern_open(tmp_path: Path):
    pattern = make_shards(tmp_path / "s")
    by_pattern, by_folder = TileDataset.open(pattern), TileDataset.open(tmp_path / "s")
    assert by_pattern.items.equals(by_folder.items)
    assert by_pattern.fingerprint == by_folder.fingerprint
    assert (by_pattern.name, by_folder.name) == ("tiles", "s")
    assert by_pattern.items["id"].tolist() == [f"{n:06}" for n in range(12)]
    assert by_pattern.classes == ["0", "1"]
    assert pixels(by_pattern) == [tile(n).tobytes() for n in range(12)]
    assert len(TileDataset.open(tmp_path / "s" / "tiles-0001.tar")) == 4
    assert len(TileDataset.open(by_pattern.path)) == 12


def test_ids_do_not_depend_on_the_shard(tmp_path: Path):
    coarse = TileDataset.open(make_shards(tmp_path / "coarse", shards=1, each=12))
    fine = TileDataset.open(make_shards(tmp_path / "fine", shards=6, each=2))
    assert coarse.items.equals(fine.items)
    assert coarse.fingerprint == fine.fingerprint


def test_shards_can_be_split_and_trained_on(tmp_path: Path):
    split = TileDataset.open(make_shards(tmp_path / "s", each=20)).split(query=0.2, val=0.2)
    assert len(split.train) and split.train.read(0).size == (16, 16)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"a/1.png": png(0), "b/1.png": png(0)}, ("a/1", "a")),
        ({"a/1.png": png(0)}, ("a/1", "")),
        ({"a/1.png": png(0), "a/1.cls": b""}, ("a/1", "")),
        ({"1.png": png(0)}, ("1", "")),
        ({"a/1.png": png(0), "a/1.cls": b"sea\n"}, ("a/1", "sea")),
        ({"a/1.png": png(0), "a/1.json": {"label": 7}}, ("a/1", "7")),
        ({"1.rgb.png": png(0), "1.json": {"class": "ice", "label": 7}}, ("1", "ice")),
        ({"./a/1.PNG": png(0), "a/1.mask.npy": b"x", "a/._1.png": b"mac"}, ("a/1", "")),
    ],
)
def test_class_comes_from_what_is_told_first(tmp_path: Path, members, expected):
    items = TileDataset.open(make_tar(tmp_path / "x.tar", members)).items
    assert tuple(items.loc[0, ["id", "class"]]) == expected


def test_places_come_from_json(tmp_path: Path):
    ring = "POLYGON ((1 2, 2 2, 2 3, 1 2))"
    told = {"longitude": 1.5, "latitude": -2, "footprint": ring, "cloud": 3, "who": [1]}
    members = {"a/1.png": png(0), "a/1.json": told, "a/2.png": png(1)}
    items = TileDataset.open(make_tar(tmp_path / "x.tar", members)).items
    names = ["id", "class", "split", "longitude", "latitude", "footprint", "cloud"]
    assert sorted(items.columns) == sorted(names)
    assert items.loc[0, names].tolist() == ["a/1", "", "", 1.5, -2.0, ring, 3]
    assert items["longitude"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"1.txt": b"x"}, "x.tar"),
        ({"../1.png": png(0)}, "../1.png"),
        ({"/etc/1.png": png(0)}, "/etc/1.png"),
        ({"1.png": png(0), "1.jpg": png(0)}, 1),
        ({"1.png": png(0), "1.json": b"{"}, 1),
        ({"1.png": png(0), "1.json": b"[1]"}, 1),
        ({"1.png": png(0), "1.cls": b"\xff"}, 1),
        ({"1.png": png(0), "1.json": {"class": ["a"]}}, "class"),
        ({"1.png": png(0), "1.json": {"longitude": 400}}, 400),
        ({"1.png": png(0), "1.json": {"longitude": {"x": 1}}}, "longitude"),
        ({"1.png": png(0), "1.json": b'{"latitude": NaN}'}, "nan"),
        ({"1.png": png(0), "1.json": {"footprint": "POINT (1 2)"}}, "footprint"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, members, told: object):
    with refused(names=told):
        TileDataset.open(make_tar(tmp_path / "x.tar", members))


def test_sample_in_two_shards_is_refused(tmp_path: Path):
    for name in ("a", "b"):
        make_tar(tmp_path / f"{name}.tar", {"1.png": png(0)})
    with refused(names=(1, "a.tar", "b.tar")):
        TileDataset.open(tmp_path)


def test_tar_that_was_cut_at_any_place_is_refused(tmp_path: Path):
    whole = make_tar(tmp_path / "x.tar", {f"{n}.png": png(n) for n in range(3)}).read_bytes()
    end = len(whole.rstrip(b"\0")) // 512 * 512 + 512
    for length in [*range(0, end + 1, 256), end - 1]:
        (tmp_path / "x.tar").write_bytes(whole[:length])
        with refused(names="x.tar"):
            TileDataset.open(tmp_path / "x.tar")


def test_tar_with_a_spoilt_header_is_refused_and_loses_nothing_in_silence(tmp_path: Path):
    file = make_tar(tmp_path / "x.tar", {f"{n}.png": png(n) for n in range(3)})
    content = bytearray(file.read_bytes())
    content[content.index(b"1.png") + 110] ^= 0xFF
    file.write_bytes(content)
    with refused(names="x.tar"):
        TileDataset.open(file)


def test_links_and_devices_are_passed_over(tmp_path: Path):
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for name, kind in (("1.png", tarfile.SYMTYPE), ("2.png", tarfile.FIFOTYPE)):
            header = tarfile.TarInfo(name)
            header.type, header.linkname = kind, "/etc/passwd"
            tar.addfile(header)
        header = tarfile.TarInfo("3.png")
        header.size = len(png(0))
        tar.addfile(header, io.BytesIO(png(0)))
    assert TileDataset.open(tmp_path / "x.tar").items["id"].tolist() == ["3"]


def test_what_is_no_shard_says_so(tmp_path: Path):
    (tmp_path / "x.tar").write_text("no tar")
    with refused(names="x.tar"):
        TileDataset.open(tmp_path / "x.tar")
    with refused(names="y-1.tar"):
        make_tar(tmp_path / "y-0.tar", {"1.png": png(0)})
        TileDataset.open(str(tmp_path / "y-{0..1}.tar"))
    with refused(names="x.tar.gz"):
        TileDataset.open(tmp_path / "x.tar.gz")


def test_shard_that_changes_under_the_reader_is_named(tmp_path: Path):
    dataset = TileDataset.open(make_tar(tmp_path / "x.tar", {"1.png": png(0)}))
    before = dataset.source.stamp("1")
    (tmp_path / "x.tar").write_bytes(b"")
    with refused(names=(1, "x.tar")):
        dataset.read(0)
    assert (
        TileDataset.open(make_tar(tmp_path / "x.tar", {"1.png": png(1)})).source.stamp("1")
        != before
    )


def test_class_folders_beside_a_tar_come_first(tmp_path: Path):
    make(tmp_path / "data")
    make_shards(tmp_path / "data")
    assert TileDataset.open(tmp_path / "data").classes == ["coast", "forest"]
