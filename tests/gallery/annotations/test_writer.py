"""No change of a gallery touches what visitors gave; merged galleries have what all of them had."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from make_annotations import ANA, BEN, told
from make_gallery import entries, parts, planes, some, tiles_of, write
from refusals import refused

from rsh.gallery.annotations.store import ANNOTATIONS
from rsh.gallery.gallery import Gallery
from rsh.gallery.writer import (
    add_tiles,
    check_gallery,
    check_new_gallery,
    index_gallery,
    merge_galleries,
    remove_tiles,
    write_projection,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A gallery with a class and a set given."""
    opened = write(tmp_path / "gallery", **parts())
    opened.annotations.give_class([0, 1], "sea", by=ANA)
    opened.annotations.create_set("some", [1, 2, 23], by=BEN)
    return tmp_path / "gallery"


def said(folder: Path) -> dict:
    """Return what visitors gave, whatever the order of rows is."""
    found = told(Gallery.open(folder).annotations)
    sets = {name: (color, set(ids)) for name, (color, ids) in found["sets"].items()}
    return found | {"sets": sets}


def test_changes_of_the_gallery_keep_annotations(folder: Path):
    before = said(folder)
    add_tiles(folder, tiles_of(**some(9, seed=1)))
    assert said(folder) == before
    index_gallery(folder, "ivf", recall=1.0)
    write_projection(Gallery.open(folder), planes(33))
    assert said(folder) == before
    write(folder, **parts())  # encodes the same tiles again
    assert said(folder) == before
    check_gallery(folder)


def test_a_tile_that_comes_back_has_its_labels(folder: Path):
    before, gone = said(folder), Gallery.open(folder).items["id"].iloc[1]
    remove_tiles(folder, [gone])
    after = said(folder)
    assert gone not in after["classes"] and gone not in after["sets"]["some"][1]
    write(folder, **parts())
    assert said(folder) == before


def test_what_a_killed_compaction_left_is_not_deleted_with_the_gallery_s(folder: Path):
    """A compaction that runs beside a change of the gallery must find its file."""
    mine = {ANNOTATIONS, f".{ANNOTATIONS}.lock", f".{ANNOTATIONS}.k1"}
    (folder / f".{ANNOTATIONS}.k1").touch()
    remove_tiles(folder, [Gallery.open(folder).items["id"].iloc[5]])
    assert mine <= entries(folder)


def test_annotations_alone_are_no_other_files(folder: Path):
    before = said(folder)
    for path in folder.iterdir():
        if ANNOTATIONS not in path.name:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    check_new_gallery(folder)
    write(folder, **parts())
    assert said(folder) == before
    (folder / "notes.txt").touch()
    (folder / "gallery.json").unlink()
    with refused(names=folder):
        check_new_gallery(folder)


def test_merged_galleries_have_what_all_had(folder: Path, tmp_path: Path):
    second = write(tmp_path / "second", info=parts()["info"], **some(9, seed=1))
    store = second.annotations
    store.create_set("some", [0], by=ANA, color="#000000")
    store.create_set("others", [1, 2], by=ANA)
    store.give_class([3], "sea", by=BEN)
    one, other = said(folder), said(second.folder)
    merge_galleries([folder, second.folder], tmp_path / "merged")
    merged = said(tmp_path / "merged")
    assert merged["classes"] == one["classes"] | other["classes"]
    assert merged["sets"] == {
        "some": ("#000000", one["sets"]["some"][1] | other["sets"]["some"][1]),
        "others": other["sets"]["others"],
    }
    assert (said(folder), said(second.folder)) == (one, other)
    opened = Gallery.open(tmp_path / "merged")
    opened.annotations.undo(by=BEN)
    assert not set(told(opened.annotations)["classes"]) & set(other["classes"])


def test_galleries_without_annotations_merge_into_one_without(tmp_path: Path):
    one = write(tmp_path / "one", **parts())
    merge_galleries([one.folder], tmp_path / "merged")
    assert not (tmp_path / "merged" / ANNOTATIONS).exists()


def test_a_merge_that_was_killed_before_its_manifest_is_repeated(folder: Path, tmp_path: Path):
    """It leaves the annotations; these are not there twice then, and those of others stay."""
    into = tmp_path / "merged"
    into.mkdir()
    shutil.copy(folder / ANNOTATIONS, into)
    merge_galleries([folder], into)
    assert said(into) == said(folder)
    assert len(Gallery.open(into).annotations.state.events) == 2


def test_damage_is_a_note_when_a_gallery_is_read(folder: Path):
    file = folder / ANNOTATIONS
    file.write_bytes(file.read_bytes().replace(b'"sea"', b'"tea"'))
    with pytest.warns(match="1 damaged line"):
        state = Gallery.open(folder).annotations.state
    assert state.given.names == [] and np.array_equal(state.members(state.sets[0].key), [1, 2, 23])
