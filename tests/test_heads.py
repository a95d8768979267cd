"""The head decides what a gallery is, so it is checked, and a gallery without one is none."""

from pathlib import Path

import pytest
from make_gallery import write
from test_gallery import parts
from test_generations import entries, spoil_segment

from rsh.errors import InputError
from rsh.gallery import Gallery
from rsh.generations import merge_galleries, remove_tiles


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "gallery", **parts())
    return tmp_path / "gallery"


def test_head_in_which_another_tile_is_removed_is_refused(folder: Path):
    ids = Gallery.open(folder).items["id"]
    remove_tiles(folder, [ids[7]])
    spoil_segment(folder, removed=[5])
    with pytest.raises(InputError, match=r"gallery\.json was altered: make the gallery again"):
        Gallery.open(folder)


def test_merge_that_was_killed_can_be_run_again(folder: Path, tmp_path: Path):
    left = tmp_path / "merged" / "000001-0"
    left.mkdir(parents=True)
    (left.parent / ".lock").touch()
    assert len(merge_galleries([folder], left.parent)) == 24
    assert entries(left.parent) == {"gallery.json", ".lock", "000001-0"}
