"""A gallery whose groups, projection or index is gone: the command that made it makes it again."""

from itertools import combinations
from pathlib import Path

import pytest
from make_command import refuse
from make_gallery import planes, tiny_gallery

from rsh.cli.main import main
from rsh.gallery.gallery import Gallery
from rsh.gallery.groups import find_groups
from rsh.gallery.writer import index_gallery, write_groups, write_projection

TILES = 60
WORDS = {
    "groups": ("groups",),
    "projection": ("project",),
    "index": ("gallery", "index", "--type", "ivf"),
}
FEWER = [lost for count in (1, 2, 3) for lost in combinations(WORDS, count)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    gallery = tiny_gallery(tmp_path / "my gallery", num_tiles=TILES)
    write_groups(gallery, find_groups(gallery))
    write_projection(gallery, planes(TILES))
    return index_gallery(gallery.folder, "ivf", recall=1.0).folder


def file_of(folder: Path, name: str) -> Path:
    return folder / getattr(Gallery.open(folder).manifest, name).file


def harm(file: Path, how: str) -> None:
    if how == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-9])


@pytest.mark.parametrize("how", ["missing", "cut"])
@pytest.mark.parametrize("lost", FEWER, ids="+".join)
def test_a_file_that_is_gone_is_made_again(
    folder: Path, lost: tuple[str, ...], how: str, capsys: pytest.CaptureFixture[str]
):
    before = Gallery.open(folder)
    groups = before.groups.number
    for file in [file_of(folder, name) for name in lost]:
        harm(file, how)
    for name in lost:
        told = refuse(capsys, "gallery", "info", str(folder))
        assert "missing" in told or "cut short" in told
        if name == lost[-1]:  # of several, one is named at a time
            assert f"`rsh {WORDS[name][0]}" in told and "my gallery'" in told
        main([*WORDS[name], str(folder)])
    after = Gallery.open(folder)
    assert (after.groups.number == groups).all()
    assert after.projection is not None and len(after.projection) == TILES
    assert after.manifest.index.name == "ivf"
    after.searcher.search(after.packed[:1], top_k=5)


def test_a_file_of_tiles_cannot_be_made_again(folder: Path, capsys: pytest.CaptureFixture[str]):
    (next(folder.glob("0*")) / "features.npy").unlink()
    for words in WORDS.values():
        assert "rebuild the gallery with `rsh encode`" in refuse(capsys, *words, str(folder))
