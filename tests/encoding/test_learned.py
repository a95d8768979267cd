"""What is encoded for a learned gallery gets corrected codes: images, vectors and added tiles."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from make_embeddings import COUNT, DIM, SHORT, embedding_file, network, vectors
from make_learning import REPORT
from refusals import refused

from rsh.analysis.occlusion import occlude
from rsh.data.embeddings import Embeddings
from rsh.data.tiles import TileDataset
from rsh.encoding.build import add_dataset, build_gallery
from rsh.encoding.query import encode_vector, open_query_encoder
from rsh.gallery.gallery import Gallery
from rsh.gallery.learned import LearnedHead
from rsh.gallery.writer import check_gallery, write_learned
from rsh.models.onnx import FILE
from rsh.search.retrieve import search
from rsh.training.run import Run
from rsh.training.train import train


def correct(gallery: Gallery, folder: Path) -> Gallery:
    """Write a gallery whose codes a head of random weights has corrected."""
    rng, bits = np.random.default_rng(0), gallery.class_bits
    shapes = (gallery.features.shape[1] + bits, 9), (9,), (9, bits), (bits,)
    head = LearnedHead(*(2 * rng.normal(size=shape).astype(np.float32) for shape in shapes))
    made = write_learned(gallery, folder, head, REPORT, name="new", seed=0)
    assert (made.packed != gallery.packed).any()
    return made


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    place = tmp_path_factory.mktemp("embedded")
    dataset = Embeddings.open(embedding_file(place / "data"))
    short = replace(SHORT, epochs=2)
    train(network(), dataset.split(), short, run=place / "run", progress=False)
    run = Run.open(place / "run")
    data = run.split().dataset
    gallery = build_gallery(run.net(), data, place / "gallery", run=run.folder, progress=False)
    return correct(gallery, place / "learned")


@pytest.fixture(scope="module")
def seen(tiny_run, tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return correct(Gallery.open(tiny_run.gallery), tmp_path_factory.mktemp("seen") / "learned")


def test_vector_has_the_code_of_its_tile(embedded: Gallery):
    for number in (0, 5, 77):
        row = embedded.find_row(f"scene/{number:03}")
        found = encode_vector(embedded, vectors()[number])
        assert (found.packed[0] == embedded.packed[row]).all()
        assert np.allclose(found.relaxed[0], embedded.relaxed[row], atol=0.05)


@pytest.mark.parametrize("by", ["onnx", "torch"])
def test_image_has_the_code_of_its_tile(
    seen: Gallery, tiny_run, by: str, monkeypatch: pytest.MonkeyPatch
):
    if by == "torch":
        monkeypatch.setattr("rsh.models.onnx.FILE", "gone.onnx")
    assert (Path(tiny_run.folder) / FILE).exists()
    rows = [0, 7, 20]
    images = [tiny_run.data / seen.items["id"][row] for row in rows]
    found = open_query_encoder(seen)(images)
    assert (found.packed == seen.packed[rows]).all()
    assert found.features.shape == seen.features[rows].shape
    # The explanation is of the code that was searched with.
    covered = occlude(images[0], open_query_encoder(seen), cells=2)
    whole = open_query_encoder(seen)([images[0]])
    assert covered.untouched.relaxed.shape == whole.relaxed.shape
    assert (search(seen, images[1], top_k=1).distances == 0).all()


def test_tiles_that_are_added_have_corrected_codes(embedded: Gallery, tmp_path: Path):
    grown = correct(Gallery.open(embedded.folder.parent / "gallery"), tmp_path / "grown")
    file = embedding_file(tmp_path / "more", numbers=vectors(seed=3))
    dataset = Embeddings.open(file)
    items = dataset.items.assign(id="more/" + dataset.items["id"])
    net = Run.open(embedded.folder.parent / "run").net()
    grown = add_dataset(net, replace(dataset, items=items), grown.folder, progress=False)
    assert len(check_gallery(grown.folder)) == 2 * COUNT
    row = grown.find_row("more/scene/003")
    assert (grown.packed[row] == encode_vector(grown, vectors(seed=3)[3]).packed[0]).all()
    head = grown.learned_head
    assert (grown.relaxed == head.correct(grown.features, grown.network)).all()


def test_learned_gallery_is_not_encoded_over(seen: Gallery, tiny_run, tmp_path: Path):
    new = correct(Gallery.open(tiny_run.gallery), tmp_path / "new")
    net, data = Run.open(tiny_run.folder).net(), TileDataset.open(tiny_run.data)
    with refused(names=(str(new.folder), "--overwrite")):
        build_gallery(net, data, new.folder, run=tiny_run.folder, progress=False)
    gallery = build_gallery(
        net, data, new.folder, run=tiny_run.folder, overwrite=True, progress=False
    )
    assert gallery.manifest.learned is None and gallery.network is gallery.relaxed


def test_vector_of_another_length_is_refused_as_before(embedded: Gallery):
    with refused(names=DIM + 1):
        encode_vector(embedded, np.ones(DIM + 1))
