"""`rsh groups` and `rsh unusual`, and what `rsh search` says of an image unlike everything."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import TinyRun
from make_gallery import tiny_gallery, without_classes
from PIL import Image

from rsh.cli.main import main
from rsh.gallery.annotations.events import Visitor
from rsh.gallery.gallery import Gallery


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    return tiny_gallery(tmp_path / "gallery")


def printed(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[str, str]:
    capsys.readouterr()
    main([str(word) for word in words])
    out, err = capsys.readouterr()
    return out, err


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as done:
        main([str(word) for word in words])
    assert done.value.code == 2
    return capsys.readouterr().err


def test_groups_are_stored_and_listed(gallery: Gallery, capsys: pytest.CaptureFixture[str]):
    out, err = printed(capsys, "groups", gallery.folder)
    stored = Gallery.open(gallery.folder)
    assert stored.manifest.groups is not None
    lines = out.splitlines()
    assert lines[0].split() == ["group", "tiles", "spread", "class", "most", "typical", "tiles"]
    assert len(lines) == len(stored.groups) + 2
    for line, group in zip(lines[1:], stored.groups, strict=False):
        number, tiles, spread = line.split()[:3]
        assert (int(number), int(tiles)) == (group.number + 1, len(group))
        assert spread == f"{group.spread:.1f}"
        assert f"{group.class_name} {group.class_share:.0%}" in line
        ids = [str(gallery.items["id"][row]) for row in group.rows[:3]]
        assert line.endswith(", ".join(ids)) and ids[0] == group.key
    assert lines[-1].startswith(f"{gallery.folder}: {len(stored.groups)} groups of ")
    assert "finding groups" in err
    told, _ = printed(capsys, "gallery", "info", gallery.folder)
    assert re.search(rf"^groups +{len(stored.groups)}, ", told, re.MULTILINE)


def test_tiles_without_labels_have_no_column_class(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    unlabeled = tiny_gallery(tmp_path / "gallery", more=without_classes)
    out, _ = printed(capsys, "groups", unlabeled.folder)
    assert "class" not in out.splitlines()[0]
    records = json.loads(printed(capsys, "groups", unlabeled.folder, "--json")[0])
    assert {record["class"] for record in records} == {None}
    assert sum(record["tiles"] for record in records) + len(
        Gallery.open(unlabeled.folder).groups.ungrouped
    ) == len(unlabeled)


def test_groups_are_listed_with_their_names(gallery: Gallery, capsys: pytest.CaptureFixture[str]):
    first = gallery.groups[0]
    tile = str(gallery.items["id"][first.rows[-1]])
    gallery.annotations.name_group(tile, "dark forest", by=Visitor("me"))
    out, _ = printed(capsys, "groups", gallery.folder)
    head, line, *others = out.splitlines()
    assert head.split()[3:5] == ["name", "class"]
    assert "dark forest" in line and "dark forest" not in "".join(others)
    records = json.loads(printed(capsys, "groups", gallery.folder, "--json")[0])
    assert [record["name"] for record in records] == ["dark forest", *[None] * len(records[1:])]


def test_more_prominence_makes_fewer_groups(gallery: Gallery, capsys: pytest.CaptureFixture[str]):
    counts = []
    for prominence in (0, 3):
        out, _ = printed(capsys, "groups", gallery.folder, "--prominence", prominence, "--json")
        counts.append(len(json.loads(out)))
        assert Gallery.open(gallery.folder).groups.prominence == prominence
    assert counts[0] > counts[1]
    told = refused(capsys, "groups", gallery.folder, "--prominence", "300")
    assert "--prominence 300.0: choose a number from 0.0 to 256.0" in told


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_group_of_each_tile_is_written(
    gallery: Gallery, capsys: pytest.CaptureFixture[str], suffix: str
):
    file = gallery.folder.parent / f"groups{suffix}"
    printed(capsys, "groups", gallery.folder, "--output", file)
    table = pd.read_csv(file) if suffix == ".csv" else pd.read_parquet(file)
    groups = Gallery.open(gallery.folder).groups
    assert table["id"].tolist() == gallery.items["id"].tolist()
    assert table["group"].fillna("").tolist() == groups.column().tolist()
    assert table["sparsity"].to_numpy() == pytest.approx(groups.sparsity, abs=1e-5)
    assert table["outlier_factor"].to_numpy() == pytest.approx(groups.outlier_factors, abs=1e-5)
    firsts = table[table["rank"] == 0].dropna().query("group != ''")
    assert set(firsts["id"]) >= set(groups.keys)


def test_a_group_is_put_on_a_map(gallery: Gallery, capsys: pytest.CaptureFixture[str]):
    printed(capsys, "groups", gallery.folder)
    group, file = Gallery.open(gallery.folder).groups[0], gallery.folder.parent / "group.geojson"
    for condition, count in (("=", len(group)), ("!=", len(gallery) - len(group))):
        printed(
            capsys,
            "gallery",
            "export",
            gallery.folder,
            file,
            f"--filter=group{condition}{group.key}",
        )
        assert len(json.loads(file.read_text())["features"]) == count


def test_a_text_that_a_spreadsheet_would_run_is_escaped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    def rename(items: pd.DataFrame) -> pd.DataFrame:
        return items.assign(id="=1+" + items["id"])

    harmful = tiny_gallery(tmp_path / "gallery", more=rename)
    printed(capsys, "groups", harmful.folder, "--output", tmp_path / "groups.csv")
    table = pd.read_csv(tmp_path / "groups.csv")
    assert table["id"].str.startswith("'=").all()
    assert table["group"].dropna().str.startswith("'=").all()


def test_places_that_cannot_be_written_are_named_first(
    gallery: Gallery, capsys: pytest.CaptureFixture[str]
):
    told = refused(capsys, "groups", gallery.folder, "--output", "groups.txt")
    assert "groups.txt" in told and ".parquet" in told
    told = refused(
        capsys, "groups", gallery.folder, "--output", gallery.folder / "gallery.json/x.csv"
    )
    assert "is a file" in told
    assert Gallery.open(gallery.folder).manifest.groups is None


def test_a_gallery_without_groups_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    tiny = tiny_gallery(tmp_path / "gallery", num_tiles=3)
    out, _ = printed(capsys, "groups", tiny.folder)
    assert out == f"{tiny.folder}: 0 groups of 0 tiles, 3 in no group\n"


def test_unusual_tiles_are_listed_with_a_reason(
    gallery: Gallery, capsys: pytest.CaptureFixture[str]
):
    out, _ = printed(capsys, "unusual", gallery.folder, "-k", 4)
    lines = out.splitlines()
    assert lines[0].split() == ["factor", "bits", "id"] and len(lines) == 6
    factors = [float(line.split()[0]) for line in lines[1:5]]
    assert factors == sorted(factors, reverse=True)
    assert "times as far from its nearest tiles" in lines[5]
    records = json.loads(printed(capsys, "unusual", gallery.folder, "-k", 4, "--json")[0])
    assert [record["id"] for record in records] == [line.split()[2] for line in lines[1:5]]
    assert "-k 0: choose 1 or more" in refused(capsys, "unusual", gallery.folder, "-k", 0)


@pytest.mark.slow
def test_an_image_unlike_everything_is_said_to_be_so(
    tiny_run: TinyRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """48 tiles are too few to tell; with 200 copies of them, noise is unlike them."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    _, err = printed(capsys, "search", tiny_run.gallery, tmp_path / "noise.png")
    assert "unlike everything" not in err
    data = tmp_path / "tiles"
    for file in tiny_run.data.rglob("*.jpg"):
        image = Image.open(file)
        for turn in range(4):
            place = data / file.parent.name / f"{file.stem}-{turn}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            image.rotate(90 * turn).save(place)
    many = tmp_path / "many"
    printed(capsys, "encode", tiny_run.folder, data, "--output", many)
    _, err = printed(capsys, "search", many, tmp_path / "noise.png", "--json")
    assert "note: the query is unlike everything in the gallery" in err
    _, err = printed(capsys, "search", many, file)
    assert "unlike everything" not in err
