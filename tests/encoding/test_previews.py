"""Previews: larger images beside the thumbnails, stored if asked for, and kept by every change."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from make_hostile import sealed
from PIL import Image
from refusals import refused

from rsh.cli.main import main
from rsh.data.images import to_jpeg
from rsh.data.tiles import TileDataset
from rsh.encoding import chunk_store
from rsh.encoding.build import add_dataset, build_gallery
from rsh.gallery.gallery import Gallery
from rsh.gallery.manifest import with_checksum
from rsh.gallery.writer import check_gallery, merge_galleries, remove_tiles
from rsh.models.hashnet import HashNet

SIDE = 200


def images(folder: Path, sizes: list[tuple[int, int]], seed: int = 0) -> TileDataset:
    """Write images of noise, in two classes."""
    draw = np.random.default_rng(seed)
    for number, (width, height) in enumerate(sizes):
        file = folder / f"{'ab'[number % 2]}{seed}" / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = draw.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file)
    return TileDataset.open(folder)


@pytest.fixture
def data(tmp_path: Path) -> TileDataset:
    return images(tmp_path / "data", [(300, 260), (64, 64), (180, 240), (500, 100), (200, 200)])


@pytest.fixture
def gallery(net: HashNet, data: TileDataset, tmp_path: Path) -> Gallery:
    return build_gallery(net, data, tmp_path / "gallery", preview=SIDE, progress=False)


def previews(gallery: Gallery) -> dict[str, bytes | None]:
    return {tile: gallery.preview(row) for row, tile in enumerate(gallery.ids)}


def expected(data: TileDataset, side: int = SIDE) -> dict[str, bytes]:
    tiles = data.items["id"].tolist()
    return {
        tile: to_jpeg(data.read(row), side=side, detailed=True) for row, tile in enumerate(tiles)
    }


def test_a_preview_is_the_tile_shrunk_to_a_longest_side(gallery: Gallery, data: TileDataset):
    assert previews(gallery) == expected(data) and gallery.has_previews
    assert gallery.manifest.preview == SIDE
    for row, tile in enumerate(gallery.ids):
        original = data.read(data.items["id"].tolist().index(tile))
        shown = Image.open(io.BytesIO(gallery.preview(row) or b""))
        assert max(shown.size) == min(SIDE, max(original.size))  # never enlarged
        assert shown.size[0] / shown.size[1] == pytest.approx(
            original.size[0] / original.size[1], rel=0.03
        )
        near = original.resize(shown.size, Image.Resampling.LANCZOS)
        error = np.abs(np.asarray(near, float) - np.asarray(shown, float)).mean()
        assert error < 6  # noise, the hardest of all images: 10 to 50 as in a thumbnail


def test_every_change_keeps_previews(
    gallery: Gallery, data: TileDataset, net: HashNet, tmp_path: Path
):
    more = images(tmp_path / "more", [(220, 220), (50, 400)], seed=1)
    grown = add_dataset(net, more, gallery.folder, progress=False)
    every = expected(data) | expected(more)
    assert previews(grown) == every
    gone = grown.ids[2]
    left = remove_tiles(gallery.folder, [gone])
    del every[gone]
    assert previews(left) == every
    merged = merge_galleries([gallery.folder], tmp_path / "merged")
    assert previews(merged) == every and merged.manifest.preview == SIDE
    check_gallery(tmp_path / "merged")
    again = build_gallery(net, data, gallery.folder, progress=False)
    assert previews(again) == expected(data)
    without = build_gallery(net, data, gallery.folder, preview=0, progress=False)
    assert not without.has_previews and without.manifest.preview == 0
    assert without.preview(0) is None
    files = {path.name for path in gallery.folder.rglob("*.bin")}
    assert files == {"thumbs.bin", "previews.bin"}  # of the version before, which may be in use
    build_gallery(net, data, gallery.folder, progress=False)
    assert {path.name for path in gallery.folder.rglob("*.bin")} == {"thumbs.bin"}


def test_a_merge_of_galleries_with_and_without_previews(
    gallery: Gallery, data: TileDataset, net: HashNet, tmp_path: Path
):
    more = images(tmp_path / "more", [(220, 220), (50, 400)], seed=1)
    bare = build_gallery(net, more, tmp_path / "bare", progress=False)
    assert not bare.has_previews
    merged = merge_galleries([bare.folder, gallery.folder], tmp_path / "merged")
    again = merge_galleries([tmp_path / "merged"], tmp_path / "again")
    for each in (merged, again):
        assert previews(each) == expected(data) | dict.fromkeys(more.items["id"])
        assert each.manifest.preview == SIDE


def test_chunks_with_previews_of_another_size_are_not_taken(
    data: TileDataset, net: HashNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(chunk_store, "CHUNK_TILES", 2)
    names = [
        {chunk.folder.name for chunk in chunk_store.plan_chunks(net, data, tmp_path, side)}
        for side in (0, SIDE, 300)
    ]
    assert not names[0] & names[1] and not names[1] & names[2] and len(names[1]) == 3
    made = build_gallery(net, data, tmp_path / "gallery", preview=SIDE, progress=False)
    assert previews(made) == expected(data)


@pytest.mark.parametrize("preview", [-1, 1, 159, 4097, 10**9])
def test_a_preview_out_of_range_is_refused(
    data: TileDataset, net: HashNet, tmp_path: Path, preview: int
):
    with refused("preview", value=preview, names=(160, 4096)):
        build_gallery(net, data, tmp_path / "gallery", preview=preview)
    assert not (tmp_path / "gallery").exists()


def test_files_of_previews_are_checked(gallery: Gallery):
    segment = gallery.manifest.segments[0].folder
    whole = (gallery.folder / segment / "previews.bin").read_bytes()
    (gallery.folder / segment / "previews.bin").write_bytes(whole[:-1] + b"x")
    with refused(names="previews.bin"):
        Gallery.open(gallery.folder)
    sealed(gallery.folder, "previews.bin", whole[:-1])
    with refused(names=("previews.npy", "previews.bin")):
        Gallery.open(gallery.folder)
    sealed(gallery.folder, "previews.bin", whole)
    offsets = np.load(gallery.folder / segment / "previews.npy")
    np.save(gallery.folder / segment / "previews.npy", offsets[:-1])
    content = (gallery.folder / segment / "previews.npy").read_bytes()
    with refused(names=(5, "gallery.json")):
        Gallery.open(sealed(gallery.folder, "previews.npy", content))


def test_only_files_that_the_manifest_names_are_read(gallery: Gallery):
    head = json.loads((gallery.folder / "gallery.json").read_text())
    files = head["segments"][0]["files"]
    del files["previews.npy"]
    (gallery.folder / "gallery.json").write_text(json.dumps(with_checksum(head)))
    with refused(names=("gallery.json", "previews.npy")):
        Gallery.open(gallery.folder)
    del files["previews.bin"]
    (gallery.folder / "gallery.json").write_text(json.dumps(with_checksum(head)))
    assert Gallery.open(gallery.folder).preview(0) is None


def test_the_command_stores_previews(tiny_run, tmp_path: Path, capsys):
    words = [str(tiny_run.folder), str(tiny_run.data), "--output", str(tmp_path / "gallery")]
    main(["encode", *words, "--preview", "160"])
    main(["gallery", "info", str(tmp_path / "gallery")])
    assert "thumbnails, and previews of 160 pixels" in capsys.readouterr().out
    assert Gallery.open(tmp_path / "gallery").preview(0) is not None
