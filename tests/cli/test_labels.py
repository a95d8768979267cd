"""The commands about labels and sets."""

import json
import shutil
from pathlib import Path

import pytest
from make_command import refuse
from make_gallery import tiny_gallery

from rsh.cli.main import main
from rsh.gallery.gallery import Gallery


@pytest.fixture
def folder(tmp_path: Path, made_once, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A gallery of 40 tiles that may be labeled, by the account ana."""
    kept = made_once("labels", lambda folder: tiny_gallery(folder / "tiny", num_tiles=40))
    shutil.copytree(kept / "tiny", tmp_path / "tiny")
    monkeypatch.setenv("LOGNAME", "ana")
    return tmp_path / "tiny"


def run(*argv: object) -> None:
    main([str(word) for word in argv])


def shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict:
    capsys.readouterr()
    run("labels", "show", folder, "--json")
    return json.loads(capsys.readouterr().out)


def test_tiles_are_labeled_shown_exported_and_imported(folder: Path, tmp_path: Path, capsys):
    first, second, third = Gallery.open(folder).items["id"][:3]
    run("labels", "show", folder)
    assert "0 of 40 tiles" in capsys.readouterr().out
    run("labels", "give", folder, first, second, "--class", "sea", "--set", "to check")
    out = capsys.readouterr().out
    assert "2 tiles" in out and "sea" in out and "to check" in out
    run("labels", "give", folder, third, "--set", "to check", "--author", "Ben B.")
    run("labels", "take", folder, second, "--set", "to check")
    found = shown(folder, capsys)
    assert found["classes"] == {"sea": 2} and found["sets"] == {"to check": 2}
    assert [change["by"] for change in found["changes"]] == ["ana", "Ben B.", "ana"]
    file = tmp_path / "labels.csv"
    run("labels", "export", folder, file)
    assert f"{file}: 3 tiles" in capsys.readouterr().out
    shutil.rmtree(folder / "annotations.log", ignore_errors=True)
    (folder / "annotations.log").unlink()
    file.write_text(file.read_text() + "moon/1.png,sea,\r\n")
    assert "moon/1.png" in refuse(capsys, "labels", "import", folder, file)
    run("labels", "import", folder, file, "--skip-unknown")
    out = capsys.readouterr().out
    assert "3 tiles" in out and "1 row" in out
    again = shown(folder, capsys)
    assert again["classes"] == found["classes"] and again["sets"] == found["sets"]
    run("labels", "export", folder, file, "--labels", "all")
    assert "40 tiles" in capsys.readouterr().out


def test_what_is_shown_is_for_people(folder: Path, capsys):
    tile, other = Gallery.open(folder).items["id"][:2]
    run("labels", "give", folder, tile, "--class", "sea", "--set", "to check")
    run("labels", "give", folder, other, "--class", "ice\N{SNOWMAN}")
    run("labels", "show", folder)
    lines = capsys.readouterr().out.splitlines()
    assert f"{folder}: 2 of 40 tiles have a given class, 1 set, 0 conflicts" in lines
    for words in (["sea", "1"], ["to", "check", "1"], ["ice\N{SNOWMAN}", "1"]):
        assert words in map(str.split, lines)
    assert any("ana" in line and "gave 1 tile the class sea" in line for line in lines)


def test_conflicts_are_shown_and_settled(folder: Path, capsys, monkeypatch):
    tile = Gallery.open(folder).items["id"][0]
    run("labels", "give", folder, tile, "--class", "sea")
    monkeypatch.setenv("LOGNAME", "ben")
    run("labels", "give", folder, tile, "--class", "ice")
    (conflict,) = shown(folder, capsys)["conflicts"]
    assert conflict["id"] == tile
    assert [(one["by"], one["class"]) for one in conflict["classes"]] == [
        *(("ana", "sea"), ("ben", "ice"))
    ]
    run("labels", "show", folder)
    assert "sea (ana), ice (ben)" in capsys.readouterr().out
    run("labels", "give", folder, tile, "--class", "ice", "--settle")
    assert shown(folder, capsys)["conflicts"] == []


def test_undo_is_of_the_account_s_own_changes(folder: Path, capsys, monkeypatch):
    tile = Gallery.open(folder).items["id"][0]
    run("labels", "give", folder, tile, "--class", "sea", "--author", "Ana A.")
    monkeypatch.setenv("LOGNAME", "bén <b>")  # no characters of a token
    assert "undo" in refuse(capsys, "labels", "undo", folder)
    run("labels", "give", folder, tile, "--class", "ice")
    run("labels", "undo", folder)
    assert "undid: gave 1 tile the class ice" in capsys.readouterr().out
    assert shown(folder, capsys)["classes"] == {"sea": 1}
    run("labels", "redo", folder)
    assert shown(folder, capsys)["classes"] == {"ice": 1}
    assert "redo" in refuse(capsys, "labels", "redo", folder)
    run("labels", "take", folder, tile)
    assert shown(folder, capsys)["classes"] == {}


def test_sets_are_renamed_and_deleted(folder: Path, capsys):
    tile = Gallery.open(folder).items["id"][0]
    run("labels", "give", folder, tile, "--set", "one")
    run("labels", "rename", folder, "one", "two")
    assert shown(folder, capsys)["sets"] == {"two": 1}
    run("search", folder, tile, "--filter", "set!=two", "-k", "2", "--json")
    assert len(json.loads(capsys.readouterr().out)["hits"]) == 2
    assert "one" in refuse(capsys, "search", folder, tile, "--filter", "set=one")
    assert "two" in refuse(capsys, "labels", "rename", folder, "one", "x")
    run("labels", "delete", folder, "two")
    assert shown(folder, capsys)["sets"] == {}
    run("labels", "compact", folder)
    assert "3 events became 1" in capsys.readouterr().out


def test_a_class_that_differs_in_case_alone_is_told(folder: Path, capsys):
    opened = Gallery.open(folder)
    run("labels", "give", folder, opened.items["id"][0], "--class", opened.classes[0].upper())
    assert opened.classes[0].upper() in capsys.readouterr().err


def test_an_account_without_a_name_is_unknown(folder: Path, capsys, monkeypatch):
    def fail() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", fail)
    run("labels", "give", folder, Gallery.open(folder).items["id"][0], "--class", "sea")
    assert shown(folder, capsys)["changes"][0]["by"] == "unknown"


def test_wrong_words_are_refused(folder: Path, tmp_path: Path, capsys):
    tile = Gallery.open(folder).items["id"][0]
    assert "--class" in refuse(capsys, "labels", "give", folder, tile)
    assert "moon" in refuse(capsys, "labels", "give", folder, "moon", "--class", "sea")
    assert "80" in refuse(capsys, "labels", "give", folder, tile, "--set", "x" * 80)
    assert "no labels" in refuse(capsys, "labels", "export", folder, tmp_path / "x.csv")
    assert "gone" in refuse(capsys, "labels", "show", tmp_path / "gone")
    assert not (folder / "annotations.log").exists()
