"""An archive is encoded whole: by one process or several, in one go or after any interruption."""

from dataclasses import replace

import numpy as np
import pytest
from filelock import FileLock
from make_encode import content, encode, near
from refusals import refused

from rsh.codes.order import hash_order
from rsh.data.tiles import TileDataset
from rsh.encoding import chunk_store, coordinator
from rsh.encoding.build import add_dataset, build_gallery, encode_dataset
from rsh.errors import InputError, RshWarning
from rsh.gallery.gallery import Gallery
from rsh.gallery.manifest import WORK
from rsh.gallery.writer import check_gallery
from rsh.models.hashnet import HashNet


def stop_after(chunks: int, monkeypatch: pytest.MonkeyPatch) -> list[range]:
    """Interrupt the next encode after so many chunks; return which were encoded."""
    real, encoded = coordinator.encode_chunk, []

    def stopping(net, dataset, rows, **options):
        if len(encoded) == chunks:
            raise KeyboardInterrupt
        encoded.append(rows)
        return real(net, dataset, rows, **options)

    monkeypatch.setattr(coordinator, "encode_chunk", stopping)
    return encoded


def test_gallery_has_the_codes_of_cached_features(net, tiny_split, tmp_path):
    gallery = encode(net, tiny_split.dataset, tmp_path / "gallery")
    cached = encode_dataset(net, tiny_split.dataset, progress=False)
    order = hash_order(tiny_split.dataset.items["id"])
    assert np.array_equal(gallery.codes, cached.codes[order])
    assert np.array_equal(gallery.relaxed, cached.relaxed[order])
    assert gallery.manifest.data.fingerprint == tiny_split.dataset.fingerprint  # of what was read
    assert not list((tmp_path / "gallery").glob(".encode*"))


def test_chunks_make_no_difference(net, dataset, tmp_path, monkeypatch):
    in_chunks = encode(net, dataset, tmp_path / "chunks")
    monkeypatch.setattr(chunk_store, "CHUNK_TILES", 4096)
    at_once = encode(net, dataset, tmp_path / "once")
    near(in_chunks, at_once)
    assert in_chunks.manifest.data == at_once.manifest.data


def test_interrupted_encode_goes_on_and_is_like_an_unbroken_one(
    net, dataset, tmp_path, monkeypatch
):
    unbroken = encode(net, dataset, tmp_path / "unbroken")
    with monkeypatch.context() as patch:
        stop_after(3, patch)
        with pytest.raises(KeyboardInterrupt):
            encode(net, dataset, tmp_path / "broken")
    rest = stop_after(99, monkeypatch)
    broken = encode(net, dataset, tmp_path / "broken")
    assert rest == [range(12, 16), range(16, 20), range(20, 22)]
    assert content(broken) == content(unbroken)
    assert broken.manifest.segments == unbroken.manifest.segments
    assert broken.manifest.data == unbroken.manifest.data


def test_all_parts_being_there_nothing_is_encoded_again(net, dataset, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("rsh.encoding.build.write_gallery", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            encode(net, dataset, tmp_path / "gallery")
    none = stop_after(0, monkeypatch)
    assert len(encode(net, dataset, tmp_path / "gallery")) == 22
    assert none == []


@pytest.mark.parametrize("name", ["rows.npy", "thumbs.bin", "files.json"])
def test_part_that_was_damaged_since_is_encoded_again(net, dataset, tmp_path, monkeypatch, name):
    unbroken = encode(net, dataset, tmp_path / "unbroken")
    with monkeypatch.context() as patch:
        patch.setattr("rsh.encoding.build.write_gallery", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            encode(net, dataset, tmp_path / "gallery")
    file = next((tmp_path / "gallery" / WORK).glob(f"*/{name}"))
    content_of = bytearray(file.read_bytes())
    content_of[-20] ^= 1
    file.write_bytes(content_of)
    with refused(names=(1, 6)):
        encode(net, dataset, tmp_path / "gallery")
    assert content(encode(net, dataset, tmp_path / "gallery")) == content(unbroken)


def test_image_that_changed_since_is_encoded_again(net, dataset, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(4, patch)
        with pytest.raises(KeyboardInterrupt):
            encode(net, dataset, tmp_path / "gallery")
    first, last = (dataset.path / dataset.items["id"][row] for row in (0, 21))
    first.write_bytes(last.read_bytes())
    rest = stop_after(99, monkeypatch)
    gallery = encode(net, TileDataset.open(dataset.path), tmp_path / "gallery")
    assert rest == [range(0, 4), range(16, 20), range(20, 22)]
    assert gallery.manifest.data.fingerprint == TileDataset.open(dataset.path).fingerprint
    codes = gallery.codes[
        gallery.items["id"].isin([dataset.items["id"][0], dataset.items["id"][21]])
    ]
    assert np.array_equal(codes[0], codes[1])


def test_parts_of_another_network_are_not_taken(net, dataset, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(4, patch)
        with pytest.raises(KeyboardInterrupt):
            encode(net, dataset, tmp_path / "gallery")
    other = HashNet(**net.settings, seed=7).eval()
    all_ = stop_after(99, monkeypatch)
    encode(other, dataset, tmp_path / "gallery")
    assert len(all_) == 6
    assert not (tmp_path / "gallery" / WORK).exists()


def test_unreadable_images_are_left_out_and_named_in_the_end(net, dataset, tmp_path):
    spoilt = [dataset.items["id"][row] for row in (4, 5, 6, 7, 21)]  # the second part has no other
    for tile in spoilt:
        (dataset.path / tile).write_bytes(b"no image")
    with refused(names=(spoilt[0], "--skip-unreadable")):
        encode(net, dataset, tmp_path / "gallery")
    with pytest.warns(RshWarning, match="left out") as caught:
        gallery = encode(net, dataset, tmp_path / "gallery", skip_unreadable=True)
    assert [tile for note in caught for tile in spoilt if tile in str(note.message)] == spoilt
    assert set(gallery.items["id"]) == set(dataset.items["id"]) - set(spoilt)
    with pytest.warns(RshWarning, match="left out"):
        readable = dataset.drop_unreadable()
    assert gallery.manifest.data.fingerprint == readable.fingerprint


def test_part_that_left_images_out_is_not_taken_where_none_may_be(
    net, dataset, tmp_path, monkeypatch
):
    (dataset.path / dataset.items["id"][1]).write_bytes(b"no image")
    with monkeypatch.context() as patch:
        stop_after(3, patch)
        with pytest.raises(KeyboardInterrupt):
            encode(net, dataset, tmp_path / "gallery", skip_unreadable=True)
    with refused(names=dataset.items["id"][1]):
        encode(net, dataset, tmp_path / "gallery")


def test_nothing_readable_is_refused_and_leaves_nothing(net, dataset, tmp_path):
    for tile in dataset.items["id"]:
        (dataset.path / tile).write_bytes(b"")
    with refused(names=dataset.path):
        encode(net, dataset, tmp_path / "gallery", skip_unreadable=True)


def test_two_encodes_at_once_are_told_apart(net, dataset, tmp_path):
    folder = tmp_path / "gallery"
    encode(net, dataset, folder)
    (folder / WORK).mkdir()
    with FileLock(folder / WORK / "lock"):
        for change in (encode, lambda *args: add_dataset(*args, progress=False)):
            with refused(names=folder):
                change(net, dataset, folder)
    assert len(check_gallery(folder)) == 22


def test_full_disk_is_told_and_what_was_made_is_kept(net, dataset, tmp_path, monkeypatch):
    real, calls = np.save, []

    def full(*args, **options):
        calls.append(1)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        real(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", full)
        with refused(names="No space left on device"):
            encode(net, dataset, tmp_path / "gallery")
    rest = stop_after(99, monkeypatch)
    assert len(encode(net, dataset, tmp_path / "gallery")) == 22
    assert len(rest) == 4


def test_bar_counts_all_tiles_and_begins_at_what_is_there(
    net, dataset, tmp_path, monkeypatch, capsys
):
    with monkeypatch.context() as patch:
        stop_after(3, patch)
        with pytest.raises(KeyboardInterrupt):
            encode(net, dataset, tmp_path / "gallery")
    build_gallery(net, dataset, tmp_path / "gallery")
    shown = capsys.readouterr().err.replace("\r", "\n").splitlines()
    bars = [line for line in shown if line.startswith("encode")]
    assert "12/22" in bars[0]
    assert "22/22" in bars[-1] and "tile/s" in bars[-1]


def test_tiles_that_are_there_are_not_encoded_to_be_added(net, dataset, tmp_path, monkeypatch):
    encode(net, dataset, tmp_path / "gallery")
    none = stop_after(0, monkeypatch)
    with refused(names=tmp_path / "gallery"):
        add_dataset(net, dataset, tmp_path / "gallery", progress=False)
    assert none == []


def test_gallery_of_another_network_or_data_set_is_kept_unless_told(net, dataset, tmp_path):
    before = content(encode(net, dataset, tmp_path / "gallery"))
    other = HashNet(**net.settings, seed=7).eval()
    half = dataset.select(np.arange(11))
    for change in (
        lambda **options: encode(other, dataset, tmp_path / "gallery", **options),
        lambda **options: encode(net, replace(half, name="half"), tmp_path / "gallery", **options),
    ):
        with pytest.raises(InputError, match=r"holds a gallery of .*--overwrite"):
            change()
        assert content(Gallery.open(tmp_path / "gallery")) == before
        assert content(change(overwrite=True)) != before
        assert content(encode(net, dataset, tmp_path / "gallery", overwrite=True)) == before


def test_gallery_that_cannot_be_read_is_replaced_only_when_told(net, dataset, tmp_path):
    gallery = encode(net, dataset, tmp_path / "gallery")
    (gallery.folder / "gallery.json").write_text("{}")
    with pytest.raises(InputError, match="--overwrite"):
        encode(net, dataset, tmp_path / "gallery")
    assert len(encode(net, dataset, tmp_path / "gallery", overwrite=True)) == 22
