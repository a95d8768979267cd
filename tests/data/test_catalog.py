import re
from dataclasses import replace
from pathlib import Path

import pytest
from make_scenes import make, tile, zipped
from refusals import refused

from rsh.cli.main import main
from rsh.data import catalog, download
from rsh.data.catalog import CATALOG, EUROSAT, UCMERCED, CatalogEntry, catalog_table, data_home
from rsh.data.sample import sample_path
from rsh.data.tiles import TileDataset

README = (Path(__file__).parents[2] / "data" / "README.md").read_text()
PUBLISHED = {  # tiles, classes, fewest and most tiles of a class: from the papers
    "ucmerced": (2_100, 21, 100, 100),
    "eurosat": (27_000, 10, 2_000, 3_000),
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


@pytest.mark.parametrize("one", CATALOG.values(), ids=CATALOG)
def test_source_is_a_zip_of_a_fixed_revision(one: CatalogEntry):
    assert re.fullmatch(r"https://\S+/resolve/[0-9a-f]{40}/\S+\.zip", one.url)
    assert re.fullmatch("[0-9a-f]{64}", one.sha256)


@pytest.mark.parametrize("one", CATALOG.values(), ids=CATALOG)
def test_readme_says_the_same(one: CatalogEntry):
    section = README.partition(f"\n## {one.name}:")[2].partition("\n## ")[0]
    size = f"{one.size:,} bytes" if one.size and one.size % 10**6 else ""
    for value in (one.title, one.url, one.sha256, one.home, one.license, size, f"{one.tiles:,}"):
        assert value in section, value
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
    assert head.split() == ["name", "tiles", "classes", "download", "path", "license"]
    assert [row.split()[0] for row in rows] == list(CATALOG)
    assert f"27,000       10     94 MB  {home}/eurosat  MIT" in rows[1]
    assert "2,100       21    332 MB  not fetched" in rows[0] and "unknown" in rows[2]
    dataset = TileDataset.open(sample_path())
    assert sample.split()[:3] == ["bluemarble", f"{len(dataset):,}", str(len(dataset.classes))]
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
    told = "'imagenet' is no data set: choose one of ucmerced, eurosat, aid, resisc45, patternnet"
    assert capsys.readouterr().err == f"rsh: {told}\n"
