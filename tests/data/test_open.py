"""Which paths hold embeddings, and which options they take."""

from pathlib import Path

import numpy as np
import pytest
from make_embeddings import embedding_file
from PIL import Image
from refusals import refused

from rsh.data.embeddings import ColumnOptions, Embeddings
from rsh.data.open import holds_embeddings, open_dataset
from rsh.data.rendering import Rendering
from rsh.data.tile_grid import TilingOptions
from rsh.data.tiles import TileDataset


def image(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (32, 32)).save(file)


def test_files_and_folders_of_vectors_are_embeddings(tmp_path: Path):
    path = embedding_file(tmp_path / "a")
    (tmp_path / "a" / "README.txt").write_text("about")
    np.save(tmp_path / "x.NPY", np.ones((5, 3), np.float32))
    (tmp_path / "x.NPY.npy").rename(tmp_path / "x.NPY")
    for where in (path, str(path), tmp_path / "a", tmp_path / "x.NPY"):
        assert holds_embeddings(where)
        assert isinstance(open_dataset(where), Embeddings)


def test_folders_of_images_are_none(tmp_path: Path):
    for number in range(4):
        image(tmp_path / "images" / "ab"[number % 2] / f"{number}.png")
    embedding_file(tmp_path / "images" / "a")
    assert not holds_embeddings(tmp_path / "images")
    assert isinstance(open_dataset(tmp_path / "images"), TileDataset)
    image(tmp_path / "table" / "1.png")
    embedding_file(tmp_path / "table").rename(tmp_path / "table" / "items.parquet")
    assert not holds_embeddings(tmp_path / "table")
    assert not holds_embeddings("bluemarble")
    assert not holds_embeddings(tmp_path / "nowhere")


def test_hidden_files_and_tables_beside_images_do_not_count(tmp_path: Path):
    embedding_file(tmp_path / ".hidden")
    (tmp_path / "items.parquet").write_bytes(b"x")
    assert not holds_embeddings(tmp_path)


@pytest.mark.parametrize(
    ("options", "parameter"),
    [
        ({"tiling": TilingOptions(64)}, "size"),
        ({"rendering": Rendering((1,))}, "bands"),
    ],
)
def test_embeddings_take_no_options_of_images(tmp_path: Path, options: dict, parameter: str):
    path = embedding_file(tmp_path)
    with refused(parameter, names=("embeddings", path)):
        open_dataset(path, **options)


def test_images_take_no_options_of_embeddings():
    with refused("class_column", value="kind", names=("bluemarble", "no embeddings")):
        open_dataset("bluemarble", columns=ColumnOptions(class_column="kind"))


def test_options_reach_the_embeddings(tmp_path: Path):
    path = embedding_file(tmp_path, labels=True)
    columns = ColumnOptions(id_column="longitude")
    dataset = open_dataset(path, columns=columns, labels="none")
    assert isinstance(dataset, Embeddings) and dataset.columns == columns
    assert dataset.items["id"][0] == "-20.0" and not dataset.classes
    with refused("crs", value="EPSG:4326", names="no geometries"):
        open_dataset(path, tiling=TilingOptions(crs="EPSG:4326"))
