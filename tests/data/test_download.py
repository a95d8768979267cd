import io
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import refusals
from filelock import FileLock
from make_archive import archive, publish
from make_scenes import tile

from robustness.faults.http_server import Server, serve
from rsh.cli.main import main
from rsh.data import download
from rsh.data.catalog import UCMERCED
from rsh.data.catalog_entry import CatalogEntry, RemoteFile
from rsh.data.download import fetch
from rsh.data.tiles import TileDataset
from rsh.errors import InputError

FETCH = ["data", "fetch", "ucmerced", "--accept-license"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSES", (0, 0))
    monkeypatch.setattr(download, "CHUNK", 512)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(archive()) as server:
        yield server


@pytest.fixture
def small(server: Server, monkeypatch: pytest.MonkeyPatch) -> CatalogEntry:
    return publish(server, monkeypatch)


def refused(dataset: CatalogEntry, home: Path) -> str:
    with pytest.raises(InputError) as error:
        fetch(dataset, home, progress=False)
    assert not (home / "ucmerced.zip").exists()
    assert "\n" not in str(error.value)
    return str(error.value)


def files(home: Path) -> list[str]:
    return [path.name for path in home.iterdir()]


def test_fetched_data_set_opens_by_its_name(
    small: CatalogEntry, server: Server, home: Path, capsys: pytest.CaptureFixture[str]
):
    main(FETCH)
    told = capsys.readouterr()
    assert told.out == f"{home}/ucmerced.zip: 42 tiles, 21 classes\n"
    assert "UC Merced Land Use" in told.err and "100%" in told.err  # the bar
    assert "use it as --data ucmerced\n" in told.err
    assert files(home) == ["ucmerced.zip"]
    dataset = TileDataset.open("ucmerced")
    assert (dataset.name, len(dataset), dataset.classes) == (
        "ucmerced",
        42,
        sorted(UCMERCED.counts),
    )
    assert dataset.read(0).size == (16, 16)
    main(FETCH)
    assert len(server.asked) == 1  # it is there: nothing was asked for again


def test_other_place_is_told_as_it_must_be_typed(
    small: CatalogEntry, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    main([*FETCH, "--output", str(tmp_path / "else" / "where")])
    assert f"--data {tmp_path}/else/where/ucmerced.zip\n" in capsys.readouterr().err
    assert len(TileDataset.open(tmp_path / "else" / "where" / "ucmerced.zip")) == 42
    with refusals.refused(names="rsh data fetch ucmerced"):
        TileDataset.open("ucmerced")


def test_file_that_its_user_saved_is_taken_if_it_is_the_published_one(
    small: CatalogEntry, server: Server, home: Path
):
    server.status = 404
    saved = home / "data.zip"
    assert str(saved) in refused(small, home)
    saved.write_bytes(server.content[:-1])
    assert str(saved) in refused(small, home)
    saved.write_bytes(server.content)
    assert fetch(small, home).read_bytes() == server.content
    assert files(home) == ["ucmerced.zip"]


def test_connection_that_breaks_is_taken_up_where_it_broke(
    small: CatalogEntry, server: Server, home: Path
):
    server.cuts = [2048, 1024]
    assert fetch(small, home).read_bytes() == server.content
    assert server.asked == ["bytes=0-", "bytes=2048-", "bytes=3072-"]


def test_download_that_was_given_up_goes_on_the_next_time(
    small: CatalogEntry, server: Server, home: Path
):
    server.cuts = [4096, 0, 0]
    told = refused(small, home)
    assert "(the connection failed)" in told
    with refusals.refused(names="ucmerced"):
        TileDataset.open("ucmerced")
    fetch(small, home)
    assert server.asked[-1] == "bytes=4096-"
    assert files(home) == ["ucmerced.zip"]


def test_server_that_knows_no_ranges_begins_again(small: CatalogEntry, server: Server, home: Path):
    server.ranges, server.cuts = False, [4096]
    assert fetch(small, home).read_bytes() == server.content


def test_download_that_was_stopped_behind_its_last_byte_is_taken(
    small: CatalogEntry, server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(download, "compute_digest", stop)
        fetch(small, home)
    fetch(small, home)
    assert server.asked[-1] == f"bytes={len(server.content)}-"  # 416: nothing is missing
    assert TileDataset.open("ucmerced").read(41)


def stop(*_: object) -> str:
    raise KeyboardInterrupt


def test_spoilt_part_is_found_out_and_the_next_try_is_right(
    small: CatalogEntry, server: Server, home: Path
):
    server.cuts = [4096, 0, 0]
    refused(small, home)
    (part,) = home.glob(".ucmerced.fetch/*.zip")
    part.write_bytes(b"x" * 4096)
    assert "was deleted: run the same command again" in refused(small, home)
    fetch(small, home)
    assert len(TileDataset.open("ucmerced")) == 42


@pytest.mark.parametrize("content", [b"<html>log in first</html>", b"Rar!\x1a\x07\x00", b"\0" * 99])
def test_other_content_is_refused(small: CatalogEntry, server: Server, home: Path, content: bytes):
    server.content = content
    digits = small.files[0].checksum.removeprefix("sha256:")
    assert f"does not have the sha256 {digits} and was deleted" in refused(small, home)
    assert files(home) == []


def test_length_that_is_no_number_is_not_believed(small: CatalogEntry, server: Server, home: Path):
    server.headers = {"Content-Length": "many"}
    assert fetch(small, home).read_bytes() == server.content


@pytest.mark.parametrize(("status", "told"), [(404, "404 Not Found"), (503, "503 Service Unav")])
def test_server_that_has_nothing_is_named(
    small: CatalogEntry, server: Server, home: Path, status: int, told: str
):
    server.status = status
    message = refused(small, home)
    assert f"from {server.url} ({told}" in message
    assert f"from {small.home} into {home}/ucmerced" in message
    assert files(home) == []


def test_server_that_is_gone_is_not_waited_for(
    small: CatalogEntry, home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(download, "PAUSES", (60,))
    file = RemoteFile("http://127.0.0.1:9/data.zip", small.files[0].checksum)
    gone = replace(small, files=(file,))
    assert "(the connection failed)" in refused(gone, home)


def test_server_that_falls_silent_is_left(
    small: CatalogEntry, server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(download, "TIMEOUT", 0.05)
    server.pause = 0.3
    assert "(the connection failed)" in refused(small, home)


def test_wrong_counts_name_the_class(server: Server, home: Path, monkeypatch: pytest.MonkeyPatch):
    server.content = archive(extra=("UCMerced_LandUse/Images/river/more.tif",))
    told = refused(publish(server, monkeypatch), home)
    assert "class 'river' has 3 tiles and not 2" in told
    assert files(home) == []


@pytest.mark.parametrize("name", ["/etc/river/1.tif", "../../river/1.tif", "a/../../river/1.tif"])
def test_zip_that_names_a_path_outside_is_refused(
    name: str, server: Server, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    server.content = archive(extra=(name,))
    assert "names a path outside itself" in refused(publish(server, monkeypatch), home)
    assert files(home) == [] and files(tmp_path) == ["home"]


def test_link_in_a_zip_is_never_followed(
    server: Server, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    tile(1).save(tmp_path / "secret.tif")
    link = zipfile.ZipInfo("UCMerced_LandUse/Images/airplane/airplane01.tif")
    link.external_attr = 0o120777 << 16
    stream = io.BytesIO(archive())
    with zipfile.ZipFile(stream, "a") as packed, pytest.warns(UserWarning, match="Duplicate"):
        packed.writestr(link, str(tmp_path / "secret.tif"))
    server.content = stream.getvalue()
    fetch(publish(server, monkeypatch), home)
    dataset = TileDataset.open("ucmerced")
    row = dataset.items.index[dataset.items["id"] == "airplane/airplane01.tif"][0]
    with refusals.refused(names="airplane01.tif"):
        dataset.read(row)


def test_file_of_another_user_stays(small: CatalogEntry, server: Server, home: Path):
    home.mkdir()
    (home / "ucmerced.zip").write_bytes(b"precious")
    with refusals.refused(names="ucmerced.zip") as error:
        fetch(small, home)
    assert "--output" in str(error.value)
    assert (home / "ucmerced.zip").read_bytes() == b"precious"
    assert not server.asked


def test_second_process_is_sent_away(small: CatalogEntry, server: Server, home: Path):
    (home / ".ucmerced.fetch").mkdir(parents=True)
    with FileLock(home / ".ucmerced.fetch" / "lock"):
        assert "another process is fetching ucmerced into" in refused(small, home)
    assert not server.asked


def test_full_disk_is_named_and_what_came_stays(
    small: CatalogEntry, server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        assert "ucmerced.zip: No space left on device; fix that" in refused(small, home)
    fetch(small, home)
    assert server.asked[-1] == f"bytes={len(server.content)}-"


def test_place_that_cannot_be_written_is_told_before_anything_is_asked_for(
    small: CatalogEntry, server: Server, tmp_path: Path
):
    (tmp_path / "file").write_text("in the way")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with refusals.refused(names=place):
            fetch(small, place)
    assert not server.asked


SCRIPT = """
import sys, time
from dataclasses import replace
from rsh.data import catalog, catalog_entry, download
from rsh.cli.main import main
url, checksum, when = sys.argv[1:]
counts = dict.fromkeys(catalog.UCMERCED.counts, 2)
files = (catalog_entry.RemoteFile(url, checksum),)
catalog.CATALOG["ucmerced"] = replace(catalog.UCMERCED, files=files, counts=counts)
download.CHUNK = 512
if when == "while it is checked":
    catalog_entry.CatalogEntry.check = lambda *_, **__: (print("now", flush=True), time.sleep(60))
main(["data", "fetch", "ucmerced", "--accept-license"])
"""


@pytest.mark.parametrize("when", ["while it comes", "while it is checked"])
def test_killed_process_leaves_nothing_that_looks_whole(
    when: str, small: CatalogEntry, server: Server, home: Path
):
    server.pause = 0.02 if when == "while it comes" else 0
    words = [sys.executable, "-c", SCRIPT, small.files[0].url, small.files[0].checksum, when]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        if when == "while it comes":
            while not any(part.stat().st_size for part in home.glob(".ucmerced.fetch/*.zip")):
                assert process.poll() is None
        else:
            assert process.stdout and process.stdout.readline() == b"now\n"
        process.kill()
    assert not (home / "ucmerced.zip").exists()
    with refusals.refused(names="ucmerced"):
        TileDataset.open("ucmerced")
    server.pause = 0
    fetch(small, home)
    assert server.asked[0] == "bytes=0-" not in server.asked[1:]
    assert len(server.asked) == (2 if when == "while it comes" else 1)  # no file comes twice
    assert len(TileDataset.open("ucmerced")) == 42 and files(home) == ["ucmerced.zip"]
