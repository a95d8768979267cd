"""A full disk keeps what was there, whenever it fills; every damaged file is noticed.

Faults at random, kill -9 among them, are injected by robustness/faults: docs/reliability.md.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from make_faults import full_everywhere
from make_gallery import parts, planes, said, some, tiles_of, write
from tiers import EVERYWHERE, SLOW

from rsh.codes.encodings import Encodings
from rsh.encoding.chunk_store import Chunk, EncodedChunk, Skipped
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.gallery.manifest import iter_files, read_manifest
from rsh.gallery.writer import (
    add_tiles,
    check_gallery,
    index_gallery,
    merge_galleries,
    remove_tiles,
    write_projection,
)
from rsh.io.array_cache import cached
from rsh.training.checkpoint import load_checkpoint, save_checkpoint
from rsh.training.run import Run, checksum, start_run

CHANGES: dict[str, Callable[[Path], object]] = {
    "encode": lambda folder: write(folder, **parts(30, seed=2)),
    "add": lambda folder: add_tiles(folder, tiles_of(**some(9, seed=1))),
    "remove": lambda folder: remove_tiles(folder, parts()["items"]["id"][:5].tolist()),
    "project": lambda folder: write_projection(Gallery.open(folder), planes(23, 2.0)),
    "index": lambda folder: index_gallery(folder, "exact"),
    "index again": lambda folder: index_gallery(folder, "ivf", recall=1.0),
    "merge": lambda folder: merge_galleries([folder], folder.with_name("merged")),
}


def seen(folder: Path) -> object:
    """Return all that a gallery says, after each byte was checked."""
    if not (folder / "gallery.json").exists():
        return None
    gallery = check_gallery(folder)
    index = gallery.manifest.index and gallery.manifest.index.name
    found = gallery.search(gallery.packed[:3], top_k=3)
    plane = gallery.projection
    return said(gallery), index, str(found), None if plane is None else plane.to_json()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No one pulls the plug here: wait for no disk."""
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery with all that one can have."""
    folder = tmp_path_factory.mktemp("complete") / "gallery"
    write_projection(write(folder, **parts()), planes(24))
    index_gallery(folder, "ivf")
    remove_tiles(folder, [parts()["items"]["id"][20]])
    return folder


@pytest.mark.parametrize(
    "change",
    [name if name in ("encode", "add") else pytest.param(name, marks=SLOW) for name in CHANGES],
)
def test_full_disk_leaves_a_gallery_as_it_was(change: str, indexed: Path, tmp_path: Path):
    folder = tmp_path / "gallery"
    into = tmp_path / "merged" if change == "merge" else folder

    def begin() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(into, ignore_errors=True)
        shutil.copytree(indexed, folder)

    def run() -> None:
        CHANGES[change](folder)

    assert full_everywhere(tmp_path, begin, run, lambda: seen(into)) > 5


def small() -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.nn.Linear(8, 4)


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and not path.match(".*"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_full_disk_leaves_a_run_as_it_was(tmp_path: Path):
    run, module = tmp_path / "run", small()

    def begin() -> None:
        shutil.rmtree(run, ignore_errors=True)

    assert full_everywhere(tmp_path, begin, lambda: start_run(run, {}), lambda: files(run)) > 3
    history = [{"epoch": 0.0, "total": 1.0}]

    def save() -> None:
        save_checkpoint(run, {"module": module}, history)

    def went_on() -> bool:
        """Say whether both files are there; a checkpoint that is there alone is whole, too."""
        other = torch.nn.Linear(8, 4)
        if found := load_checkpoint(run, {"module": other}):
            assert found == history and torch.equal(other.weight, module.weight)
        return (run / "history.jsonl").exists()

    assert full_everywhere(tmp_path, begin, save, went_on) > 3


def test_full_disk_leaves_no_half_of_a_part_or_of_an_array(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RSH_CACHE", str(tmp_path / "cache"))
    numbers = np.arange(2000, dtype=np.int32)[:, None]
    codes = np.ones((3, 8), np.int8)
    halves = np.ones((3, 8), np.float16)
    made = EncodedChunk(
        Encodings(codes, halves, halves),
        [0, 1, 2],
        3 * [bytes(32)],
        3 * [(b"jpeg", b"", b"")],
        Skipped([], 1),
    )

    def begin() -> None:
        shutil.rmtree(tmp_path / "part", ignore_errors=True)
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)

    def array() -> None:
        options = {"shape": numbers.shape, "dtype": np.int32, "progress": False}
        assert np.array_equal(
            cached("numbers", "key", lambda at: [numbers[at:]], **options), numbers
        )

    chunk = Chunk(tmp_path / "part", range(4))
    assert full_everywhere(tmp_path, begin, lambda: chunk.write(made), chunk.is_intact)
    assert full_everywhere(
        tmp_path, begin, array, lambda: list((tmp_path / "cache").rglob("key.npy")) != []
    )


def damaged(file: Path, everywhere: bool):
    """Cut a file short in 2 or 4 places, then flip a bit in each of 4 or 30."""
    content = file.read_bytes()
    for share in (0, 0.3, 0.7, 0.999) if everywhere else (0.7, 0.999):
        file.write_bytes(content[: int(share * len(content))])
        yield f"cut at {share}"
    for place in np.linspace(0, len(content) - 1, 30 if everywhere else 4).astype(int):
        flipped = content[place] ^ (1 << int(place) % 8)
        file.write_bytes(content[:place] + bytes([flipped]) + content[place + 1 :])
        yield f"bit at {place}"
    file.write_bytes(content)


@pytest.mark.parametrize("everywhere", EVERYWHERE)
def test_every_damaged_file_of_a_gallery_is_noticed(
    indexed: Path, tmp_path: Path, everywhere: bool
):
    folder = tmp_path / "gallery"
    shutil.copytree(indexed, folder)
    whole, files = seen(folder), dict(iter_files(read_manifest(folder)))
    assert len(files) == 9
    for name in ("gallery.json", *files):
        for what in damaged(folder / name, everywhere):
            try:
                check_gallery(folder)
            except InputError as error:
                assert str(error).isprintable() and Path(name).name in str(error)
            else:  # the name of the gallery, which may be edited, or white space
                assert name == "gallery.json" and seen(folder) == whole, (name, what)
    assert seen(folder) == whole


@pytest.mark.parametrize("everywhere", EVERYWHERE)
def test_every_damaged_file_of_a_run_is_noticed(tiny_run, tmp_path: Path, everywhere: bool):
    run = tmp_path / "run"
    shutil.copytree(tiny_run.folder, run)
    whole = Run.open(run).config
    parts = {"module": Run.open(run).net().head}
    for name in ("config.json", "last.ckpt"):
        for what in damaged(run / name, everywhere):
            try:
                opened = Run.open(run)
                opened.check()
                load_checkpoint(run, parts)
            except InputError as error:
                assert str(error).isprintable() and name in str(error)
                continue
            assert checksum(opened.config) == whole["checksum"], (name, what)
    assert Run.open(run).config == whole
