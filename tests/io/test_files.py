from pathlib import Path

import pytest
from refusals import refused

from rsh.io.files import (
    atomic_directory,
    atomic_write,
    check_writable,
    explain_os_error,
    read_json,
    sha256,
    write_json,
)


def test_file_takes_its_place_when_the_block_ends(tmp_path: Path):
    file = tmp_path / "deep" / "er" / "file.bin"
    with atomic_write(file) as stream:
        stream.write(b"new")
        assert not file.exists()
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == 0o644
    assert list(file.parent.iterdir()) == [file]


def test_old_file_is_there_until_the_new_one_is_whole(tmp_path: Path):
    file = tmp_path / "file.bin"
    file.write_bytes(b"old")
    with atomic_write(file) as stream:
        stream.write(b"new and longer")
        stream.flush()
        assert file.read_bytes() == b"old"
    assert file.read_bytes() == b"new and longer"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_broken_block_leaves_the_old_file_and_nothing_else(tmp_path: Path, error):
    file = tmp_path / "file.bin"
    file.write_bytes(b"old")
    with pytest.raises(error), atomic_write(file) as stream:
        stream.write(b"half")
        raise error
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_folder_takes_its_place_when_the_block_ends(tmp_path: Path):
    folder = tmp_path / "deep" / "folder"
    with atomic_directory(folder) as temporary:
        (temporary / "sub").mkdir()
        (temporary / "sub" / "a").write_text("a")
        assert not folder.exists()
    assert (folder / "sub" / "a").read_text() == "a"
    assert folder.stat().st_mode & 0o777 == 0o755
    assert list(folder.parent.iterdir()) == [folder]


def test_old_folder_is_replaced_as_a_whole(tmp_path: Path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "old").write_text("old")
    with atomic_directory(folder) as temporary:
        (temporary / "new").write_text("new")
        assert [path.name for path in folder.iterdir()] == ["old"]
    assert [path.name for path in folder.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_broken_block_leaves_the_old_folder_and_nothing_else(tmp_path: Path, error):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "old").write_text("old")
    with pytest.raises(error), atomic_directory(folder) as temporary:
        (temporary / "half").write_text("half")
        raise error
    assert [path.name for path in folder.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("write", [atomic_write, atomic_directory])
def test_place_that_cannot_be_written_is_named_with_the_way_out(tmp_path: Path, write):
    (tmp_path / "file.txt").write_text("a file, no folder")
    target = tmp_path / "file.txt" / "x"
    with refused(names=target) as error, write(target):
        pytest.fail("the block must not start")
    assert str(target) in str(error.value)


def test_file_is_not_put_in_the_place_of_a_folder(tmp_path: Path):
    (tmp_path / "taken").mkdir()
    with refused(names="taken"), atomic_write(tmp_path / "taken") as stream:
        stream.write(b"new")
    assert (tmp_path / "taken").is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_folder_is_not_put_in_the_place_of_a_file(tmp_path: Path):
    (tmp_path / "taken").write_text("precious")
    with (
        refused(names="taken"),
        atomic_directory(tmp_path / "taken") as temporary,
    ):
        (temporary / "new").write_text("new")
    assert (tmp_path / "taken").read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize("place", ["new", "new/deep/er", "empty", "."])
def test_place_that_can_be_written_is_left_as_it_was(tmp_path: Path, place: str):
    (tmp_path / "empty").mkdir()
    check_writable(tmp_path / place)
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]


@pytest.mark.parametrize("place", ["file", "file/deep/er", "dangling", "x" * 300])
def test_place_that_cannot_be_written_is_refused_beforehand(tmp_path: Path, place: str):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    with refused(names=tmp_path):
        check_writable(tmp_path / place)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["dangling", "file"]


def test_place_that_the_system_forbids_is_refused_beforehand():
    if not Path("/proc/self").is_dir():
        pytest.skip("no file system that refuses root")
    with refused(names="/proc/self/new"):
        check_writable(Path("/proc/self/new"))


def test_full_disk_is_named_with_its_reason(tmp_path: Path):
    with refused(names="No space left on device"), explain_os_error(tmp_path):
        raise OSError(28, "No space left on device")


def test_json_is_read_as_it_was_written(tmp_path: Path):
    value = {"name": "Ångström\n", "numbers": [1, 2.5, None], "deep": {"a": True}}
    write_json(tmp_path / "value.json", value)
    assert read_json(tmp_path / "value.json", what="run") == value
    assert "Å" in (tmp_path / "value.json").read_text(encoding="utf-8")


def test_value_that_is_no_json_leaves_the_old_file(tmp_path: Path):
    file = tmp_path / "value.json"
    write_json(file, {"a": 1})
    with pytest.raises(TypeError):
        write_json(file, {"a": object()})
    assert read_json(file, what="run") == {"a": 1}
    assert list(tmp_path.iterdir()) == [file]


def test_missing_json_says_what_the_folder_is_not(tmp_path: Path):
    with refused(names="gallery.json") as error:
        read_json(tmp_path / "gallery.json", what="gallery")
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize("content", [b"", b'{"a": 1', b"\xff\xfe\x00", b"[1, 2]", b"null"])
def test_spoilt_json_names_the_file_and_what_it_should_be(tmp_path: Path, content: bytes):
    file = tmp_path / "config.json"
    file.write_bytes(content)
    with refused(names="config.json") as error:
        read_json(file, what="run")
    assert str(file) in str(error.value)


def test_folder_in_the_place_of_json_is_named(tmp_path: Path):
    (tmp_path / "config.json").mkdir()
    with refused(names="config.json"):
        read_json(tmp_path / "config.json", what="run")


def test_folder_that_is_not_there_is_named(tmp_path: Path):
    with refused(names=("gone", "rsh train")):
        read_json(tmp_path / "gone" / "config.json", what="run")


def test_json_nested_without_end_is_refused(tmp_path: Path):
    (tmp_path / "config.json").write_text("[" * 200_000)
    with refused(names="config.json"):
        read_json(tmp_path / "config.json", what="run")


def test_checksum_is_the_published_one(tmp_path: Path):
    (tmp_path / "abc").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    assert sha256(tmp_path / "abc") == known
