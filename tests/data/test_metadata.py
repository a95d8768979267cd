from pathlib import Path

import pandas as pd
import pytest
from make_scenes import make, zipped
from refusals import refused

from rsh.data.dataset import TileDataset


def write_table(folder: Path, **columns: object) -> pd.DataFrame:
    """Write a good items.csv for four tiles, with some columns changed."""
    paths = ["coast/0.png", "coast/1.png", "forest/0.png", "forest/1.png"]
    table = pd.DataFrame({"path": paths, "longitude": 1.5, "latitude": 2.0} | columns)
    table.to_csv(folder / "items.csv", index=False)
    return table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(tmp_path / "data", count=2)


@pytest.mark.parametrize(
    ("column", "value"),
    [("longitude", 180.5), ("longitude", -181), ("latitude", 91), ("latitude", float("inf"))],
)
@pytest.mark.parametrize("as_zip", [False, True])
def test_place_off_the_globe_is_named(folder: Path, column: str, value: float, as_zip: bool):
    write_table(folder, **{column: [0, 0, value, 0]})
    source = zipped(folder, folder.parent / "data.zip") if as_zip else folder
    limit = {"longitude": 180, "latitude": 90}[column]
    with refused(names=("forest/0.png", column, value, limit)):
        TileDataset.open(source)


@pytest.mark.parametrize("value", ["east", "1,5", "10E", "0x"])
def test_place_that_is_no_number_is_named(folder: Path, value: str):
    write_table(folder, longitude=["0", value, "1", "2"])
    with refused(names=("coast/1.png", value)):
        TileDataset.open(folder)


def test_edge_of_the_map_and_an_unknown_place_are_taken(folder: Path):
    write_table(folder, longitude=[-180, 180, None, 0], latitude=[90, -90, None, 0])
    items = TileDataset.open(folder).items
    assert items["longitude"].tolist()[:2] == [-180, 180]
    assert items["latitude"].isna().tolist() == [False, False, True, False]


def test_tile_without_a_block_is_named(folder: Path):
    write_table(folder, block=["a", None, "b", "b"])
    with refused(names="coast/1.png"):
        TileDataset.open(folder)


def test_numbers_are_blocks_too(folder: Path):
    write_table(folder, block=[7, 7, 8, 9])
    assert TileDataset.open(folder).items["block"].tolist() == ["7", "7", "8", "9"]


def test_other_columns_are_kept_for_conditions(folder: Path):
    date = ["2021-05-03", None, "2022", "2023"]
    write_table(folder, id=range(4), split="train", date=date, cloud=3, **{"class": "wood"})
    items = TileDataset.open(folder).items
    names = ["id", "class", "split", "longitude", "latitude", "date", "cloud"]
    assert items.columns.tolist() == names
    assert items["id"].tolist() == write_table(folder)["path"].tolist()
    assert items["class"].tolist() == ["coast", "coast", "forest", "forest"]
    assert items["split"].tolist() == [""] * 4
    assert items["date"].fillna("-").tolist() == ["2021-05-03", "-", "2022", "2023"]
    assert items["cloud"].tolist() == [3] * 4


def test_columns_of_mixed_values_become_texts(folder: Path, tmp_path: Path):
    write_table(folder, note=[1, "two", 3.5, True])
    items = TileDataset.open(folder).items
    items.to_parquet(tmp_path / "items.parquet")
    assert items["note"].tolist() == ["1", "two", "3.5", "True"]


def test_wrong_values_of_tiles_that_are_not_there_do_not_matter(folder: Path):
    table = write_table(folder, block="a")
    lost = table[:1].assign(path="gone/1.png", longitude="east", block=None)
    pd.concat([table, lost, lost]).to_csv(folder / "items.csv", index=False)
    assert len(TileDataset.open(folder)) == 4


def test_table_without_paths_says_so(folder: Path):
    write_table(folder).rename(columns={"path": "file"}).to_csv(folder / "items.csv", index=False)
    with refused(names="items.csv"):
        TileDataset.open(folder)


def test_folder_in_the_place_of_the_table_is_named(folder: Path):
    (folder / "items.csv").mkdir()
    with refused(names="items.csv"):
        TileDataset.open(folder)


RING = "POLYGON ((1 2, 1.5 2, 1.5 -2.25, 1 2))"


def test_footprints_are_kept_and_may_be_left_empty(folder: Path):
    write_table(folder, footprint=[RING, None, RING, ""])
    assert TileDataset.open(folder).items["footprint"].tolist() == [RING, "", RING, ""]


@pytest.mark.parametrize("value", ["somewhere", "POINT (1 2)", "POLYGON ((1 2, 3 4, 1 2))", 7])
def test_footprint_that_is_no_ring_is_named(folder: Path, value: object):
    write_table(folder, footprint=[RING, RING, value, RING])
    with refused(names=("forest/0.png", "POLYGON")):
        TileDataset.open(folder)
