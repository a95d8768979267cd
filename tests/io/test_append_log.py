"""Lines of a log: all that were appended are read once, by everyone, and nothing half written."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_faults import full_everywhere
from refusals import refused

from rsh.io import append_log
from rsh.io.append_log import AppendLog
from rsh.io.memory_log import MemoryLog

MEGABYTE = 1 << 20


def log_in(folder: Path, *, header: bytes = b"a log", max_bytes: int = MEGABYTE) -> AppendLog:
    return AppendLog(
        folder / "x.log", header=header, max_bytes=max_bytes, full_hint="make room in it"
    )


def news(log: AppendLog | MemoryLog) -> list[bytes | None] | None:
    found = log.read()
    return None if found is None else list(found.lines)


def append(log: AppendLog, *lines: bytes) -> None:
    for line in lines:
        with log.exclusive():
            news(log)
            log.append(line)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No one pulls the plug here: wait for no disk."""
    monkeypatch.setattr("os.fsync", lambda _: None)


def test_each_reader_gets_each_line_once(tmp_path: Path):
    one, other = log_in(tmp_path), log_in(tmp_path)
    assert news(one) == [] and news(one) is None  # there is no file yet
    append(one, b"1")
    append(other, b"2", b"")
    assert news(one) == [b"2", b""] and news(one) is None
    assert news(other) is None
    assert news(log_in(tmp_path)) == [b"1", b"2", b""] == one.contents()
    assert news(one) is None


def test_a_log_in_memory_is_read_alike():
    log = MemoryLog([b"1"], max_bytes=10, full_hint="make room")
    assert news(log) == [b"1"] and news(log) is None
    log.append(b"2")
    assert news(log) is None  # its writer knows it
    log.rewind()
    assert news(log) == [b"1", b"2"] == log.contents()
    with refused(names="make room"):
        log.append(bytes(9))
    assert log.contents() == [b"1", b"2"]
    log.replace([b"3"])
    found = log.read()
    assert found and found.from_start and list(found.lines) == [b"3"]


@given(st.lists(st.binary(max_size=300).filter(lambda line: b"\n" not in line), min_size=1))
def test_any_bytes_without_a_line_break_are_a_line(tmp_path_factory, lines: list[bytes]):
    folder = tmp_path_factory.mktemp("log")
    append(log_in(folder), *lines)
    assert news(log_in(folder)) == lines


@pytest.mark.parametrize("torn", [b"x", b"torn 0", b"torn 12345678", b"\0" * 100])
def test_a_torn_line_is_ignored_and_cut_off_by_the_next_writer(tmp_path: Path, torn: bytes):
    log = log_in(tmp_path)
    append(log, b"1")
    whole = log.file.read_bytes()
    log.file.write_bytes(whole + torn)
    assert news(log) == [] and news(log_in(tmp_path)) == [b"1"]
    append(log, b"2")
    assert log.file.read_bytes().startswith(whole + b"2 ")
    assert news(log_in(tmp_path)) == [b"1", b"2"]


@pytest.mark.parametrize(
    "edit",
    [
        lambda content: content.replace(b"\n", b"\r\n"),
        lambda content: content[:-1],
        lambda content: content.replace(b"\n", b"\r\n")[:-1],
        lambda content: content.replace(b"\n", b"\r\n")[:-2],
        lambda content: content.replace(b"\n", b"\n\n"),
        lambda content: content + b"\r\n\n",
    ],
)
def test_what_an_editor_does_to_line_breaks_loses_no_line(tmp_path: Path, edit):
    log, reader = log_in(tmp_path), log_in(tmp_path)
    append(log, b"1", b"2\r")
    log.file.write_bytes(edit(log.file.read_bytes()))
    assert news(reader) == [b"1", b"2\r"]
    append(log_in(tmp_path), b"3", b"4")
    assert news(reader) == [b"3", b"4"]
    assert news(log_in(tmp_path)) == [b"1", b"2\r", b"3", b"4"]


def test_a_header_without_its_line_break_is_followed_by_lines(tmp_path: Path):
    log = log_in(tmp_path)
    append(log, b"1")
    log.file.write_bytes(log.file.read_bytes().splitlines()[0])
    assert news(log) == []
    append(log, b"2")
    assert news(log_in(tmp_path)) == [b"2"]


def test_a_line_that_is_read_before_its_line_break_is_written_counts_once(tmp_path: Path):
    log, reader = log_in(tmp_path), log_in(tmp_path)
    append(log, b"1")
    content = log.file.read_bytes()
    log.file.write_bytes(content[:-1])
    assert news(reader) == [b"1"]
    log.file.write_bytes(content)
    assert news(reader) == [] and news(reader) is None
    append(log, b"2")
    assert news(reader) == [b"2"]


def test_a_torn_header_is_written_again(tmp_path: Path):
    log = log_in(tmp_path)
    log.file.write_bytes(b"a lo")
    assert news(log) == []
    append(log, b"1")
    assert news(log_in(tmp_path)) == [b"1"]


def test_damaged_lines_are_told_and_the_others_read(tmp_path: Path):
    log = log_in(tmp_path)
    append(log, b"first", b"second", b"third")
    content = log.file.read_bytes()
    for old, new, found in (
        (b"second", b"sexond", [b"first", None, b"third"]),
        (b"a log", b"a lag", [None, b"first", b"second", b"third"]),
        (b"second ", b"second\n", [b"first", None, None, b"third"]),
        (b"third", b"\xff\xff\xff", [b"first", b"second", None]),
    ):
        log.file.write_bytes(content.replace(old, new))
        assert news(log_in(tmp_path)) == found


def test_a_line_beyond_the_limit_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    log = log_in(tmp_path)
    append(log, b"1", b"long" * 30, b"3")
    monkeypatch.setattr(append_log, "MAX_LINE", 100)
    assert news(log_in(tmp_path)) == [b"1", None, b"3"]
    with refused(names="choose fewer tiles"):
        append(log, b"x" * 100)
    log.file.write_bytes(log.file.read_bytes() + b"y" * 300)
    assert news(log_in(tmp_path)) == [b"1", None, b"3"]


def test_a_log_that_was_replaced_is_read_from_the_start(tmp_path: Path):
    log = log_in(tmp_path)
    append(log, b"1", b"2")
    with log.exclusive():
        log.replace([b"3"])
    found = log.read()
    assert found and found.from_start and list(found.lines) == [b"3"]
    append(log, b"4")
    assert news(log_in(tmp_path)) == [b"3", b"4"]
    log.file.unlink()
    found = log.read()
    assert found and found.from_start and list(found.lines) == []
    assert news(log) is None


def test_a_line_that_was_taken_back_is_not_kept_by_a_reader(tmp_path: Path):
    """As after a failed fsync: a reader may have seen the line, and the next is as long."""
    log, reader = log_in(tmp_path), log_in(tmp_path)
    append(log, b"1")
    before = log.file.read_bytes()
    append(log, b"2")
    assert news(reader) == [b"1", b"2"]
    log.file.write_bytes(before)
    append(log_in(tmp_path), b"3", b"4")
    found = reader.read()
    assert found and found.from_start and list(found.lines) == [b"1", b"3", b"4"]


def test_a_reader_that_stops_midway_reads_on(tmp_path: Path):
    log = log_in(tmp_path)
    append(log, b"1", b"2", b"3")
    reader = log_in(tmp_path)
    found = reader.read()
    assert found and next(found.lines) == b"1"
    found.lines.close()
    assert news(reader) == [b"2", b"3"]


def test_leftovers_of_a_killed_compaction_go_with_the_next(tmp_path: Path):
    log = log_in(tmp_path)
    append(log, b"1")
    (tmp_path / ".x.log.k1").write_bytes(b"half")
    with log.exclusive():
        log.replace([b"2"])
    assert {path.name for path in tmp_path.iterdir()} == {"x.log", ".x.log.lock"}


def test_what_is_no_log_is_refused(tmp_path: Path):
    log = log_in(tmp_path)
    append(log_in(tmp_path, header=b"another"), b"1")
    for _ in range(2):  # not only once
        with refused(names=log.file):
            news(log)
    log.file.unlink()
    os.mkfifo(log.file)
    with refused(names=log.file):
        news(log)
    log.file.unlink()
    log.file.mkdir()
    with refused(names=log.file):
        news(log)


def test_a_link_is_neither_read_nor_written(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    outside, log = tmp_path / "outside", log_in(tmp_path / "folder")
    outside.write_bytes(b"secret\n")
    log.file.symlink_to(outside)
    with refused(names=log.file):
        news(log)
    with refused(names=log.file):
        log.append(b"1")
    assert outside.read_bytes() == b"secret\n"


def test_a_log_grows_to_its_limit(tmp_path: Path):
    log = log_in(tmp_path, max_bytes=100)
    append(log, b"x" * 40)
    before = log.file.read_bytes()
    with refused(names="make room in it"):
        append(log, b"y" * 40)
    assert log.file.read_bytes() == before
    log.file.write_bytes(bytes(100 + append_log.MAX_LINE + 1))
    with refused(names=log.file):
        news(log_in(tmp_path, max_bytes=100))


def test_full_disk_leaves_the_log_as_it_was(tmp_path: Path):
    log = log_in(tmp_path)

    def begin() -> None:
        log.file.unlink(missing_ok=True)
        append(log_in(tmp_path), b"1" * 500)

    def change() -> None:
        append(log_in(tmp_path), b"2" * 3000)

    assert full_everywhere(tmp_path, begin, change, lambda: news(log_in(tmp_path))) > 3


def test_a_line_that_may_not_be_on_disk_is_taken_back(tmp_path: Path, monkeypatch):
    log = log_in(tmp_path)
    append(log, b"1")
    before = log.file.read_bytes()

    def broken(handle: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", broken)
        with refused(names=(log.file, "Input/output error")):
            append(log, b"2")
    assert log.file.read_bytes() == before
    append(log, b"3")
    assert news(log_in(tmp_path)) == [b"1", b"3"]


def test_a_writer_waits_for_another_and_gives_up_in_the_end(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(append_log, "WAIT", 0.05)
    log, other = log_in(tmp_path), log_in(tmp_path)
    with log.exclusive(), refused(names=log.file), other.exclusive():
        pass
    append(other, b"1")


def test_threads_lose_nothing(tmp_path: Path):
    def write(name: str) -> None:
        log = log_in(tmp_path)
        for number in range(20):
            append(log, f"{name}{number}".encode())

    threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = news(log_in(tmp_path))
    assert lines is not None and len(lines) == 60
    for name in b"abc":
        mine = [line for line in lines if line and line[0] == name]
        assert mine == [b"%c%d" % (name, number) for number in range(20)]


WRITER = """
import sys
from pathlib import Path
from rsh.io.append_log import AppendLog
log = AppendLog(Path(sys.argv[1]), header=b"a log", max_bytes=1 << 20, full_hint="")
for number in range(40):
    with log.exclusive():
        found = log.read()
        _ = found and list(found.lines)
        log.append(f"{sys.argv[2]} {number}".encode())
"""


def test_processes_lose_nothing(tmp_path: Path):
    commands = [
        [sys.executable, "-c", WRITER, str(tmp_path / "x.log"), name] for name in ("a", "b")
    ]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    running = [subprocess.Popen(command, env=environment) for command in commands]
    assert [process.wait() for process in running] == [0, 0]
    lines = news(log_in(tmp_path))
    assert lines is not None and len(lines) == 80 and None not in lines
    for name in (b"a", b"b"):
        numbers = [int(line.split()[1]) for line in lines if line and line.startswith(name)]
        assert numbers == list(range(40))
