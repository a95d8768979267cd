"""A learned head corrects the codes of a network, in the gallery and of whatever comes later."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from make_gallery import WEBP, entries, parts, said, some, tiles_of, write
from make_harm import survived
from make_learning import BITS, DIM, LOOK_BITS, REPORT, cluster_gallery
from refusals import refused

from rsh.codes.encodings import Encodings
from rsh.data.backgrounds import Background
from rsh.gallery.gallery import Gallery
from rsh.gallery.learned import LearnedHead
from rsh.gallery.writer import (
    add_tiles,
    check_gallery,
    discard_unfinished,
    merge_galleries,
    remove_tiles,
    write_learned,
)

SCENE = Background("a.tif", (0, 0, 1, 1), WEBP)
HIDDEN, CLASS_BITS = 5, BITS - LOOK_BITS


def head(seed: int = 0, *, feature_dim: int = DIM, class_bits: int = CLASS_BITS) -> LearnedHead:
    rng = np.random.default_rng(seed)
    shapes = (feature_dim + class_bits, HIDDEN), (HIDDEN,), (HIDDEN, class_bits), (class_bits,)
    return LearnedHead(*(rng.normal(size=shape).astype(np.float32) for shape in shapes))


def learned(
    parent: Gallery, folder: Path, weights: LearnedHead | None = None, **changes
) -> Gallery:
    about = {"name": "new", "seed": 0}
    return write_learned(parent, folder, weights or head(), REPORT, **(about | changes))


@pytest.fixture
def parent(tmp_path: Path) -> Gallery:
    return cluster_gallery(tmp_path / "parent")


def slow(weights: LearnedHead, feature: np.ndarray, network: np.ndarray) -> list[float]:
    """Correct one tile, number by number."""
    inputs = [*map(float, feature), *(np.tanh(float(x)) for x in network[:CLASS_BITS])]
    hidden = [
        max(0.0, bias + sum(x * w for x, w in zip(inputs, column, strict=True)))
        for bias, column in zip(weights.hidden_bias, weights.hidden_weight.T, strict=True)
    ]
    added = [
        bias + sum(x * w for x, w in zip(hidden, column, strict=True))
        for bias, column in zip(weights.bias, weights.weight.T, strict=True)
    ]
    return [float(x) + more for x, more in zip(network, added + [0.0] * LOOK_BITS, strict=True)]


def test_head_corrects_class_bits_and_no_look_bits(parent: Gallery):
    found = head().correct(parent.features, parent.relaxed)
    expected = [slow(head(), *pair) for pair in zip(parent.features, parent.relaxed, strict=True)]
    assert found.dtype == np.float16
    assert np.allclose(found, expected, atol=0.02, rtol=0.002)
    assert (found[:, CLASS_BITS:] == parent.relaxed[:, CLASS_BITS:]).all()
    made = head().encode(Encodings(parent.codes, parent.relaxed, parent.features))
    assert ((made.relaxed >= 0) == (made.codes > 0)).all()


def test_head_that_exceeds_float16_is_clipped(parent: Gallery):
    large = replace(head(), bias=np.full(CLASS_BITS, 1e30, np.float32))
    assert np.isfinite(large.correct(parent.features, parent.relaxed)).all()


def test_learned_gallery_has_other_codes_and_the_same_tiles(parent: Gallery, tmp_path: Path):
    before = said(parent)
    new = learned(parent, tmp_path / "new")
    assert said(Gallery.open(parent.folder)) == before
    assert new.items.equals(parent.items)
    assert (new.features == parent.features).all() and (new.network == parent.relaxed).all()
    assert (new.relaxed == head().correct(parent.features, parent.relaxed)).all()
    assert ((new.relaxed >= 0) == (new.codes > 0)).all()
    assert [new.thumbnail(row) for row in (0, 5)] == [parent.thumbnail(row) for row in (0, 5)]
    info = new.manifest.learned
    assert (info.parent, info.report) == (parent.manifest.sha256, REPORT)
    assert new.manifest.encoder != parent.manifest.encoder
    assert check_gallery(new.folder).name == "new"


def test_what_stays_takes_no_second_space(parent: Gallery, tmp_path: Path):
    new = learned(parent, tmp_path / "new")
    old_files, new_files = (
        {file.name: file.stat() for file in gallery.segments[0].folder.iterdir()}
        for gallery in (parent, new)
    )
    shared = {name for name in old_files if os.path.samestat(old_files[name], new_files[name])}
    assert shared == set(old_files) - {"codes.npy", "relaxed.npy"}
    assert os.path.samestat(old_files["relaxed.npy"], new_files["network.npy"])


def test_disk_without_links_gets_copies(
    parent: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def no_links(*paths: object) -> None:
        raise OSError(95, "Operation not supported")

    expected = said(learned(parent, tmp_path / "linked"))
    monkeypatch.setattr(os, "link", no_links)
    new = learned(parent, tmp_path / "copied")
    assert said(new) == expected
    assert all(file.stat().st_nlink == 1 for file in new.segments[0].folder.iterdir())


def test_head_of_a_learned_gallery_corrects_the_network_again(parent: Gallery, tmp_path: Path):
    first = learned(parent, tmp_path / "first", head(1))
    second = learned(first, tmp_path / "second", head(2))
    assert said(second) == said(learned(parent, tmp_path / "direct", head(2)))
    assert second.manifest.learned.parent == first.manifest.sha256


def test_removed_tiles_and_several_segments_stay_as_they_are(tmp_path: Path):
    weights = head(feature_dim=6, class_bits=12)
    old = write(tmp_path / "old", **parts())
    add_tiles(tmp_path / "old", tiles_of(**some(9, seed=3)))
    add_tiles(tmp_path / "old", tiles_of(**some(9, seed=4)), backgrounds=[SCENE])
    old = remove_tiles(tmp_path / "old", [old.items["id"][4], "new/3-2.png"])
    new = learned(old, tmp_path / "new", weights)
    assert new.items.equals(old.items) and len(new) == 40
    assert (new.relaxed == weights.correct(old.features, old.relaxed)).all()
    merged = merge_galleries([new.folder], tmp_path / "merged")
    assert said(merged) == said(new)
    assert new.backgrounds == merged.backgrounds == [SCENE]
    assert (merged.network == new.network).all() and merged.manifest.encoder == new.manifest.encoder


def test_tiles_of_a_network_are_corrected_when_they_are_added(parent: Gallery, tmp_path: Path):
    new = learned(parent, tmp_path / "new")
    made = tiles_of(
        items=parent.items.assign(id="more/" + parent.items["id"]),
        codes=parent.codes,
        relaxed=parent.relaxed,
        features=parent.features,
        thumbnails=[b""] * len(parent),
    )
    grown = add_tiles(new.folder, new.learned_head.encode_tiles(made))
    for row, name in enumerate(parent.items["id"]):
        twin = grown.find_row(f"more/{name}")
        assert (grown.packed[twin] == new.packed[row]).all()
        assert (grown.network[twin] == parent.relaxed[row]).all()


def test_galleries_of_different_heads_are_not_merged(parent: Gallery, tmp_path: Path):
    first, second = (learned(parent, tmp_path / str(seed), head(seed)) for seed in (1, 2))
    for pair in ([first.folder, second.folder], [parent.folder, first.folder]):
        with refused(names=str(pair[1])):
            merge_galleries(pair, tmp_path / "merged")


def test_folder_that_is_taken_is_refused(parent: Gallery, tmp_path: Path):
    with refused(names=("parent", "--output")):
        learned(parent, parent.folder)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").touch()
    with refused(names="other"):
        learned(parent, tmp_path / "other")


def test_writing_that_is_stopped_leaves_nothing(parent: Gallery, tmp_path: Path):
    def stop(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learned(parent, tmp_path / "new", tick=stop)
    assert not (tmp_path / "new").exists()


def test_what_a_killed_writer_leaves_is_discarded(parent: Gallery, tmp_path: Path):
    left = tmp_path / "new" / ".000001-0.x1"
    left.mkdir(parents=True)
    (left / "codes.npy").touch()
    (tmp_path / "new" / ".lock").touch()
    discard_unfinished(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    discard_unfinished(tmp_path / "new")
    before = entries(parent.folder)
    discard_unfinished(parent.folder)  # a gallery stays
    assert entries(parent.folder) == before


@pytest.mark.parametrize(
    "change",
    [
        {"bias": np.zeros(CLASS_BITS + 1, np.float32)},
        {"bias": np.zeros(CLASS_BITS, np.float64)},
        {"bias": np.full(CLASS_BITS, np.nan, np.float32)},
        {"hidden_weight": np.zeros((DIM, HIDDEN), np.float32)},
        {"more": np.zeros(3, np.float32)},
        {"bias": np.array([None] * CLASS_BITS)},
    ],
    ids=["length", "type", "nan", "inputs", "unknown", "pickle"],
)
def test_file_of_another_head_is_refused(tmp_path: Path, change: dict):
    np.savez(tmp_path / "head-1.npz", **(vars(head()) | change))
    with refused(names="head-1.npz"):
        LearnedHead.read(tmp_path / "head-1.npz", feature_dim=DIM, class_bits=CLASS_BITS)


def test_head_survives_being_stored(tmp_path: Path):
    head().save(tmp_path / "head-1.npz")
    found = LearnedHead.read(tmp_path / "head-1.npz", feature_dim=DIM, class_bits=CLASS_BITS)
    assert all((getattr(found, name) == value).all() for name, value in vars(head()).items())


def test_altered_head_is_refused(parent: Gallery, tmp_path: Path):
    new = learned(parent, tmp_path / "new")
    file = new.folder / new.manifest.learned.file
    head(7).save(file)
    with refused(names=str(file)):
        Gallery.open(new.folder)


def test_what_a_gallery_has_learned_cannot_be_edited(parent: Gallery, tmp_path: Path):
    new = learned(parent, tmp_path / "new")
    works = survived(new.folder / "gallery.json", lambda done: Gallery.open(new.folder))
    assert works <= {"name", "model.run", "data.sources"}


def test_network_codes_belong_to_learned_galleries_alone(parent: Gallery, tmp_path: Path):
    new = learned(parent, tmp_path / "new")
    manifest = json.loads((new.folder / "gallery.json").read_text())
    del manifest["segments"][0]["files"]["network.npy"]
    (new.folder / "gallery.json").write_text(json.dumps(manifest))
    with refused(names="network.npy"):
        Gallery.open(new.folder)
