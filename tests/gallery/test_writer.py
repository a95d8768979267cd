"""Galleries change in whole steps: nothing is seen half done, nothing is lost, nothing is left."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from make_gallery import WEBP, entries, parts, planes, said, some, tiles_of, write
from refusals import refused
from tiers import KILLS

from rsh.codes.order import hash_order
from rsh.data.backgrounds import Background
from rsh.gallery import writer
from rsh.gallery.gallery import Gallery
from rsh.gallery.manifest import DataInfo, Manifest, ModelInfo, list_entries
from rsh.gallery.writer import (
    add_tiles,
    check_gallery,
    merge_galleries,
    remove_tiles,
    write_gallery,
    write_projection,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "gallery", **parts())
    return tmp_path / "gallery"


def test_added_tiles_are_found_beside_the_old_ones(folder: Path, tmp_path: Path):
    before, new = said(Gallery.open(folder)), some(9, seed=1)
    gallery = add_tiles(folder, tiles_of(**new))
    alone = Gallery.open(write(tmp_path / "alone", info=parts()["info"], **new).folder)
    assert said(gallery) == before | said(alone)
    ids = gallery.items["id"].tolist()
    assert ids == [ids[row] for row in hash_order(ids)]  # ties favor neither old nor new
    (hits,) = gallery.search(alone.packed[:1], top_k=1)
    assert hits.distances[0] == 0
    assert Gallery.open(folder).manifest.version == 2


def test_tile_that_is_there_is_not_added_again(folder: Path):
    before = said(Gallery.open(folder))
    with refused(names=".png"):
        add_tiles(folder, tiles_of(**{k: v for k, v in parts(3).items() if k != "info"}))
    assert said(Gallery.open(folder)) == before
    assert len(entries(folder)) == 3


@pytest.mark.parametrize("name", ["features", "relaxed"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(folder: Path, name: str, value: float):
    before, new = said(Gallery.open(folder)), some(5, seed=1)
    new["relaxed"] = np.array(new["codes"], dtype=np.float32)
    new[name] = np.array(new[name], dtype=np.float32)
    new[name][3, 1] = value
    with refused(names=(3, name)):
        add_tiles(folder, tiles_of(**new))
    assert said(Gallery.open(folder)) == before


def test_two_tiles_of_one_name_are_refused(folder: Path):
    before, new = said(Gallery.open(folder)), some(5, seed=1)
    new["items"].loc[4, "id"] = new["items"]["id"][0]
    with refused(names="new/1-0.png"):
        add_tiles(folder, tiles_of(**new))
    assert said(Gallery.open(folder)) == before


def test_backgrounds_stay_with_the_tiles(tmp_path: Path):
    first, second = (Background(name, (0, 0, 1, 1), WEBP) for name in ("a.tif", "b.tif"))
    made = parts()
    folder = tmp_path / "gallery"
    info = Manifest("tiny", made["codes"].shape[1], ModelInfo(), DataInfo())
    del made["info"]
    write_gallery(folder, info, tiles_of(**made), [first])
    assert Gallery.open(folder).backgrounds == [first]
    gallery = add_tiles(folder, tiles_of(**some(9, seed=1)))
    assert gallery.backgrounds == [first]
    gallery = add_tiles(folder, tiles_of(**some(9, seed=2)), backgrounds=[second, first])
    assert gallery.backgrounds == [first, second]
    assert len([name for name in entries(folder) if name.startswith("backgrounds")]) == 2
    remove_tiles(folder, [gallery.items["id"][0]])
    assert len([name for name in entries(folder) if name.startswith("backgrounds")]) == 1
    merged = merge_galleries([folder], tmp_path / "merged")
    assert merged.backgrounds == [first, second]
    plain = write(tmp_path / "plain", info=parts()["info"], **some(9, seed=3))
    assert plain.backgrounds == [] and plain.manifest.backgrounds is None


def test_altered_backgrounds_are_refused(tmp_path: Path):
    made = parts()
    info = Manifest("tiny", made["codes"].shape[1], ModelInfo(), DataInfo())
    del made["info"]
    background = Background("a.tif", (0, 0, 1, 1), WEBP)
    folder = tmp_path / "gallery"
    write_gallery(folder, info, tiles_of(**made), [background])
    (folder / "backgrounds-1.parquet").write_bytes(b"PAR1")
    with refused(names="backgrounds-1.parquet"):
        Gallery.open(folder)


def test_removed_tiles_are_gone_and_the_others_as_they_were(folder: Path):
    add_tiles(folder, tiles_of(**some(9, seed=1)))
    before = said(Gallery.open(folder))
    gone = sorted(before)[::4]
    after = said(remove_tiles(folder, [*gone, gone[0]]))
    assert after == {name: tile for name, tile in before.items() if name not in gone}
    more = sorted(after)[:2]
    assert set(said(remove_tiles(folder, more))) == set(after) - set(more)


def test_segment_without_tiles_goes(folder: Path):
    new = some(3, seed=1)
    add_tiles(folder, tiles_of(**new))
    gallery = remove_tiles(folder, new["items"]["id"].tolist())
    assert len(gallery.manifest.segments) == 1
    assert said(gallery).keys() == set(parts()["items"]["id"])


def test_unknown_tile_is_named_and_nothing_is_removed(folder: Path):
    with refused(names="moon/1"):
        remove_tiles(folder, [parts()["items"]["id"][0], "moon/1"])
    assert len(Gallery.open(folder)) == 24


def test_last_tile_stays(folder: Path):
    with refused(names=folder):
        remove_tiles(folder, parts()["items"]["id"].tolist())
    assert len(Gallery.open(folder)) == 24


def test_projection_outlives_removal_and_covers_new_tiles(folder: Path):
    planes_ = planes(24).assign(feature_x=np.arange(24, dtype=np.float32))
    write_projection(Gallery.open(folder), planes_)
    ids = Gallery.open(folder).items["id"]
    gallery = remove_tiles(folder, ids[3:6].tolist())
    kept = [row for row in range(24) if row not in (3, 4, 5)]
    assert gallery.projection["feature_x"].tolist() == kept
    added = add_tiles(folder, tiles_of(**some(2, seed=1)))
    is_new = added.items["id"].str.startswith("new")
    assert sorted(added.projection["feature_x"][~is_new]) == kept
    assert added.projection["feature_x"][is_new].between(0, 23).all()


def test_only_what_the_last_two_heads_name_stays_on_disk(folder: Path):
    for seed in range(1, 5):
        add_tiles(folder, tiles_of(**some(2, seed=seed)))
    write(folder, **parts(5))  # replaces all
    assert len([name for name in entries(folder) if name[0].isdigit()]) == 6
    write_projection(Gallery.open(folder), planes(5))
    assert len([name for name in entries(folder) if name[0].isdigit()]) == 1
    for value in range(3):
        write_projection(Gallery.open(folder), planes(5, value))
    projections = [name for name in entries(folder) if name.startswith("projection")]
    assert len(projections) == 2  # a page that has just read the old head needs its files


def test_reader_that_is_overtaken_takes_the_newer_head(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    real, calls = writer.read_manifest, []

    def overtaken(where: Path) -> dict:
        head = real(where)
        calls.append(1)
        if len(calls) == 1:  # between its look at the head and at the files all is replaced, twice
            write(folder, **parts(5))
            write(folder, **parts(7))
        return head

    monkeypatch.setattr("rsh.gallery.gallery.read_manifest", overtaken)
    assert len(Gallery.open(folder)) == 7
    assert len(calls) > 2


def test_opened_gallery_works_on_while_it_is_replaced(folder: Path):
    gallery = Gallery.open(folder)
    before = said(gallery)
    for seed in range(3):
        write(folder, **parts(5, seed=seed))
    assert said(gallery) == before


def test_two_writers_at_once_are_told_apart(folder: Path):
    with FileLock(folder / writer.LOCK):
        for change in (
            lambda: remove_tiles(folder, [parts()["items"]["id"][0]]),
            lambda: add_tiles(folder, tiles_of(**some(2, seed=1))),
            lambda: write(folder, **parts(3)),
            lambda: write_projection(Gallery.open(folder), planes(24)),
        ):
            with refused(names=folder):
                change()
    assert len(Gallery.open(folder)) == 24


def test_merged_galleries_hold_the_tiles_of_all(folder: Path, tmp_path: Path):
    other = write(tmp_path / "other", info=parts()["info"], **some(9, seed=1)).folder
    remove_tiles(other, ["new/1-0.png"])
    merged = merge_galleries([folder, other], tmp_path / "merged")
    assert said(merged) == said(Gallery.open(folder)) | said(Gallery.open(other))
    with refused(names="merged"):
        merge_galleries([folder, other], tmp_path / "merged")
    with refused(names=".png"):
        merge_galleries([folder, tmp_path / "merged"], tmp_path / "more")
    assert not (tmp_path / "more").exists()


def test_galleries_of_other_models_are_not_merged(folder: Path, tmp_path: Path):
    info = parts()["info"] | {"model": {"fingerprint": "other"}}
    other = write(tmp_path / "other", info=info, **some(2, seed=1)).folder
    with refused(names=other):
        merge_galleries([folder, other], tmp_path / "merged")


def test_check_reads_what_opening_only_measures(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("rsh.gallery.manifest.LARGE", 100)
    (segment,) = (folder / s.folder for s in Gallery.open(folder).manifest.segments)
    content = bytearray((segment / "thumbs.bin").read_bytes())
    content[50] ^= 1
    (segment / "thumbs.bin").write_bytes(content)
    Gallery.open(folder)
    with refused(names="thumbs.bin"):
        check_gallery(folder)
    (segment / "thumbs.bin").write_bytes(content[:-1])
    with refused(names="thumbs.bin"):
        Gallery.open(folder)


# Imports once, then forks a process for each round of changes, which a line of input starts; the
# next line says that it was killed. A finished line of output ends with a point.
WRITER = """
import os, sys
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from make_gallery import parts, planes, some, tiles_of, write
from rsh.gallery.writer import add_tiles, remove_tiles, write_projection
folder = Path(sys.argv[1])

def report(version, tiles):
    print(version, tiles, ".", flush=True)

def change():
    print("pid", os.getpid(), flush=True)
    for seed in range(1, 1000):
        report(write(folder, **parts(5)).manifest.version, 5)
        gallery = add_tiles(folder, tiles_of(**some(40, seed=seed)))
        report(gallery.manifest.version, 45)
        write_projection(gallery, planes(45))
        report(gallery.manifest.version + 1, 45)
        ids = gallery.items["id"][:20].tolist()
        report(remove_tiles(folder, ids).manifest.version, 25)

while sys.stdin.readline():
    pid = os.fork()
    if pid == 0:
        change()
        os._exit(0)
    sys.stdin.readline()  # until it has been killed: its number is not given to another
    os.waitpid(pid, 0)
    print("\\nended", flush=True)
"""


def test_what_a_killed_writer_left_goes_with_the_next_change(folder: Path):
    for name in (".rsh.k1", ".000007-0.k2", ".encode.k3"):
        (folder / name).mkdir()
    for name in (".gallery.json.k4", ".projection-3.arrow.k5"):
        (folder / name).touch()
    before, mine = list_entries(Gallery.open(folder).manifest), {".rsh", "notes.txt"}
    for name in mine:
        (folder / name).touch()
    after = remove_tiles(folder, Gallery.open(folder).items["id"][:1].tolist())
    wanted = before | list_entries(after.manifest) | {"gallery.json", ".lock"}
    assert entries(folder) == wanted | mine


@pytest.mark.parametrize("moments", KILLS)
def test_killed_at_any_moment_the_gallery_is_that_of_a_finished_version(folder: Path, moments: int):
    """kill -9 at random moments; what was reported as done is there, or what came next."""
    draw = random.Random(0)
    here = Path(__file__).parents[1]
    sizes = (5, 45, 45, 25)  # of the versions of a round
    version, changed = check_gallery(folder).manifest.version, 0
    command = [sys.executable, "-c", WRITER, str(folder), str(here), str(here.parent)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin and process.stdout
        for _ in range(moments):
            first = version + 1
            print(file=process.stdin, flush=True)
            pid = int(process.stdout.readline().removeprefix("pid "))
            lines = [process.stdout.readline() for _ in range(draw.randrange(6))]
            time.sleep(draw.uniform(0, 0.05))
            os.kill(pid, signal.SIGKILL)
            print(file=process.stdin, flush=True)
            lines += iter(process.stdout.readline, "ended\n")
            reported = [int(line.split()[0]) for line in lines if line.endswith(".\n")]
            gallery = check_gallery(folder)
            version = gallery.manifest.version
            last = reported[-1] if reported else first - 1
            assert version in (last, last + 1)
            if version >= first:
                changed += 1
                assert len(gallery) == sizes[(version - first) % 4]
        process.stdin.close()
    gallery = check_gallery(folder)
    assert changed
    after = remove_tiles(folder, gallery.items["id"][:1].tolist())  # takes away what was left
    wanted = (
        list_entries(gallery.manifest) | list_entries(after.manifest) | {"gallery.json", ".lock"}
    )
    assert entries(folder) == wanted
