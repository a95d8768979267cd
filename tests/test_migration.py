"""A gallery of format 1 becomes one of today, with all that it held."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from test_gallery import parts, planes

from rsh.codes import pack
from rsh.errors import InputError
from rsh.gallery import Gallery
from rsh.migration import migrate_gallery


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A gallery as rsh 0.1 wrote it in November 2026."""
    folder, made = tmp_path / "old", parts()
    folder.mkdir()
    np.save(folder / "codes.npy", pack(made["codes"]))
    np.save(folder / "features.npy", made["features"])
    made["items"].to_parquet(folder / "items.parquet")
    (folder / "thumbs.bin").write_bytes(b"".join(made["thumbs"]))
    np.save(folder / "thumbs.npy", np.cumsum([0, *map(len, made["thumbs"])]))
    planes(24, 1.5).to_parquet(folder / "projection.parquet")
    files = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}
    head = {"format": 1, "num_bits": 12, "num_items": 24} | made["info"] | {"files": files}
    (folder / "gallery.json").write_text(json.dumps(head))
    return folder


def test_old_gallery_is_named_with_the_way_out(old: Path):
    told = rf"format 1, this rsh reads 2: bring it up to date with `rsh gallery migrate {old}`"
    with pytest.raises(InputError, match=told):
        Gallery.open(old)


def test_nothing_is_lost(old: Path):
    gallery, made = migrate_gallery(old), parts()
    assert gallery.items.equals(made["items"])
    assert np.array_equal(gallery.codes, made["codes"])
    assert np.array_equal(gallery.relaxed, made["codes"])  # the best that is known
    assert np.array_equal(gallery.features, made["features"])
    assert [gallery.thumb(row) for row in range(24)] == made["thumbs"]
    assert gallery.projection is not None
    assert gallery.projection.equals(planes(24, 1.5))
    assert gallery.name == "tiny"
    names = {path.name for path in old.iterdir()}
    assert names == {"gallery.json", ".lock", "000001-0", "projection-2.parquet"}


def test_gallery_of_today_stays_as_it_is(old: Path):
    generation = migrate_gallery(old).info["generation"]
    assert migrate_gallery(old).info["generation"] == generation


@pytest.mark.parametrize("name", ["codes.npy", "thumbs.bin", "projection.parquet"])
def test_harmed_file_is_named_and_all_stays(old: Path, name: str):
    (old / name).write_bytes((old / name).read_bytes()[:-1])
    before = {path.name for path in old.iterdir()}
    with pytest.raises(InputError, match=rf"{name} was altered or cut short"):
        migrate_gallery(old)
    assert {path.name for path in old.iterdir()} == before


def test_unknown_format_is_named(old: Path):
    head = json.loads((old / "gallery.json").read_text())
    (old / "gallery.json").write_text(json.dumps(head | {"format": 7}))
    with pytest.raises(InputError, match="format 7, this rsh knows 1 and 2"):
        migrate_gallery(old)
