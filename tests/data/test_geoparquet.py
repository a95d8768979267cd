"""Tables in Parquet describe tiles like items.csv, with types and geometries."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from make_scenes import make, zipped
from pyproj import CRS, Transformer
from refusals import refused

from rsh.data.places import parse_rings
from rsh.data.tiles import TileDataset

TILES = ["coast/0.png", "coast/1.png", "forest/0.png", "forest/1.png"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(tmp_path / "data", count=2)


def write(folder: Path, columns: dict, *, geo: dict | None = None, name: str = "items.parquet"):
    table = pa.table({"path": TILES, **columns})
    if geo is not None:
        about = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": geo}}
        table = table.replace_schema_metadata({"geo": json.dumps(about)})
    pq.write_table(table, folder / name)


def test_types_are_kept_and_nothing_is_lost(folder: Path):
    ids = [2**60 + number for number in range(4)]
    write(folder, {
        "cloud": pa.array([1, None, 3, 4], pa.int16()),
        "share": pa.array([0.5, 0.25, None, 1], pa.float32()),
        "scene": pa.array(ids),
        "country": ["NA", "DE", None, "01"],
        "clear": [True, False, None, True],
        "day": pa.array(pd.to_datetime(["2021-05-03"] * 4).date),
        "kind": pa.array(["a", "b", "a", "b"]).dictionary_encode(),
        "vector": pa.array([[1.0, 2.0]] * 4),
    })  # fmt: skip
    items = TileDataset.open(folder).items
    assert items["cloud"].tolist()[2:] == [3, 4] and np.isnan(items["cloud"][1])
    assert items["share"].tolist()[:2] == [0.5, 0.25]
    assert items["scene"].tolist() == [str(number) for number in ids]
    assert items["country"].fillna("-").tolist() == ["NA", "DE", "-", "01"]
    assert items["clear"].fillna("-").tolist() == ["true", "false", "-", "true"]
    assert items["day"].tolist() == ["2021-05-03"] * 4
    assert items["kind"].tolist() == list("abab")
    assert "vector" not in items


def test_table_is_read_from_a_zip_and_in_any_order(folder: Path, tmp_path: Path):
    write(folder, {"longitude": [1.0, 2, 200, 4], "latitude": [1.0, 2, 3, 4]})
    table = pq.read_table(folder / "items.parquet")
    pq.write_table(table.take([3, 0, 2, 1]), folder / "items.parquet")
    for source in (folder, zipped(folder, tmp_path / "data.zip")):
        assert TileDataset.open(source).items["longitude"].tolist() == [1, 2, -160, 4]


@pytest.mark.parametrize("crs", [None, "EPSG:32633", "EPSG:3857"])
def test_geometries_become_places(folder: Path, crs: str | None):
    boxes = [shapely.box(15 + x, 45, 15.1 + x, 45.1) for x in range(4)]
    there = Transformer.from_crs("EPSG:4326", crs or "EPSG:4326", always_xy=True)
    moved = [shapely.transform(box, lambda xy: np.array(there.transform(*xy.T)).T) for box in boxes]
    geo = {"encoding": "WKB"} | ({"crs": CRS(crs).to_json_dict()} if crs else {})
    write(folder, {"geometry": [shapely.to_wkb(box) for box in moved]}, geo=geo,
          name="items.geoparquet")  # fmt: skip
    items = TileDataset.open(folder).items
    assert items["longitude"].tolist() == pytest.approx([15.05, 16.05, 17.05, 18.05], abs=1e-3)
    assert items["latitude"].tolist() == pytest.approx([45.05] * 4, abs=1e-3)
    for text, box in zip(items["footprint"], boxes, strict=True):
        (ring,) = parse_rings(text)
        assert shapely.Polygon(ring).symmetric_difference(box).area < 1e-6
        assert shapely.Polygon(ring).exterior.is_ccw


def test_points_are_places_without_footprints(folder: Path):
    points = [shapely.to_wkb(shapely.Point(x, 5)) for x in (190, 2, 3)]
    write(folder, {"geometry": pa.array([*points, None], pa.binary())}, geo={"encoding": "WKB"})
    items = TileDataset.open(folder).items
    assert items["longitude"].tolist()[:3] == [-170, 2, 3] and np.isnan(items["longitude"][3])
    assert "footprint" not in items


def test_areas_across_the_antimeridian_are_cut(folder: Path):
    box = shapely.to_wkb(shapely.box(179, 0, 181, 2))
    write(folder, {"geometry": [box] * 4}, geo={"encoding": "WKB"})
    items = TileDataset.open(folder).items
    assert len(parse_rings(items["footprint"][0])) == 2
    assert abs(items["longitude"][0]) == 180


@pytest.mark.parametrize(
    ("columns", "geo", "told"),
    [
        ({"geometry": [b"no WKB"] * 4}, {}, "WKB"),
        ({"geometry": [shapely.to_wkb(shapely.Point(5e5, 4e6))] * 4}, {}, "outside"),
        ({"geometry": [shapely.to_wkb(shapely.Point(5, 4))] * 4}, {"crs": "EPSG:nope"}, "system"),
        ({"latitude": [91.0] * 4}, None, "91"),
    ],
)
def test_what_is_wrong_is_named(folder: Path, columns: dict, geo: dict | None, told: str):
    write(folder, columns, geo=geo)
    with refused(names=(told, "items.parquet")):
        TileDataset.open(folder)


def test_two_tables_are_refused(folder: Path):
    write(folder, {})
    (folder / "items.csv").write_text("path\n" + "\n".join(TILES))
    with refused(names=("items.csv and items.parquet", "keep one")):
        TileDataset.open(folder)


def test_damaged_and_boundless_tables_are_refused(folder: Path):
    (folder / "items.parquet").write_bytes(b"PAR1 no table PAR1")
    with refused(names="items.parquet"):
        TileDataset.open(folder)
    table = pa.table({"path": pa.array(["x"]).take(pa.array(np.zeros(2_000_000, np.int32)))})
    pq.write_table(table, folder / "items.parquet")
    assert (folder / "items.parquet").stat().st_size < 20_000
    with refused(names=("items.parquet", "100,000 rows")):
        TileDataset.open(folder)
