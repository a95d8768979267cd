import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from refusals import refused

from rsh.errors import InputError, RshWarning
from rsh.io import array_cache
from rsh.io.array_cache import cached

SQUARES = np.arange(10)[:, None] ** 2


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RSH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "squares"


def squares(start: int) -> Iterator[np.ndarray]:
    for row in range(start, 10):
        yield SQUARES[row, None]


def get(rows=squares, key: str = "key") -> np.ndarray:
    return cached("squares", key, rows, shape=(10, 1), dtype=np.int32, progress=False)


def test_array_is_what_the_rows_are(folder: Path):
    assert np.array_equal(get(), SQUARES)
    assert get().dtype == np.int32
    assert [file.name for file in folder.glob("*.npy")] == ["key.npy"]


def test_known_array_is_read_and_not_computed_again(folder: Path):
    get()
    before = (folder / "key.npy").stat().st_ino
    assert np.array_equal(get(rows=None), SQUARES)
    assert (folder / "key.npy").stat().st_ino == before


def test_array_cannot_be_written_by_its_reader():
    with pytest.raises(ValueError, match="read-only"):
        get()[0] = 1


class Stopped(Exception):
    """What a person's Ctrl-C stands for here."""


@pytest.mark.parametrize("stop_at", [1, 5, 9])
def test_interrupted_array_goes_on_where_it_stopped(folder: Path, monkeypatch, stop_at: int):
    monkeypatch.setattr(array_cache, "SAVE_EVERY", 2)
    started = []

    def stopping(start: int) -> Iterator[np.ndarray]:
        for part in squares(start):
            if part == stop_at**2:
                raise Stopped
            yield part

    def noting(start: int) -> Iterator[np.ndarray]:
        started.append(start)
        return squares(start)

    with pytest.raises(Stopped):
        get(stopping)
    assert not (folder / "key.npy").exists()
    assert np.array_equal(get(noting), SQUARES)
    assert started == [stop_at // 2 * 2]
    assert not list(folder.glob("*.partial.*"))


def test_wrong_input_leaves_nothing_half_filled(folder: Path):
    def wrong(start: int) -> Iterator[np.ndarray]:
        yield SQUARES[0, None]
        raise InputError("tile 1 cannot be read")

    with refused(names=1):
        get(wrong)
    assert not list(folder.glob("*.npy"))


@pytest.mark.parametrize("content", [b"cut short", b""])
def test_spoilt_partial_file_does_not_stand_in_the_way(folder: Path, content: bytes):
    folder.mkdir(parents=True)
    (folder / "key.partial.npy").write_bytes(content)
    (folder / "key.partial.txt").write_text("4")
    assert np.array_equal(get(), SQUARES)


def spoil(file: Path, how: str) -> None:
    content = bytearray(file.read_bytes())
    content[-4] ^= 1
    file.write_bytes(content[:-4] if how == "cut" else content)


@pytest.mark.parametrize("how", ["cut", "flipped"])
def test_damaged_array_is_made_again(folder: Path, how: str):
    get()
    spoil(folder / "key.npy", how)
    with pytest.warns(RshWarning, match="the cache of squares is damaged: it is recomputed"):
        assert np.array_equal(get(), SQUARES)
    assert np.array_equal(get(rows=None), SQUARES)


def test_array_of_which_nothing_is_noted_is_made_again(folder: Path):
    get()
    (folder / "key.sha256").unlink()
    assert np.array_equal(get(), SQUARES)


def test_rows_that_were_damaged_between_fillings_are_made_again(folder: Path, monkeypatch):
    monkeypatch.setattr(array_cache, "SAVE_EVERY", 2)

    def stopping(start: int) -> Iterator[np.ndarray]:
        yield from list(squares(start))[:4]
        raise Stopped

    with pytest.raises(Stopped):
        get(stopping)
    content = bytearray((folder / "key.partial.npy").read_bytes())
    content[-10 * 4] ^= 1  # of the first row
    (folder / "key.partial.npy").write_bytes(content)
    assert np.array_equal(get(), SQUARES)


def test_known_array_is_read_from_a_folder_of_another_user(monkeypatch):
    get()

    def forbidden(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", forbidden)
    assert np.array_equal(get(rows=None), SQUARES)


def test_two_processes_that_want_one_array_compute_it_once(folder: Path):
    code = (
        "import time, numpy as np; from rsh.io.array_cache import cached\n"
        "def rows(start):\n"
        "    print('filling', flush=True); time.sleep(1)\n"
        "    yield np.arange(10)[:, None] ** 2\n"
        "cached('squares', 'key', rows, shape=(10, 1), dtype=np.int32)\n"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "filling\n"
        with pytest.warns(RshWarning, match="another process computes the squares: waiting"):
            found = get(rows=None)  # to compute it a second time would fail
    assert np.array_equal(found, SQUARES)


def test_arrays_unused_for_longest_make_room(folder: Path, monkeypatch):
    files = [folder / f"{name}.npy" for name in "abc"]
    for file in files[:2]:
        get(key=file.stem)
        os.utime(file, (0, 0))
    get(key="a")  # used again: now b is the oldest
    monkeypatch.setattr(array_cache, "KEEP_BYTES", 2 * files[0].stat().st_size)
    get(key="c")
    assert [file.exists() for file in files] == [True, False, True]


def test_array_that_is_being_made_stays_whatever_the_clock_says(folder: Path, monkeypatch):
    monkeypatch.setattr(array_cache, "KEEP_BYTES", 0)
    monkeypatch.setattr(array_cache, "DAY", -1e12)

    def slow(start: int) -> Iterator[np.ndarray]:
        get(key="another")  # makes room for itself
        return squares(start)

    assert np.array_equal(get(slow), SQUARES)


def test_sentence_stands_on_a_line_of_its_own(monkeypatch, capsys):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(InputError):
        cached("squares", "key", squares, shape=(10, 1), dtype=np.int32)
    assert capsys.readouterr().err.endswith("\n")


def test_cache_that_cannot_be_written_is_named_with_the_way_out(tmp_path: Path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("RSH_CACHE", str(tmp_path / "file" / "cache"))
    with refused(names="RSH_CACHE") as error:
        get()
    assert str(tmp_path / "file" / "cache") in str(error.value)
    assert "--output" not in str(error.value)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="nothing reserves room here")
def test_full_disk_is_told_before_anything_is_computed(monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with refused(names="RSH_CACHE"):
        get(rows=lambda start: pytest.fail("nothing should be computed"))


def test_file_that_another_process_renames_meanwhile_is_passed_over(folder: Path):
    folder.mkdir(parents=True)
    (folder / "gone.partial.npy").symlink_to(folder / "nowhere.npy")  # listed, but not there
    assert np.array_equal(get(), SQUARES)
