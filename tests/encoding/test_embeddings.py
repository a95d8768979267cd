"""Galleries of embeddings: codes, images, resuming, merging."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from make_embeddings import COUNT, DIM, SHORT, embedding_file, network, vectors
from refusals import refused

from rsh.data.embeddings import Embeddings
from rsh.data.tiles import TileDataset
from rsh.encoding import chunk_encoder, chunk_store
from rsh.encoding.build import add_dataset, build_gallery, encode_dataset
from rsh.encoding.query import encode_vector, open_query_encoder
from rsh.errors import RshWarning
from rsh.gallery.gallery import Gallery
from rsh.gallery.placeholder import draw_code
from rsh.gallery.writer import check_gallery, merge_galleries, remove_tiles
from rsh.models.onnx_export import export
from rsh.training.run import Run
from rsh.training.train import train


@pytest.fixture
def run(tmp_path: Path) -> Run:
    path = embedding_file(tmp_path / "data", labels=True, images=5)
    dataset = Embeddings.open(path)
    train(network(), dataset.split(seed=0), replace(SHORT, epochs=2), run=tmp_path / "run",
          progress=False)  # fmt: skip
    return Run.open(tmp_path / "run")


def build(run: Run, folder: Path, dataset=None, **options) -> Gallery:
    dataset = dataset or run.split().dataset
    return build_gallery(run.net(), dataset, folder, run=run.folder, progress=False, **options)


def test_gallery_holds_the_codes_of_all_vectors(run: Run, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(chunk_store, "CHUNK_TILES", 50)
    dataset = run.split().dataset
    gallery = build(run, tmp_path / "gallery")
    expected = encode_dataset(run.net(), dataset, progress=False)
    rows = [gallery.find_row(name) for name in dataset.items["id"]]
    assert np.array_equal(gallery.packed[rows], expected.packed)
    assert np.array_equal(gallery.relaxed[rows], expected.relaxed)
    assert np.array_equal(gallery.features[rows], expected.features)
    for name in ("class", "split", "longitude", "latitude"):
        assert gallery.items[name].iloc[rows].tolist() == dataset.items[name].tolist()
    assert gallery.manifest.model.vector_dim == DIM
    assert gallery.manifest.data.fingerprint == dataset.fingerprint


def test_tiles_without_an_image_show_their_code(run: Run, tmp_path: Path):
    gallery = build(run, tmp_path / "gallery")
    for row in range(len(gallery)):
        number = int(gallery.items["id"][row].split("/")[1])
        drawn = draw_code(gallery.packed[row], gallery.num_bits)
        assert (gallery.thumbnail(row) == drawn) == (number >= 5)
    merged = merge_galleries([tmp_path / "gallery"], tmp_path / "merged")
    assert [merged.thumbnail(row) for row in range(COUNT)] == [
        gallery.thumbnail(row) for row in range(COUNT)
    ]
    file = tmp_path / "merged" / merged.manifest.segments[0].folder / "thumbs.bin"
    assert file.stat().st_size < 5 * 3000  # drawings are not stored
    check_gallery(tmp_path / "merged")


def test_gallery_without_any_image(run: Run, tmp_path: Path):
    path = embedding_file(tmp_path / "bare")
    gallery = build(run, tmp_path / "gallery", Embeddings.open(path))
    assert (
        tmp_path / "gallery" / gallery.manifest.segments[0].folder / "thumbs.bin"
    ).stat().st_size == 0
    assert gallery.thumbnail(3) == draw_code(gallery.packed[3], 16)
    again = remove_tiles(tmp_path / "gallery", [gallery.items["id"][0]])
    assert len(again) == COUNT - 1


def test_chunks_that_are_there_are_taken_again(run: Run, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(chunk_store, "CHUNK_TILES", 50)
    seen: list[int] = []
    original = chunk_encoder.apply_net

    def counted(net, part):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(len(part))
        return original(net, part)

    monkeypatch.setattr(chunk_encoder, "apply_net", counted)
    with pytest.raises(KeyboardInterrupt):
        build(run, tmp_path / "gallery")
    monkeypatch.setattr(
        chunk_encoder,
        "apply_net",
        lambda net, part: (seen.append(len(part)), original(net, part))[1],
    )
    build(run, tmp_path / "gallery")
    assert seen == [50, 50, 20]


def test_changed_image_or_vector_is_another_tile(run: Run, tmp_path: Path):
    dataset = run.split().dataset
    before = list(dataset.stamps(range(COUNT)))
    file = dataset.path.parent / "small" / "2.png"
    file.write_bytes(file.read_bytes() + b"more")
    after = list(dataset.stamps(range(COUNT)))
    assert [row for row in range(COUNT) if before[row] != after[row]] == [2]
    changed = vectors()
    changed[7, 3] += 1
    other = Embeddings.open(embedding_file(tmp_path / "other", numbers=changed))
    same = Embeddings.open(embedding_file(tmp_path / "same"))
    pairs = list(zip(other.stamps(range(COUNT)), same.stamps(range(COUNT)), strict=True))
    assert [row for row, (one, two) in enumerate(pairs) if one != two] == [7]


def test_more_vectors_are_added(run: Run, tmp_path: Path):
    gallery = build(run, tmp_path / "gallery")
    np.save(tmp_path / "more.npy", vectors(4)[:9])
    more = Embeddings.open(tmp_path / "more.npy")
    grown = add_dataset(run.net(), more, tmp_path / "gallery", progress=False)
    assert len(grown) == len(gallery) + 9
    row = grown.find_row("4")
    expected = encode_vector(grown, vectors(4)[4]).packed
    assert np.array_equal(grown.packed[[row]], expected)


def test_vector_is_encoded_as_its_tile_was(run: Run, tmp_path: Path):
    gallery = build(run, tmp_path / "gallery")
    row = gallery.find_row("scene/042")
    for kind in ("float32", "float64"):
        made = encode_vector(gallery, vectors()[42].astype(kind))
        assert np.array_equal(made.packed, gallery.packed[[row]])
        assert np.array_equal(made.features, gallery.features[[row]])
    assert np.array_equal(encode_vector(gallery, vectors()[[42]]).packed, made.packed)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        (np.ones(DIM + 1), (f"{DIM + 1} numbers", f"{DIM}")),
        (np.ones((2, DIM)), ("(2, 12)",)),
        (np.ones(()), ("shape ()",)),
        (np.array(["a"] * DIM), ("<U1",)),
        (np.full(DIM, np.nan), ("finite",)),
        (np.full(DIM, 1e300), ("finite",)),
    ],
)
def test_wrong_vectors_are_refused(run: Run, tmp_path: Path, query, names):
    gallery = build(run, tmp_path / "gallery")
    with refused(names=names):
        encode_vector(gallery, query)


def test_galleries_take_what_they_were_made_from(
    run: Run, tmp_path: Path, gallery: Gallery, dataset
):
    of_vectors = build(run, tmp_path / "gallery")
    with refused(names=(of_vectors.folder, f"{DIM} numbers")):
        open_query_encoder(of_vectors)
    with refused(names=(gallery.folder, "made from images")):
        encode_vector(gallery, np.ones(DIM))
    assert isinstance(dataset, TileDataset)
    with refused(names="holds images"):
        build(run, tmp_path / "other", dataset)
    assert not (tmp_path / "other").exists()
    with refused(names="holds images"):
        add_dataset(run.net(), dataset, of_vectors.folder)


def test_whole_numbers_in_a_query_are_told(run: Run, tmp_path: Path):
    gallery = build(run, tmp_path / "gallery")
    with pytest.warns(RshWarning, match="whole numbers .*int8"):
        encode_vector(gallery, np.ones(DIM, np.int8))


def test_network_of_embeddings_is_not_exported(run: Run, tmp_path: Path):
    with refused(names="embeddings"):
        export(run.net(), tmp_path / "encoder.onnx")
    assert not (tmp_path / "encoder.onnx").exists()
