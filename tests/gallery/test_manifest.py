"""The head decides what a gallery is, so it is checked, and a gallery without one is none."""

import json
from pathlib import Path

import pytest
from make_gallery import entries, parts, write
from refusals import refused

from rsh.gallery.gallery import Gallery
from rsh.gallery.writer import merge_galleries, remove_tiles


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "gallery", **parts())
    return tmp_path / "gallery"


def spoil_segment(gallery: Path, **changes: object) -> None:
    head = json.loads((gallery / "gallery.json").read_text())
    head["segments"][0] |= changes
    (gallery / "gallery.json").write_text(json.dumps(head))


@pytest.mark.parametrize("name", ["../elsewhere", "/etc", "000001", "x"])
def test_head_that_points_elsewhere_is_refused(folder: Path, name: str):
    spoil_segment(folder, folder=name)
    with refused(names=("segments[0]", f"'{name}'")):
        Gallery.open(folder)


@pytest.mark.parametrize("removed", [[24], [-1], [2, 1], [1, 1], ["1"], [True], [0.5]])
def test_head_that_removes_what_is_not_there_is_refused(folder: Path, removed: list):
    spoil_segment(folder, removed=removed)
    with refused(names="gallery.json"):
        Gallery.open(folder)


def test_head_in_which_another_tile_is_removed_is_refused(folder: Path):
    ids = Gallery.open(folder).items["id"]
    remove_tiles(folder, [ids[7]])
    spoil_segment(folder, removed=[5])
    with refused(names="gallery.json"):
        Gallery.open(folder)


def test_merge_that_was_killed_can_be_run_again(folder: Path, tmp_path: Path):
    left = tmp_path / "merged" / "000001-0"
    left.mkdir(parents=True)
    (left.parent / ".lock").touch()
    assert len(merge_galleries([folder], left.parent)) == 24
    assert entries(left.parent) == {"gallery.json", ".lock", "000001-0"}
