"""What the command line says of usual mistakes.

`python tests/make_messages.py` writes golden/messages.txt again: read the difference.
"""

import io
import json
import os
import tempfile
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
from make_bands import RAISED, in_unit, make_scene, reflectance
from make_gallery import tiny_gallery
from make_scenes import make
from PIL import Image

from rsh.gallery.annotations.events import Visitor
from rsh.io.append_log import seal_line

FILE = Path(__file__).parent / "golden" / "messages.txt"
QUERY = "barren/n08e048_1.jpg"
SEARCH = ["search", "tiny", QUERY]
MISTAKES = [
    [],
    ["serch"],
    ["search", "tiny"],
    [*SEARCH, "--jsn"],
    [*SEARCH, "-k", "many"],
    [*SEARCH, "-k", "0"],
    [*SEARCH, "-k", "5", "--radius", "3"],
    [*SEARCH, "--radius", "33"],
    [*SEARCH, "--json", "--geojson"],
    [*SEARCH, "--rerank", "luck"],
    [*SEARCH, "--rerank", "look-bits"],
    [*SEARCH, "--rerank", "features", "--look-weight", "3"],
    [*SEARCH, "--rerank-depth", "50"],
    [*SEARCH, "--rerank", "features", "--rerank-depth", "5"],
    [*SEARCH, "--filter", "class"],
    [*SEARCH, "--filter", "color=red"],
    [*SEARCH, "--filter", "class=nowhere"],
    [*SEARCH, "--filter", "split=query"],
    [*SEARCH, "--filter", "bbox=1,2,3"],
    [*SEARCH, "--filter", "polygon=1,2,3"],
    [*SEARCH, "--filter", "polygon=1,2,3,4"],
    [*SEARCH, "--filter", "polygon=0,0,9,9,9,0,0,9"],
    [*SEARCH, "--filter", "polygon=0,0,9,0,9,99"],
    [*SEARCH, "--filter", "polygon=gone.geojson"],
    [*SEARCH, "--filter", "polygon=one.geojson"],
    [*SEARCH, "--filter", "overlaps=0,0,9,0,9,9"],
    [*SEARCH, "--output", "found.shp"],
    [*SEARCH, "--output", "found.gpkg", "--json"],
    [*SEARCH, "--filter", "set=gone"],
    [*SEARCH, "--positive", "nowhere.jpg"],
    [*SEARCH, "--positive", QUERY],
    ["search", "tiny", "nowhere.jpg"],
    ["search", "tiny", "text.jpg"],
    ["search", "tiny", "--text", "solar farm"],
    ["search", "of-vectors", "--text", "solar farm"],
    [*SEARCH, "--text", "solar farm"],
    ["search", "gone", QUERY],
    ["search", "cut", QUERY],
    ["search", "altered", QUERY],
    ["search", "newer", QUERY],
    ["train", "--bits", "30"],
    ["train", "--epochs", "0"],
    ["train", "--image-size", "31"],
    ["train", "--backbone", "resnet18.nope"],
    ["train", "--data", "gone"],
    ["train", "--data", "eurosat"],
    ["train", "--data", "one-class"],
    ["train", "--data", "places"],
    ["train", "--data", "places", "--crs", "EPSG:3857"],
    ["train", "--data", "minutes"],
    ["train", "--data", "swapped"],
    ["train", "--data", "meters", "--crs", "EPSG:4326"],
    ["train", "--data", "broken", "--output", "run"],
    ["train", "--data", "vectors.npy", "--bits", "16", "--look-bits", "20"],
    ["train", "--data", "vectors.npy", "--backbone", "resnet18"],
    ["train", "--data", "vectors.npy", "--finetune", "--output", "run"],
    ["train", "--data", "vectors.npy", "--bands", "1"],
    ["train", "--data", "vectors.npy", "--input-bands", "all"],
    ["train", "--data", "one-class", "--scale", "0.0001"],
    ["train", "--data", "one-class", "--input-bands", "all"],
    ["train", "--data", "scene.tif", "--size", "20", "--input-bands", "B04,B13"],
    ["train", "--data", "scene.tif", "--size", "20", "--input-bands", "B04,b4"],
    ["train", "--data", "scene.tif", "--size", "20", "--input-bands", "all", "--unit", "watts"],
    ["train", "--data", "scene.tif", "--size", "20", "--input-bands", "all", "--scale", "0"],
    ["train", "--data", "scene.tif", "--size", "20", "--input-bands", "all", "--scale", "0.0001"],
    ["train", "--data", "scene.tif", "--size", "20", "--input-bands", "all"],
    ["train", "--data", "scene.tif", "--size", "20", "--input-bands", "all", "--offset=-1000"],
    ["train", "--data", "vectors.npy", "--vector-column", "e"],
    ["train", "--data", "vectors.npy", "--method", "csq", "--output", "run"],
    ["train", "--data", "lacking.npy", "--output", "run"],
    ["train", "--data", "empty.npy"],
    ["train", "--data", "two.parquet"],
    ["train", "--data", "twice.parquet", "--id-column", "id"],
    ["train", "--data", "table.parquet", "--class-column", "kind"],
    ["train", "--data", "ragged.parquet", "--output", "run"],
    ["train", "--data", "one-class", "--id-column", "id"],
    ["search", "of-vectors", "long.npy"],
    ["search", "of-vectors", "image.png"],
    ["search", "tiny", "vectors.npy"],
    ["train", "--resume", "gone"],
    ["encode", "gone"],
    ["evaluate", "tiny"],
    ["gallery", "remove", "tiny", "moon/1.jpg"],
    ["gallery", "merge", "tiny", "cut", "--output", "tiny"],
    ["gallery", "merge", "tiny", "tiny", "--output", "new"],
    ["gallery", "merge", "tiny", "--output", "text.jpg/new"],
    ["gallery", "check", "text.jpg"],
    ["gallery", "export", "tiny", "tiles.shp"],
    ["gallery", "export", "tiny", "tiles.csv"],
    ["gallery", "export", "tiny", "tiles.gpkg", "--filter", "class=nowhere"],
    ["gallery", "export", "of-vectors", "text.jpg/tiles.gpkg"],
    ["labels"],
    ["labels", "give", "tiny", QUERY],
    ["labels", "give", "tiny", "nowhere.jpg", "--class", "sea"],
    ["labels", "give", "tiny", QUERY, "--class", "x" * 80],
    ["labels", "give", "tiny", QUERY, "--set", "a;b"],
    ["labels", "take", "labeled", QUERY, "--set", "gone"],
    ["labels", "rename", "labeled", "first", "second"],
    ["labels", "undo", "tiny"],
    ["labels", "export", "tiny", "new.csv"],
    ["labels", "export", "labeled", "new.txt"],
    ["labels", "import", "tiny", "gone.csv"],
    ["labels", "import", "tiny", "unknown.csv"],
    ["labels", "import", "tiny", "elsewhere.csv"],
    ["labels", "import", "tiny", "two.csv"],
    ["labels", "import", "tiny", "nothing.csv"],
    ["labels", "import", "tiny", "text.csv"],
    ["labels", "import", "tiny", "text.geojson"],
    ["labels", "show", "later"],
    ["dashboard", "tiny", "--port", "99999"],
    ["dashboard", "tiny", "--public"],
    ["dashboard", "tiny", "--basemap", "http://tile.example.org/{z}/{x}/{y}.png"],
    ["dashboard", "tiny", "--basemap", "https://tile.example.org/{z}/{x}.png"],
    ["dashboard", "tiny", "--basemap", "https://tile.example.org/{z}/{x}/{y}.png"],
    ["site", "tiny", "--compare", "fewer"],
    ["site", "tiny", "--compare", "tiny"],
    ["site", "tiny", "--compare", "fewer", "--exact-up-to", "10"],
    ["site", "tiny", "--exact-up-to", "-1"],
    ["site", "tiny", "--output", "."],
    ["classify", "labeled", "--least", "80"],
    ["classify", "labeled", "--least", "nan"],
    ["data", "fetch", "ucmerce"],
]


def lay_out(folder: Path) -> None:
    """Write what the mistakes are made with."""
    make_scene(folder / "scene.tif", in_unit(reflectance(), "DN + 1,000"), tags=RAISED)
    for name in ("tiny", "cut", "altered", "newer"):
        tiny_gallery(folder / name, num_tiles=40)
    codes = folder / "cut" / "000001-0" / "codes.npy"
    codes.write_bytes(codes.read_bytes()[:-1])
    for name, change in (("altered", {"num_items": 41}), ("newer", {"format": 99})):
        file = folder / name / "gallery.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | change))
    (folder / "text.jpg").write_text("no image")
    one = make(folder / "one-class", classes=("coast",)) / "items.csv"
    one.write_text("path,class\n" + "".join(f"coast/{number}.png,coast\n" for number in range(4)))
    (make(folder / "broken", count=20) / "coast" / "1.png").write_bytes(b"")
    places = make(folder / "places", count=1) / "items.csv"
    places.write_text("path,longitude\ncoast/0.png,400\nforest/0.png,0\n")
    for name, head, first in (
        ("minutes", "longitude,latitude", "9,48°12'30N"),
        ("swapped", "longitude,latitude", "35.7,139.7"),
        ("meters", "x,y", "500000,5000000"),
    ):
        table = make(folder / name, count=1) / "items.csv"
        table.write_text(f"path,{head}\ncoast/0.png,{first}\nforest/0.png,{first}\n")
    point = {"type": "Point", "coordinates": [1, 2]}
    (folder / "one.geojson").write_text(json.dumps(point))


def lay_out_labels(folder: Path) -> None:
    """Write galleries with labels, and tables of labels."""
    ana = Visitor("a1", "Ana")
    store = tiny_gallery(folder / "labeled", num_tiles=40).annotations
    store.give_class([0], "sea", by=ana)
    store.create_set("first", [0], by=ana)
    store.create_set("second", [1], by=ana)
    tiny_gallery(folder / "later", num_tiles=40)
    tiny_gallery(folder / "fewer", num_tiles=20)
    (folder / "later" / "annotations.log").write_bytes(seal_line(b'{"format": 2}'))
    tables = {
        "unknown": f"id,class\n{QUERY},sea\nmoon/1.jpg,sea\nmoon/2.jpg,sea\n",
        "elsewhere": "id,class\nmoon/1.jpg,sea\n",
        "two": f"id,class\n{QUERY},sea\n{QUERY},ice\n",
        "nothing": f"id,class\n{QUERY},\n",
        "text": "no table",
    }
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text)
    (folder / "text.geojson").write_text("no table")


def lay_out_vectors(folder: Path) -> None:
    """Write embeddings, most of them wrong."""
    numbers = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
    np.save(folder / "vectors.npy", numbers)
    np.save(folder / "long.npy", np.ones(9, np.float32))
    np.save(folder / "empty.npy", numbers[:0])
    lacking = numbers.copy()
    lacking[7, 2] = np.nan
    np.save(folder / "lacking.npy", lacking)
    rows = list(numbers)
    tables = {
        "two": {"e": rows, "f": rows},
        "twice": {"e": rows, "id": ["a", "a", *map(str, range(18))]},
        "table": {"e": rows, "id": [*map(str, range(20))]},
        "ragged": {"e": [rows[0], *rows[1:5], rows[5][:3], *rows[6:]]},
    }
    for name, columns in tables.items():
        pd.DataFrame(columns).to_parquet(folder / f"{name}.parquet")
    tiny_gallery(folder / "of-vectors", num_tiles=40, vector_dim=6)
    Image.new("RGB", (32, 32)).save(folder / "image.png")


def said(folder: Path, words: list[str]) -> str:
    """Return what a command says on its way to exit code 2."""
    from rsh.cli.main import main

    text = io.StringIO()
    environment = {"RSH_DATA_HOME": "home", "RSH_CACHE": "cache"}
    with (
        chdir(folder),
        mock.patch.dict(os.environ, environment),
        redirect_stderr(text),
        redirect_stdout(io.StringIO()),
    ):
        try:
            main(words)
        except SystemExit as ended:
            assert ended.code == 2, (words, ended.code)
        else:
            raise AssertionError(f"{words} is no mistake")
    lines = [line for line in text.getvalue().splitlines() if line.startswith("rsh: ")]
    return "\n".join(lines).replace(str(folder), "FOLDER") + "\n"


def messages(folder: Path) -> str:
    """Return each command with what it says."""
    lay_out(folder)
    lay_out_labels(folder)
    lay_out_vectors(folder)
    return "\n".join(f"$ {' '.join(['rsh', *words])}\n{said(folder, words)}" for words in MISTAKES)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        FILE.write_text(messages(Path(place)))
