"""A GeoPackage is what its specification says, and keeps every value."""

import datetime
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
from make_places import ITEMS, SQUARE
from pyproj import CRS
from refusals import refused

from rsh.data.geopackage import geopackage_bytes, read_layer, write_geopackage
from rsh.data.geotable import GeoTable

RICH = ITEMS.assign(
    integer=[1, -(2**60), 3, 4],
    large=np.array([2**64 - 1, 0, 1, 2], np.uint64),
    part=[0.1, np.nan, np.inf, 2],
    flag=[True, None, False, True],
    when=pd.to_datetime(["2021-05-03 04:05:06.789", None, None, None], utc=True),
    naive=pd.to_datetime(["2021-05-03 04:05:06", None, None, None]),
    day=[datetime.date(2021, 5, 3), None, None, None],
    text=["森林", 'say "x"; DROP TABLE tiles', "it's", ""],
)


@pytest.fixture
def opened(tmp_path: Path):
    """Write items, and open them with SQLite alone."""
    with closing(sqlite3.connect(":memory:")) as database:

        def start(items: pd.DataFrame, **options) -> sqlite3.Connection:
            file = tmp_path / "x.gpkg"
            write_geopackage(GeoTable.of_items(items, **options), file)
            database.deserialize(file.read_bytes())
            return database

        yield start


def test_the_file_says_what_it_is(tmp_path: Path):
    write_geopackage(GeoTable.of_items(ITEMS), tmp_path / "x.gpkg")
    head = (tmp_path / "x.gpkg").read_bytes()[:100]
    assert head[:16] == b"SQLite format 3\0"
    assert head[68:72] == b"GPKG" and struct.unpack(">I", head[60:64]) == (10400,)
    assert [path.name for path in tmp_path.iterdir()] == ["x.gpkg"]  # no journal beside it


def test_the_tables_of_the_specification_are_there(opened):
    database = opened(ITEMS)
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    systems = database.execute("SELECT srs_id, organization, organization_coordsys_id, definition "
                               "FROM gpkg_spatial_ref_sys ORDER BY srs_id").fetchall()  # fmt: skip
    assert [row[:3] for row in systems] == [(-1, "NONE", -1), (0, "NONE", 0), (4326, "EPSG", 4326)]
    assert CRS.from_wkt(systems[2][3]).equals(CRS("EPSG:4326"))
    (contents,) = database.execute("SELECT table_name, data_type, min_x, min_y, max_x, max_y, "
                                   "srs_id FROM gpkg_contents").fetchall()  # fmt: skip
    assert contents == ("tiles", "features", -180, 0, 180, 6, 4326)
    (changed,) = database.execute("SELECT last_change FROM gpkg_contents").fetchone()
    datetime.datetime.strptime(changed, "%Y-%m-%dT%H:%M:%S.%fZ")
    assert database.execute("SELECT * FROM gpkg_geometry_columns").fetchall() == [
        ("tiles", "geom", "GEOMETRY", 4326, 0, 0)
    ]
    assert database.execute("SELECT table_name, column_name, extension_name, scope "
                            "FROM gpkg_extensions").fetchall() == [
        ("tiles", "geom", "gpkg_rtree_index", "write-only")
    ]  # fmt: skip
    columns = database.execute("PRAGMA table_info(tiles)").fetchall()
    assert [(name, kind, key) for _, name, kind, _, _, key in columns][:2] == [
        ("fid", "INTEGER", 1), ("geom", "GEOMETRY", 0),
    ]  # fmt: skip


def test_geometries_have_the_header_of_the_specification(opened):
    blobs = [blob for (blob,) in opened(ITEMS).execute("SELECT geom FROM tiles ORDER BY fid")]
    assert blobs[1] is None
    magic, version, flags, srs = struct.unpack_from("<2sBBi", blobs[0])
    assert (magic, version, flags, srs) == (b"GP", 0, 0b011, 4326)
    assert struct.unpack_from("<4d", blobs[0], 8) == (0, 2, 1, 3)  # x, then y
    assert shapely.from_wkb(blobs[0][40:]) == shapely.from_wkt(SQUARE)
    assert blobs[3][3] == 0b001  # a point needs no envelope
    assert shapely.from_wkb(blobs[3][8:]) == shapely.Point(5, 6)


@pytest.mark.parametrize(
    ("rows", "points", "kind"),
    [
        ([0], False, "POLYGON"),
        ([0, 1, 2], False, "MULTIPOLYGON"),
        ([2], False, "MULTIPOLYGON"),
        ([3], False, "POINT"),
        ([0, 1, 2, 3], True, "POINT"),
        ([0, 3], False, "GEOMETRY"),
        ([1], False, "GEOMETRY"),
    ],
)
def test_a_layer_of_areas_is_of_one_type(opened, rows: list[int], points: bool, kind: str):
    database = opened(ITEMS.iloc[rows], points=points)
    (stated,) = database.execute("SELECT geometry_type_name FROM gpkg_geometry_columns").fetchone()
    assert stated == kind
    for (blob,) in database.execute("SELECT geom FROM tiles WHERE geom NOTNULL"):
        shape = shapely.from_wkb(blob[8 if blob[3] == 1 else 40 :])
        assert kind in (shape.geom_type.upper(), "GEOMETRY")


def test_every_value_is_kept_with_its_type(opened):
    database = opened(RICH)
    kinds = {name: kind for _, name, kind, *_ in database.execute("PRAGMA table_info(tiles)")}
    assert kinds | {
        "id": "TEXT", "integer": "INTEGER", "large": "TEXT", "part": "DOUBLE", "flag": "BOOLEAN",
        "when": "DATETIME", "naive": "TEXT", "day": "DATE", "text": "TEXT",
    } == kinds  # fmt: skip
    found = pd.read_sql_query("SELECT * FROM tiles ORDER BY fid", database)
    assert found["integer"].tolist() == RICH["integer"].tolist()
    assert found["large"].tolist() == ["18446744073709551615", "0", "1", "2"]
    assert found["part"].tolist()[::2] == [0.1, np.inf] and np.isnan(found["part"][1])
    assert found["flag"].fillna(-1).tolist() == [1, -1, 0, 1]
    assert found["when"][0] == "2021-05-03T04:05:06.789Z" and found["day"][0] == "2021-05-03"
    assert found["text"].tolist() == RICH["text"].tolist()
    assert found["class"].fillna("-").tolist() == ["x", "-", "y", "x"]


def test_names_of_columns_do_not_clash(opened):
    items = ITEMS.assign(**{"Class": 1, "FID": 2, "geom": 3, 'a "b"': 4, "": 5})
    database = opened(items)
    names = [name for _, name, *_ in database.execute("PRAGMA table_info(tiles)")]
    assert names[:2] == ["fid", "geom"]
    assert names[-5:] == ["Class_2", "FID_2", "geom_2", 'a "b"', "column"]


def test_the_spatial_index_holds_every_place(opened):
    database = opened(ITEMS)
    boxes = database.execute("SELECT id, minx, maxx, miny, maxy FROM rtree_tiles_geom").fetchall()
    assert boxes == [(1, 0, 2, 1, 3), (3, -180, 180, 0, 1), (4, 5, 5, 6, 6)]
    found = database.execute("SELECT id FROM rtree_tiles_geom WHERE minx <= 2 AND maxx >= 1 "
                             "AND miny <= 3 AND maxy >= 2").fetchall()  # fmt: skip
    assert found == [(1,)]


def test_the_spatial_index_follows_changes(opened):
    database = opened(ITEMS)

    def ends(blob: bytes | None) -> tuple[float, ...]:
        return shapely.from_wkb(blob[8 if blob[3] == 1 else 40 :]).bounds

    for number, name in enumerate(("MinX", "MinY", "MaxX", "MaxY")):
        database.create_function(f"ST_{name}", 1, lambda blob, n=number: ends(blob)[n])
    database.create_function("ST_IsEmpty", 1, lambda blob: blob is None)

    def boxes() -> dict[int, tuple[float, ...]]:
        selected = database.execute("SELECT id, minx, maxx, miny, maxy FROM rtree_tiles_geom")
        return {key: tuple(box) for key, *box in selected}

    point = b"GP\0\1" + struct.pack("<i", 4326) + shapely.to_wkb(shapely.Point(7, 8), byte_order=1)
    before = boxes()
    database.execute("UPDATE tiles SET geom = ? WHERE fid = 1", (point,))
    assert boxes() == before | {1: (7, 7, 8, 8)}
    database.execute("UPDATE tiles SET geom = ? WHERE fid = 2", (point,))
    assert boxes()[2] == (7, 7, 8, 8)
    database.execute("UPDATE tiles SET geom = NULL WHERE fid = 2")
    assert 2 not in boxes()
    database.execute("UPDATE tiles SET fid = 9 WHERE fid = 1")
    assert boxes()[9] == (7, 7, 8, 8) and 1 not in boxes()
    database.execute("UPDATE tiles SET fid = 10, geom = NULL WHERE fid = 9")
    assert not boxes().keys() & {9, 10}
    database.execute("DELETE FROM tiles WHERE fid = 4")
    database.execute("INSERT INTO tiles (fid, geom) VALUES (20, ?)", (point,))
    assert boxes().keys() == {3, 20}


def test_bytes_are_the_file(tmp_path: Path):
    table = GeoTable.of_items(ITEMS)
    (tmp_path / "x.gpkg").write_bytes(geopackage_bytes(table))
    shapes, crs = read_layer(tmp_path / "x.gpkg")
    assert [None if shape is None else shape.geom_type for shape in shapes] == [
        "Polygon", None, "MultiPolygon", "Point",
    ]  # fmt: skip
    assert crs.equals(CRS("EPSG:4326"))


def test_many_rows_are_kept_in_order(opened):
    count = 70_000
    items = pd.DataFrame({"id": [f"t{n}" for n in range(count)], "class": "", "split": "",
                          "longitude": np.linspace(-180, 180, count), "latitude": 0.5})  # fmt: skip
    database = opened(items)
    assert database.execute("SELECT count(*) FROM rtree_tiles_geom").fetchone() == (count,)
    rows = database.execute(
        "SELECT fid, id, longitude, geom FROM tiles WHERE fid IN (1, 40000, 70000)"
    )
    for key, name, longitude, blob in rows:
        assert name == f"t{key - 1}"
        assert shapely.from_wkb(blob[8:]) == shapely.Point(longitude, 0.5)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with refused(names="file"):
        write_geopackage(GeoTable.of_items(ITEMS), tmp_path / "file" / "x.gpkg")


def test_a_full_disk_is_named_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("rsh.data.geopackage._add_index", full)
    with refused(names=("x.gpkg", "disk is full")):
        write_geopackage(GeoTable.of_items(ITEMS), tmp_path / "x.gpkg")
    assert not list(tmp_path.iterdir())
