"""The list of backbones on the command line, and training with one that is made for the Earth."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from make_bands import SENTINEL_2, in_unit, make_scene, reflectance
from refusals import refused

from rsh.cli.main import run
from rsh.models import catalog, pretrained
from rsh.models.pretrained import EARTH_MODELS, RECOMMENDED
from rsh.training.run import Run


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    run(["backbones", *words])
    return capsys.readouterr().out


def test_recommended_ones_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys).splitlines()
    assert [line.split()[0] for line in lines[1:]] == [*RECOMMENDED, *EARTH_MODELS]
    default, radar = (
        next(line for line in lines if line.startswith(name))
        for name in ("tf_efficientnet_lite0", "ssl4eo-moco-s1")
    )
    assert "3.4 M" in default and "apache-2.0" in default and " here " in default
    assert "VV VH, dB" in radar and "CC-BY-4.0" in radar and "not fetched" in radar


def test_json_has_all_that_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    (entry,) = json.loads(shown(capsys, "ssl4eo-moco-s2", "--json"))
    assert len(entry["bands"]) == 13 and set(entry["units"]) == {"reflectance"}
    assert entry["parameters"] == 23_539_392 and entry["weights"] is None
    assert entry["url"].startswith("https://") and entry["license"] == "CC-BY-4.0"
    assert entry["open"] and entry["installed"] and len(entry["std"]) == 13


def test_one_is_shown_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(capsys, "panopticon")
    assert "98,120,448" in told and "multiple of 14" in told
    assert "rsh backbones fetch panopticon" in told


def test_a_part_of_a_name_searches_all(capsys: pytest.CaptureFixture[str]) -> None:
    names = [line.split()[0] for line in shown(capsys, "ssl4eo").splitlines()[1:]]
    assert names == ["ssl4eo-moco-rgb", "ssl4eo-moco-s2", "ssl4eo-moco-s1"]
    run(["backbones", "test_*"])
    told = capsys.readouterr()
    assert "test_resnet.r160_in1k" in told.out
    assert not told.err or "more: give a longer part" in told.err
    with refused(names="'nothing like it'"):
        run(["backbones", "nothing like it"])


def test_what_a_long_list_leaves_out_is_counted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "MOST_LISTED", 2)
    run(["backbones", "ssl4eo"])
    assert "1 more" in capsys.readouterr().err


def test_without_the_extra_names_stay_with_a_hint(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained, "find_spec", lambda name: None)
    told = shown(capsys)
    assert all(name in told for name in EARTH_MODELS)
    assert "needs rsh[earth]" in told and "pip install 'rsh[earth]'" in told
    (entry,) = json.loads(shown(capsys, "ssl4eo-moco-s1", "--json"))
    assert entry["bands"] is None and not entry["installed"]
    for command in (["backbones", "fetch", "panopticon"], ["train", "--backbone", "panopticon"]):
        with refused(names=("panopticon", "pip install 'rsh[earth]'")):
            run(command)


TRAIN = ["train", "--backbone", "ssl4eo-moco-s2", "--bits", "16", "--image-size", "32"]
TRAIN += ["--epochs", "1", "--cached-views", "2", "--split-by", "class"]


def test_training_reads_the_bands_that_the_backbone_takes(tmp_path: Path) -> None:
    data = make_scene(tmp_path / "scene.tif", reflectance(100))
    words = [*TRAIN, "--size", "20", "--data", str(data), "--output", str(tmp_path / "run")]
    with refused(names="rsh backbones fetch ssl4eo-moco-s2"):
        run(words)
    run([*words, "--weights", "random"])
    net = Run.open(tmp_path / "run").net()
    assert net.bands.names == SENTINEL_2 and set(net.bands.units) == {"reflectance"}
    assert net.backbone.mean == (0,) * 13 and net.backbone.std == (1,) * 13


@pytest.mark.parametrize(("unit", "told"), [("DN", "--scale 0.0001"), ("dB", "decibels")])
def test_other_units_than_those_of_the_weights_are_refused_with_what_mends_them(
    tmp_path: Path, unit: str, told: str
) -> None:
    data = make_scene(tmp_path / "scene.tif", in_unit(reflectance(100), unit))
    with refused(names=told):
        run([*TRAIN, "--size", "20", "--data", str(data), "--weights", "random"])


def test_data_without_the_bands_of_a_backbone_is_refused(tmp_path: Path) -> None:
    with refused(names=("bluemarble", "ssl4eo-moco-s2", "B8A")):
        run(TRAIN)
    data = make_scene(tmp_path / "scene.tif", reflectance(100)[:4], names=SENTINEL_2[:4])
    with refused(names="has no band B05"):
        run([*TRAIN, "--size", "20", "--data", str(data)])
    with refused(names=("ssl4eo-moco-s2 takes B01", "B02, B03 in reflectance")):
        run([*TRAIN, "--size", "20", "--data", str(data), "--input-bands", "B02,B03"])


HEAVY = ("torchgeo", "open_clip", "rasterio", "torch", "timm")
SCRIPT = f"""
import sys
{{what}}
print([name for name in {HEAVY} if name in sys.modules])
"""


@pytest.mark.parametrize(
    "what",
    [
        "from rsh.cli.main import main; main(['--help'])",
        "import rsh.explorer.app",
        "import rsh.models.pretrained",
    ],
)
def test_help_and_page_import_nothing_heavy(what: str) -> None:
    script = SCRIPT.format(what=what)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
