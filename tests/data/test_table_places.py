"""Tables say where tiles lie in degrees or in any system, and what cannot be is refused."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from make_scenes import make, zipped
from pyproj import Transformer
from refusals import refused

from rsh.data.angles import read_angle
from rsh.data.embeddings import ColumnOptions, Embeddings
from rsh.data.open import open_dataset
from rsh.data.table_places import read_places
from rsh.data.tile_grid import TilingOptions
from rsh.data.tiles import TileDataset
from rsh.errors import RshWarning

SQUARE = "POLYGON ((9 48, 9.1 48, 9.1 48.1, 9 48.1, 9 48))"
PATHS = ["coast/0.png", "coast/1.png", "forest/0.png", "forest/1.png"]
PLACES = [(9.5, 48.0), (10.0, 49.0), (-3.25, 40.5), (11.0, 50.0)]


def places(crs: str = "", **columns: object) -> pd.DataFrame:
    table = pd.DataFrame(columns)
    table.index = pd.Index([f"t{row}" for row in range(len(table))])
    return pd.DataFrame(read_places(table, "items.csv", crs))


def there(crs: str) -> dict[str, np.ndarray]:
    x, y = Transformer.from_crs(4326, crs, always_xy=True).transform(*np.array(PLACES).T)
    return {"x": x, "y": y}


@given(st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=1, max_size=5),
       st.integers(0, 40))  # fmt: skip
def test_decimals_of_any_length_are_read(pairs: list[tuple[float, float]], digits: int):
    texts = [[f"{number:.{digits}f}" for number in pair] for pair in pairs]
    found = places(longitude=[x for x, _ in texts], latitude=[y for _, y in texts])
    assert found["longitude"].tolist() == [float(x) for x, _ in texts]
    assert found["latitude"].tolist() == [float(y) for _, y in texts]


@pytest.mark.parametrize("crs", ["EPSG:3857", "EPSG:32632", "EPSG:3035", "EPSG:4326", "OGC:CRS84"])
@pytest.mark.parametrize("names", [("x", "y"), ("Easting", "NORTHING"), ("lon", "lat")])
def test_x_and_y_are_brought_to_degrees(crs: str, names: tuple[str, str]):
    found = places(crs, **dict(zip(names, there(crs).values(), strict=True)))
    assert np.allclose(found[["longitude", "latitude"]], PLACES, atol=1e-6)


def test_unknown_x_and_y_are_unknown_places():
    xy = there("EPSG:3857")
    found = places("EPSG:3857", x=[xy["x"][0], None], y=[xy["y"][0], None])
    assert found["longitude"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("crs", "columns", "named"),
    [
        ("EPSG:3857", {"x": [9.5], "y": [48.0]}, ("degrees", "9.5 48", "Pseudo-Mercator", "--crs")),
        ("EPSG:4326", {"x": [1.06e6], "y": [6.1e6]}, ("outside WGS 84", "row 0")),
        ("EPSG:nope", {"x": [1.0], "y": [2.0]}, ("EPSG:nope",)),
        ("EPSG:3857", {"a": [1.0]}, ("no geometries", "x, y or footprint")),
        ("EPSG:3857", {"longitude": [1.0], "latitude": [2.0]}, ("x, y or footprint",)),
        ("EPSG:3857", {"x": ["here", 2], "y": [1, 2]}, ("t0", "x and y")),
        ("", {"longitude": [35.6, 35], "latitude": [139.7, 120]}, ("t0", "139.7", "exchange")),
        ("", {"longitude": [35.6, 100], "latitude": [139.7, 120]}, ("t0", "139.7", "-90 to 90")),
        ("", {"longitude": [0, 0, 0], "latitude": [0, 0, 91]}, ("t2", "91", "-90 to 90")),
        ("", {"longitude": [48.05], "latitude": [9.05], "footprint": [SQUARE]}, ("exchange",)),
        ("", {"longitude": ["9"], "latitude": ["48,5"]}, ("48,5", "48.5", "point")),
        ("", {"longitude": ["9"], "latitude": ["48°12'30\"N"]}, ("48.20833", "minutes / 60")),
        ("", {"longitude": ["9°30' W"], "latitude": [48]}, ("-9.5",)),
        ("", {"longitude": ["9"], "latitude": ["north"]}, ("north", "-90 to 90")),
        ("", {"footprint": ["POLYGON ((5e5 5e6, 5e5 6e6, 6e5 5e6, 5e5 5e6))"]}, ("degrees",)),
        ("EPSG:32632", {"footprint": [SQUARE]}, ("degrees", "UTM", "SRID=4326")),
        ("EPSG:32632", {"footprint": ["POINT (5 6)"]}, ("POINT", "POLYGON")),
        ("", {"footprint": [f"SRID=99999;{SQUARE}"]}, ("EPSG:99999",)),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(crs: str, columns: dict, named: tuple[str, ...]):
    with refused(names=named):
        places(crs, **columns)


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("48°12'30\"N", 48 + 12 / 60 + 30 / 3600),
        ("48°12'30.6\"S", -(48 + 12 / 60 + 30.6 / 3600)),
        ("-48 12 30", -(48 + 12 / 60 + 30 / 3600)),
        ("E 9:30", 9.5),
        ("9.5W", -9.5),
        ("9º30’15”", 9 + 30 / 60 + 15 / 3600),  # noqa: RUF001
        ("48,5", 48.5),
        ("9.5O", None),  # east or west, as the language has it
        ("48°61'N", None),
        ("N 48 N", None),
        ("north", None),
        ("", None),
    ],
)
def test_angles_are_read(text: str, degrees: float | None):
    found = read_angle(text)
    assert found == (degrees if degrees is None else pytest.approx(degrees))


@pytest.mark.parametrize("way", ["crs", "srid"])
def test_footprints_are_brought_to_degrees(way: str):
    utm = Transformer.from_crs(4326, 32632, always_xy=True)
    square = shapely.from_wkt(SQUARE)
    text = shapely.transform(square, lambda xy: np.array(utm.transform(*xy.T)).T).wkt
    if way == "crs":
        found = places("EPSG:32632", footprint=[text, "", f"SRID=4326;{SQUARE}"])
    else:
        found = places(footprint=[f"SRID=32632;{text}", None, SQUARE])
    assert found["footprint"].tolist()[1] == ""
    for row in (0, 2):
        assert shapely.from_wkt(found["footprint"].iloc[row]).equals_exact(
            square, 1e-6, normalize=True
        )
    assert found["longitude"].iloc[0] == pytest.approx(9.05, abs=1e-4)


def test_without_coordinates_the_footprint_tells_the_place():
    found = places(footprint=[SQUARE, "", "POLYGON ((179 0, 183 0, 183 2, 179 2, 179 0))"])
    assert found["longitude"].round(6).tolist()[::2] == [9.05, -179]
    assert found["latitude"].isna().tolist() == [False, True, False]


def test_a_place_far_outside_its_footprint_is_told():
    with pytest.warns(RshWarning, match="t1 the longitude 48.05.* far outside its footprint"):
        places(longitude=[9.05, 48.05], latitude=[48.05, 9.05], footprint=[SQUARE, SQUARE])
    with warnings.catch_warnings(action="error"):
        places(longitude=[9.15], latitude=[48.05], footprint=[SQUARE])  # beside it


@pytest.mark.parametrize("kind", ["folder", "zip", "parquet"])
def test_a_data_set_takes_the_system_of_its_table(tmp_path: Path, kind: str):
    folder = make(tmp_path / "data", count=2)
    table = pd.DataFrame({"path": PATHS, **there("EPSG:3857")})
    if kind == "parquet":
        table.to_parquet(folder / "items.parquet")
    else:
        table.to_csv(folder / "items.csv", index=False)
    source = zipped(folder, tmp_path / "data.zip") if kind == "zip" else folder
    with pytest.warns(RshWarning, match="columns x and y are kept .* --crs"):
        assert "longitude" not in TileDataset.open(source).items
    for items in (
        TileDataset.open(source, tiling=TilingOptions(crs="EPSG:3857")).items,
        open_dataset(source, columns=ColumnOptions(crs="EPSG:3857")).items,
    ):
        assert np.allclose(items[["longitude", "latitude"]], PLACES, atol=1e-6)
    (folder / "items.csv").unlink(missing_ok=True)
    (folder / "items.parquet").unlink(missing_ok=True)
    if kind == "folder":
        with refused("crs", names=("no table", "items.csv")):
            TileDataset.open(folder, tiling=TilingOptions(crs="EPSG:3857"))


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_beside_an_array_is_told_of_its_columns(tmp_path: Path, suffix: str):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32))
    table = pd.DataFrame({"lon": [x for x, _ in PLACES], "lat": [y for _, y in PLACES]})
    write = table.to_csv if suffix == "csv" else table.to_parquet
    write(tmp_path / f"x.{suffix}", index=False)
    with pytest.warns(RshWarning, match="columns lon and lat are kept for filters alone; rename"):
        assert "longitude" not in Embeddings.open(tmp_path / "x.npy").items
    items = Embeddings.open(tmp_path / "x.npy", crs="EPSG:4326").items
    assert np.allclose(items[["longitude", "latitude"]], PLACES)


def test_columns_beside_geometries_are_not_told(tmp_path: Path):
    table = pd.DataFrame({
        "e": list(np.eye(4, 6, dtype=np.float32)), "lon": 1.0, "lat": 2.0,
        "geometry": [shapely.to_wkb(shapely.Point(place)) for place in PLACES],
    })  # fmt: skip
    table.to_parquet(tmp_path / "x.parquet")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*kept for filters.*", RshWarning)
        items = Embeddings.open(tmp_path / "x.parquet", crs="EPSG:4326").items
    assert np.allclose(items[["longitude", "latitude"]], PLACES)
