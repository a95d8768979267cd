import json
from pathlib import Path

import pytest

from benchmarks.quality import methods, protocol_tables


def row(protocol: str, seed: int, figure: float, **more: object) -> str:
    same = {"data": "ucmd", "backbone": "tf_efficientnet_lite0", "method": "csq", "bits": 16}
    return json.dumps(same | {"protocol": protocol, "seed": seed, "map": figure} | more)


def test_a_table_has_means_over_seeds_and_papers_in_the_column_of_their_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        row("disjoint", 0, 0.9),
        row("disjoint", 1, 0.8, look_bits=0),
        row("disjoint", 0, 0.5, look_bits=4),
        row("dhcl", 0, 0.7, map_best_epoch=0.75),
        row("disjoint", 0, 0.95, unseen=0.25),
        row("unseen", 0, 0.2),
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(rows) + "\n")
    monkeypatch.setattr(methods, "RESULTS", file)
    protocol_tables.main()
    lines = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("|")
    ]
    heads = lines[0]
    assert heads[:3] == ["mAP, %, at 16 bits", "disjoint", "dhcl"]
    csq, two_part, paper = (
        dict(zip(heads, next(line for line in lines if name in line[0]), strict=True))
        for name in ("CSQ", "two-part", "DHCL")
    )
    assert (csq["disjoint"], csq["dhcl"], csq["dhcl, best epoch"]) == ("85.0", "70.0", "75.0")
    assert (two_part["disjoint"], two_part["dhcl"]) == ("50.0", "")
    assert paper["dhcl, best epoch"] == "98.97 / 99.34 / 99.60" and paper["dhcl"] == ""
    assert not any("GreedyHash" in line[0] for line in lines)  # it has no row
    assert ["CSQ", "95.0", "20.0"] in lines  # of the unseen classes, in a table of their own


def test_a_table_of_ties_has_the_worst_and_the_best_order_of_codes_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ties = {"map_pessimistic": 0.5, "map_optimistic": 0.9}
    rows = [
        row("disjoint", 0, 0.7, **ties),
        row("disjoint", 1, 0.8, **ties | {"map_optimistic": 1.0}),
        row("all-vs-all@20", 0, 0.6, **ties),
        row("disjoint", 0, 0.4, method="float cosine"),
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(rows) + "\n")
    monkeypatch.setattr(methods, "RESULTS", file)
    protocol_tables.main()
    table = capsys.readouterr().out.split("(worst to best)")[1]
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if "|" in line]
    assert lines[0] == ["mAP, %", "disjoint, 16 bits", "all-vs-all@20, 16 bits"]
    assert lines[2:] == [["CSQ", "75.0 (50.0 to 95.0)", "60.0 (50.0 to 90.0)"]]
