import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import make_published as made
import pytest
from make_published import offer, serve_files
from refusals import refused

from rsh.cli.main import main
from rsh.data import catalog, download
from rsh.data.bands import ALL, BandOptions
from rsh.data.catalog import AID, AID_LABELS, EUROSAT_MS, MLRSNET, UCMERCED, UCMERCED_LABELS
from rsh.data.catalog_entry import CatalogEntry
from rsh.data.checksums import compute_digest
from rsh.data.download import fetch
from rsh.data.published.mlrsnet import UNPACKERS
from rsh.data.tiles import TileDataset

ALL_BANDS = BandOptions((ALL,))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSES", ())
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def names(home: Path) -> list[str]:
    return sorted(path.name for path in home.iterdir())


COUNTS = {"Forest": 6, "River": 6}


def test_eurosat_of_all_bands_says_its_bands_and_is_reflectance(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    files = {"EuroSATallBands.zip": made.eurosat_ms(tuple(COUNTS), 6)}
    with serve_files(files) as (url, asked):
        offer(EUROSAT_MS, url, files, monkeypatch, counts=COUNTS)
        main(["data", "fetch", "eurosat-ms"])
        told = capsys.readouterr()
        assert told.out == f"{home}/eurosat-ms.zip: 12 tiles, 2 classes, 13 bands\n"
        main(["data", "fetch", "eurosat-ms"])
    assert asked == ["EuroSATallBands.zip"] and names(home) == ["eurosat-ms.zip"]
    main(["data", "check", "eurosat-ms"])
    assert "B12, B8A" in capsys.readouterr().out
    dataset = TileDataset.open("eurosat-ms", bands=ALL_BANDS)
    assert dataset.classes == ["Forest", "River"]
    assert dataset.bands.names == EUROSAT_MS.bands and dataset.bands.names[8:] == (
        *("B09", "B10", "B11", "B12", "B8A"),
    )
    assert set(dataset.bands.units) == {"reflectance"}
    values = dataset.decode_bands(0, dataset.read_bytes(0))
    means = dict(zip(dataset.bands.names, values.mean(axis=(1, 2)), strict=True))
    assert means["B8A"] == pytest.approx(0.26, abs=0.002)  # the last band of the files
    assert means["B09"] == pytest.approx(0.073, abs=0.002)
    assert dataset.composites[0].name == "true color"


def test_eurosat_of_all_bands_trains_encodes_and_searches_without_further_flags(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    files = {"EuroSATallBands.zip": made.eurosat_ms(tuple(COUNTS), 6)}
    with serve_files(files) as (url, _):
        fetch(offer(EUROSAT_MS, url, files, monkeypatch, counts=COUNTS), home, progress=False)
    run, gallery = str(tmp_path / "run"), str(tmp_path / "gallery")
    train = ["train", "--data", "eurosat-ms", "--input-bands", "all", "--weights", "random"]
    small = ["--backbone", "resnet18", "--image-size", "32", "--bits", "8", "--epochs", "1"]
    main([*train, *small, "--cached-views", "2", "--output", run])
    main(["encode", run, "--output", gallery])
    main(["search", gallery, "Forest/Forest_1.tif", "-k", "3"])
    assert "Forest/Forest_" in capsys.readouterr().out


def test_other_number_of_bands_names_the_tile(home: Path, monkeypatch: pytest.MonkeyPatch):
    files = {"EuroSATallBands.zip": made.eurosat_ms(tuple(COUNTS), 6, bands=12)}
    with serve_files(files) as (url, _):
        entry = offer(EUROSAT_MS, url, files, monkeypatch, counts=COUNTS)
        with refused(names=("Forest/Forest_1.tif", 12, 13)):
            fetch(entry, home, progress=False)
    assert names(home) == [".eurosat-ms.fetch"]  # the download, which need not come again


def test_own_copy_without_names_of_bands_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch):
    home.mkdir()
    (home / "eurosat-ms.zip").write_bytes(made.eurosat_ms(tuple(COUNTS), 6))
    monkeypatch.setitem(catalog.CATALOG, "eurosat-ms", replace(EUROSAT_MS, counts=COUNTS))
    with refused(names=("Forest_1.tif", "B8A", "rsh data fetch eurosat-ms")):
        TileDataset.open("eurosat-ms")


LABELS = ("cars", "grass", "sand")
UCM_ROWS = {
    **{f"beach{number}": ("sand",) for number in range(1, 7)},
    **{f"forest{number}": ("cars", "grass")[: 1 + number % 2] for number in range(1, 7)},
}


def ucmerced(url: str, patch: pytest.MonkeyPatch, images: bytes, table: bytes) -> CatalogEntry:
    """Offer UC Merced and the table of its labels, in a zip beside other formats."""
    counts = {"beach": 6, "forest": 6}
    offer(UCMERCED, url, {"UCMerced_LandUse.zip": images}, patch, counts=counts)
    packed = {"multilabels.zip": table}
    return offer(UCMERCED_LABELS, url, packed, patch, counts=counts, labels=LABELS)


def ucmerced_images(**counts: int) -> bytes:
    wrap = "UCMerced_LandUse/Images/"
    return made.zip_of_classes({"beach": 6, "forest": 6} | counts, wrap, "{}{}", ".tif")


def ucmerced_table(
    rows: dict[str, tuple[str, ...]] = UCM_ROWS, labels: tuple[str, ...] = LABELS
) -> bytes:
    table = made.label_table(rows, labels, head="IMAGE\\LABEL", separator="\t")
    folder = "multilabels/LandUse_"
    return made.zipped({f"{folder}multilabels.mat": b"MATLAB", f"{folder}Multilabeled.txt": table})


def test_labels_of_uc_merced_come_with_its_images_and_train(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    images, table = ucmerced_images(), ucmerced_table()
    with serve_files({"UCMerced_LandUse.zip": images, "multilabels.zip": table}) as (url, asked):
        ucmerced(url, monkeypatch, images, table)
        with pytest.raises(SystemExit):
            main(["data", "fetch", "ucmerced-multilabel"])
        assert "the license of ucmerced must be accepted" in capsys.readouterr().err
        main(["data", "fetch", "ucmerced-multilabel", "--accept-license"])
        told = capsys.readouterr()
        assert told.err.count("license: none stated") == 2  # one for the images, one for the labels
        assert told.out.endswith("ucmerced-multilabel.zip: 12 tiles, 2 classes, 3 labels\n")
        assert asked == ["UCMerced_LandUse.zip", "multilabels.zip"]
    assert names(home) == ["ucmerced-multilabel.zip", "ucmerced.zip"]
    dataset = TileDataset.open("ucmerced-multilabel", labels="multi")
    assert dataset.label_names == list(LABELS)
    found = dict(zip(dataset.items["id"], dataset.items["labels"], strict=True))
    assert found["forest/forest1.tif"] == "cars;grass" and found["forest/forest2.tif"] == "cars"
    assert dataset.read_bytes(0) == TileDataset.open("ucmerced").read_bytes(0)
    main(["data", "check", "ucmerced-multilabel", "--labels", "multi"])
    run, gallery = str(tmp_path / "run"), str(tmp_path / "gallery")
    train = ["train", "--data", "ucmerced-multilabel", "--labels", "multi", "--weights", "random"]
    small = ["--backbone", "resnet18", "--image-size", "32", "--bits", "8", "--epochs", "1"]
    main([*train, *small, "--cached-views", "2", "--output", run])
    main(["encode", run, "--output", gallery])
    main(["search", gallery, "forest/forest1.tif", "-k", "3"])
    assert "forest/forest" in capsys.readouterr().out


SHIFTED = {f"harbor{number}": LABELS for number in range(1, 13)}


@pytest.mark.parametrize(
    ("images", "table", "told"),
    [
        (ucmerced_images(), ucmerced_table(SHIFTED), ("no image harbor1",)),
        (
            ucmerced_images(),
            ucmerced_table(dict(list(UCM_ROWS.items())[1:])),
            ("beach/beach1.tif",),
        ),
        (ucmerced_images(), ucmerced_table(labels=("cars", "ice", "sand")), ("ice", "fetch it")),
        (
            ucmerced_images(),
            ucmerced_table(
                UCM_ROWS
                | {"beach1": ()}
                | dict.fromkeys((f"beach{number}" for number in range(2, 7)), ("grass",))
            ),
            ("no image the label 'sand'",),
        ),
    ],
    ids=["row without image", "image without row", "other labels", "label without image"],
)
def test_table_of_another_data_set_is_refused(
    images: bytes,
    table: bytes,
    told: tuple[str, ...],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    with serve_files({"UCMerced_LandUse.zip": images, "multilabels.zip": table}) as (url, _):
        entry = ucmerced(url, monkeypatch, images, table)
        with refused(names=told):
            fetch(entry, home, progress=False)
    assert not (home / "ucmerced-multilabel.zip").exists()


def test_labels_of_aid_are_of_some_images_and_have_a_split(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    counts = {"Airport": 6, "BareLand": 6}
    images = made.zip_of_classes({name: 9 for name in counts}, "AID/", "{}_{}", ".jpg")
    parts = {}
    for part, numbers in (("train", (1, 2, 3)), ("val", (4, 5)), ("test", (9,))):
        rows = {f"{name.lower()}_{number}": LABELS for name in counts for number in numbers}
        head = "IMAGE\\LABEL"
        table = made.label_table(rows, LABELS, head=head, separator="\t")
        parts[f"aidmultilabel_{part}.csv"] = table
    with serve_files({"AID.zip": images} | parts) as (url, _):
        offer(AID, url, {"AID.zip": images}, monkeypatch, counts=dict.fromkeys(counts, 9))
        entry = offer(AID_LABELS, url, parts, monkeypatch, counts=counts, labels=LABELS)
        fetch(entry, home, progress=False)
    dataset = TileDataset.open("aid-multilabel", labels="multi")
    assert dataset.items.groupby("given_split").size().to_dict() == {
        "test": 2,
        "train": 6,
        "val": 4,
    }
    assert set(dataset.items.query("given_split == 'test'")["id"]) == {
        *("Airport/airport_9.jpg", "BareLand/bareland_9.jpg"),
    }


@pytest.fixture
def unpacker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be a program that unpacks RAR."""
    if not any(map(shutil.which, UNPACKERS)):
        program = tmp_path / "programs" / "bsdtar"
        program.parent.mkdir()
        program.write_text(made.UNPACK.format(python=sys.executable))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


MLRS = {"beach": 4, "harbor&port": 3}
MLRS_FILES = [f"{name}.{suffix}" for name in MLRS for suffix in ("csv", "rar")]


def mlrsnet(*, lost: str = "", added: str = "", labels: tuple[str, ...] = LABELS) -> dict:
    files = {}
    for name, count in MLRS.items():
        images = {f"{name}_{number:05}.jpg": number for number in range(1, count + 1)}
        rows = {image: labels[: number % 4] for image, number in images.items()}
        files[f"{name}.csv"] = made.label_table(rows, labels, head="image", separator=",")
        packed = {f"{name}/{image}": made.image(number, ".jpg") for image, number in images.items()}
        packed.pop(lost, None)
        if added.startswith(name):
            packed[added] = made.image(0, ".jpg")
        files[f"{name}.rar"] = made.rar(packed)
    return files


def test_mlrsnet_is_a_zip_of_class_folders_with_labels(
    home: Path, unpacker: None, monkeypatch: pytest.MonkeyPatch
):
    files = mlrsnet()
    with serve_files(files) as (url, asked):
        broken = dict(files)
        entry = offer(MLRSNET, url, broken, monkeypatch, counts=MLRS, labels=LABELS)
        last = files.pop("harbor&port.rar")
        with refused(names="404"):
            fetch(entry, home, progress=False)
        assert asked == MLRS_FILES and not (home / "mlrsnet.zip").exists()
        files["harbor&port.rar"] = last
        fetch(entry, home, progress=False)
        assert asked[4:] == MLRS_FILES[3:]  # what was there did not come again
    assert names(home) == ["mlrsnet.zip"]
    dataset = TileDataset.open("mlrsnet", labels="multi")
    found = dict(zip(dataset.items["id"], dataset.items["labels"], strict=True))
    assert found["harbor&port/harbor&port_00002.jpg"] == "cars;grass"
    assert found["beach/beach_00004.jpg"] == ""  # a tile without a label, as ten have
    assert dataset.read_bytes(1) == made.image(2, ".jpg")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"lost": "beach/beach_00002.jpg"}, ("no image", "beach_00002")),
        ({"added": "beach/beach_00009.jpg"}, ("no row of labels", "beach_00009")),
        ({"labels": ("a", "b", "c", "d")}, ("4 labels", "not 3")),
    ],
)
def test_mlrsnet_whose_images_and_rows_differ_is_refused(
    change: dict, told: tuple, home: Path, unpacker: None, monkeypatch: pytest.MonkeyPatch
):
    files = mlrsnet(**change)
    with serve_files(files) as (url, _):
        entry = offer(MLRSNET, url, files, monkeypatch, counts=MLRS, labels=LABELS)
        with refused(names=told):
            fetch(entry, home, progress=False)
    assert names(home) == [".mlrsnet.fetch"]
    assert not any("unpacked" in name for name in names(home / ".mlrsnet.fetch"))


def test_missing_program_for_rar_is_told_before_anything_is_asked_for(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(home))
    with serve_files({}) as (url, asked):
        entry = offer(MLRSNET, url, mlrsnet(), monkeypatch)
        with refused(names="bsdtar"):
            fetch(entry, home, progress=False)
    assert asked == [] and not home.exists()


def test_checksum_of_git_is_that_of_a_repository(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"what is up, doc?")
    # Source: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
    assert compute_digest(tmp_path / "file", "git") == "bd9dbf5aae1a3862dd1526723246b20206e5fc37"
    (tmp_path / "empty").touch()
    assert compute_digest(tmp_path / "empty", "md5") == "d41d8cd98f00b204e9800998ecf8427e"
