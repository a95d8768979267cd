import re
from dataclasses import replace
from pathlib import Path

import pytest
from make_scenes import make, tile, zipped
from refusals import refused

from rsh.cli.main import main
from rsh.data import catalog, download
from rsh.data.catalog import CATALOG, EUROSAT, UCMERCED, catalog_table
from rsh.data.catalog_entry import CatalogEntry, data_home
from rsh.data.sample import sample_path
from rsh.data.tiles import TileDataset

README = (Path(__file__).parents[2] / "data" / "README.md").read_text()
PUBLISHED = {  # tiles, classes, fewest and most tiles of a class: from the papers
    "ucmerced": (2_100, 21, 100, 100),
    "eurosat": (27_000, 10, 2_000, 3_000),
    "eurosat-ms": (27_000, 10, 2_000, 3_000),
    "ucmerced-multilabel": (2_100, 21, 100, 100),
    "aid-multilabel": (3_000, 30, 100, 100),
    "mlrsnet": (109_161, 46, 1_500, 2_895),
    "bigearthnet-v2": (480_038, 3, 119_825, 237_871),  # of the parts of the split
    "aid": (10_000, 30, 220, 420),
    "resisc45": (31_500, 45, 700, 700),
    "patternnet": (30_400, 38, 800, 800),
}


PUBLISHED_CLASSES = ("coast", "forest", "harbor")


def tiny(home: Path, monkeypatch: pytest.MonkeyPatch) -> CatalogEntry:
    """Put a data set of three classes into the table."""
    one = replace(UCMERCED, counts=dict.fromkeys(PUBLISHED_CLASSES, 4))
    monkeypatch.setitem(catalog.CATALOG, "ucmerced", one)
    return one


@pytest.mark.parametrize("one", CATALOG.values(), ids=CATALOG)
def test_table_has_what_the_paper_says(one: CatalogEntry):
    counts = one.counts.values()
    found = (one.tiles, len(one.counts), min(counts), max(counts))
    assert found == PUBLISHED[one.name]


def test_labels_are_as_many_as_the_papers_say():
    found = {one.name: len(set(one.labels)) for one in CATALOG.values() if one.labels}
    assert found == (
        {"ucmerced-multilabel": 17, "aid-multilabel": 17, "mlrsnet": 60, "bigearthnet-v2": 19}
    )


@pytest.mark.parametrize("one", CATALOG.values(), ids=CATALOG)
def test_files_are_of_a_fixed_revision_and_have_a_published_checksum(one: CatalogEntry):
    for file in one.files:
        assert re.fullmatch(r"https://\S+/([0-9a-f]{40}|records/\d+)/\S+", file.url)
        assert re.fullmatch("sha256:[0-9a-f]{64}|git:[0-9a-f]{40}|md5:[0-9a-f]{32}", file.checksum)


@pytest.mark.parametrize("one", CATALOG.values(), ids=CATALOG)
def test_readme_says_the_same(one: CatalogEntry):
    section = README.partition(f"\n## {one.name}:")[2].partition("\n## ")[0]
    size = f"{one.size:,} bytes" if one.size and one.size % 10**6 else ""
    for value in (one.title, one.home, one.license, size, f"{one.tiles:,}"):
        assert value in section, value
    for file in one.files:
        is_one_of_many = len(one.files) > 9  # their checksums are in a module
        assert (file.url.rsplit("/", 2)[0] if is_one_of_many else file.url) in section
        assert is_one_of_many or file.checksum.rpartition(":")[2] in section, file.url
    assert f"rsh data fetch {one.name}" in section


def test_home_is_data_unless_it_is_set(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("RSH_DATA_HOME", raising=False)
    assert data_home() == Path("data")
    monkeypatch.setenv("RSH_DATA_HOME", "/big/disk")
    assert data_home() == Path("/big/disk")


def test_name_of_what_was_not_fetched_says_how_to(home: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["train", "--data", "eurosat"])
    assert capsys.readouterr().err == (
        f"rsh: eurosat is not in {home}: fetch it with `rsh data fetch eurosat`, set RSH_DATA_HOME "
        "to its folder, or write ./eurosat for a data set of your own\n"
    )


def test_zip_or_class_folders_open_by_the_name(home: Path, monkeypatch: pytest.MonkeyPatch):
    tiny(home, monkeypatch)
    folder = make(home / "ucmerced", classes=PUBLISHED_CLASSES)
    assert TileDataset.open("ucmerced").path == folder
    file = zipped(folder, home / "ucmerced.zip", wrap="UCMerced_LandUse/Images/")
    dataset = TileDataset.open("ucmerced")
    assert (dataset.path, dataset.name, len(dataset)) == (file, "ucmerced", 12)


def test_image_beside_published_class_folders_is_no_tile(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    tiny(home, monkeypatch)
    tile(1).save(make(home / "ucmerced", classes=PUBLISHED_CLASSES) / "preview.png")
    dataset = TileDataset.open("ucmerced")
    assert len(dataset) == 12 and (dataset.labels >= 0).all()


def test_path_is_never_taken_for_a_name(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    make(tmp_path / "eurosat")
    monkeypatch.chdir(tmp_path)
    for where in ("./eurosat", Path("eurosat")):
        assert len(TileDataset.open(where)) == 8
    with refused(names=("eurosat", "RSH_DATA_HOME")):
        TileDataset.open("eurosat")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("lost", ("forest", 3, 4)),
        ("empty", ("forest", 0, 4)),
        ("added", ("extra", 4, 0)),
    ],
)
def test_unexpected_count_names_the_class(
    change: str, told: tuple, home: Path, monkeypatch: pytest.MonkeyPatch
):
    tiny(home, monkeypatch)
    folder = make(home / "ucmerced", classes=PUBLISHED_CLASSES)
    if change == "added":
        make(folder, classes=("extra",))
    for image in sorted((folder / "forest").iterdir())[: {"lost": 1, "empty": 4}.get(change, 0)]:
        image.unlink()
    with refused(names=(folder, *told, "rsh data fetch ucmerced")):
        TileDataset.open("ucmerced")


def test_list_tells_what_there_is_and_where(home: Path, capsys: pytest.CaptureFixture[str]):
    make(home / "eurosat")
    main(["data", "list"])
    head, sample, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == (
        ["name", "tiles", "classes", "labels", "bands", "download", "path", "license"]
    )
    assert [row.split()[0] for row in rows] == list(CATALOG)
    told = {row.split()[0]: " ".join(row.split()) for row in rows}
    assert f"27,000 10 - 3 94 MB {home}/eurosat MIT" in told["eurosat"]
    assert "27,000 10 - 13 2,068 MB not fetched MIT" in told["eurosat-ms"]
    assert "2,100 21 - 3 332 MB not fetched" in told["ucmerced"] and "unknown" in told["aid"]
    dataset = TileDataset.open(sample_path())
    several = TileDataset.open(sample_path(), labels="multi")
    counts = (len(dataset), len(dataset.classes), len(several.label_names))
    assert sample.split()[:4] == ["bluemarble", *(f"{count:,}" for count in counts)]
    assert catalog_table().splitlines()[0] == head


class Terminal:
    def __init__(self, line: str) -> None:
        self.line = line

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        return self.line


def test_open_license_is_shown_and_not_asked_about(capsys: pytest.CaptureFixture[str]):
    download.confirm_license(EUROSAT, accepted=False)
    told = capsys.readouterr().err
    assert told == f"EuroSAT ({EUROSAT.home}), license: {EUROSAT.license}\n"


@pytest.mark.parametrize("line", ["y\n", "Yes\n"])
def test_other_license_is_accepted_at_the_terminal(line: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", Terminal(line))
    download.confirm_license(UCMERCED, accepted=False)


@pytest.mark.parametrize("line", ["n\n", "\n", ""])
def test_license_that_is_not_accepted_ends_it(line: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", Terminal(line))
    with refused(names="ucmerced"):
        download.confirm_license(UCMERCED, accepted=False)


def test_without_a_terminal_the_flag_is_named(home: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stop:
        main(["data", "fetch", "aid"])
    shown, told = capsys.readouterr().err.splitlines()
    assert stop.value.code == 2 and "license: none stated" in shown
    assert told.endswith("read https://captain-whu.github.io/AID/, then add --accept-license")
    assert not home.exists()


def test_unknown_name_is_told_with_the_choice(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["data", "fetch", "imagenet"])
    told = f"'imagenet' is no data set: choose one of {', '.join(CATALOG)}"
    assert capsys.readouterr().err == f"rsh: {told}\n"
