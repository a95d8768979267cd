"""A run folder has one writer, whatever the one before has left."""

from pathlib import Path

from filelock import FileLock
from make_training import SHORT, small
from refusals import refused

from rsh.training.train import train


def test_two_trainings_into_one_folder_are_told_apart(tiny_split, tmp_path: Path):
    (tmp_path / "run").mkdir()
    with FileLock(tmp_path / "run" / ".lock"):
        with refused(names=tmp_path / "run"):
            train(small(), tiny_split, SHORT, run=tmp_path / "run", progress=False)
    assert not (tmp_path / "run" / "config.json").exists()


def test_what_a_killed_training_was_writing_is_no_hindrance(tiny_split, tmp_path: Path):
    (tmp_path / "run").mkdir()
    for name in (".lock", ".config.json.abc", ".last.ckpt.xyz"):
        (tmp_path / "run" / name).touch()
    train(small(), tiny_split, SHORT, run=tmp_path / "run", progress=False)
    assert len(list((tmp_path / "run").iterdir())) == 5
