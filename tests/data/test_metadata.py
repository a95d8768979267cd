from pathlib import Path

import pandas as pd
import pytest
from make_scenes import make, zipped
from refusals import refused

from rsh.data.tiles import TileDataset
from rsh.errors import RshWarning
from rsh.gallery.filters import Filter


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
    [("longitude", 360.5), ("longitude", -181), ("latitude", 91), ("latitude", float("inf"))],
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
    assert items["class"].tolist() == ["wood"] * 4
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


@pytest.mark.parametrize(
    "values",
    [
        ["NA", "DE", "null", "N/A"],
        ["1.10", "1.1", "1.20", "1.2"],
        ["1E5", "100000", "2E3", "2000"],
        ["01", "1", "10", "11"],
        ["true", "false", "True", "no"],
        ["2023061510342198765", "2023061510342198766", "1", "2"],
        ["2023061510342198765", "", "", ""],
        ["+5", "5 ", " 6", "7"],
        ["inf", "1", "2", "3"],
    ],
    ids=lambda values: values[0],
)
def test_values_stay_the_texts_that_they_are(folder: Path, values: list[str]):
    write_table(folder, thing=values)
    items = TileDataset.open(folder).items
    assert items["thing"].fillna("").tolist() == values
    known = [value for value in values if value and value.strip() == value]
    for value in known:
        found = Filter.read([f"thing={value}"]).mask(items)
        assert found.tolist() == [value == other for other in values]


@pytest.mark.parametrize(
    ("values", "kind", "found"),
    [
        (["1", "2", "-3", "0"], "int64", [1, 2, -3, 0]),
        (["0", "12.5", "100", "7.25"], "float64", [0, 12.5, 100, 7.25]),
        (["5", "", "7", "nan"], "float64", [5, None, 7, None]),
        (["12.50", "3.20", "3.20", "0.05"], "float64", [12.5, 3.2, 3.2, 0.05]),
    ],
)
def test_plain_decimals_are_numbers(folder: Path, values: list[str], kind: str, found: list):
    write_table(folder, cloud=values)
    column = TileDataset.open(folder).items["cloud"]
    assert column.dtype == kind
    assert [None if pd.isna(value) else value for value in column] == found


@pytest.mark.parametrize("values", [["01", "1", "1.0", "2"], ["1E1", "10", "2", "2"]])
def test_blocks_are_told_apart_by_their_texts(folder: Path, values: list[str]):
    write_table(folder, block=values)
    assert TileDataset.open(folder).items["block"].tolist() == values


@pytest.mark.parametrize(
    "names", [("lon", "lat"), ("Longitude", "Latitude"), ("x", "y"), ("LNG", "latitude")]
)
def test_usual_names_of_places_are_told(folder: Path, names: tuple[str, str]):
    table = write_table(folder)
    table.columns = ["path", *names]
    table.to_csv(folder / "items.csv", index=False)
    with pytest.warns(RshWarning, match=f"{names[0]}.*rename .* to longitude"):
        assert "longitude" not in TileDataset.open(folder).items


def test_a_row_with_more_cells_than_the_head_is_refused(folder: Path):
    (folder / "items.csv").write_text("path,cloud\ncoast/0.png,1,2\n")
    with refused(names="items.csv"):
        TileDataset.open(folder)
