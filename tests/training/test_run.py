import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
from make_harm import survived
from make_training import SHORT, small, timeless
from refusals import refused

from rsh.config import TrainConfig
from rsh.data.tiles import TileDataset
from rsh.errors import InputError
from rsh.io.provenance import environment, git_revision
from rsh.models.hashnet import HashNet, fingerprint
from rsh.training import train as module
from rsh.training.run import Run, checksum, describe, start_run
from rsh.training.train import train


@pytest.fixture
def folder(tiny_run, tmp_path: Path) -> Path:
    """A copy of the trained run that may be spoilt."""
    return shutil.copytree(tiny_run.folder, tmp_path / "run")


def edit(file: Path, change) -> None:
    value = json.loads(file.read_text())
    change(value)
    file.write_text(json.dumps(value))


def test_run_folder_holds_what_it_says(tiny_run, tiny_split):
    names = {path.name for path in tiny_run.folder.iterdir()}
    assert names == {
        "model.safetensors",
        "config.json",
        "history.jsonl",
        "last.ckpt",
        ".lock",
        "encoder.onnx",
    }
    config = Run.open(tiny_run.folder).config
    assert config["model"] == {
        "backbone": "tf_efficientnet_lite0", "num_bits": 16, "image_size": 32, "hidden": 64,
        "feature_dim": 16, "tta": 1, "feature_stages": 0, "look_bits": 0,
    }  # fmt: skip
    assert config["data"]["labels"] == "auto"
    assert config["train"] == asdict(TrainConfig(epochs=20, batch_size=16, cached_views=3))
    assert config["data"]["fingerprint"] == tiny_split.dataset.fingerprint
    assert config["data"]["tiles"] == 48
    assert config["data"]["classes"] == tiny_split.dataset.classes
    assert set(config["environment"]) >= {"revision", "machine", "torch", "timm", "numpy"}


def test_history_file_holds_the_returned_records(tiny_run):
    lines = (tiny_run.folder / "history.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == tiny_run.history


def test_network_is_loaded_as_it_was_trained(tiny_run):
    run = Run.open(tiny_run.folder)
    net = run.net()
    assert fingerprint(net) == run.config["fingerprint"]
    assert not any(module.training for module in net.modules())
    assert fingerprint(net.head) != fingerprint(HashNet(**run.config["model"]).head)


def test_split_is_the_one_that_was_trained_on(tiny_run, tiny_split):
    split = Run.open(tiny_run.folder).split()
    assert split.dataset.items.equals(tiny_split.dataset.items)


def test_moved_data_is_found_by_its_new_name(tiny_run, tiny_split, tmp_path: Path):
    moved = shutil.copytree(tiny_run.data, tmp_path / "moved")
    split = Run.open(tiny_run.folder).split(str(moved))
    assert split.dataset.items.equals(tiny_split.dataset.items)
    assert split.dataset.path == moved


def test_changed_data_is_refused(tiny_run, tmp_path: Path):
    changed = shutil.copytree(tiny_run.data, tmp_path / "changed")
    next(changed.rglob("*.jpg")).unlink()
    with refused(names=(48, "--data")) as error:
        Run.open(tiny_run.folder).split(str(changed))
    assert str(changed) in str(error.value)


def test_split_that_would_come_out_differently_is_refused(folder: Path):
    edit(folder / "config.json", lambda config: config["split"].update(seed=1))
    with refused(names=folder):
        Run.open(folder).split()


def test_data_that_has_gone_is_named(folder: Path, tmp_path: Path):
    edit(folder / "config.json", lambda c: c["data"].update(source=str(tmp_path / "gone")))
    with refused(names="gone"):
        Run.open(folder).split()


@pytest.mark.parametrize("name", ["nothing", "file.txt"])
def test_place_without_a_run_is_named(tmp_path: Path, name: str):
    (tmp_path / "file.txt").touch()
    with refused(names=tmp_path / name) as error:
        Run.open(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)


def test_altered_weights_are_refused(folder: Path):
    file = folder / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with refused(names="model.safetensors"):
        Run.open(folder).net()


@pytest.mark.parametrize("share", [0, 0.5, 0.999])
def test_weights_cut_short_are_refused(folder: Path, share: float):
    file = folder / "model.safetensors"
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with refused(names="model.safetensors"):
        Run.open(folder).net()


def test_weights_of_another_shape_are_refused(folder: Path):
    edit(folder / "config.json", lambda config: config["model"].update(num_bits=32))
    with refused(names=("model.safetensors", "head.hash.weight", (16, 64), (32, 64))):
        Run.open(folder).net()


def test_run_without_weights_says_how_to_finish_it(folder: Path):
    (folder / "model.safetensors").unlink()
    with refused(names="--resume"):
        Run.open(folder).net()


def test_run_stopped_between_weights_and_fingerprint_says_how_to_finish_it(folder: Path):
    edit(folder / "config.json", lambda config: config.pop("fingerprint"))
    with refused(names="--resume"):
        Run.open(folder).net()


@pytest.mark.parametrize("key", ["model", "data", "split"])
def test_config_without_a_part_is_named(folder: Path, key: str):
    edit(folder / "config.json", lambda config: config.pop(key))
    with refused(names=key):
        run = Run.open(folder)
        run.net()
        run.split()


def test_run_trained_without_a_description_knows_its_data(tiny_split, tmp_path: Path):
    """As in a notebook: rsh.train(net, split, run=...)."""
    train(small(), tiny_split, TrainConfig(epochs=1, batch_size=16, cached_views=3),
          run=tmp_path / "run", progress=False)  # fmt: skip
    try:
        split = Run.open(tmp_path / "run").split()
    except InputError as error:
        assert "--data" in str(error)
    else:
        assert split.dataset.fingerprint == tiny_split.dataset.fingerprint


@pytest.mark.parametrize("found", ["config.json", "holiday.jpg"])
def test_folder_that_is_not_empty_is_not_trained_into(tiny_split, tmp_path: Path, found: str):
    (tmp_path / found).write_text("{}")
    with refused(names="--output") as error:
        train(small(), tiny_split, SHORT, run=tmp_path, progress=False)
    assert ("--resume" in str(error.value)) == (found == "config.json")
    assert [path.name for path in tmp_path.iterdir()] == [found]


def test_file_in_the_place_of_a_run_folder_is_named(tmp_path: Path):
    (tmp_path / "run").touch()
    with refused(names=tmp_path / "run"):
        start_run(tmp_path / "run", {})


def test_stopped_training_resumes_to_the_same_weights(
    tiny_split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    unbroken = small()
    expected = train(unbroken, tiny_split, SHORT, progress=False)
    true_val, calls = module.val_map, []

    def val_map(*parts) -> float:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return true_val(*parts)

    monkeypatch.setattr(module, "val_map", val_map)
    with pytest.raises(KeyboardInterrupt):
        train(small(), tiny_split, SHORT, run=tmp_path / "run", progress=False)
    with refused(names="--resume"):
        Run.open(tmp_path / "run").net()
    history = train(small(), tiny_split, SHORT, run=tmp_path / "run", resume=True, progress=False)
    assert timeless(history) == timeless(expected)
    assert fingerprint(Run.open(tmp_path / "run").net()) == fingerprint(unbroken)


def test_nothing_to_resume_from_is_said_before_training(tiny_split, tmp_path: Path):
    with refused(names="gone") as error:
        train(small(), tiny_split, SHORT, run=tmp_path / "gone", resume=True, progress=False)
    assert str(tmp_path / "gone") in str(error.value)
    assert not (tmp_path / "gone").exists()


def test_data_is_noted_where_it_can_be_found_from_anywhere(
    tiny_data: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tiny_data.parent)
    noted = describe(TileDataset.open(tiny_data.name).split(by="class"))
    assert Path(noted["data"]["source"]) == tiny_data.resolve()
    how = {"by": "class", "query": 0.2, "val": 0.15, "seed": 0, "near_duplicates": False}
    how |= {"unseen": 0.0}
    assert noted["split"] == how
    assert describe(TileDataset.open("bluemarble").split())["data"]["source"] == "bluemarble"


def test_environment_is_known_outside_a_checkout(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")  # no git
    assert git_revision() == "unknown"
    assert environment()["revision"] == "unknown"


@pytest.mark.slow
def test_config_that_was_altered_is_refused_or_does_no_harm(folder: Path):
    def use(done: str) -> None:
        run = Run.open(folder)
        TrainConfig(**run.config["train"])
        assert len(run.split().dataset) == 48
        if done.startswith(("model", "fingerprint")):
            run.net()

    works = survived(folder / "config.json", use)
    assert not {name for name in works if name.startswith(("model", "fingerprint"))}
    assert {"data.fingerprint", "data.source", "split.by"}.isdisjoint(works)


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("model", {"hidden": 10**9}),
        ("model", {"num_bits": 7}),
        ("model", {"backbone": "nothing"}),
        ("train", {"epochs": 0}),
    ],
)
def test_setting_of_a_run_that_cannot_be_is_traced_to_its_file(folder: Path, part: str, change):
    edit(folder / "config.json", lambda config: config[part].update(change))
    with refused(names="config.json") as error:
        Run.open(folder).net()
    assert str(next(iter(change.values()))) in str(error.value)


def test_revision_can_be_given_where_only_a_copy_was_sent(monkeypatch):
    monkeypatch.setenv("RSH_REVISION", "abc123")
    assert environment()["revision"] == "abc123"


def stopped_run(split, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Break a training off after its last checkpoint."""
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, "finish_run", _interrupt)
        train(small(), split, SHORT, run=folder, progress=False)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_history_is_whole_after_a_kill_between_the_last_checkpoint_and_it(
    tiny_split, tmp_path: Path, monkeypatch
):
    run = tmp_path / "run"
    stopped_run(tiny_split, run, monkeypatch)
    lines = (run / "history.jsonl").read_text().splitlines(keepends=True)
    (run / "history.jsonl").write_text("".join(lines[:-1]))
    train(small(), tiny_split, SHORT, run=run, resume=True, progress=False)
    assert (run / "history.jsonl").read_text() == "".join(lines)


@pytest.mark.parametrize(
    ("part", "change"), [("train", {"learning_rate": 1.0}), ("model", {"image_size": 36})]
)
def test_settings_that_were_altered_are_not_gone_on_with(
    tiny_split, tmp_path: Path, monkeypatch, part: str, change: dict
):
    stopped_run(tiny_split, tmp_path / "run", monkeypatch)
    edit(tmp_path / "run" / "config.json", lambda config: config[part].update(change))
    with refused(names="config.json"):
        train(small(), tiny_split, SHORT, run=tmp_path / "run", resume=True, progress=False)


def test_side_of_a_network_that_was_altered_is_noticed(folder: Path):
    edit(folder / "config.json", lambda config: config["model"].update(image_size=36))
    with refused(names="config.json"):
        Run.open(folder).net()


def test_run_of_before_unseen_classes_opens(tiny_run, tmp_path: Path):
    shutil.copytree(tiny_run.folder, tmp_path / "run")
    file = tmp_path / "run" / "config.json"
    config = json.loads(file.read_text())
    for name in ("near_duplicates", "unseen"):
        del config["split"][name]
    config["checksum"] = checksum(config)
    file.write_text(json.dumps(config))
    assert Run.open(tmp_path / "run").split().rows("unseen").size == 0
