"""Which files make a data set, told alike for folders, zips and shards."""

import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import rasterio
import rasterio.shutil
from make_raster import make_raster, noise
from make_scenes import make, pixels, tile, zipped
from rasterio.vrt import WarpedVRT

from rsh.data.tile_grid import TilingOptions
from rsh.data.tiles import TileDataset
from rsh.errors import RshWarning

HIDDEN = (
    "forest/.ipynb_checkpoints/0-checkpoint.png",
    ".ipynb_checkpoints/0-checkpoint.png",
    "sea/@eaDir/0.png/SYNOPHOTO_THUMB_M.jpg",
    "__MACOSX/sea/1.png",
    "sea/._1.png",
    "$RECYCLE.BIN/sea/1.png",
)


def tarred(folder: Path, file: Path) -> Path:
    with tarfile.open(file, "w") as shard:
        for path in sorted(folder.rglob("*.*")):
            if path.is_file():
                shard.add(path, path.relative_to(folder))
    return file


FORMS: list[Callable[[Path], Path]] = [
    lambda folder: folder,
    lambda folder: zipped(folder, folder.parent / "data.zip"),
    lambda folder: tarred(folder, folder.parent / "data.tar"),
]


@pytest.fixture(params=FORMS, ids=["folder", "zip", "tar"])
def packed(request: pytest.FixtureRequest) -> Callable[[Path], Path]:
    return request.param


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        tile(1).save(folder / name)


def test_hidden_files_are_no_tiles_and_are_counted(tmp_path: Path, packed):
    folder = make(tmp_path / "data", count=3)
    put(folder, *HIDDEN)
    with pytest.warns(RshWarning, match=r"left out 6 files, such as \$RECYCLE.BIN/sea/1.png"):
        dataset = TileDataset.open(packed(folder))
    assert dataset.classes == ["coast", "forest"] and len(dataset) == 6


def test_images_in_formats_that_are_not_read_are_counted(tmp_path: Path):
    folder = make(tmp_path / "data")
    for name in ("coast/a.jxl", "forest/b.HEIC"):
        (folder / name).write_bytes(b"any")
    for source in (folder, zipped(folder, tmp_path / "data.zip")):
        with pytest.warns(RshWarning, match="left out 2 files, such as coast/a.jxl"):
            assert len(TileDataset.open(source)) == 8


def test_every_suffix_of_jpeg_is_taken(tmp_path: Path):
    folder = make(tmp_path / "data")
    for name in ("a.jfif", "b.jpe", "c.JPG"):
        tile(2).save(folder / "coast" / name, "JPEG")
    assert len(TileDataset.open(folder)) == 11


def test_class_names_that_differ_in_case_or_encoding_are_told(tmp_path: Path, packed):
    folder = tmp_path / "data"
    put(folder, "Forest/0.png", "forest/0.png", "caf\u00e9/0.png", "cafe\u0301/0.png")
    with pytest.warns(RshWarning) as told:
        assert len(TileDataset.open(packed(folder)).classes) == 4
    said = " ".join(str(warning.message) for warning in told)
    assert "'Forest' and 'forest'" in said and r"'cafe\u0301'" in said


@pytest.mark.parametrize("depth", ["away", "coast/away", "coast/deep/away"])
def test_links_are_followed_at_every_depth(tmp_path: Path, depth: str):
    folder, other = make(tmp_path / "data"), make(tmp_path / "other", count=2)
    (folder / depth).parent.mkdir(parents=True, exist_ok=True)
    (folder / depth).symlink_to(other)
    dataset = TileDataset.open(folder)
    assert len(dataset) == 8 + 4
    assert f"{depth}/forest/1.png" in dataset.items["id"].tolist()


@pytest.mark.parametrize("target", [".", "..", "../coast"])
def test_links_in_a_circle_end(tmp_path: Path, target: str):
    folder = make(tmp_path / "data")
    (folder / "coast" / "again").symlink_to(target)
    assert len(TileDataset.open(folder)) == 8


def of_windows(folder: Path, file: Path) -> Path:
    """Pack a folder as .NET and old versions of PowerShell do, with backslashes."""
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.rglob("*.*")):
            member = zipfile.ZipInfo()
            member.filename = str(path.relative_to(folder.parent)).replace("/", "\\")
            archive.writestr(member, path.read_bytes())
    return file


def test_zip_with_backslashes_is_that_of_the_folder(tmp_path: Path):
    folder = make(tmp_path / "data")
    rows = [
        f"{name}\\{number}.png,9.5,{number}" for name in ("coast", "forest") for number in range(4)
    ]
    (folder / "items.csv").write_text("\n".join(["path,longitude,latitude", *rows]))
    dataset, packed = (
        TileDataset.open(folder),
        TileDataset.open(of_windows(folder, tmp_path / "w.zip")),
    )
    assert packed.items.equals(dataset.items) and pixels(packed) == pixels(dataset)
    assert packed.items["latitude"].tolist() == [0, 1, 2, 3] * 2
    assert packed.fingerprint == dataset.fingerprint


def test_backslash_in_a_name_stays_where_others_have_slashes(tmp_path: Path):
    folder = make(tmp_path / "data")
    tile(3).save(folder / "coast" / "a\\b.png")
    for source in (folder, zipped(folder, tmp_path / "data.zip")):
        assert "coast/a\\b.png" in TileDataset.open(source).items["id"].tolist()


def test_images_beside_class_folders_have_no_class_and_other_files_are_counted(tmp_path: Path):
    folder = make(tmp_path / "data")
    for name in ("b.png", "a.png"):
        tile(3).save(folder / name)
    (folder / "Thumbs.db").write_text("x")
    (folder / "coast" / "notes.txt").write_text("x")
    (folder / "coast" / "Thumbs.db").write_text("x")
    for wrap in ("", "all/"):
        sources = [zipped(folder, tmp_path / "data.zip", wrap=wrap), *([] if wrap else [folder])]
        for source in sources:
            with pytest.warns(RshWarning) as caught:
                dataset = TileDataset.open(source)
            assert len(dataset) == 10 and dataset.classes == ["coast", "forest"]
            assert dataset.items["id"][dataset.labels < 0].tolist() == ["a.png", "b.png"]
            told = sorted(str(note.message).split(": ", 1)[1] for note in caught)
            inside = wrap if source.suffix else ""
            assert told == [
                "2 of 10 tiles have no class, such as a.png",
                f"left out 1 file, such as {inside}coast/notes.txt (no image by its name)",
            ]


def test_scenes_beside_tiles_are_told(tmp_path: Path):
    folder = make(tmp_path / "data")
    make_raster(folder / "scene.tif", noise(256, 300))
    make_raster(folder / "small.tif", noise(64, 64))
    with pytest.warns(RshWarning, match=r"such as scene.tif \(scenes beside tiles"):
        dataset = TileDataset.open(folder)
    assert dataset.classes == ["coast", "forest"] and len(dataset) == 9
    assert "small.tif" in set(dataset.items["id"])  # too small to be cut: a tile


def test_virtual_rasters_are_opened_only_by_their_own_name(tmp_path: Path):
    make_raster(tmp_path / "a.tif", noise(64, 64))
    with rasterio.open(tmp_path / "a.tif") as source, WarpedVRT(source) as virtual:
        rasterio.shutil.copy(virtual, tmp_path / "b.vrt", driver="VRT")
    tiling = TilingOptions(32)
    with pytest.warns(RshWarning, match=r"such as b.vrt \(it reads other files"):
        assert TileDataset.open(tmp_path, tiling=tiling).items["id"][0] == "a/r000000_c000000"
    named = TileDataset.open(tmp_path / "b.vrt", tiling=tiling)
    assert named.items["id"][0] == "b/r000000_c000000"
