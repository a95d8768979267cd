"""The commands `rsh duplicates` and `rsh leaks`."""

import json
from pathlib import Path

import pandas as pd
import pytest
from make_duplicates import with_copies

from rsh.cli.main import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_copies(tmp_path_factory.mktemp("copies") / "gallery").folder


def test_groups_are_printed_and_written(folder: Path, tmp_path: Path, capsys):
    main(["duplicates", str(folder), "-k", "2", "--output", str(tmp_path / "d.csv")])
    said = capsys.readouterr()
    assert "3 groups of near duplicates" in said.out and said.out.count("tile/0") == 4
    assert "3 groups" in said.err and "first 2 of 3" in said.err
    assert len(pd.read_csv(tmp_path / "d.csv")) == 6


def test_leaks_are_printed_and_written(folder: Path, tmp_path: Path, capsys):
    main(["leaks", str(folder), "--radius", "0", "--output", str(tmp_path / "l.json")])
    said = capsys.readouterr()
    assert "2 of 2 queries have a near duplicate" in said.out
    assert "0 of 1 validation tile have" in said.out
    assert len(json.loads((tmp_path / "l.json").read_text())["leaks"]) == 2


@pytest.mark.parametrize(("command", "key"), [("duplicates", "groups"), ("leaks", "leaks")])
def test_json_is_for_programs(folder: Path, command: str, key: str, capsys):
    main([command, str(folder), "--json"])
    assert len(json.loads(capsys.readouterr().out)[key]) == 3


@pytest.mark.parametrize(
    "words",
    [
        ["--radius", "99"],
        ["--check", "luck"],
        ["--threshold", "0.9"],
        ["-k", "0"],
        ["--output", "table.txt"],
        ["--output", "map.geojson"],
    ],
)
@pytest.mark.parametrize("command", ["duplicates", "leaks"])
def test_wrong_options_end_with_one_sentence(folder: Path, command: str, words: list, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, str(folder), *words])
    said = capsys.readouterr()
    assert ended.value.code == 2 and said.out == ""
    assert said.err.startswith("rsh: ") and said.err.count("\n") == 1
