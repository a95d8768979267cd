"""Learning beside the kernel: progress, the result, a cancel at any moment, and what goes wrong."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from in_loop import run
from make_gallery import entries
from make_learning import CLASSES, cluster_gallery, some_labels
from refusals import refused
from tiers import KILLS

from rsh.explorer.learning.client import Canceled, Learner
from rsh.gallery.gallery import Gallery
from rsh.learning.progress import Progress


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return cluster_gallery(tmp_path_factory.mktemp("client") / "gallery")


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def test_gallery_is_learned_with_progress(gallery: Gallery, tmp_path: Path):
    told: list[Progress] = []
    learner, labels = Learner(), some_labels(gallery, 6)
    work = learner.learn(gallery.folder, labels, tmp_path / "new", name="mine", watch=told.append)
    report = run(work)
    new = Gallery.open(tmp_path / "new")
    assert new.name == "mine" and new.manifest.learned.labels == report.labels == 24
    assert report.held_out.queries == 24 and report.classes == tuple(sorted(CLASSES))
    assert isinstance(report.held_out.gain, tuple)
    assert told[0] == Progress(0.0, "starting", None) and told[-1].fraction == 1
    assert not learner.is_running and not children()


def cancel_at(gallery: Gallery, output: Path, fraction: float) -> None:
    """Start, and cancel once so much is done."""
    learner, waiting = Learner(), []

    def watch(progress: Progress) -> None:
        if progress.fraction >= fraction and not waiting:
            waiting.append(asyncio.get_running_loop().create_task(learner.cancel()))

    async def both() -> None:
        labels = some_labels(gallery, 6)
        with pytest.raises(Canceled):
            await learner.learn(gallery.folder, labels, output, watch=watch)
        await waiting[0]

    run(both())
    assert not learner.is_running


@pytest.mark.parametrize("moments", KILLS)
def test_learning_is_canceled_at_any_moment(gallery: Gallery, tmp_path: Path, moments: int):
    for moment in range(moments):
        cancel_at(gallery, tmp_path / "new", 0.95 * moment / moments)
        assert entries(tmp_path) == set() and not children()
    report = run(Learner().learn(gallery.folder, some_labels(gallery, 2), tmp_path / "new"))
    assert report.labels == 8


def test_process_that_is_killed_leaves_nothing(gallery: Gallery, tmp_path: Path):
    def watch(progress: Progress) -> None:
        if progress.stage == "measuring":
            for child in children():
                child.kill()

    labels = some_labels(gallery, 6)
    with refused(names="try again"):
        run(Learner().learn(gallery.folder, labels, tmp_path / "new", watch=watch))
    assert entries(tmp_path) == set()


def test_process_ends_when_the_dashboard_is_gone(gallery: Gallery, tmp_path: Path):
    """A kernel that is killed closes the connection without a word."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "rsh.explorer.learning.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert worker.stdin and worker.stdout and b"starting" in worker.stdout.readline()
    labels = some_labels(gallery, 6)
    request = {"gallery": str(gallery.folder), "labels": labels, "name": "", "seed": 0}
    line = json.dumps(request | {"output": str(tmp_path / "new")})
    worker.stdin.write(line.encode() + b"\n")
    worker.stdin.flush()
    assert b"learning" in worker.stdout.readline()
    worker.stdin.close()
    assert worker.wait(20) == 128 + signal.SIGTERM
    worker.stdout.close()
    assert entries(tmp_path) == set()


def test_wrong_input_is_refused_in_one_sentence(gallery: Gallery, tmp_path: Path):
    one_class = some_labels(gallery, 3, CLASSES[:1])
    with refused(names="3 labels of 1 class"):
        run(Learner().learn(gallery.folder, one_class, tmp_path / "new"))
    with refused(names="gone"):
        run(Learner().learn(tmp_path / "gone", one_class, tmp_path / "new"))
    with refused(names="--output"):
        run(Learner().learn(gallery.folder, some_labels(gallery, 3), gallery.folder))
    assert entries(tmp_path) == set() and Gallery.open(gallery.folder)


def test_one_learner_learns_one_gallery_at_a_time(gallery: Gallery, tmp_path: Path):
    learner, labels = Learner(), some_labels(gallery, 2)

    async def twice() -> None:
        first = asyncio.create_task(learner.learn(gallery.folder, labels, tmp_path / "a"))
        while not learner.is_running:
            await asyncio.sleep(0.01)
        with refused(names="is being learned"):
            await learner.learn(gallery.folder, labels, tmp_path / "b")
        await learner.cancel()
        with pytest.raises(Canceled):
            await first
        await learner.cancel()  # nothing is running

    run(twice())
    assert entries(tmp_path) == set()
