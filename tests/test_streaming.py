"""An archive is encoded whole: by one process or several, in one go or after any interruption."""

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
from make_encode import ROOT, archive, content, near, writer

from rsh import pipeline, streaming
from rsh.encode import add_scenes, build_gallery
from rsh.errors import InputError
from rsh.gallery import Gallery
from rsh.generations import WORK, check_gallery
from rsh.model import HashNet
from rsh.run import Run
from rsh.scenes import Scenes


@pytest.fixture
def net(tiny_run) -> HashNet:
    return Run.open(tiny_run.folder).net()


@pytest.fixture
def scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scenes:
    """22 tiles, in parts of 4."""
    monkeypatch.setattr(pipeline, "TILES", 4)
    return Scenes.open(archive(tmp_path / "archive", slice(0, None, 101)))


def encode(net: HashNet, scenes: Scenes, folder: Path, **options) -> Gallery:
    return build_gallery(net, scenes, folder, progress=False, **options)


def stop_after(parts: int, monkeypatch: pytest.MonkeyPatch) -> list[range]:
    """Let the next encode be interrupted after so many parts; return which were encoded."""
    real, rows = streaming.encode_part, []

    def stopping(job, part, *options):
        if len(rows) == parts:
            raise KeyboardInterrupt
        rows.append(part)
        return real(job, part, *options)

    monkeypatch.setattr(streaming, "encode_part", stopping)
    return rows


def test_streamed_gallery_has_the_codes_of_the_view_bank(net, tiny_run, tiny_split, tmp_path):
    streamed = encode(net, Scenes.open(tiny_run.data), tmp_path / "streamed")
    banked = Gallery.open(tiny_run.gallery)
    assert np.array_equal(streamed.codes, banked.codes)
    assert np.array_equal(streamed.relaxed, banked.relaxed)
    assert streamed.info["data"] == banked.info["data"]  # the fingerprint came from what was read
    assert [streamed.thumb(row) for row in range(48)] == [banked.thumb(row) for row in range(48)]
    assert not list((tmp_path / "streamed").glob(".encode*"))


def test_parts_make_no_difference(net, scenes, tmp_path, monkeypatch):
    in_parts = encode(net, scenes, tmp_path / "parts")
    monkeypatch.setattr(pipeline, "TILES", 4096)
    at_once = encode(net, scenes, tmp_path / "once")
    near(in_parts, at_once)
    assert in_parts.info["data"] == at_once.info["data"]


def test_interrupted_encode_goes_on_and_is_like_an_unbroken_one(net, scenes, tmp_path, monkeypatch):
    unbroken = encode(net, scenes, tmp_path / "unbroken")
    with monkeypatch.context() as patch:
        stop_after(3, patch)
        with pytest.raises(KeyboardInterrupt):
            encode(net, scenes, tmp_path / "broken")
    rest = stop_after(99, monkeypatch)
    broken = encode(net, scenes, tmp_path / "broken")
    assert rest == [range(12, 16), range(16, 20), range(20, 22)]
    assert content(broken) == content(unbroken)
    assert broken.info["segments"] == unbroken.info["segments"]
    assert broken.info["data"] == unbroken.info["data"]


def test_all_parts_being_there_nothing_is_encoded_again(net, scenes, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("rsh.encode.write_gallery", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            encode(net, scenes, tmp_path / "gallery")
    none = stop_after(0, monkeypatch)
    assert len(encode(net, scenes, tmp_path / "gallery")) == 22
    assert none == []


def test_picture_that_changed_since_is_encoded_again(net, scenes, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(4, patch)
        with pytest.raises(KeyboardInterrupt):
            encode(net, scenes, tmp_path / "gallery")
    first, last = (scenes.source / scenes.items["id"][row] for row in (0, 21))
    first.write_bytes(last.read_bytes())
    rest = stop_after(99, monkeypatch)
    gallery = encode(net, Scenes.open(scenes.source), tmp_path / "gallery")
    assert rest == [range(0, 4), range(16, 20), range(20, 22)]
    assert gallery.info["data"]["fingerprint"] == Scenes.open(scenes.source).fingerprint
    codes = gallery.codes[gallery.items["id"].isin([scenes.items["id"][0], scenes.items["id"][21]])]
    assert np.array_equal(codes[0], codes[1])


def test_parts_of_another_network_are_not_taken(net, scenes, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(4, patch)
        with pytest.raises(KeyboardInterrupt):
            encode(net, scenes, tmp_path / "gallery")
    other = HashNet(**net.settings, seed=7).eval()
    all_ = stop_after(99, monkeypatch)
    encode(other, scenes, tmp_path / "gallery")
    assert len(all_) == 6
    assert not (tmp_path / "gallery" / WORK).exists()


def test_unreadable_pictures_are_left_out_and_named_in_the_end(net, scenes, tmp_path):
    spoilt = [scenes.items["id"][row] for row in (4, 5, 6, 7, 21)]  # the second part has no other
    for tile in spoilt:
        (scenes.source / tile).write_bytes(b"no picture")
    with pytest.raises(InputError, match=f"{spoilt[0]} is not a picture.*--skip-unreadable"):
        encode(net, scenes, tmp_path / "gallery")
    with pytest.warns(UserWarning, match="left out") as caught:
        gallery = encode(net, scenes, tmp_path / "gallery", skip_unreadable=True)
    assert [tile for note in caught for tile in spoilt if tile in str(note.message)] == spoilt
    assert set(gallery.items["id"]) == set(scenes.items["id"]) - set(spoilt)
    with pytest.warns(UserWarning, match="left out"):
        readable = scenes.readable()
    assert gallery.info["data"]["fingerprint"] == readable.fingerprint


def test_part_that_left_pictures_out_is_not_taken_where_none_may_be(
    net, scenes, tmp_path, monkeypatch
):
    (scenes.source / scenes.items["id"][1]).write_bytes(b"no picture")
    with monkeypatch.context() as patch:
        stop_after(3, patch)
        with pytest.raises(KeyboardInterrupt):
            encode(net, scenes, tmp_path / "gallery", skip_unreadable=True)
    with pytest.raises(InputError, match="is not a picture"):
        encode(net, scenes, tmp_path / "gallery")


def test_nothing_readable_is_refused_and_leaves_nothing(net, scenes, tmp_path):
    for tile in scenes.items["id"]:
        (scenes.source / tile).write_bytes(b"")
    with pytest.raises(InputError, match=r"no picture in .* can be read"):
        encode(net, scenes, tmp_path / "gallery", skip_unreadable=True)


def test_two_encodes_at_once_are_told_apart(net, scenes, tmp_path):
    folder = tmp_path / "gallery"
    encode(net, scenes, folder)
    (folder / WORK).mkdir()
    with FileLock(folder / WORK / "lock"):
        for change in (encode, lambda *args: add_scenes(*args, progress=False)):
            with pytest.raises(InputError, match=r"gallery (is being encoded|already holds)"):
                change(net, scenes, folder)
    assert len(check_gallery(folder)) == 22


def test_full_disk_is_told_and_what_was_made_is_kept(net, scenes, tmp_path, monkeypatch):
    real, calls = np.save, []

    def full(*args, **options):
        calls.append(1)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        real(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", full)
        with pytest.raises(InputError, match=r"cannot write .*: No space left on device"):
            encode(net, scenes, tmp_path / "gallery")
    rest = stop_after(99, monkeypatch)
    assert len(encode(net, scenes, tmp_path / "gallery")) == 22
    assert len(rest) == 4


def test_bar_counts_all_tiles_and_begins_at_what_is_there(
    net, scenes, tmp_path, monkeypatch, capsys
):
    with monkeypatch.context() as patch:
        stop_after(3, patch)
        with pytest.raises(KeyboardInterrupt):
            encode(net, scenes, tmp_path / "gallery")
    build_gallery(net, scenes, tmp_path / "gallery")
    shown = capsys.readouterr().err.replace("\r", "\n").splitlines()
    bars = [line for line in shown if line.startswith("encode")]
    assert "12/22" in bars[0]
    assert "22/22" in bars[-1] and "tile/s" in bars[-1]


def test_tiles_that_are_there_are_not_encoded_to_be_added(net, scenes, tmp_path, monkeypatch):
    encode(net, scenes, tmp_path / "gallery")
    none = stop_after(0, monkeypatch)
    with pytest.raises(InputError, match="already holds"):
        add_scenes(net, scenes, tmp_path / "gallery", progress=False)
    assert none == []


PROGRAM = """
import sys
from rsh import pipeline
from rsh.cli import main
pipeline.TILES = 4
main(sys.argv[1:])
"""


def together(run: Path, data: Path, folder: Path, *, port: str) -> subprocess.CompletedProcess:
    program = folder.with_name("program.py")
    program.write_text(PROGRAM)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--master-addr", "127.0.0.1", "--master-port", port, str(program)]
    command += ["encode", str(run), "--data", str(data), "--output", str(folder)]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=env)


def test_two_processes_make_the_gallery_of_one(net, scenes, tiny_run, tmp_path):
    done = together(tiny_run.folder, scenes.source, tmp_path / "two", port="29541")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'two'}: 22 tiles, 16 bits\n"
    assert (
        done.stderr.count("| 0/22 [") == 1 and "22/22" in done.stderr
    )  # process 0 alone draws, and counts all
    alone = encode(net, scenes, tmp_path / "alone")
    two = check_gallery(tmp_path / "two")
    assert content(two) == content(alone)
    assert two.info["segments"] == alone.info["segments"]


def test_second_encode_beside_two_processes_is_refused(tiny_run, scenes, tmp_path):
    folder = tmp_path / "two"
    (folder / WORK).mkdir(parents=True)
    with FileLock(folder / WORK / "lock"):
        done = together(tiny_run.folder, scenes.source, folder, port="29542")
    assert done.returncode != 0
    assert f"rsh: {folder} is being encoded by another process" in done.stderr
    assert not list((folder / WORK).glob("*/"))


def test_killed_at_any_moment_the_gallery_is_that_of_a_finished_encode(tiny_run, net, tmp_path):
    """kill -9 at 30 random moments, while a gallery is replaced by one of other tiles."""
    draw, folder = random.Random(0), tmp_path / "gallery"
    archives = [archive(tmp_path / name, slice(int(name), None, 20)) for name in "01"]
    expected = [
        content(encode(net, Scenes.open(data), tmp_path / f"unbroken{number}"))
        for number, data in enumerate(archives)
    ]
    encode(net, Scenes.open(archives[0]), folder)
    now, finished, resumed = 0, 0, 0
    with writer(tiny_run.folder, folder, tiles=16) as process:
        assert process.stdin and process.stdout
        for _ in range(30):
            print(archives[1 - now], file=process.stdin, flush=True)
            pid = int(process.stdout.readline())
            time.sleep(draw.uniform(0, 0.6))
            os.kill(pid, signal.SIGKILL)
            print(file=process.stdin, flush=True)
            ended_well = process.stdout.readline() == "0\n"
            resumed += any((folder / WORK).glob("*/rows.npy"))
            found = content(check_gallery(folder))
            assert found.keys() == expected[now].keys() or found.keys() == expected[1 - now].keys()
            has_changed = found.keys() == expected[1 - now].keys()
            assert has_changed or not ended_well
            if has_changed:
                now, finished = 1 - now, finished + 1
            same(found, expected[now])
        process.stdin.close()
    assert finished >= 1 and resumed >= 5


def same(found: dict[str, tuple], expected: dict[str, tuple]) -> None:
    """Hold codes and thumbnails against those of an unbroken encode in one part."""
    differ = [tile for tile in found if found[tile][3] != expected[tile][3]]
    assert len(differ) <= 1
    assert all(found[tile][-1] == expected[tile][-1] for tile in found)
