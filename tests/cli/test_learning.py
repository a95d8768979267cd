"""`rsh suggest`, `rsh classify` and `rsh learn`."""

import csv
import json
from pathlib import Path

import pandas as pd
import pytest
from make_command import refuse
from make_learning import cluster_gallery, some_labels, true_class

from rsh.cli.main import main
from rsh.gallery.gallery import Gallery


@pytest.fixture
def gallery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gallery:
    monkeypatch.setattr("rsh.learning.teaching.STEPS", 20)
    monkeypatch.chdir(tmp_path)
    made = cluster_gallery(tmp_path / "mine")
    with Path("labels.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("id", "class"), *some_labels(made, 6).items()])
    return made


def test_suggestions_are_printed_one_a_line(gallery: Gallery, capsys: pytest.CaptureFixture):
    main(["suggest", "mine", "-n", "3"])
    said = capsys.readouterr()
    tiles = said.out.splitlines()
    assert "label these next" in said.err and "rsh labels give mine TILE" in said.err
    assert len(tiles) == 3 and set(tiles) <= set(gallery.items["id"])
    main(["suggest", "mine", "--labels", "labels.csv"])
    said = capsys.readouterr()
    head, *rows = said.out.splitlines()
    assert "label these next" in said.err
    assert all(len(row.split()) > 2 for row in rows)  # "perhaps" is never empty
    assert head.split() == ["tile", "perhaps", "confidence"] and len(rows) == 10
    main(["suggest", "mine", "--labels", "labels.csv", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert set(found[0]) == {"row", "tile", "guess", "confidence"}


def test_tiles_are_counted_and_listed_by_confidence(
    gallery: Gallery, capsys: pytest.CaptureFixture
):
    words = ["classify", "mine", "--labels", "labels.csv", "--least", "0.6"]
    main([*words, "--output", "found.csv"])
    said = capsys.readouterr()
    assert "town" in said.out and "guesses right at 0.6" in said.out and not said.err
    rows = list(csv.DictReader(Path("found.csv").open(newline="")))
    assert len(rows) > 60 and all(true_class(row["id"]) == row["class"] for row in rows)
    assert all(float(row["confidence"]) >= 0.6 for row in rows)
    main([*words, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert sum(found["tiles"].values()) == len(rows) and found["note"] == ""


def test_predictions_are_written_as_the_file_is_called(
    gallery: Gallery, capsys: pytest.CaptureFixture
):
    words = ["classify", "mine", "--labels", "labels.csv", "--output"]
    for name in ("found.csv", "found.parquet"):
        main([*words, name])
    parquet, text = pd.read_parquet("found.parquet"), pd.read_csv("found.csv")
    assert len(text) and parquet.columns.tolist() == ["id", "class", "confidence"]
    assert parquet.to_dict("list") == text.to_dict("list")
    assert ".csv or .parquet" in refuse(capsys, *words, "found.xlsx")


def test_table_and_file_of_classify_agree(gallery: Gallery, capsys: pytest.CaptureFixture):
    words = ["classify", "mine", "--labels", "labels.csv", "--output", "found.csv", "--json"]
    for least in ("0", "0.3"):
        main([*words, "--least", least])
        said = json.loads(capsys.readouterr().out)
        with Path("found.csv").open(newline="") as stream:
            written = [row["class"] for row in csv.DictReader(stream)]
        assert said["tiles"] == {name: written.count(name) for name in said["tiles"]}
        assert said["held_out"]["tiles"] <= 24


@pytest.mark.parametrize("least", ["80", "-1", "nan"])
def test_a_confidence_out_of_range_is_refused(
    gallery: Gallery, least: str, capsys: pytest.CaptureFixture
):
    with pytest.raises(SystemExit):
        main(["classify", "mine", "--labels", "labels.csv", "--least", least])
    said = capsys.readouterr()
    assert not said.out and f"--least {float(least)}" in said.err and "from 0.0 to 1.0" in said.err


def test_one_class_comes_with_a_note(gallery: Gallery, capsys: pytest.CaptureFixture):
    Path("one.csv").write_text("id,class\n" + gallery.items["id"][3] + ",town\n")
    main(["classify", "mine", "--labels", "one.csv"])
    assert "label other tiles" in capsys.readouterr().err


def test_learned_gallery_stands_beside_the_old_one(gallery: Gallery, capsys: pytest.CaptureFixture):
    main(["learn", "mine", "--labels", "labels.csv"])
    said = capsys.readouterr()
    assert said.out.startswith("mine-learned-1: 120 tiles\n")
    for words in ("24 labels of 4 classes", "neighbors kept", "mAP of held-out", "a guess"):
        assert words in said.out
    assert "rsh project mine-learned-1" in said.err and "advice: With fewer than 30" in said.out
    main(["learn", "mine", "--labels", "labels.csv", "--no-measure", "--json", "--name", "x"])
    report = json.loads(capsys.readouterr().out)
    assert report["output"] == "mine-learned-2" and report["held_out"] is None
    assert Gallery.open("mine-learned-2").name == "x"
    main(["gallery", "info", "mine-learned-2"])
    assert "24 labels of 4 classes" in capsys.readouterr().out


def test_what_is_refused_leaves_no_bar(gallery: Gallery, capsys: pytest.CaptureFixture):
    Path("one.csv").write_text("id,class\n" + gallery.items["id"][3] + ",town\n")
    with pytest.raises(SystemExit):
        main(["learn", "mine", "--labels", "one.csv"])
    assert capsys.readouterr().err.startswith("rsh: 1 label of 1 class")
