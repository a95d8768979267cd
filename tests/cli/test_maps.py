"""Regions from files, results as files, and galleries for a map, as they are typed."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from conftest import TinyRun
from make_command import refuse
from make_gallery import in_town, tiny_gallery
from make_scenes import make
from pyproj import Transformer

from rsh.cli.filters import read_filter
from rsh.cli.main import main
from rsh.gallery.annotations.events import Visitor
from rsh.gallery.filters import Filter
from rsh.gallery.gallery import Gallery
from rsh.learning.confidence import confidence
from rsh.training.run import Run

REGION = "0,-40,60,-40,60,40,0,40"
GEOJSON = {
    "type": "Feature",
    "properties": {},
    "geometry": {
        "type": "Polygon",
        "coordinates": [[[0, -40], [60, -40], [60, 40], [0, 40], [0, -40]]],
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("maps")
    tiny_gallery(folder / "tiny", num_tiles=90)
    tiny_gallery(folder / "town", num_tiles=60, more=in_town)
    (folder / "fields.geojson").write_text(json.dumps(GEOJSON))
    return folder


def rows(file: Path) -> pd.DataFrame:
    with closing(sqlite3.connect(file)) as database:
        (name,) = database.execute("SELECT table_name FROM gpkg_contents").fetchone()
        return pd.read_sql_query(f"SELECT * FROM {name} ORDER BY fid", database)


def test_a_file_is_the_region_that_is_typed(folder: Path):
    items = Gallery.open(folder / "tiny").items
    for name in ("polygon", "polygon!"):
        typed = Filter.read([f"{name}={REGION}"]).mask(items)
        found = read_filter((f"{name}={folder / 'fields.geojson'}",))
        assert (found.mask(items) == typed).all() and 0 < typed.sum() < len(items)
    town = Gallery.open(folder / "town").items
    with_footprints = read_filter((f"overlaps={folder / 'fields.geojson'}", "class=barren"))
    assert [each.column for each in with_footprints.conditions] == ["overlaps", "class"]
    assert not with_footprints.mask(town).any()  # Munich is farther north


def test_a_search_writes_what_it_finds(folder: Path, capsys: pytest.CaptureFixture[str]):
    query = Gallery.open(folder / "tiny").items["id"][0]
    words = ["search", str(folder / "tiny"), query, "-k", "7"]
    main([*words, "--filter", f"polygon={folder / 'fields.geojson'}", "--json"])
    hits = json.loads(capsys.readouterr().out)["hits"]
    main([*words, "--filter", f"polygon={REGION}", "--output", str(folder / "found.gpkg")])
    assert capsys.readouterr().out == f"{folder / 'found.gpkg'}: 7 tiles\n"
    found = rows(folder / "found.gpkg")
    assert found["id"].tolist() == [hit["id"] for hit in hits]
    assert found["rank"].tolist() == list(range(1, 8))
    assert found["longitude"].between(0, 60).all()


def test_one_class_of_a_gallery_is_exported(folder: Path, capsys: pytest.CaptureFixture[str]):
    items = Gallery.open(folder / "town").items
    barren = items[items["class"] == "barren"]
    for file, more in (("x.gpkg", []), ("y.gpkg", ["--points"])):
        main(["gallery", "export", str(folder / "town"), str(folder / file), "--filter",
              "class=barren", *more])  # fmt: skip
        assert capsys.readouterr().out == f"{folder / file}: {len(barren)} tiles\n"
        assert rows(folder / file)["id"].tolist() == barren["id"].tolist()
    main(["gallery", "export", str(folder / "town"), str(folder / "x.parquet")])
    assert pq.read_metadata(folder / "x.parquet").num_rows == len(items)


def test_a_full_house_of_refusals(folder: Path, capsys: pytest.CaptureFixture[str]):
    tiny, query = folder / "tiny", Gallery.open(folder / "tiny").items["id"][0]
    told = refuse(capsys, "search", tiny, query, "--output", folder / "x.kml")
    assert "--output" in told and "x.kml" in told
    told = refuse(capsys, "search", tiny, query, "--filter", "polygon=gone.gpkg")
    assert "gone.gpkg" in told
    told = refuse(capsys, "gallery", "export", tiny, folder / "x.gpkg", "--filter", "class=no")
    assert "class=no" in told


def test_places_in_meters_are_kept_by_the_run(
    tiny_run: TinyRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Training notes the system, and encoding the same tiles needs no flag."""
    data = make(tmp_path / "data", classes=("a", "b", "c"), count=6)
    paths = [f"{name}/{number}.png" for name in "abc" for number in range(6)]
    places = np.stack([np.linspace(9, 10, 18), np.linspace(48, 49, 18)], axis=1)
    x, y = Transformer.from_crs(4326, 3857, always_xy=True).transform(*places.T)
    pd.DataFrame({"path": paths, "x": x, "y": y}).to_csv(data / "items.csv", index=False)
    run = tmp_path / "run"
    main(["train", "--data", str(data), "--crs", "EPSG:3857", "--output", str(run), "--epochs",
          "1", "--bits", "16", "--image-size", "32"])  # fmt: skip
    assert Run.open(run).tiling.crs == "EPSG:3857"
    main(["encode", str(run), "--output", str(tmp_path / "gallery")])
    items = Gallery.open(tmp_path / "gallery").items.set_index("id").loc[paths]
    assert np.allclose(items[["longitude", "latitude"]], places, atol=1e-6)
    other = make(tmp_path / "other", classes=("a", "b"), count=3)
    main(["encode", str(run), str(other), "--output", str(tmp_path / "more")])
    assert "longitude" not in Gallery.open(tmp_path / "more").items


def test_labels_and_predictions_are_exported_with_the_tiles(tmp_path: Path):
    town = tiny_gallery(tmp_path / "town", num_tiles=60, more=in_town)
    main(["gallery", "export", str(town.folder), str(tmp_path / "before.gpkg")])
    assert "predicted" not in rows(tmp_path / "before.gpkg")
    for number, name in enumerate(("a", "b")):
        town.annotations.give_class([number, number + 20], name, by=Visitor("visitor-1"))
    words = ["gallery", "export", str(town.folder)]
    main([*words, str(tmp_path / "after.gpkg"), "--filter", "label!=b"])
    main([*words, str(tmp_path / "after.parquet"), "--filter", "label!=b"])
    found, scores = rows(tmp_path / "after.gpkg").set_index("id"), confidence(town).scores
    left = np.setdiff1d(np.arange(60), [1, 21])
    assert found.index.tolist() == town.items["id"].iloc[left].tolist()
    assert found["label"].iloc[0] == "a" and found["label"].notna().sum() == 2
    assert found["predicted"].tolist() == [["a", "b"][best] for best in scores[left].argmax(axis=1)]
    assert found["confidence"].to_numpy() == pytest.approx(scores[left].max(axis=1), abs=1e-4)
    table = pq.read_table(tmp_path / "after.parquet").to_pandas()
    assert table["predicted"].tolist() == found["predicted"].tolist()
