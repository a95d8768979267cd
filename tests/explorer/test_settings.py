"""What the owner of a page allows."""

from dataclasses import replace
from pathlib import Path

import pytest
from make_command import refuse
from refusals import refused

from rsh.cli.main import main
from rsh.explorer.server import serve
from rsh.explorer.settings import DEFAULTS, VARIABLE, PageSettings

SAFE = PageSettings(labels="visitor", learn=False, originals=False, start="")
SHARED = replace(DEFAULTS, start="")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], DEFAULTS),
        (["--hostname", "demo.test"], SAFE),
        (["--allow-iframe", "https://demo.test"], SAFE),
        (["--hostname", "demo.test", "--labels", "gallery", "--learn", "--originals"], SHARED),
        (["--labels", "none", "--no-learn"], PageSettings(labels="none", learn=False)),
    ],
)
def test_a_page_that_others_can_reach_keeps_and_changes_nothing_by_default(
    words: list[str], expected: PageSettings, monkeypatch: pytest.MonkeyPatch
):
    given: list[PageSettings] = []
    monkeypatch.setattr(serve, "serve", lambda *args, settings, **more: given.append(settings))
    main(["dashboard", "galleries/mine", *words])
    assert given == [expected]


def test_a_token_means_that_others_come(monkeypatch: pytest.MonkeyPatch):
    given: list[PageSettings] = []
    monkeypatch.setattr(serve, "serve", lambda *args, settings, **more: given.append(settings))
    monkeypatch.setenv("RSH_TOKEN", "a" * 20)
    for words in (["--public"], []):
        main(["dashboard", "galleries/mine", *words])
    assert given == [SAFE, SAFE]


def test_kernels_read_what_the_server_wrote(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(VARIABLE, "{}")
    assert PageSettings.read() == DEFAULTS
    SAFE.write()
    assert PageSettings.read() == SAFE


def test_kernels_elsewhere_know_where_things_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(VARIABLE, "{}")
    monkeypatch.chdir(tmp_path)
    PageSettings(run="runs/mine").write()
    (tmp_path / "kernel").mkdir()
    monkeypatch.chdir(tmp_path / "kernel")
    found = PageSettings.read()
    assert (found.start, found.run) == (str(tmp_path), str(tmp_path / "runs" / "mine"))
    assert found.seen_from_start(tmp_path / "galleries" / "mine") == "galleries/mine"
    assert found.seen_from_start(tmp_path) == "."
    assert found.seen_from_start(tmp_path.parent / "mine") == str(tmp_path.parent / "mine")
    assert SAFE.seen_from_start(tmp_path) == ""


def test_a_run_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    told = refuse(capsys, "dashboard", "galleries/mine", "--run", tmp_path)
    assert f"{tmp_path} is no run" in told


def test_another_place_for_labels_is_refused():
    with refused("labels", value="everywhere"):
        PageSettings(labels="everywhere")
