"""GeoParquet is what its specification says, and rsh reads it again."""

import io
import json

import pyarrow.parquet as pq
import pytest
import shapely
from make_places import CUT, ITEMS, SQUARE
from pyproj import CRS

from rsh.data.geoparquet import read_columns
from rsh.data.geoparquet_writer import write_geoparquet
from rsh.data.geotable import GeoTable
from rsh.data.places import read_footprint


def written(**options) -> pq.ParquetFile:
    stream = io.BytesIO()
    write_geoparquet(GeoTable.of_items(ITEMS, **options), stream)
    return pq.ParquetFile(io.BytesIO(stream.getvalue()))


def test_the_metadata_is_that_of_version_1_1():
    file = written()
    geo = json.loads(file.schema_arrow.metadata[b"geo"])
    assert (geo["version"], geo["primary_column"]) == ("1.1.0", "geometry")
    assert list(geo["columns"]) == ["geometry"]
    about = geo["columns"]["geometry"]
    assert (about["encoding"], about["edges"], about["orientation"]) == (
        "WKB", "planar", "counterclockwise",
    )  # fmt: skip
    assert about["geometry_types"] == ["MultiPolygon", "Point", "Polygon"]
    assert about["bbox"] == [-180, 0, 180, 6]
    crs = CRS.from_json_dict(about["crs"])
    assert crs.to_authority() == ("OGC", "CRS84") and crs.equals(CRS("OGC:CRS84"))
    assert str(file.schema_arrow.field("geometry").type) == "binary"
    assert file.schema.column(len(file.schema_arrow) - 1).physical_type == "BYTE_ARRAY"


def test_areas_are_counter_clockwise_as_stated():
    shapes = shapely.from_wkb(written().read()["geometry"].to_pylist())
    areas = [part for shape in shapes if shape for part in getattr(shape, "geoms", [shape])]
    assert all(part.exterior.is_ccw for part in areas if part.geom_type == "Polygon")


def test_what_is_written_is_read_again():
    columns, places = read_columns(written(), "x")
    assert columns["id"].tolist() == ["a", "b", "c", "d"]
    assert columns["longitude"].tolist()[::3] == [1, 5]
    expected = [read_footprint(text or "") for text in (SQUARE, "", CUT, "")]
    for found, text in zip(places["footprint"], expected, strict=True):
        assert shapely.from_wkt(found or "POLYGON EMPTY").equals(
            shapely.from_wkt(text or "POLYGON EMPTY")
        )


def test_a_column_of_that_name_is_renamed():
    stream = io.BytesIO()
    write_geoparquet(GeoTable.of_items(ITEMS.assign(Geometry="x")), stream)
    names = pq.read_schema(io.BytesIO(stream.getvalue())).names
    assert names[-2:] == ["Geometry_2", "geometry"]
    stream = io.BytesIO()
    more = {"Geometry": "x", "geometry_2": "y"}
    write_geoparquet(GeoTable.of_items(ITEMS.assign(**more)), stream)
    names = pq.read_schema(io.BytesIO(stream.getvalue())).names
    assert names[-3:] == ["Geometry_3", "geometry_2", "geometry"]


@pytest.mark.parametrize("rows", [slice(0), slice(1, 2)])
def test_a_table_without_places_has_no_bbox(rows: slice):
    stream = io.BytesIO()
    write_geoparquet(GeoTable.of_items(ITEMS.iloc[rows]), stream)
    geo = json.loads(pq.read_schema(io.BytesIO(stream.getvalue())).metadata[b"geo"])
    assert "bbox" not in geo["columns"]["geometry"]
    assert geo["columns"]["geometry"]["geometry_types"] == []
