import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from refusals import refused

from rsh.codes.order import hash_order
from rsh.data.images import to_jpeg
from rsh.data.tiles import TileDataset
from rsh.encoding import chunk_encoder
from rsh.encoding.build import build_gallery, encode_dataset
from rsh.encoding.query import encode_images, load_network, open_query_encoder
from rsh.errors import RshWarning
from rsh.gallery.gallery import Gallery
from rsh.gallery.manifest import to_json
from rsh.gallery.segment import THUMB_SIDE
from rsh.models.hashnet import HashNet, fingerprint
from rsh.training.run import Run, finish_run


@pytest.fixture
def gallery(tiny_run, tmp_path: Path) -> Gallery:
    """A copy that may be spoilt."""
    return Gallery.open(shutil.copytree(tiny_run.gallery, tmp_path / "gallery"))


def rename_run(gallery: Gallery, run: str) -> Gallery:
    gallery.manifest.model = replace(gallery.manifest.model, run=run)
    (gallery.folder / "gallery.json").write_text(json.dumps(to_json(gallery.manifest)))
    return Gallery.open(gallery.folder)


def test_gallery_holds_every_tile_with_its_split(tiny_run, tiny_split):
    gallery = Gallery.open(tiny_run.gallery)
    in_order = gallery.items.sort_values("id", ignore_index=True)
    assert in_order.equals(tiny_split.dataset.items.sort_values("id", ignore_index=True))
    assert gallery.num_bits == 16
    assert set(gallery.items["split"][gallery.searchable]) == {"train", "val"}
    assert gallery.features.shape == (48, 16)
    lengths = np.linalg.norm(gallery.features.astype(np.float32), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=2e-3)


def test_order_of_tiles_comes_from_their_ids_and_says_nothing_of_class(tiny_run, tiny_split):
    gallery, dataset = Gallery.open(tiny_run.gallery), tiny_split.dataset
    ids = gallery.items["id"].tolist()
    assert ids == [dataset.items["id"][row] for row in hash_order(dataset.items["id"])]
    again = sorted(ids)
    assert [again[row] for row in hash_order(again)] == ids  # whatever order they came in
    changes = (np.diff(gallery.labels) != 0).sum()
    assert changes > 24  # in the order of classes there are 3


def test_codes_features_and_thumbnails_are_in_the_order_of_the_items(tiny_run, tiny_split):
    gallery, net = Gallery.open(tiny_run.gallery), Run.open(tiny_run.folder).net()
    encoded = encode_dataset(net, tiny_split.dataset, progress=False)
    row_of = {tile: row for row, tile in enumerate(tiny_split.dataset.items["id"])}
    for row, tile in enumerate(gallery.items["id"]):
        assert np.array_equal(gallery.codes[row], encoded.codes[row_of[tile]])
        assert np.array_equal(gallery.features[row], encoded.features[row_of[tile]])
        image = tiny_split.dataset.read(row_of[tile])
        assert gallery.thumbnail(row) == to_jpeg(image, side=THUMB_SIDE)


def test_gallery_says_which_model_and_data_made_it(tiny_run, tiny_split):
    gallery = Gallery.open(tiny_run.gallery)
    assert gallery.name == "tiny"
    assert gallery.manifest.model.fingerprint == Run.open(tiny_run.folder).config["fingerprint"]
    assert gallery.manifest.data.fingerprint == tiny_split.dataset.fingerprint


def test_image_of_the_gallery_gets_the_code_it_has_there(tiny_run):
    gallery = Gallery.open(tiny_run.gallery)
    encoder = open_query_encoder(gallery)
    for row in range(0, 48, 12):
        file = tiny_run.data / gallery.items["id"][row]
        for image in (file, str(file), Image.open(file)):
            assert encoder([image]).packed.tolist() == [gallery.packed[row].tolist()]


def test_image_is_found_as_its_own_nearest_neighbor(tiny_run):
    gallery = Gallery.open(tiny_run.gallery)
    row = int(gallery.searchable[0])
    code = open_query_encoder(gallery)([tiny_run.data / gallery.items["id"][row]]).packed
    (hits,) = gallery.range_search(code, radius=0)
    assert row in hits.ids


def test_images_are_encoded_like_scenes(tiny_run, tiny_split):
    net = Run.open(tiny_run.folder).net()
    dataset = tiny_split.query
    files = [tiny_run.data / path for path in dataset.items["id"]]
    one_by_one, at_once = encode_images(net, files), encode_dataset(net, dataset, progress=False)
    assert one_by_one.codes.shape == (len(files), 16)
    assert one_by_one.codes.dtype == at_once.codes.dtype == np.int8
    assert (one_by_one.codes != at_once.codes).sum() <= 1  # a bit at zero may fall to either side
    np.testing.assert_allclose(
        one_by_one.features.astype(float), at_once.features.astype(float), atol=5e-3
    )


def test_images_of_any_size_and_mode_are_encoded(tiny_run):
    net = Run.open(tiny_run.folder).net()
    with pytest.warns(RshWarning, match="not RGB"):
        encoded = encode_images(net, [Image.new("L", (9, 300), 7), Image.new("RGB", (8, 8))])
    assert encoded.codes.shape == (2, 16)


def test_image_that_cannot_be_read_is_named(tiny_run, tmp_path: Path):
    with refused(names="gone.jpg"):
        open_query_encoder(Gallery.open(tiny_run.gallery))([tmp_path / "gone.jpg"])


def test_model_is_found_by_the_name_in_the_gallery_or_a_new_one(
    gallery: Gallery, tiny_run, tmp_path
):
    assert fingerprint(load_network(gallery)) == gallery.manifest.model.fingerprint
    moved = shutil.copytree(tiny_run.folder, tmp_path / "moved")
    gone = rename_run(gallery, str(tmp_path / "gone"))
    assert fingerprint(load_network(gone, moved)) == gallery.manifest.model.fingerprint
    image = tiny_run.data / gallery.items["id"][0]
    assert np.array_equal(open_query_encoder(gone, run=moved)([image]).packed, gallery.packed[:1])


def test_model_that_has_gone_is_named_with_the_way_out(gallery: Gallery, tmp_path: Path):
    with refused(names="--run") as error:
        load_network(rename_run(gallery, str(tmp_path / "gone")))
    assert str(tmp_path / "gone") in str(error.value)


def test_gallery_that_knows_no_run_says_so(gallery: Gallery):
    with refused(names="--run"):
        load_network(rename_run(gallery, ""))


def test_gallery_of_another_model_is_refused(gallery: Gallery, tiny_run, tmp_path: Path):
    """The wrong run has the same shape, so that its codes would look right."""
    other = HashNet(**Run.open(tiny_run.folder).config["model"], seed=5).eval()
    folder = shutil.copytree(tiny_run.folder, tmp_path / "other")
    finish_run(folder, other)
    with refused(names="--run"):
        load_network(gallery, folder)


def test_gallery_without_a_run_is_built_from_a_network_alone(tiny_split, tmp_path: Path):
    net = HashNet(num_bits=8, image_size=32, hidden=16, feature_dim=8).eval()
    gallery = build_gallery(net, tiny_split.dataset, tmp_path / "g", name="Mine", progress=False)
    assert gallery.name == "Mine"
    with refused(names="--run"):
        load_network(gallery)


def test_same_network_and_tiles_give_the_same_gallery(tiny_run, tiny_split, tmp_path: Path):
    net = Run.open(tiny_run.folder).net()
    again = build_gallery(
        net, tiny_split.dataset, tmp_path / "again", run=tiny_run.folder, progress=False
    )
    assert again.manifest.segments == Gallery.open(tiny_run.gallery).manifest.segments


def test_features_that_a_training_left_are_not_computed_again(
    net, tiny_split, tmp_path: Path, monkeypatch
):
    expected = encode_dataset(net, tiny_split.dataset, progress=False)
    assert tiny_split.dataset.fingerprint  # a training asks for it
    monkeypatch.setattr(chunk_encoder, "extract_features", None)
    gallery = build_gallery(net, tiny_split.dataset, tmp_path / "gallery", progress=False)
    rows = [gallery.find_row(name) for name in tiny_split.dataset.items["id"]]
    assert np.array_equal(gallery.relaxed[rows], expected.relaxed)
    assert np.array_equal(gallery.features[rows], expected.features)


def test_tile_that_changes_under_its_features_is_refused(
    net, dataset: TileDataset, tmp_path: Path, monkeypatch
):
    encode_dataset(net, dataset, progress=False)
    file = dataset.path / dataset.items["id"][1]
    file.write_bytes(file.read_bytes() + b"\0")
    with refused(names=(dataset.items["id"][1], "changed")):
        build_gallery(net, dataset, tmp_path / "gallery", progress=False)
