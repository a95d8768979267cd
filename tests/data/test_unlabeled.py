"""Data sets without classes, or with classes of some tiles: no class is invented, none is lost."""

import tarfile
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from make_raster import make_raster, noise
from make_scenes import make, tile, zipped
from make_shards import make_tar
from make_shards import png as png_bytes
from refusals import refused

from rsh.config import SplitBy
from rsh.data.check import check_data, draw_sheet, to_text
from rsh.data.tile_grid import TilingOptions
from rsh.data.tiles import TileDataset
from rsh.errors import RshWarning


def flat(folder: Path, count: int = 8) -> Path:
    folder.mkdir(parents=True)
    for number in range(count):
        tile(number).save(folder / f"{number}.png")
    return folder


def tarred(folder: Path, file: Path) -> Path:
    with tarfile.open(file, "w") as shard:
        for path in sorted(folder.rglob("*.png")):
            shard.add(path, path.relative_to(folder))
    return file


FORMS: list[Callable[[Path], Path]] = [
    lambda folder: folder,
    lambda folder: zipped(folder, folder.parent / "packed.zip"),
    lambda folder: zipped(folder, folder.parent / "packed.zip", wrap="all/"),
    lambda folder: tarred(folder, folder.parent / "packed.tar"),
]


@pytest.fixture(params=FORMS, ids=["folder", "zip", "wrapped zip", "tar"])
def packed(request: pytest.FixtureRequest) -> Callable[[Path], Path]:
    return request.param


def without_a_word(where: Path, **how) -> TileDataset:
    with warnings.catch_warnings():
        warnings.simplefilter("error", RshWarning)
        return TileDataset.open(where, **how)


def check_unlabeled(dataset: TileDataset, count: int, by: SplitBy = "auto") -> None:
    assert len(dataset) == count and dataset.classes == []
    assert (dataset.labels == -1).all() and dataset.labels.dtype == np.int64
    assert (dataset.items["class"] == "").all()
    assert f"{count} tiles, no labels" in repr(dataset)
    split = dataset.split(by=by)
    assert [len(part) > 0 for part in (split.train, split.val, split.query)] == [True] * 3


def test_loose_images_are_a_data_set(tmp_path: Path, packed):
    dataset = without_a_word(packed(flat(tmp_path / "data")))
    check_unlabeled(dataset, 8)
    assert dataset.read(0).tobytes() == tile(0).tobytes()


@pytest.mark.parametrize("inside", ["images", "images/deep/er"])
def test_folder_that_holds_everything_is_no_class(tmp_path: Path, packed, inside: str):
    flat(tmp_path / "data" / inside)
    check_unlabeled(without_a_word(packed(tmp_path / "data")), 8)


def test_folders_below_the_folder_of_all_are_told(tmp_path: Path):
    make(tmp_path / "data" / "tiles")
    with pytest.warns(RshWarning, match="tiles holds all images.*open .*tiles if they are"):
        check_unlabeled(TileDataset.open(tmp_path / "data"), 8)
    assert TileDataset.open(tmp_path / "data" / "tiles").classes == ["coast", "forest"]


def test_images_beside_one_folder_make_no_class_of_it(tmp_path: Path, packed):
    flat(tmp_path / "data")
    flat(tmp_path / "data" / "more")
    check_unlabeled(without_a_word(packed(tmp_path / "data")), 16)


def test_images_beside_class_folders_have_no_class(tmp_path: Path, packed):
    folder = make(tmp_path / "data", count=6)
    for number in range(5):
        tile(50 + number).save(folder / f"new {number}.png")
    with pytest.warns(RshWarning) as told:
        dataset = TileDataset.open(packed(folder))
    (note,) = [str(each.message) for each in told if "no class" in str(each.message)]
    assert "5 of 17 tiles have no class, such as new 0" in note
    assert dataset.classes == ["coast", "forest"]
    loose = dataset.items["id"].str.startswith("new")
    assert ((dataset.labels == -1) == loose).all()
    assert set(dataset.labels[~loose]) == {0, 1}
    assert "17 tiles, 2 classes, 12 of 17 tiles have a class" in repr(dataset)


def test_labels_of_few_tiles_are_all_trained_on(tmp_path: Path):
    folder = make(tmp_path / "data", count=1)
    for number in range(20):
        tile(50 + number).save(folder / f"new {number}.png")
    items = TileDataset.open(folder).split().dataset.items
    assert set(items["split"][items["class"] != ""]) == {"train"}
    assert set(items["split"]) == {"train", "val", "query"}


def test_column_gives_the_classes_in_place_of_folders(tmp_path: Path, packed):
    folder = flat(tmp_path / "data")
    classes = ["sea", "", " ice ", "01", "1", "nan", "sea", "1.50"]
    table = pd.DataFrame({"path": [f"{n}.png" for n in range(8)], "class": classes, "cloud": 3})
    table.to_csv(folder / "items.csv", index=False)
    where = packed(folder)
    if where.suffix == ".tar":
        return  # shards have no table
    with pytest.warns(RshWarning, match="2 of 8 tiles have no class, such as 1.png"):
        dataset = TileDataset.open(where)
    assert dataset.items["class"].tolist() == ["sea", "", "ice", "01", "1", "", "sea", "1.50"]
    assert dataset.classes == ["01", "1", "1.50", "ice", "sea"]


def test_column_wins_over_folders_and_may_be_empty(tmp_path: Path):
    folder = make(tmp_path / "data", count=2)
    paths = [f"{name}/{number}.png" for name in ("coast", "forest") for number in range(2)]
    table = pd.DataFrame({"path": paths, "class": ["a", "b", "", ""]})
    table.to_csv(folder / "items.csv", index=False)
    assert TileDataset.open(folder).items["class"].tolist() == ["a", "b", "", ""]
    table.assign(**{"class": ""}).to_csv(folder / "items.csv", index=False)
    assert TileDataset.open(folder).classes == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3, 7, 3, 7], ["3", "7", "3", "7"]),
        ([3.0, None, 7.0, None], ["3", "", "7", ""]),
        (["sea", None, "", "ice"], ["sea", "", "", "ice"]),
        (pd.Categorical(["sea", "ice", None, "sea"]), ["sea", "ice", "", "sea"]),
        ([True, False, True, True], ["true", "false", "true", "true"]),
        ([None] * 4, [""] * 4),
    ],
)
def test_classes_of_any_type_in_parquet_are_names(tmp_path: Path, values, expected: list[str]):
    folder = flat(tmp_path / "data", 4)
    table = pd.DataFrame({"path": [f"{n}.png" for n in range(4)], "class": values})
    table.to_parquet(folder / "items.parquet")
    items = TileDataset.open(folder).items
    assert items["class"].tolist() == expected and items["class"].map(type).eq(str).all()


def test_table_of_labels_for_other_tiles_is_told(tmp_path: Path):
    folder = flat(tmp_path / "data", 2)
    (folder / "items.csv").write_text("path,class\nelsewhere/1.png,sea\n")
    with refused(names=("items.csv", "0.png", "its first path is elsewhere/1.png")):
        TileDataset.open(folder)


def test_column_that_may_hold_classes_is_told(tmp_path: Path):
    folder = flat(tmp_path / "data", 2)
    (folder / "items.csv").write_text("path,Label\n0.png,sea\n1.png,ice\n")
    with pytest.warns(RshWarning, match="column Label is kept for filters alone; rename it"):
        assert TileDataset.open(folder).classes == []


def test_table_inside_a_folder_is_told(tmp_path: Path):
    flat(tmp_path / "data" / "images", 2)
    (tmp_path / "data" / "images" / "items.csv").write_text("path,class\n0.png,a\n1.png,b\n")
    with pytest.warns(RshWarning, match="such as images/items.csv .only the table beside"):
        assert TileDataset.open(tmp_path / "data").classes == []
    table = "path,class\nimages/0.png,a\nimages/1.png,b\n"
    (tmp_path / "data" / "items.csv").write_text(table)
    for where in (tmp_path / "data", zipped(tmp_path / "data", tmp_path / "packed.zip")):
        items = TileDataset.open(where).items
        assert items["class"].tolist() == ["a", "b"]
        assert items["id"].tolist() == ["images/0.png", "images/1.png"]


def test_labels_can_be_dropped(tmp_path: Path, packed):
    where = packed(make(tmp_path / "data"))
    labeled, dataset = TileDataset.open(where), without_a_word(where, labels="none")
    check_unlabeled(dataset, 8)
    assert dataset.label_source == "none" and labeled.label_source == "auto"
    assert dataset.items["id"].tolist() == labeled.items["id"].tolist()
    assert dataset.fingerprint != labeled.fingerprint  # the classes are part of it
    assert labeled.without_labels().fingerprint == dataset.fingerprint
    with refused("labels", names="auto, none"):
        TileDataset.open(where, labels="some")


def test_dropped_labels_are_not_told_to_be_few(tmp_path: Path):
    folder = make(tmp_path / "data")
    tile(9).save(folder / "new.png")
    check_unlabeled(without_a_word(folder, labels="none"), 9)


def test_samples_of_shards_may_lack_a_class(tmp_path: Path):
    members = {f"{n}.png": png_bytes(n) for n in range(4)} | {"0.cls": b"sea", "1.cls": b"ice\n"}
    with pytest.warns(RshWarning, match="2 of 4 tiles have no class, such as 2"):
        dataset = TileDataset.open(make_tar(tmp_path / "x.tar", members))
    assert dataset.items["class"].tolist() == ["sea", "ice", "", ""]


def test_scenes_have_no_class_and_several_keep_their_names(tmp_path: Path):
    for name in ("a", "b"):
        make_raster(tmp_path / f"{name}.tif", noise(320, 320))
    tiling = TilingOptions(32)
    one = without_a_word(tmp_path / "a.tif", tiling=tiling)
    check_unlabeled(one, 100, by="class")
    assert "scene" not in one.items
    tile(1).save(tmp_path / "quicklook.png")
    with pytest.warns(RshWarning, match=r"such as quicklook.png \(beside shards or scenes\)"):
        both = TileDataset.open(tmp_path, tiling=tiling)
    check_unlabeled(both, 200, by="class")
    assert both.items["scene"].value_counts().to_dict() == {"a": 100, "b": 100}


@pytest.mark.parametrize("placed", [False, True])
def test_flat_folder_of_small_tiffs_holds_tiles(tmp_path: Path, placed: bool):
    for number in range(4):
        crs = "EPSG:32633" if placed else None
        values = np.roll(noise(64, 64), number, axis=1)
        make_raster(tmp_path / f"{number}.tif", values, crs=crs)
    check_unlabeled(without_a_word(tmp_path), 4)
    with nullcontext() if placed else refused(names="--crs"):  # cut on request
        assert len(TileDataset.open(tmp_path, tiling=TilingOptions(32))) == 16


def test_large_raster_without_a_place_is_still_a_scene(tmp_path: Path):
    make_raster(tmp_path / "a.tif", noise(300, 2100), crs=None)
    with refused(names="--crs"):
        TileDataset.open(tmp_path)


def test_check_says_that_there_are_no_labels(tmp_path: Path):
    report = check_data(flat(tmp_path / "data"), progress=False)
    assert (report.classes, report.unlabeled, report.split) == ({}, 8, {"by": "class"})
    assert not [words for words in report.warnings if "class" in words]
    text = to_text(report)
    assert "8 tiles, no labels" in text and "drawn at random" in text
    assert "a column class in items.csv" in text


def test_check_counts_the_tiles_without_a_class(tmp_path: Path):
    folder = make(tmp_path / "data", count=2)
    for number in range(3):
        tile(50 + number).save(folder / f"new {number}.png")
    report = check_data(folder, progress=False)
    assert (report.classes, report.unlabeled) == ({"coast": 2, "forest": 2}, 3)
    text = to_text(report)
    assert "7 tiles, 2 classes, 4 of 7 tiles have a class" in text
    assert "coast (2), forest (2), no class (3)" in text
    assert any("all stay in train" in words for words in report.warnings)
    dropped = check_data(folder, labels="none", progress=False)
    assert dropped.classes == {} and dropped.unlabeled == 7


def test_equal_tiles_of_which_one_has_a_class_do_not_contradict(tmp_path: Path):
    folder = make(tmp_path / "data")
    (folder / "copy.png").write_bytes((folder / "coast" / "0.png").read_bytes())
    report = check_data(folder, progress=False)
    assert report.equal and not [words for words in report.warnings if "different" in words]


def test_sheet_shows_tiles_without_a_class_last(tmp_path: Path):
    def words(dataset: TileDataset) -> list[str]:
        figure = draw_sheet(dataset, range(len(dataset)))
        return [text.get_text() for axes in figure.axes for text in axes.texts]

    folder = make(tmp_path / "data")
    tile(9).save(folder / "new.png")
    assert words(TileDataset.open(folder)) == ["coast\n4", "forest\n4", "no class\n1"]
    figure = draw_sheet(TileDataset.open(flat(tmp_path / "flat", 20)), range(20))
    assert sum(bool(axes.images) for axes in figure.axes) == 20
    assert words(TileDataset.open(tmp_path / "flat")) == [""] * 5
