"""An evaluation counts queries with an equal image in the gallery, and gives the mAP of others."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from make_scenes import make

from rsh.data.dataset import Split
from rsh.data.tiles import TileDataset
from rsh.evaluation.evaluate import evaluate_all
from rsh.evaluation.protocols import PROTOCOLS
from rsh.evaluation.report import one_protocol
from rsh.evaluation.scoring import RetrievalTask


@pytest.fixture
def split(tmp_path: Path) -> Split:
    """24 tiles a class; 3 queries of each have a copy in train, which a given split allows."""
    folder = tmp_path / "data"
    for name, count in (("train", 12), ("val", 4), ("test", 8)):
        make(folder / name, count=count)
    for kind in ("coast", "forest"):
        for tile in (folder / "val" / kind).iterdir():
            tile.write_bytes(tile.read_bytes() + b"val")  # bytes after a PNG mean nothing
        for tile in (folder / "test" / kind).iterdir():
            tile.write_bytes(tile.read_bytes() + b"test")
        for number in range(3):
            copy = folder / "test" / kind / f"{number}.png"
            shutil.copy(folder / "train" / kind / f"{number}.png", copy)
    return TileDataset.open(folder).split()


LEARNED = [protocol for protocol in PROTOCOLS.values() if not protocol.needs_unseen]


@pytest.mark.parametrize("protocol", LEARNED, ids=lambda protocol: protocol.name)
def test_twins_are_those_of_a_slow_loop(split: Split, protocol):
    task = RetrievalTask(split, protocol)
    files = [split.dataset.read_bytes(row) for row in range(len(split.dataset))]
    expected = [
        any(files[row] == files[other] and row != other for other in task.gallery)
        for row in task.query
    ]
    assert task.has_twin.tolist() == expected


def test_report_gives_the_map_without_them(split: Split, net):
    reports = evaluate_all(net, split, progress=False)
    report = reports["disjoint"]
    assert report["twins"]["queries"] == 6
    precision = np.array(report["average_precision"])
    task = RetrievalTask(split, PROTOCOLS["disjoint"])
    assert report["twins"]["map_without"] == pytest.approx(precision[~task.has_twin].mean())
    assert "mAP without twins" in one_protocol(report)
    assert "6 queries with an equal image in the gallery left out" in one_protocol(report)
    report["twins"]["queries"] = 0
    assert "twins" not in one_protocol(report)
