"""Galleries, runs and arrays whose checksums are right, and which were made to do harm."""

import io
import json
import pickle
import shutil
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from make_gallery import tiny_gallery
from make_hostile import SEGMENT, Evil, npy, sealed
from refusals import refused

from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.gallery.manifest import with_checksum as with_checksum
from rsh.index.factory import load_index
from rsh.index.in_memory import read_codes, write_codes
from rsh.index.ivf import IVFIndex
from rsh.io.arrays import read_array, read_arrays
from rsh.search.retrieve import search
from rsh.training.checkpoint import load_checkpoint
from rsh.training.run import Run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A gallery that may be spoilt."""
    return tiny_gallery(tmp_path / "gallery", num_tiles=12, num_bits=12).folder


@pytest.mark.parametrize("name", ["thumbs.bin", "items.arrow", "hashes.npy", ""])
def test_gallery_hands_out_no_file_from_outside(folder: Path, tmp_path: Path, name: str):
    """The page shows what lies in thumbs.bin, and the head's checksum may be right."""
    inside, outside = folder / SEGMENT / name, tmp_path / "outside"
    shutil.move(inside, outside)
    inside.symlink_to(outside)
    with refused(names=name):
        Gallery.open(folder)
    link = tmp_path / "link"
    inside.unlink()
    shutil.move(outside, inside)
    link.symlink_to(folder)  # but where a gallery lies is its owner's business
    assert len(Gallery.open(link)) == 12


def evil_files(marker: Path) -> dict[str, bytes]:
    stream = io.BytesIO()
    torch.save({"module": Evil(marker), "history": []}, stream)
    old = io.BytesIO()
    torch.save({"module": Evil(marker)}, old, _use_new_zipfile_serialization=False)
    packed = io.BytesIO()
    np.savez(packed, kind=np.array([Evil(marker)], dtype=object))
    return {
        "zip.ckpt": stream.getvalue(),
        "old.ckpt": old.getvalue(),
        "pickle": pickle.dumps(Evil(marker)),
        "npy": npy(np.array([Evil(marker)], dtype=object)),
        "npz": packed.getvalue(),
    }


@pytest.mark.parametrize("kind", ["zip.ckpt", "old.ckpt", "pickle", "npy", "npz"])
def test_nothing_is_ever_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str):
    marker = tmp_path / "marker"
    file = tmp_path / "x"
    content = evil_files(marker)[kind]
    for name in ("x", "last.ckpt", "model.safetensors"):
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(Run, "_untrained", lambda self: torch.nn.Linear(1, 1))
    readers = (
        lambda: read_array(file, np.uint8),
        lambda: read_arrays(file),
        lambda: load_checkpoint(tmp_path, {"module": torch.nn.Linear(1, 1)}),
        lambda: Run(tmp_path, {"fingerprint": ""}).net(),
    )
    for read in readers:
        with pytest.raises(InputError):
            read()
    assert not marker.exists()
    pickle.loads(pickle.dumps(Evil(marker)))
    assert marker.exists()  # had it been unpickled


@pytest.mark.parametrize(
    "name", ["codes.npy", "relaxed.npy", "features.npy", "hashes.npy", "thumbs.npy"]
)
@pytest.mark.parametrize(
    "array", [np.zeros(3), np.zeros((12, 2), "c8"), np.array(["x"] * 12), np.array(None), np.eye(0)]
)
def test_array_of_another_kind_is_refused(folder: Path, name: str, array):
    with refused(names=name):
        Gallery.open(sealed(folder, name, npy(array, allow_pickle=True)))


def test_array_that_claims_more_than_the_file_has_is_not_made(folder: Path):
    content = npy(np.zeros((12, 2), np.uint8)).replace(b"(12, 2), }  ", b"(2147483648, 2), }")
    with refused(names="codes.npy"):
        Gallery.open(sealed(folder, "codes.npy", content))


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.filterwarnings("error")
def test_scores_that_are_no_numbers_are_not_shown(folder: Path, value: float):
    """Fuzzing found it: they are no JSON."""
    whole = {name: np.load(folder / SEGMENT / f"{name}.npy") for name in ("features", "relaxed")}
    first, second = Gallery.open(folder).items["id"][:2]
    by_score = ({"rerank": "asymmetric"}, {"positive": [second]})
    gallery = Gallery.open(altered(folder, "relaxed", whole["relaxed"], value))
    assert len(search(gallery, first, top_k=3, rerank="features").hits) == 3
    for question in by_score:
        if np.isnan(value):  # without a sign; a bit may be as sure as it likes
            with refused(names="NaN"):
                search(gallery, first, top_k=3, **question)
        else:
            assert all(
                -1 <= hit.score <= 1 for hit in search(gallery, first, top_k=3, **question).hits
            )
    sealed(folder, "relaxed.npy", npy(whole["relaxed"]))
    gallery = Gallery.open(altered(folder, "features", whole["features"], value))
    for question in ({}, {"radius": gallery.num_bits}, {"rerank": "features"}, *by_score):
        how = question if "radius" in question else question | {"top_k": 3}
        with refused(names="feature"):  # they order ties
            search(gallery, first, **how)


def altered(folder: Path, name: str, array: np.ndarray, value: float) -> Path:
    """Put a value into the first column of an array of a gallery."""
    array = array.copy()
    array[:, 0] = value
    return sealed(folder, f"{name}.npy", npy(array))


@pytest.mark.parametrize(
    "places", [[5, 3], [0, 10**12], [-5, 3], [2**62, -(2**63), -(2**62), 0, 9]]
)
def test_thumbnails_outside_their_file_are_refused(folder: Path, places: list[int]):
    offsets = np.load(folder / SEGMENT / "thumbs.npy")
    offsets[-len(places) :] = places
    with refused(names="thumbs.bin"):
        Gallery.open(sealed(folder, "thumbs.npy", npy(offsets)))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_checkpoint_that_unpacks_to_more_than_it_is_is_refused(tmp_path: Path, method: int):
    with zipfile.ZipFile(tmp_path / "last.ckpt", "w", method) as packed:
        packed.writestr("archive/data.pkl", bytes(100_000_000))
    tracemalloc.start()
    with refused(names="last.ckpt"):
        load_checkpoint(tmp_path, {})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50_000_000


@pytest.mark.parametrize("before", [b"", b"\x80\x02r\1", b"x"])
def test_checkpoint_whose_pickle_is_cut_short_or_of_another_format_is_refused(
    tmp_path: Path, before: bytes
):
    """Fuzzing found it: with bytes before the archive, torch takes them for its old format."""
    whole, cut = io.BytesIO(), io.BytesIO()
    torch.save({"history": []}, whole)
    with zipfile.ZipFile(whole) as packed, zipfile.ZipFile(cut, "w") as harmed:
        for name in packed.namelist():
            data = packed.read(name)
            harmed.writestr(name, b"\x80\x02r\1" if name.endswith("data.pkl") else data)
    (tmp_path / "last.ckpt").write_bytes(before + cut.getvalue())
    with refused(names="last.ckpt"):
        load_checkpoint(tmp_path, {})


@pytest.mark.parametrize(
    "change",
    [
        {"lists": np.full(200, 99)},
        {"lists": np.full(200, -1)},
        {"lists": np.zeros(3, np.int64)},
        {"lists": np.zeros(200, np.float32)},
        {"centers": np.zeros((2, 9), np.uint8)},
        {"centers": np.zeros(3, np.uint8)},
        {"centers": np.zeros((0, 4), np.uint8)},
        {"nprobe": np.array(10**6)},
        {"nprobe": np.array([1, 2])},
        {"target_recall": np.array(np.nan)},
        {"kind": np.array(["ivf", "x"]), "ids": np.zeros(200, np.int64)},
        {"packed": np.zeros((200, 3), np.uint8)},
        {"num_bits": np.array(10**9)},
        {"num_bits": np.array("x")},
    ],
)
def test_kept_index_whose_parts_do_not_fit_is_refused(tmp_path: Path, change: dict):
    codes = np.random.default_rng(0).integers(0, 256, (200, 2), dtype=np.uint8)
    IVFIndex.build(codes, 16).save(tmp_path / "x.npz")
    stored = read_codes(tmp_path / "x.npz")
    assert load_index(tmp_path / "x.npz").search(codes[:1], top_k=1)[0].distances[0] == 0
    parts = stored | change
    kind, num_bits = parts.pop("kind"), parts.pop("num_bits")
    write_codes(tmp_path / "x.npz", kind, num_bits, **parts)
    with refused(names="x.npz"):
        load_index(tmp_path / "x.npz")


@pytest.mark.parametrize("collection", ["prod", "rsh", "rsh_a;drop", "../rsh_x"])
def test_gallery_names_no_collection_that_is_not_ours(folder: Path, collection: str):
    """An index that is replaced is taken away from its server."""
    head = json.loads((folder / "gallery.json").read_text())
    head["index"] = {"name": "milvus", "uri": "http://127.0.0.1:1", "collection": collection}
    (folder / "gallery.json").write_text(json.dumps(with_checksum(head)))
    with refused(names=("index", f"'{collection}'")):
        Gallery.open(folder)


def test_gallery_makes_no_database(folder: Path, tmp_path: Path):
    pytest.importorskip("pymilvus")
    head = json.loads((folder / "gallery.json").read_text())
    file = tmp_path / "new.db"
    head["index"] = {"name": "milvus", "uri": str(file), "collection": "rsh_x"}
    (folder / "gallery.json").write_text(json.dumps(with_checksum(head)))
    gallery = Gallery.open(folder)
    with refused(names=("new.db", "rsh_x")):
        gallery.search(gallery.packed[:1], top_k=1)
    assert not file.exists()
