import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import TinyRun
from refusals import refused

from rsh.cli.main import main
from rsh.evaluation import compare as module
from rsh.evaluation.compare import (
    compare,
    compare_all,
    difference,
    differences,
    differing,
    mean_over_seeds,
    table,
    table_of_all,
)
from rsh.evaluation.protocols import PROTOCOLS
from rsh.training.run import Run


@pytest.fixture(scope="module")
def twin(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("twin") / "twin"
    shutil.copytree(tiny_run.folder, folder)
    return folder


def made(**changes: object) -> dict:
    report = {
        "run": "runs/a",
        "data": {"name": "x", "fingerprint": "f"},
        "split_fingerprint": "s",
        "protocol": "disjoint",
        "metric": "mAP@ALL",
        "ties": "average",
        "queries": 3,
        "gallery": 9,
        "num_bits": 16,
        "map": 0.5,
        "map_interval": (0.4, 0.6),
        "map_at_20": 0.7,
        "precision_at_20": 0.6,
        "precision_within_2": 0.3,
        "accuracy": 0.8,
        "map_classifier_center": 0.65,
        "distinct_codes": 7,
        "average_precision": [0.2, None, 0.8],
        "groups": ["x", "y", "y"],
    }
    return report | changes


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"data": {"name": "x", "fingerprint": "g"}}, "data"),
        ({"split_fingerprint": "t"}, "split"),
        ({"protocol": "ervd"}, "protocol"),
        ({"ties": "argsort"}, "order of ties"),
    ],
)
def test_what_keeps_runs_from_being_compared_is_named_in_one_line(change: dict, named: str) -> None:
    reports = [made(), made(**change)]
    assert differing(reports) == [named]
    told = table({"runs": reports, "seeds": [], "differing": differing(reports), "differences": []})
    assert told.splitlines()[0] == f"NOT COMPARABLE: the runs differ in {named}"


def test_runs_of_one_split_and_protocol_can_be_compared() -> None:
    assert differing([made(), made(num_bits=32, map=0.9)]) == []
    runs = [made(), made(run="runs/b", average_precision=[0.3, None, 0.8])]
    apart = {"differing": [], "differences": differences(runs)}
    told = table({"runs": runs, "seeds": []} | apart)
    assert told.startswith("protocol disjoint: 3 queries, 9 gallery tiles, ties averaged")
    assert "NOT" not in told and "40.0%-60.0%" in told and "runs/b" in told
    assert told.splitlines()[-1] == (
        "runs/b against runs/a, query by query: +5.0 points (+0.0 to +10.0): "
        "no difference beyond chance"
    )


def test_runs_are_compared_query_by_query_with_the_first() -> None:
    better = made(run="runs/c", average_precision=[0.4, None, 0.9])
    (found,) = differences([made(), better])
    assert (found["run"], found["against"]) == ("runs/c", "runs/a")
    assert found["difference"] == pytest.approx(0.15)
    assert found["interval"] == pytest.approx((0.1, 0.2))
    assert (
        difference(found) == "runs/c against runs/a, query by query: +15.0 points (+10.0 to +20.0)"
    )


def test_seeds_are_averaged_and_drawn_with_their_blocks() -> None:
    other = made(map=0.7, distinct_codes=9, average_precision=[0.4, 1.0], groups=["x", "z"])
    (mean,) = mean_over_seeds([made(), made(map=0.1), other], ["a", "b", "a"])
    assert mean["run"] == "mean of 2 runs" and mean["seeds"] == 2
    assert mean["map"] == pytest.approx(0.6) and mean["distinct_codes"] == 8
    low, high = mean["map_interval"]
    assert 0.2 <= low < np.mean([0.2, 0.8, 0.4, 1.0]) < high <= 1
    assert "mean of 2 runs" in table(
        {"runs": [made()], "seeds": [mean], "differing": [], "differences": []}
    )
    assert mean_over_seeds([made(), made()], ["a", "b"]) == []


def test_runs_that_differ_in_their_seed_alone_are_taken_together(
    tiny_run: TinyRun, twin: Path
) -> None:
    config = json.loads((twin / "config.json").read_text())
    found = compare([tiny_run.folder, twin], progress=False)
    assert [report["map"] for report in found["runs"]] == [found["seeds"][0]["map"]] * 2
    assert json.loads(json.dumps(found, allow_nan=False))["differing"] == []
    for name, key in (("train", "seed"), ("split", "seed")):
        other = config | {name: config[name] | {key: 5}}
        assert module._recipe(_run(other)) == module._recipe(_run(config))
    longer = config | {"train": config["train"] | {"epochs": 21}}
    assert module._recipe(_run(longer)) != module._recipe(_run(config))


def _run(config: dict) -> Run:
    return Run(Path("nowhere"), config)


def test_run_given_twice_and_run_that_is_none_are_refused(
    tiny_run: TinyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "evaluate", None)  # which must not be reached
    again = tiny_run.folder / ".." / tiny_run.folder.name
    with refused(names=tiny_run.folder.name):
        compare([tiny_run.folder, again])
    with refused(names=tmp_path):
        compare([tiny_run.folder, tmp_path])
    with refused("protocol", value="all"):
        compare([tiny_run.folder], protocol="all")


def test_command_prints_a_table_or_json_and_draws(
    tiny_run: TinyRun, twin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, runs = tmp_path / "plots", [str(tiny_run.folder), str(twin)]
    main(["compare", *runs, "--protocol", "ervd", "--output", str(folder)])
    told = capsys.readouterr().out
    assert "protocol ervd: 12 queries, 48 gallery tiles" in told and str(twin) in told
    assert {file.name for file in folder.iterdir()} == {
        "precision-recall.png", "map-by-bits.png", "distances.png",
        "neighbors-1.png", "neighbors-2.png", "comparison.json",
    }  # fmt: skip
    for file in folder.glob("*.png"):
        assert file.read_bytes().startswith(b"\x89PNG")
    main(["compare", *runs, "--protocol", "ervd", "--json"])
    assert json.loads(capsys.readouterr().out) == json.loads(
        (folder / "comparison.json").read_text()
    )


def test_runs_are_compared_under_every_protocol(
    tiny_run: TinyRun, twin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [str(tiny_run.folder), str(twin)]
    main(["compare", *runs, "--protocol", "all", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert list(found) == [name for name, each in PROTOCOLS.items() if not each.needs_unseen]
    for name, each in found.items():
        alone = compare([tiny_run.folder, twin], protocol=name, progress=False)
        assert each == json.loads(json.dumps(alone))
    main(["compare", *runs, "--protocol", "all"])
    heads, *lines, about = capsys.readouterr().out.splitlines()
    assert heads.split() == ["protocol", "metric", *runs, "mean", "of", "2", "runs"]
    assert [line.split()[0] for line in lines] == list(found)
    for line, each in zip(lines, found.values(), strict=True):
        value = f"{each['runs'][0]['map']:.1%}"
        assert f"{value} (+0.0: +0.0 to +0.0)" in line and line.count(value) == 3
    assert f"points against {runs[0]}" in about


def test_runs_that_cannot_be_compared_have_no_differences_under_every_protocol(
    tiny_run: TinyRun, twin: Path
) -> None:
    found = compare_all([tiny_run.folder, twin], progress=False)
    for each in found.values():
        each |= {"differing": ["data", "split"], "differences": []}
    text = table_of_all(found)
    assert text.startswith("NOT COMPARABLE: the runs differ in data and split\n")
    assert "points" not in text and "(" not in text.partition("\n")[2]


def test_plots_are_of_one_protocol(
    tiny_run: TinyRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["compare", str(tiny_run.folder), "--protocol", "all", "--output", str(tmp_path)])
    assert "--output draws one protocol: name it with --protocol" in capsys.readouterr().err


def test_place_for_plots_is_tried_before_the_work(
    tiny_run: TinyRun, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    monkeypatch.setattr(module, "compare", None)
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit):
        main(["compare", str(tiny_run.folder), "--output", str(tmp_path / "file")])
    assert f"cannot write {tmp_path / 'file'}" in capsys.readouterr().err
