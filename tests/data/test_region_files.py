"""Polygons in files are regions, in whatever coordinate system."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from pyproj import CRS, Transformer
from refusals import refused

from rsh.data.region_files import read_region_file

HOLE = shapely.box(15.4, 45.4, 15.6, 45.6)
FIELDS = [shapely.box(15, 45, 16, 46).difference(HOLE), shapely.box(16, 45, 17, 46)]
TOGETHER = shapely.union_all(FIELDS)
BOWTIE = shapely.Polygon([(0, 0), (9, 9), (9, 0), (0, 9)])


def write_geojson(file: Path, shapes: list[Any], crs: str) -> Path:
    features = [{"type": "Feature", "properties": {}, "geometry": json.loads(shapely.to_geojson(s))}
                for s in shapes]  # fmt: skip
    content: dict[str, Any] = {"type": "FeatureCollection", "features": features}
    if crs != "EPSG:4326":
        content["crs"] = {"type": "name", "properties": {"name": crs}}
    file.write_text(json.dumps(content))
    return file


def write_geoparquet(file: Path, shapes: list[Any], crs: str) -> Path:
    about = {"encoding": "WKB", "geometry_types": [], "crs": CRS(crs).to_json_dict()}
    geo = {"version": "1.1.0", "primary_column": "g", "columns": {"g": about}}
    table = pa.table({"g": pa.array(shapely.to_wkb(shapes), pa.binary())})
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), file)
    return file


def write_geopackage(file: Path, shapes: list[Any], crs: str, layers: int = 1) -> Path:
    """Write what a reader needs of a GeoPackage, with envelopes as GDAL writes them."""
    number = CRS(crs).to_epsg()
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE gpkg_spatial_ref_sys (srs_id, organization, "
                         "organization_coordsys_id, definition)")  # fmt: skip
        database.execute("CREATE TABLE gpkg_geometry_columns (table_name, column_name, srs_id)")
        database.execute("INSERT INTO gpkg_spatial_ref_sys VALUES (?, 'EPSG', ?, '')",
                         (number, number))  # fmt: skip
        for layer in range(layers):
            database.execute("INSERT INTO gpkg_geometry_columns VALUES (?, 'shape', ?)",
                             (f"my layer {layer}", number))  # fmt: skip
            database.execute(f'CREATE TABLE "my layer {layer}" (shape BLOB)')
            for shape in shapes:
                west, south, east, north = shape.bounds
                head = b"GP\0\x03" + np.array([number], "<i4").tobytes()
                ends = np.array([west, east, south, north], "<f8").tobytes()
                database.execute(f'INSERT INTO "my layer {layer}" VALUES (?)',
                                 (head + ends + shapely.to_wkb(shape),))  # fmt: skip
            database.execute(f'INSERT INTO "my layer {layer}" VALUES (NULL)')
    database.close()
    return file


WRITERS = {".geojson": write_geojson, ".parquet": write_geoparquet, ".gpkg": write_geopackage}


def moved(shape: Any, crs: str) -> Any:
    """Bring a shape into a system, with so many corners that its edges stay where they are."""
    there = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    fine = shapely.segmentize(shape, 0.02)
    return shapely.transform(fine, lambda xy: np.array(there.transform(*xy.T)).T)


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:32633"])
def test_polygons_of_a_file_are_one_region(tmp_path: Path, suffix: str, crs: str):
    file = WRITERS[suffix](tmp_path / f"x{suffix}", [moved(shape, crs) for shape in FIELDS], crs)
    region = read_region_file(file)
    assert region.shape.symmetric_difference(TOGETHER).area < 1e-5


def test_a_disc_around_the_pole_holds_it(tmp_path: Path):
    disc = shapely.Point(0, 0).buffer(2_000_000, quad_segs=64)
    region = read_region_file(write_geoparquet(tmp_path / "x.parquet", [disc], "EPSG:3413"))
    longitude = np.arange(-180, 181, 15.0)
    assert region.contains(longitude, np.full(25, 73.0)).all()
    assert region.contains(longitude, np.full(25, 90.0)).all()
    assert not region.contains(longitude, np.full(25, 71.0)).any()


def test_a_box_across_the_antimeridian_stays_narrow(tmp_path: Path):
    box = moved(shapely.box(179, -17, 181, -16), "EPSG:3832")
    region = read_region_file(write_geopackage(tmp_path / "x.gpkg", [box], "EPSG:3832"))
    assert region.shape.area == pytest.approx(2, rel=1e-3)
    assert region.contains(np.array([179.5, -179.5, 0]), np.full(3, -16.5)).tolist() == [
        True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize("suffix", WRITERS)
def test_what_is_no_region_is_named(tmp_path: Path, suffix: str):
    write, file = WRITERS[suffix], tmp_path / f"x{suffix}"
    with refused(names=(file, "no file")):
        read_region_file(file)
    file.write_bytes(b"something else")
    with refused(names=file):
        read_region_file(file)
    file.unlink()
    with refused(names=("polygon 2 of", file, "itself")):
        read_region_file(write(file, [FIELDS[0], BOWTIE], "EPSG:4326"))
    file.unlink()
    with refused(names=(file, "type Point")):
        read_region_file(write(file, [shapely.Point(1, 2)], "EPSG:4326"))
    file.unlink()
    with refused(names=(file, "degrees", "Pseudo-Mercator")):
        read_region_file(write(file, FIELDS, "EPSG:3857"))
    file.unlink()
    with refused(names=(file, "outside")):
        read_region_file(write(file, [moved(FIELDS[0], "EPSG:3857")], "EPSG:4326"))


def test_two_layers_are_named(tmp_path: Path):
    file = write_geopackage(tmp_path / "x.gpkg", FIELDS, "EPSG:4326", layers=2)
    with refused(names=("2 layers", "my layer 0, my layer 1")):
        read_region_file(file)


def test_a_file_without_a_known_system_is_named(tmp_path: Path):
    file = write_geopackage(tmp_path / "x.gpkg", FIELDS, "EPSG:4326")
    with sqlite3.connect(file) as database:
        database.execute("DELETE FROM gpkg_spatial_ref_sys")
    database.close()
    with refused(names=(file, "coordinate system")):
        read_region_file(file)
    with refused(names=("x.geojson", "coordinate system")):
        read_region_file(write_geojson(tmp_path / "x.geojson", FIELDS, "nowhere"))


def test_an_empty_file_is_named(tmp_path: Path):
    with refused(names="no geometry"):
        read_region_file(write_geojson(tmp_path / "x.geojson", [], "EPSG:4326"))
