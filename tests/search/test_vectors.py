"""Searches with a vector."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from make_embeddings import DIM, SHORT, embedding_file, network, vectors
from refusals import refused

from rsh.data.embeddings import Embeddings
from rsh.encoding.build import build_gallery
from rsh.gallery.gallery import Gallery
from rsh.gallery.placeholder import draw_code
from rsh.search.query import Query
from rsh.search.retrieve import search
from rsh.training.run import Run
from rsh.training.train import train


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("vectors")
    dataset = Embeddings.open(embedding_file(place / "data"))
    train(network(64), dataset.split(), replace(SHORT, epochs=5), run=place / "run", progress=False)
    run = Run.open(place / "run")
    build_gallery(run.net(), run.split().dataset, place / "gallery", run=run.folder, progress=False)
    return place


def test_vector_finds_its_own_tile_and_the_neighbors_of_that(folder: Path, tmp_path: Path):
    gallery = Gallery.open(folder / "gallery")
    row = int(gallery.searchable[3])
    name = str(gallery.items["id"][row])
    vector = vectors()[int(name.split("/")[1])]
    np.save(tmp_path / "query.npy", vector)
    by_array = search(gallery, vector, top_k=9)
    by_file = search(gallery, tmp_path / "query.npy", top_k=9)
    by_text = search(gallery, str(tmp_path / "query.npy"), top_k=9)
    assert by_array.rows.tolist() == by_file.rows.tolist() == by_text.rows.tolist()
    assert by_array.distances[0] == 0 and row in by_array.rows[by_array.distances == 0]
    assert by_array.name == "vector" and by_file.name == str(tmp_path / "query.npy")
    by_tile = search(gallery, name, top_k=8)
    assert by_tile.distances.tolist() == by_array.distances[1:].tolist()


def test_vector_is_shown_as_its_code(folder: Path):
    gallery = Gallery.open(folder / "gallery")
    query = Query.of_vector(gallery, vectors()[0], positive=[gallery.items["id"][5]])
    assert query.thumbnail(gallery) == draw_code(query.packed(gallery)[0], 64)
    assert query.positive == (5,)


def test_what_is_no_vector_is_refused(folder: Path, tmp_path: Path, gallery: Gallery):
    there = Gallery.open(folder / "gallery")
    (tmp_path / "bad.npy").write_bytes(b"nothing")
    with refused(names=(tmp_path / "bad.npy", "no array")):
        search(there, tmp_path / "bad.npy")
    np.save(tmp_path / "long.npy", np.ones(DIM + 3))
    with refused(names=(f"{DIM + 3} numbers", f"{DIM}")):
        search(there, tmp_path / "long.npy")
    with refused(names=("nowhere", "a .npy file", there.items["id"][0])):
        search(there, "nowhere")
    np.save(tmp_path / "query.npy", np.ones(DIM))
    with refused(names="made from images"):
        search(gallery, tmp_path / "query.npy")
