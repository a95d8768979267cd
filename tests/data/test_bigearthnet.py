from dataclasses import replace
from pathlib import Path

import make_published as made
import numpy as np
import pytest
import rasterio
from make_published import offer, patch_files, patch_table, serve_files
from refusals import refused

from rsh.cli.main import main
from rsh.data import download
from rsh.data.bands import ALL, BandOptions
from rsh.data.catalog import BIGEARTHNET
from rsh.data.catalog_entry import CatalogEntry
from rsh.data.download import fetch
from rsh.data.published import bigearthnet
from rsh.data.tiles import TileDataset

FIRST = "S2A_MSIL2A_20170613T101031_N9999_R022_T33UUP"
SECOND = "S2B_MSIL2A_20180204T094161_N9999_R036_T35VNK"
LABELS = ("Arable land", "Pastures", "Transitional woodland, shrub")
ROWS = [
    (f"{FIRST}_26_57", ["Arable land", "Pastures"], "train"),
    (f"{FIRST}_26_58", ["Transitional woodland, shrub"], "validation"),
    (f"{SECOND}_00_12", ["Pastures"], "test"),
]
SNOWY = f"{FIRST}_26_60"  # in the archive, and not in the table
COUNTS = {"train": 1, "validation": 1, "test": 1}
TAR, TABLE = "BigEarthNet-S2.tar.zst", "metadata.parquet"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSES", ())
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def patches(lost: str = "") -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for seed, patch in enumerate((ROWS[0][0], ROWS[1][0], SNOWY, ROWS[2][0])):
        files |= patch_files(patch, seed, lost=lost)
    return files


def publish(
    url: str, files: dict[str, bytes], patch: pytest.MonkeyPatch, **changes
) -> CatalogEntry:
    return offer(BIGEARTHNET, url, files, patch, counts=COUNTS, labels=LABELS, **changes)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_patches_are_tiles_of_twelve_named_bands_with_labels_split_date_and_place(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    content = patches()
    files = {TAR: made.tar(content), TABLE: patch_table(ROWS)}
    with serve_files(files) as (url, asked):
        publish(url, files, monkeypatch)
        main(["data", "fetch", "bigearthnet-v2"])
        told = capsys.readouterr().out
        assert told == f"{home}/bigearthnet-v2: 3 tiles, 3 labels, 12 bands\n"
        main(["data", "fetch", "bigearthnet-v2"])
        assert asked == [TAR, TABLE]
    main(["data", "check", "bigearthnet-v2"])
    told = capsys.readouterr().out
    assert "3 labels" in told and "B8A" in told
    assert names(home) == ["bigearthnet-v2"]
    assert names(home / "bigearthnet-v2") == [FIRST, SECOND, "items.parquet"]
    dataset = TileDataset.open("bigearthnet-v2", bands=BandOptions((ALL,)))
    assert dataset.has_several and dataset.label_names == list(LABELS)
    assert dataset.bands.names == BIGEARTHNET.bands
    assert set(dataset.bands.units) == {"reflectance"}
    items = dataset.items.set_index("id")
    first = items.loc[f"{FIRST}/{FIRST}_26_57.tif"]
    assert (first["labels"], first["given_split"]) == ("Arable land;Pastures", "train")
    assert (first["date"], first["country"], first["class"]) == ("2017-06-13", "Austria", "")
    assert (first["longitude"], first["latitude"]) == pytest.approx((12.7375, 48.1111), abs=0.01)
    with rasterio.open(home / "bigearthnet-v2" / FIRST / f"{FIRST}_26_57.tif") as tile:
        assert tile.dtypes == ("uint16",) * 12 and tile.shape == (120, 120)
        assert tuple(tile.bounds) == (331200.0, 5330400.0, 332400.0, 5331600.0)
        for number, band in enumerate(BIGEARTHNET.bands, 1):
            path = f"BigEarthNet-S2/{FIRST}/{FIRST}_26_57/{FIRST}_26_57_{band}.tif"
            with rasterio.MemoryFile(content[path]) as file, file.open() as source:
                values = source.read(1)
            slow = [
                [values[y * len(values) // 120, x * len(values) // 120] for x in range(120)]
                for y in range(0, 120, 17)
            ]  # nearest neighbor
            assert np.array_equal(tile.read(number)[::17], slow), band


def test_interrupted_conversion_goes_on_with_the_next_acquisition(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    files = {TAR: made.tar(patches()), TABLE: patch_table(ROWS)}
    write, written = bigearthnet.write_patch, []

    def stop(bands, contents, patch, folder):
        if patch.startswith(SECOND) and len(written) == 2:
            raise KeyboardInterrupt
        written.append(patch)
        return write(bands, contents, patch, folder)

    monkeypatch.setattr(bigearthnet, "write_patch", stop)
    with serve_files(files) as (url, asked):
        entry = publish(url, files, monkeypatch)
        with pytest.raises(KeyboardInterrupt):
            fetch(entry, home, progress=False)
        assert names(home) == [".bigearthnet-v2.fetch"]
        with refused(names="rsh data fetch bigearthnet-v2"):
            TileDataset.open("bigearthnet-v2")
        written.append("the second run")
        killed = home / ".bigearthnet-v2.fetch" / "bigearthnet-v2" / f".{SECOND}.xyz"
        killed.mkdir()  # as a process leaves it that is killed
        fetch(entry, home, progress=False)
    assert asked == [TAR, TABLE]
    assert sorted(written) == sorted([*(row[0] for row in ROWS), "the second run"])
    assert names(home / "bigearthnet-v2") == [FIRST, SECOND, "items.parquet"]
    assert len(TileDataset.open("bigearthnet-v2")) == 3


def test_tar_of_gzip_is_read_as_well(home: Path, monkeypatch: pytest.MonkeyPatch):
    files = {"S2.tar.gz": made.tar(patches(), "gzip"), TABLE: patch_table(ROWS)}
    with serve_files(files) as (url, _):
        fetch(publish(url, files, monkeypatch), home, progress=False)
    assert len(TileDataset.open("bigearthnet-v2")) == 3


UNKNOWN = [(ROWS[0][0], ["Arable land", "Lava"], "train"), *ROWS[1:]]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({TAR: made.tar(patches("26_58_B8A")), TABLE: patch_table(ROWS)}, ("26_58", "B8A")),
        ({TAR: made.tar(patch_files(ROWS[0][0], 0)), TABLE: patch_table(ROWS)}, ("no patch", "58")),
        ({TAR: made.tar(patches()), TABLE: patch_table(ROWS[:2])}, ("part 'test' has 0", "not 1")),
        ({TAR: made.tar(patches()), TABLE: patch_table(UNKNOWN)}, ("Lava",)),
        ({TAR: made.tar(patches()), TABLE: b"PAR1"}, ("the table of BigEarthNet v2 is no table",)),
        ({TAR: b"(\xb5/\xfd no frame", TABLE: patch_table(ROWS)}, ("archive", "cannot be read")),
    ],
    ids=["no band", "no patch", "other counts", "other label", "no table", "no archive"],
)
def test_what_differs_from_the_publication_is_named(
    files: dict[str, bytes], told: tuple[str, ...], home: Path, monkeypatch: pytest.MonkeyPatch
):
    with serve_files(files) as (url, _):
        with refused(names=told):
            fetch(publish(url, files, monkeypatch), home, progress=False)
    assert names(home) == [".bigearthnet-v2.fetch"]


def test_other_checksum_is_told_before_anything_is_made(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    files = {TAR: made.tar(patches()), TABLE: patch_table(ROWS)}
    with serve_files(files) as (url, _):
        entry = publish(url, files, monkeypatch)
        first = replace(entry.files[0], checksum="md5:2245ed2d1a93f6ce637d839bc856396e")
        with refused(names=(TAR, "md5 2245ed2d1a93f6ce637d839bc856396e")):
            fetch(replace(entry, files=(first, *entry.files[1:])), home, progress=False)
    assert names(home) == []


def test_full_disk_is_named(home: Path, monkeypatch: pytest.MonkeyPatch):
    files = {TAR: made.tar(patches()), TABLE: patch_table(ROWS)}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with serve_files(files) as (url, _):
        entry = publish(url, files, monkeypatch)
        monkeypatch.setattr(Path, "write_bytes", full)
        with refused(names=(FIRST, "No space left on device")):
            fetch(entry, home, progress=False)
    assert names(home) == [".bigearthnet-v2.fetch"]
