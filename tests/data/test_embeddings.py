"""Embeddings of any file are the numbers that were written, with the ids and places beside them."""

import io
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pyproj import CRS, Transformer
from refusals import refused

from rsh.data import vectors as vectors_module
from rsh.data.dataset import Split
from rsh.data.embeddings import Embeddings
from rsh.errors import RshWarning
from rsh.io import array_cache

N, DIM = 11, 5
NUMBERS = np.random.default_rng(0).normal(size=(N, DIM)).astype(np.float32)
IDS = [f"tile {number}" for number in range(N)]
# Tables of other makers are written by their own programs; none of these lists is read by ours.
LISTS = {
    "list": lambda kind, dim: pa.list_(kind),
    "large_list": lambda kind, dim: pa.large_list(kind),
    "fixed_size_list": pa.list_,
    "tensor": lambda kind, dim: pa.fixed_shape_tensor(kind, [dim]),
}
KINDS = {"float16": 1e-3, "float32": 0, "float64": 1e-7, "int8": 0}


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read three vectors at a time, so that every test has several batches."""
    monkeypatch.setattr(vectors_module, "NUMBERS", 3 * DIM)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("RSH_CACHE", str(folder))
    return folder / "embeddings"


def column(values: Any, kind: str = "list", number: pa.DataType | None = None) -> pa.Array:
    values = np.asarray(values)
    number = number or pa.from_numpy_dtype(values.dtype)
    made = LISTS[kind](number, values.shape[1])
    if kind != "tensor":
        return pa.array(list(values), made)
    flat = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel(), number), values.shape[1])
    return pa.ExtensionArray.from_storage(made, flat)


def write(path: Path, columns: dict[str, Any], *, geo: Any = None, **options: Any) -> Path:
    table = pa.table(columns)
    if geo is not None:
        about = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": geo}}
        table = table.replace_schema_metadata({"geo": json.dumps(about)})
    path.parent.mkdir(exist_ok=True)
    pq.write_table(table, path, **{"row_group_size": 4, **options})
    return path


def reference(values: Any) -> np.ndarray:
    """One number after the other, as Python has it."""
    return np.array([[float(number) for number in vector] for vector in values], np.float32)


def same(embeddings: Embeddings, expected: np.ndarray) -> None:
    assert (len(embeddings), embeddings.dim) == expected.shape
    parts = list(embeddings.batches(4))
    assert [len(part) for part in parts] == [4] * (len(expected) // 4) + [len(expected) % 4][
        : len(expected) % 4
    ]
    assert all(part.dtype == np.float32 for part in parts)
    assert np.array_equal(np.concatenate(parts), expected)
    rows = np.random.default_rng(1).integers(0, len(expected), 9)
    read = embeddings.read(rows)
    assert read.dtype == np.float32
    assert np.array_equal(read, np.array([expected[row] for row in rows]))


@pytest.fixture
def quiet() -> Iterator[None]:
    with warnings.catch_warnings(action="error", category=RshWarning):
        yield


@pytest.mark.parametrize("source", ["npy", *LISTS, "columns"])
@pytest.mark.parametrize("kind", KINDS)
def test_numbers_are_those_of_the_file(tmp_path: Path, source: str, kind: str):
    values = (NUMBERS * 20).astype(kind)
    if source == "npy":
        np.save(tmp_path / "x.npy", values)
        path = tmp_path / "x.npy"
    elif source == "columns":
        named = {f"A{number:02}": values[:, number] for number in range(DIM)}
        path = write(tmp_path / "x.parquet", named)
    else:
        path = write(tmp_path / "x.parquet", {"e": column(values, source)})
    told = pytest.warns(RshWarning, match="int8") if kind == "int8" else warnings.catch_warnings()
    with told:
        embeddings = Embeddings.open(path, vector_column="A" if source == "columns" else "")
    same(embeddings, reference(values))
    assert embeddings.items["id"].tolist() == [str(number) for number in range(N)]
    assert np.allclose(embeddings.read(np.arange(N)), values, rtol=KINDS[kind] or 1e-9)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=arrays(
        np.float32,
        st.tuples(st.integers(1, 20), st.integers(2, 6)),
        elements=st.floats(-(2.0**100), 2.0**100, width=32),
    ),
    group=st.integers(1, 25),
    size=st.integers(1, 25),
)
@pytest.mark.filterwarnings("ignore:.*zeros alone")
def test_every_form_of_the_same_numbers_is_the_same(
    tmp_path: Path, values: np.ndarray, group: int, size: int
):
    np.save(tmp_path / "x.npy", values)
    opened = [Embeddings.open(tmp_path / "x.npy")]
    for kind in LISTS:
        path = write(tmp_path / f"{kind}.parquet", {"e": column(values, kind)},
                     row_group_size=group)  # fmt: skip
        opened.append(Embeddings.open(path))
    assert len({one.fingerprint for one in opened}) == 1
    for one in opened:
        assert one.items.equals(opened[0].items)
        assert np.array_equal(np.concatenate(list(one.batches(size))), values)
        assert np.array_equal(one.read(np.arange(len(values))[::-1]), values[::-1])


def test_numbers_beyond_half_floats_are_kept(tmp_path: Path):
    values = np.array([[1e6, 1e-9], [70_000, 1 + 2**-20]], np.float32)
    same(Embeddings.open(write(tmp_path / "x.parquet", {"e": column(values)})), values)


@pytest.mark.parametrize("kind", ["float16", "int8"])
def test_small_types_take_no_more_room_in_the_cache(tmp_path: Path, own_cache: Path, kind: str):
    path = write(tmp_path / "x.parquet", {"e": column((NUMBERS * 9).astype(kind))})
    with warnings.catch_warnings(action="ignore", category=RshWarning):
        Embeddings.open(path).read(np.array([0]))
    (file,) = own_cache.glob("*.npy")
    assert np.load(file).dtype == kind


@pytest.mark.parametrize("raster", [False, True])
@pytest.mark.parametrize("scale_dim", [False, True])
def test_int8_arrays_with_scales_as_tessera_has_them(
    tmp_path: Path, raster: bool, scale_dim: bool, quiet: None
):
    shape = (4, 3) if raster else (12,)
    values = np.random.default_rng(0).integers(-127, 128, (*shape, DIM)).astype(np.int8)
    scales = np.random.default_rng(1).uniform(0.1, 1, (*shape, 1) if scale_dim else shape)
    scales = scales.astype(np.float32)
    np.save(tmp_path / "grid_1.05_2.05.npy", values)
    np.save(tmp_path / "grid_1.05_2.05_scales.npy", scales)
    expected = [
        [np.float32(number) * scale for number in vector]
        for vector, scale in zip(values.reshape(-1, DIM), scales.ravel(), strict=True)
    ]
    for path in (tmp_path / "grid_1.05_2.05.npy", tmp_path):
        embeddings = Embeddings.open(path)
        same(embeddings, np.array(expected, np.float32))
        assert embeddings.items["id"][7] == ("2,1" if raster else "7")


@pytest.mark.parametrize("number", [pa.int8(), pa.uint8(), pa.int64()])
@pytest.mark.parametrize("name", ["e_scale", "scale"])
def test_whole_numbers_are_multiplied_by_their_scales(
    tmp_path: Path, number: pa.DataType, name: str, quiet: None
):
    values = np.random.default_rng(0).integers(0, 120, (N, DIM))
    scales = np.linspace(0.5, 2, N)
    path = write(tmp_path / "x.parquet", {"e": column(values, number=number), name: scales})
    embeddings = Embeddings.open(path)
    expected = [[number * np.float32(scale) for number in vector]
                for vector, scale in zip(values.tolist(), scales, strict=True)]  # fmt: skip
    same(embeddings, np.array(expected, np.float32))
    assert embeddings.items[name].tolist() == scales.tolist()


def test_scales_of_floats_are_only_an_attribute(tmp_path: Path, quiet: None):
    path = write(tmp_path / "x.parquet", {"e": column(NUMBERS), "scale": np.linspace(1, 2, N)})
    same(Embeddings.open(path), NUMBERS)


def test_column_names_with_dots_and_of_bare_numbers(tmp_path: Path, quiet: None):
    path = write(tmp_path / "x.parquet", {"model.v1": column(NUMBERS), "model": IDS})
    same(Embeddings.open(path), NUMBERS)
    values = np.random.default_rng(0).normal(size=(N, 20)).astype(np.float32)
    frame = pd.DataFrame(values, columns=[str(number) for number in range(20)])
    frame[[*frame.columns[::-1]]].to_parquet(tmp_path / "y.parquet")
    same(Embeddings.open(tmp_path / "y.parquet"), values)


# What is known of each vector.


@pytest.mark.parametrize("name", ["x.csv", "x.parquet", "items.csv", "items.parquet"])
def test_table_beside_an_array_tells_of_its_rows(tmp_path: Path, name: str, quiet: None):
    np.save(tmp_path / "x.npy", NUMBERS)
    table = pd.DataFrame({
        "id": IDS, "class": ["a", "", "b"] * 3 + ["a", "b"], "cloud": range(N),
        "longitude": np.linspace(-10, 10, N), "code": ["01"] * N,
    })  # fmt: skip
    path = tmp_path / name
    table.to_csv(path, index=False) if name.endswith("csv") else table.to_parquet(path)
    for where in (tmp_path / "x.npy", tmp_path):
        with pytest.warns(RshWarning, match="3 of 11 tiles have no class, such as tile 1"):
            embeddings = Embeddings.open(where)
        same(embeddings, NUMBERS)
        items = embeddings.items
        assert items.columns[:3].tolist() == ["id", "class", "split"]
        assert items["id"].tolist() == IDS
        assert items["class"].tolist() == table["class"].tolist()
        assert items["split"].tolist() == [""] * N
        assert items["cloud"].tolist() == list(range(N))
        assert items["longitude"].tolist() == pytest.approx(table["longitude"].tolist())
        assert items["code"].tolist() == ["01"] * N
        assert embeddings.classes == ["a", "b"]
        assert embeddings.labels.tolist() == [0, -1, 1] * 3 + [0, 1]
        assert embeddings.labels.dtype == np.int64


def test_table_of_another_array_is_not_used(tmp_path: Path):
    np.save(tmp_path / "x.npy", NUMBERS)
    np.save(tmp_path / "y.npy", NUMBERS)
    (tmp_path / "items.csv").write_text("id\n" + "\n".join(IDS))
    with pytest.warns(RshWarning, match=r"items\.csv is not used.* x\.csv"):
        assert Embeddings.open(tmp_path / "x.npy").items["id"][0] == "0"


@pytest.mark.parametrize(
    ("columns", "named", "expected", "told"),
    [
        ({"id": IDS}, "", IDS, ""),
        ({"index": np.arange(N) + 5}, "", [str(number + 5) for number in range(N)], ""),
        ({"name": IDS, "tile_id": IDS[::-1]}, "", IDS[::-1], "tile_id, and not name"),
        ({"name": IDS, "tile_id": IDS[::-1]}, "name", IDS, ""),
        ({"id": ["a"] * N, "name": IDS}, "", IDS, "id has a twice, again in row 1"),
        ({"name": ["a", None] * 5 + ["b"]}, "", [*map(str, range(N))], "name is empty in row 1"),
        ({"id": IDS}, "row", [*map(str, range(N))], ""),
        ({"id": IDS[::-1], "row": IDS}, "row", IDS, ""),
        ({"other": IDS}, "", [*map(str, range(N))], ""),
        ({"other": IDS}, "other", IDS, ""),
        ({"id": np.arange(N) + 2**60}, "", [str(number + 2**60) for number in range(N)], ""),
    ],
)
def test_ids_are_those_of_the_file(
    tmp_path: Path, columns: dict, named: str, expected: list[str], told: str
):
    path = write(tmp_path / "x.parquet", {"e": column(NUMBERS), **columns})
    with warnings.catch_warnings(record=True) as notes:
        embeddings = Embeddings.open(path, id_column=named)
    assert embeddings.items["id"].tolist() == expected
    assert [told in str(note.message) for note in notes] == [True] * bool(told)


def test_skipped_column_of_ids_is_kept(tmp_path: Path):
    path = write(tmp_path / "x.parquet", {"e": column(NUMBERS), "id": ["a"] * N})
    assert Embeddings.open(path, id_column="row").items["given_id"].tolist() == ["a"] * N


@pytest.mark.parametrize(
    ("ids", "fault"), [(["a"] * N, "id has a twice, again in row 1"), ([None] * N, "id is empty")]
)
def test_ids_that_name_no_vector_are_refused(tmp_path: Path, ids: list, fault: str):
    path = write(tmp_path / "x.parquet", {"e": column(NUMBERS), "id": ids, "index": [1] * N})
    with refused(names=(fault, "--id-column")):
        Embeddings.open(path)


def test_classes_are_named_found_and_kept_apart(tmp_path: Path):
    path = write(tmp_path / "x.parquet", {
        "e": column(NUMBERS), "class": ["a"] * N, "kind": pa.array([3, None] * 5 + [12]),
    })  # fmt: skip
    assert Embeddings.open(path).classes == ["a"]
    embeddings = Embeddings.open(path, class_column="kind")
    assert embeddings.items["class"].tolist() == ["3", ""] * 5 + ["12"]
    assert embeddings.items["given_class"].tolist() == ["a"] * N
    assert embeddings.labels.tolist() == [1, -1] * 5 + [0]
    both = write(tmp_path / "y.parquet", {"e": column(NUMBERS), "label": IDS, "class": ["a"] * N})
    with pytest.warns(RshWarning, match="column class, and not in label"):
        assert Embeddings.open(both).items["label"].tolist() == IDS


def test_images_are_named_or_found(tmp_path: Path):
    columns = {
        "e": column(NUMBERS),
        "source_url": [f"s3://tiles/{number}.tif" for number in range(N)],
        "thumbnail": pa.array([None, *(f"small/{number}.png" for number in range(1, N))]),
        "note": ["see https://x.org"] * N,
    }
    path = write(tmp_path / "x.parquet", columns)
    assert Embeddings.open(path).image == "thumbnail"
    assert Embeddings.open(path, image_column="source_url").image == "source_url"
    assert not Embeddings.open(write(tmp_path / "y.parquet", {"e": column(NUMBERS)})).image


def test_selected_vectors_serve_in_a_split(tmp_path: Path):
    path = write(tmp_path / "x.parquet", {"e": column(NUMBERS), "id": IDS, "class": ["a"] * N})
    embeddings = Embeddings.open(path)
    names = ["train", "val", "query"] * 3 + ["train", "train"]
    embeddings.items["split"] = names
    split = Split(embeddings)  # type: ignore[arg-type]
    for part, wanted in ((split.query, ["query"]), (split.gallery, ["train", "val"])):
        rows = [row for row in range(N) if names[row] in wanted]
        same(part, NUMBERS[rows])  # type: ignore[arg-type]
        assert part.items["id"].tolist() == [IDS[row] for row in rows]
    again = embeddings.select(np.array([4, 2, 9])).select(np.array([2, 0]))
    assert np.array_equal(again.read(np.array([0, 1])), NUMBERS[[9, 4]])
    assert again.fingerprint != embeddings.fingerprint


def test_fingerprint_tells_of_ids_classes_and_numbers(tmp_path: Path):
    def found(**changes: Any) -> str:
        columns = {"e": column(NUMBERS), "id": IDS, "class": ["a"] * N} | changes
        return Embeddings.open(write(tmp_path / "x.parquet", columns)).fingerprint

    other = NUMBERS.copy()
    other[7, 2] += 1
    prints = [
        found(),
        found(id=IDS[::-1]),
        found(**{"class": ["b"] * N}),
        found(e=column(other)),
        found(e=column(NUMBERS[::-1])),
    ]
    assert len(set(prints)) == len(prints)
    assert found(cloud=range(N)) == prints[0]


# Folders.


def test_folder_is_one_after_the_other(tmp_path: Path, quiet: None):
    write(tmp_path / "d" / "b.parquet", {"e": column(NUMBERS[4:]), "id": IDS[4:], "x": range(7)})
    write(tmp_path / "d" / "a.gpq", {"e": column(NUMBERS[:4], "fixed_size_list"), "id": IDS[:4],
                                     "y": ["p"] * 4})  # fmt: skip
    embeddings = Embeddings.open(tmp_path / "d")
    same(embeddings, NUMBERS)
    assert embeddings.items["id"].tolist() == IDS
    assert embeddings.items["x"].tolist()[4:] == list(range(7))
    assert embeddings.items["x"].isna().tolist() == [True] * 4 + [False] * 7
    assert embeddings.items["y"].fillna("-").tolist() == ["p"] * 4 + ["-"] * 7
    np.save(tmp_path / "x.npy", NUMBERS)
    (tmp_path / "x.csv").write_text("id\n" + "\n".join(IDS))
    assert Embeddings.open(tmp_path / "x.npy").fingerprint == embeddings.fingerprint


def test_ids_that_begin_again_in_each_file_get_its_name(tmp_path: Path):
    for name, rows in (("a", slice(4)), ("b", slice(4, None))):
        values = NUMBERS[rows]
        write(
            tmp_path / "d" / f"{name}.parquet", {"e": column(values), "index": range(len(values))}
        )
    with pytest.warns(RshWarning, match="several files"):
        items = Embeddings.open(tmp_path / "d").items
    assert items["id"].tolist()[3:6] == ["a.parquet/3", "b.parquet/0", "b.parquet/1"]


def test_folder_of_arrays_has_their_tables(tmp_path: Path, quiet: None):
    for name, rows in (("a", slice(4)), ("b", slice(4, None))):
        np.save(tmp_path / f"{name}.npy", NUMBERS[rows])
        pd.DataFrame({"id": IDS[rows]}).to_parquet(tmp_path / f"{name}.parquet")
    embeddings = Embeddings.open(tmp_path)
    same(embeddings, NUMBERS)
    assert embeddings.items["id"].tolist() == IDS


def test_column_of_numbers_and_texts_is_one_of_texts(tmp_path: Path):
    write(tmp_path / "d" / "a.parquet", {"e": column(NUMBERS), "id": IDS, "x": range(N)})
    write(tmp_path / "d" / "b.parquet", {"e": column(NUMBERS), "id": range(N), "x": ["p"] * N})
    items = Embeddings.open(tmp_path / "d").items
    assert items["x"].tolist() == [*map(str, range(N)), *["p"] * N]
    assert items["id"].tolist() == [*IDS, *map(str, range(N))]


def test_empty_file_of_a_folder_is_told(tmp_path: Path):
    write(tmp_path / "d" / "a.parquet", {"e": column(NUMBERS)})
    write(tmp_path / "d" / "b.parquet", {"e": column(NUMBERS[:0].reshape(0, DIM))})
    with pytest.warns(RshWarning, match=r"b\.parquet"):
        assert len(Embeddings.open(tmp_path / "d")) == N


# The shapes of what others publish.


def boxes(x: np.ndarray, y: np.ndarray, size: float) -> list[bytes]:
    return [shapely.to_wkb(box) for box in shapely.box(x, y, x + size, y + size)]


def test_clay(tmp_path: Path, quiet: None):
    path = write(tmp_path / "clay.gpq", {
        "index": range(N), "source_url": [f"s3://t/{n}.tif" for n in range(N)],
        "date": pa.array(pd.to_datetime(["2022-06-10"] * N).date), "embeddings": column(NUMBERS),
        "geometry": boxes(-167 + np.arange(N) / 10, np.full(N, 65.7), 0.05),
    }, geo={"encoding": "WKB", "crs": CRS("OGC:CRS84").to_json_dict()})  # fmt: skip
    embeddings = Embeddings.open(path)
    same(embeddings, NUMBERS)
    items = embeddings.items
    assert items["id"].tolist() == [*map(str, range(N))]
    assert items["date"].tolist() == ["2022-06-10"] * N
    assert items["longitude"].tolist() == pytest.approx(list(-166.975 + np.arange(N) / 10))
    assert items["latitude"].tolist() == pytest.approx([65.725] * N)
    assert items["footprint"][0].startswith("POLYGON ((")
    assert embeddings.image


def planet(path: Path, missing: list[int]) -> Path:
    rows = [None if row in missing else vector for row, vector in enumerate(NUMBERS.tolist())]
    return write(path, {
        "datetime": pd.to_datetime(["2018-08-01"] * N), "centroid_lat": [-10.2] * N,
        "geometry": boxes(np.full(N, -48.3), np.full(N, -10.2), 0.01),
        "embedding_thumbnail_uri": ["https://www.example.com/thumbnail"] * N,
        "embedding": pa.array(rows, pa.list_(pa.float32())),
    }, geo={"encoding": "WKB", "crs": CRS("EPSG:3857").to_json_dict()})  # fmt: skip


def test_planet_states_meters_for_degrees_and_lacks_vectors(tmp_path: Path):
    path = planet(tmp_path / "planet.parquet", [1, 3])
    with refused(names=(path, "Pseudo-Mercator", "degrees", -48.3, "crs", "EPSG:4326")):
        Embeddings.open(path)
    with pytest.warns(RshWarning, match="EPSG:4326, not in WGS 84 / Pseudo-Mercator"):
        embeddings = Embeddings.open(path, crs="EPSG:4326")
    assert embeddings.items["longitude"].tolist() == pytest.approx([-48.295] * N)
    with refused(names=(path, "row 1", "id 1", "lacks", "--skip-unreadable")):
        embeddings.read(np.array([0]))
    with pytest.warns(RshWarning, match="2 vectors without finite numbers, such as that of 1"):
        embeddings = Embeddings.open(path, crs="EPSG:4326", skip_unreadable=True)
    rows = [row for row in range(N) if row not in (1, 3)]
    same(embeddings, NUMBERS[rows])
    assert embeddings.items["id"].tolist() == [*map(str, rows)]


def test_earth_index_without_rows(tmp_path: Path):
    kinds = {"id": pa.string(), "embedding": pa.list_(pa.float32(), 384), "geometry": pa.binary()}
    path = tmp_path / "21MNT.parquet"
    pq.write_table(pa.schema(kinds).empty_table(), path)
    with refused(names=(path, "no rows", "id, embedding, geometry")):
        Embeddings.open(path)


def test_major_tom_and_its_boxes_of_pixels(tmp_path: Path, quiet: None):
    path = write(tmp_path / "part.parquet", {
        "unique_id": IDS, "embedding": column(NUMBERS), "grid_cell": ["1U_2R"] * N,
        "pixel_bbox": column(np.zeros((N, 4), np.int32)), "proj:transform": column(np.ones((N, 9))),
        "geometry": boxes(np.arange(N), np.full(N, 5.0), 0.1),
    }, geo={"encoding": "WKB"})  # fmt: skip
    with pytest.warns(RshWarning, match="pixel_bbox"):
        embeddings = Embeddings.open(path)
    same(embeddings, NUMBERS)
    assert embeddings.items["id"].tolist() == IDS


def test_alphaearth_has_one_column_per_number(tmp_path: Path, quiet: None):
    values = np.random.default_rng(0).normal(size=(N, 64))
    names = {f"A{number:02}": values[:, number] for number in range(64)}
    path = write(
        tmp_path / "x.parquet", {"B1": range(N), "B2": range(N), **names, "label": range(N)}
    )
    for named in ("", "A"):
        embeddings = Embeddings.open(path, vector_column=named)
        same(embeddings, values.astype(np.float32))
        assert {"B1", "B2"} < set(embeddings.items) and "A00" not in embeddings.items
        assert embeddings.items["class"].tolist() == [*map(str, range(N))]


# Where they are.


def located(path: Path, points: list[tuple[float, float]], crs: str | None) -> Path:
    geo = {"encoding": "WKB", "crs": CRS(crs).to_json_dict() if crs else None}
    shapes = [shapely.to_wkb(shapely.Point(*point)) for point in points]
    values = NUMBERS[: len(points)]
    return write(path, {"e": column(values), "geometry": shapes}, geo=geo)


NEAR = [(0.1, 51.5), (0.2, 51.4)]  # in degrees


@pytest.mark.parametrize("crs", ["EPSG:3857", "EPSG:32631", "EPSG:3035", "EPSG:2263"])
def test_degrees_are_not_taken_for_meters_or_feet(tmp_path: Path, crs: str):
    path = located(tmp_path / "x.parquet", NEAR, crs)
    with refused(names=(path, CRS(crs).name, "degrees", 0.1, 51.5)):
        Embeddings.open(path)
    with pytest.warns(RshWarning, match="EPSG:4326"):
        items = Embeddings.open(path, crs="EPSG:4326").items
    assert items["longitude"].tolist() == [0.1, 0.2] and items["latitude"].tolist() == [51.5, 51.4]


@pytest.mark.parametrize("crs", ["EPSG:4326", "OGC:CRS84", "EPSG:4258"])
@pytest.mark.parametrize("x", [500_000.0, 400.0])
def test_meters_are_not_taken_for_degrees(tmp_path: Path, crs: str, x: float):
    path = located(tmp_path / "x.parquet", [(15, 45), (x, 30.0 if x < 1000 else 5_000_000)], crs)
    with refused(names=(path, CRS(crs).name, f"{x:g}", "row 1")):
        Embeddings.open(path)


@pytest.mark.parametrize(
    ("crs", "points"),
    [
        ("EPSG:3857", [(0, 0), (200, 91)]),  # beside the origin, but not in degrees
        ("EPSG:3413", [(-5000, 80), (70, 5000)]),  # around the pole
        ("+proj=laea +lat_0=50 +lon_0=10 +units=km", [(10, 20), (-50, 30)]),
        ("EPSG:4326", [(190, 10), (359, 20)]),
    ],
)
def test_right_systems_are_believed(
    tmp_path: Path, crs: str, points: list[tuple[float, float]], quiet: None
):
    items = Embeddings.open(located(tmp_path / "x.parquet", points, crs)).items
    there = Transformer.from_crs(CRS(crs), "EPSG:4326", always_xy=True)
    for row, point in enumerate(points):
        longitude, latitude = there.transform(*point)
        assert items["longitude"][row] % 360 == pytest.approx(longitude % 360, abs=1e-7)
        assert items["latitude"][row] == pytest.approx(latitude, abs=1e-7)


def test_missing_system_can_be_given(tmp_path: Path, quiet: None):
    path = located(tmp_path / "x.parquet", NEAR, None)
    with refused(names=(path, "no coordinate system", "crs")):
        Embeddings.open(path)
    assert Embeddings.open(path, crs="EPSG:4326").items["longitude"].tolist() == [0.1, 0.2]
    bare = write(tmp_path / "y.parquet", {
        "e": column(NUMBERS), "geometry": boxes(np.arange(N), np.arange(N), 1),
    })  # fmt: skip
    assert Embeddings.open(bare, crs="EPSG:4326").items["latitude"][3] == 3.5


def test_system_of_no_use_is_refused(tmp_path: Path):
    path = write(tmp_path / "x.parquet", {"e": column(NUMBERS)})
    with refused("crs", value="EPSG:4326", names="no geometries"):
        Embeddings.open(path, crs="EPSG:4326")
    with refused("crs", value="nowhere"):
        Embeddings.open(located(tmp_path / "y.parquet", NEAR, "EPSG:4326"), crs="nowhere")


# Wrong files.

BAD = NUMBERS.copy()
BAD[6, 3] = np.nan
FAR = NUMBERS.astype(np.float64)
FAR[8, 0] = 1e300


@pytest.mark.parametrize("source", ["npy", "list", "fixed_size_list", "columns"])
@pytest.mark.parametrize(
    ("values", "names"), [(BAD, ("row 6", "tile 6", "lacks")), (FAR, ("row 8", "tile 8", "1e+300"))]
)
def test_numbers_that_are_none_are_named_with_row_and_id(
    tmp_path: Path, own_cache: Path, source: str, values: np.ndarray, names: tuple[str, ...]
):
    path = tmp_path / "x.parquet"
    if source == "npy":
        path = tmp_path / "x.npy"
        np.save(path, values)
        (tmp_path / "x.csv").write_text("id\n" + "\n".join(IDS))
    elif source == "columns":
        write(path, {"id": IDS, **{f"A{number}": values[:, number] for number in range(DIM)}})
    else:
        write(path, {"id": IDS, "e": column(values, source)})
    embeddings = Embeddings.open(path, vector_column="A" if source == "columns" else "")
    with refused(names=(path, *names)):
        next(embeddings.batches(2))
    with refused(names=(path, *names)):
        Embeddings.open(path, vector_column="A" if source == "columns" else "").read(np.array([0]))
    assert not list(own_cache.glob("*.npy"))
    with pytest.warns(RshWarning, match="left out 1 vector"):
        left = Embeddings.open(path, vector_column="A" if source == "columns" else "",
                               skip_unreadable=True)  # fmt: skip
    row = 6 if values is BAD else 8
    same(left, np.delete(NUMBERS, row, axis=0))
    with refused(names=(path, *names)):  # also once it is known
        next(Embeddings.open(path, vector_column="A" if source == "columns" else "").batches(2))


def test_row_is_that_of_its_file_in_a_folder(tmp_path: Path):
    write(tmp_path / "d" / "a.parquet", {"e": column(NUMBERS), "id": IDS})
    bad = write(tmp_path / "d" / "b.parquet", {"e": column(BAD), "id": [f"b{n}" for n in range(N)]})
    with refused(names=(bad, "row 6", "b6")):
        next(Embeddings.open(tmp_path / "d").batches(2))


def ragged(row: int, length: int) -> pa.Array:
    lists = NUMBERS.tolist()
    lists[row] = [0.0] * length
    return pa.array(lists, pa.list_(pa.float32()))


def nulls(row: int, kind: str) -> pa.Array:
    lists = NUMBERS.tolist()
    lists[row][2] = None
    return pa.array(lists, LISTS[kind](pa.float32(), DIM))


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (ragged(6, 4), ("row 6", "4 numbers", 5)),
        (ragged(10, 0), ("row 10", "0 numbers")),
        (nulls(5, "list"), ("row 5", "id 5", "lacks")),
        (nulls(5, "fixed_size_list"), ("row 5", "id 5", "lacks")),
        (pa.array([None, *NUMBERS[1:].tolist()], pa.list_(pa.float32(), DIM)), ("row 0", "lacks")),
    ],
)
def test_vectors_that_are_none_are_named(tmp_path: Path, values: pa.Array, names: Any):
    path = write(tmp_path / "x.parquet", {"e": values})
    with refused(names=(path, *names)):
        next(Embeddings.open(path).batches(2))


@pytest.mark.parametrize(
    ("columns", "options", "parameter", "names"),
    [
        ({"e": column(NUMBERS), "f": column(NUMBERS)}, {}, None, ("e and f", "vectors")),
        ({"e": ragged(3, 9), "f": column(NUMBERS)}, {}, None, ("e and f", "vectors")),
        ({"e": column(NUMBERS), **{f"A{n}": range(N) for n in range(20)}}, {}, None, ()),
        ({"a": IDS, "b": range(N)}, {}, None, ("no column of vectors", "a, b")),
        ({"e": column(NUMBERS)}, {"vector_column": "f"}, "vector_column", ("missing", "e")),
        ({"e": column(NUMBERS), "f": IDS}, {"vector_column": "f"}, "vector_column", ("string",)),
        ({"e": column(NUMBERS), "f1": [1.0] * N},
         {"vector_column": "f"}, "vector_column", ("missing",)),
        ({"e": column(NUMBERS[:, :1])}, {}, None, ("e", "one number")),
        ({"e": column(NUMBERS.astype(np.uint8))}, {}, None, ("uint8", "e_scale")),
        ({"e": column(NUMBERS.astype(np.int16))}, {}, None, ("int16", "e_scale")),
        ({"e": column(NUMBERS.astype(np.uint8)), "e_scale": [1.0] * N, "zero_point": range(N)},
         {}, None, ("zero_point", "e")),
        ({"e": column(NUMBERS)}, {"id_column": "f"}, "id_column", ("e",)),
        ({"e": column(NUMBERS), "f": ["a"] * N},
         {"id_column": "f"}, "id_column", ("a twice", "row 1")),
        ({"e": column(NUMBERS)}, {"class_column": "f"}, "class_column", ()),
        ({"e": column(NUMBERS)}, {"image_column": "f"}, "image_column", ()),
        ({"e": pa.array([None] * N, pa.list_(pa.float32()))}, {}, None, ("no vector", "e")),
        ({"e": column(NUMBERS), "latitude": [91.0] * N}, {}, None, ("latitude", 91)),
    ],
)  # fmt: skip
def test_wrong_tables_are_refused(
    tmp_path: Path, columns: dict, options: dict, parameter: str | None, names: tuple
):
    if "A0" in columns:
        columns = columns | {f"A{n}": np.ones(N) for n in range(20)}
        names = ("e and A0 to A19",)
    path = write(tmp_path / "x.parquet", columns)
    with refused(parameter, names=(path, *names)):
        Embeddings.open(path, **options)


def npy(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=True)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (npy(NUMBERS)[:-1], "again"),
        (npy(NUMBERS) + b"x", "longer"),
        (b"no array", "no array"),
        (b"", "no array"),
        (npy(np.array([[1, "a"]], dtype=object)), ("object", "float32")),
        (npy(NUMBERS[:, 0]), "1 dimension"),
        (npy(NUMBERS[:, :1]), "one number"),
        (npy(NUMBERS[:0]), "no vectors"),
        (npy(NUMBERS.astype(np.uint8)), ("uint8", "x_scales.npy")),
        (npy(NUMBERS.astype(complex)), "complex128"),
        (npy(NUMBERS.astype("S4")), "|S4"),
    ],
)
def test_wrong_arrays_are_refused(tmp_path: Path, content: bytes, names: Any):
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    names = names if isinstance(names, tuple) else (names,)
    with refused(names=(path, *names)):
        Embeddings.open(path)


def test_scales_and_tables_that_do_not_fit_are_refused(tmp_path: Path):
    np.save(tmp_path / "x.npy", NUMBERS.astype(np.int8))
    np.save(tmp_path / "x_scales.npy", np.ones(N - 1))
    with refused(names=("x_scales.npy", N - 1, "x.npy", N)):
        Embeddings.open(tmp_path / "x.npy")
    np.save(tmp_path / "x_scales.npy", np.ones(N))
    (tmp_path / "x.csv").write_text("id\na\nb\n")
    with refused(names=("x.csv", "2 rows", "x.npy", f"{N} vectors")):
        Embeddings.open(tmp_path / "x.npy")
    (tmp_path / "x.csv").write_text("id\n" + "\n".join(map(str, [1, 0, *range(2, N)])))
    with refused(names=("x.csv", "id", "not in order")):
        Embeddings.open(tmp_path / "x.npy")
    pd.DataFrame({"id": IDS}).to_parquet(tmp_path / "x.parquet")
    with refused(names=("x.csv and x.parquet", "keep one")):
        Embeddings.open(tmp_path / "x.npy")
    with refused("vector_column", value="e", names="array"):
        Embeddings.open(tmp_path / "x.npy", vector_column="e")


def test_wrong_folders_and_paths_are_refused(tmp_path: Path):
    with refused(names=(tmp_path / "gone", ".npy")):
        Embeddings.open(tmp_path / "gone")
    with refused(names=(tmp_path, "no .npy")):
        Embeddings.open(tmp_path)
    (tmp_path / "x.txt").write_text("no vectors")
    with refused(names=("x.txt", ".parquet")):
        Embeddings.open(tmp_path / "x.txt")
    write(tmp_path / "dims" / "a.parquet", {"e": column(NUMBERS)})
    write(tmp_path / "dims" / "b.parquet", {"e": column(NUMBERS[:, 1:])})
    with refused(names=("b.parquet", 4, "a.parquet", 5)):
        Embeddings.open(tmp_path / "dims")
    write(tmp_path / "names" / "a.parquet", {"e": column(NUMBERS)})
    write(tmp_path / "names" / "b.parquet", {"f": column(NUMBERS)})
    with refused(names=("b.parquet", "f", "a.parquet", "e")):
        Embeddings.open(tmp_path / "names")
    np.save(tmp_path / "names" / "x.npy", NUMBERS)
    with refused(names=("x.npy", "a.parquet")):
        Embeddings.open(tmp_path / "names")
    write(tmp_path / "empty" / "a.parquet", {"e": column(NUMBERS[:0].reshape(0, DIM))})
    with refused(names=("a.parquet", "no rows")):
        Embeddings.open(tmp_path / "empty")


@pytest.mark.parametrize("keep", [0.5, 0.99])
def test_cut_table_is_refused(tmp_path: Path, keep: float):
    path = write(tmp_path / "x.parquet", {"e": column(NUMBERS)})
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    with refused(names=(path, "again")):
        Embeddings.open(path)


def test_altered_table_is_refused(tmp_path: Path):
    path = write(tmp_path / "x.parquet", {"e": column(NUMBERS)}, write_page_checksum=True,
                 compression="none", use_dictionary=False)  # fmt: skip
    content = path.read_bytes()
    at = content.index(NUMBERS[8].tobytes())
    path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    with refused(names=(path, "again")):
        next(Embeddings.open(path).batches(2))


@pytest.mark.parametrize("name", ["x.npy", "x.parquet"])
def test_file_that_changes_after_it_was_opened_is_refused(tmp_path: Path, name: str):
    path = tmp_path / name
    for values in (NUMBERS, NUMBERS[1:]):
        np.save(path, values) if name == "x.npy" else write(path, {"e": column(values)})
        if values is NUMBERS:
            embeddings = Embeddings.open(path)
    with refused(names=(path, "changed")):
        embeddings.read(np.array([0]))


def test_vectors_of_zeros_are_told_once(tmp_path: Path):
    values = NUMBERS.copy()
    values[[2, 7]] = 0
    np.save(tmp_path / "x.npy", values)
    for path in (tmp_path / "x.npy", write(tmp_path / "y.parquet", {"e": column(values)})):
        embeddings = Embeddings.open(path)
        with warnings.catch_warnings(record=True) as notes:
            same(embeddings, values)
            same(embeddings.select(np.arange(N)), values)
        assert [str(note.message) for note in notes if "2 vectors" in str(note.message)] != []
        assert len(notes) == 1 and str(path) in str(notes[0].message)


# The cache.


@pytest.mark.parametrize("stop_at", [1, 3, 7])
def test_interrupted_reading_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at: int
):
    monkeypatch.setattr(array_cache, "SAVE_EVERY", 1)
    for name, rows in (("a", slice(5)), ("b", slice(5, None))):
        write(tmp_path / "d" / f"{name}.parquet", {"e": column(NUMBERS[rows]), "id": IDS[rows]})
    read = vectors_module.Vectors._rows

    def stopping(self: Any, start: int) -> Iterator[np.ndarray]:
        done = 0
        for batch in read(self, start):
            if done >= stop_at:
                raise KeyboardInterrupt
            done += len(batch)
            yield batch

    with monkeypatch.context() as patch:
        patch.setattr(vectors_module.Vectors, "_rows", stopping)
        with pytest.raises(KeyboardInterrupt):
            Embeddings.open(tmp_path / "d").read(np.array([0]))
    starts = []

    def watched(self: Any, start: int) -> Iterator[np.ndarray]:
        starts.append(start)
        return read(self, start)

    monkeypatch.setattr(vectors_module.Vectors, "_rows", watched)
    same(Embeddings.open(tmp_path / "d"), NUMBERS)
    assert starts and starts[0] >= stop_at
    same(Embeddings.open(tmp_path / "d"), NUMBERS)
    assert len(starts) == 1  # the second time, nothing is read from the files


def test_row_group_of_any_size_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(vectors_module, "NUMBERS", 1 << 16)
    values = np.random.default_rng(0).normal(size=(100_000, 128)).astype(np.float32)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), 128)
    path = write(tmp_path / "x.parquet", {"e": lists}, row_group_size=len(values),
                 use_dictionary=False, compression="none")  # fmt: skip
    del lists
    embeddings = Embeddings.open(path)
    before, most = pa.total_allocated_bytes(), 0
    for _ in embeddings.vectors._rows(0):
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < values.nbytes / 5
    assert np.array_equal(embeddings.read(np.arange(len(values))), values)


@pytest.mark.parametrize("start", range(N + 1))
def test_reading_may_start_at_any_row(tmp_path: Path, start: int):
    for name, rows in (("a", slice(5)), ("b", slice(5, None))):
        write(tmp_path / "d" / f"{name}.parquet", {"e": column(NUMBERS[rows]), "id": IDS[rows]})
    rest = list(Embeddings.open(tmp_path / "d").vectors._rows(start))
    assert np.array_equal(np.concatenate([NUMBERS[:start], *rest]), NUMBERS)


def test_classes_of_several_files_are_written_alike(tmp_path: Path):
    numbers = column(NUMBERS[:4])
    for name, classes in (("a", [1.0, None, 2.0, 1.0]), ("b", ["1", " z", "z ", "nan"])):
        write(tmp_path / "f" / f"{name}.parquet", {"e": numbers, "class": classes})
    with pytest.warns(RshWarning, match="2 of 8 tiles have no class"):
        items = Embeddings.open(tmp_path / "f").items
    assert items["class"].tolist() == ["1", "", "2", "1", "1", "z", "z", ""]


def test_column_of_bytes_of_one_size_is_left_out(tmp_path: Path):
    uuids = pa.array([bytes([255, number] * 8) for number in range(N)], pa.binary(16))
    path = write(tmp_path / "x.parquet", {"e": column(NUMBERS), "uuid": uuids})
    with pytest.warns(RshWarning, match="left out the columns uuid"):
        same(Embeddings.open(path), NUMBERS)
