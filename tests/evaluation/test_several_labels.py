"""Training and evaluation of tiles with several labels."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import reference
import torch
from make_command import refuse
from make_counts import random_codes
from make_splits import labeled
from refusals import refused

from rsh.cli.main import main
from rsh.codes.binary import pack
from rsh.codes.encodings import Encodings
from rsh.config import TrainConfig
from rsh.data.dataset import Split
from rsh.data.tiles import TileDataset
from rsh.evaluation.evaluate import evaluate, evaluate_all
from rsh.evaluation.feedback import simulate
from rsh.evaluation.protocols import PROTOCOLS
from rsh.evaluation.report import all_protocols
from rsh.evaluation.reranking import reranking_gain
from rsh.evaluation.scoring import RetrievalTask, graded_metrics, score
from rsh.models.hashnet import HashNet
from rsh.models.losses.baselines import SEVERAL_LABELS
from rsh.training.run import Run
from rsh.training.train import train, val_graded, val_map

LEARNED = [name for name, protocol in PROTOCOLS.items() if not protocol.needs_unseen]
NAMES = ("a", "b", "c")
GRADED = {
    *("weighted_map", "acg_at_20", "graded_ndcg_at_20", "graded_ndcg_at_100"),
    *("jaccard_acg_at_20", "jaccard_graded_ndcg_at_20", "jaccard_graded_ndcg_at_100"),
}


def with_labels(split: Split, texts) -> Split:
    items = split.dataset.items.assign(labels=texts)
    return Split(replace(split.dataset, items=items, label_source="multi"))


def random_split(seed: int) -> Split:
    split = labeled(3, train=5, val=2, query=3)
    has = np.random.default_rng(seed).random((len(split.dataset), 3)) < 0.5
    return with_labels(split, [";".join(n for n, h in zip(NAMES, row, strict=True) if h)
                               for row in has])  # fmt: skip


@pytest.mark.parametrize("name", LEARNED)
@pytest.mark.parametrize("ties", ["average", "argsort", "optimistic"])
def test_with_one_label_a_tile_every_metric_is_that_of_classes(name: str, ties):
    classes = labeled(3, train=5, val=2, query=3)
    several = with_labels(classes, classes.dataset.items["class"])
    for split in (classes, several):
        vars(split.dataset)["digests"] = [b""] * len(split.dataset)
    codes = random_codes(0, len(classes.dataset), 6)
    expected = score(codes, RetrievalTask(classes, PROTOCOLS[name]), ties=ties)
    found = score(codes, RetrievalTask(several, PROTOCOLS[name]), ties=ties)
    del expected["neighbor_classes"]
    assert {key: found[key] for key in expected} == expected
    assert set(found) - set(expected) == GRADED


@pytest.mark.parametrize("name", LEARNED)
@pytest.mark.parametrize("seed", range(3))
def test_graded_metrics_are_those_of_a_loop_over_all_pairs(name: str, seed: int, monkeypatch):
    monkeypatch.setattr("rsh.evaluation.scoring.QUERIES_PER_BLOCK", 4)
    split, protocol = random_split(seed), PROTOCOLS[name]
    task = RetrievalTask(split, protocol)
    codes = 1 - 2 * np.eye(len(split.dataset), dtype=np.int8)
    codes = np.cumprod(codes[:, ::-1], axis=1, dtype=np.int8)  # row i has i + 1 negative bits
    found = graded_metrics(pack(codes), task, codes.shape[1])
    matrix = split.dataset.label_matrix.tolist()
    for number, query in enumerate(task.query):
        others = [t for t in task.gallery if not (protocol.without_self and t == query)]
        pairs = [(reference.hamming(codes[query], codes[t]), t) for t in others]
        for how, prefix in (("shared", ""), ("jaccard", "jaccard_")):
            grades = [reference.grade(matrix[query], matrix[t], how) for _, t in pairs]
            far = [distance for distance, _ in pairs]
            for key, slow in (
                (f"{prefix}acg_at_20", lambda order: reference.cumulative_gain_at(order, 20)),
                (f"{prefix}graded_ndcg_at_100", lambda order: reference.graded_ndcg_at(order, 100)),
            ):
                expected = reference.mean_over_orders(slow, far, grades)
                assert found[key][number] == pytest.approx(expected, nan_ok=True)
        expected = reference.mean_over_orders(
            reference.weighted_average_precision,
            far,
            [reference.grade(matrix[query], matrix[t], "shared") for _, t in pairs],
        )
        assert found["weighted_map"][number] == pytest.approx(expected, nan_ok=True)


def test_relevance_is_any_shared_label():
    task = RetrievalTask(random_split(0))
    matrix = task.split.dataset.label_matrix
    found = task.relevant(task.query, task.gallery)
    for row, query in enumerate(task.query):
        for column, tile in enumerate(task.gallery):
            assert found[row, column] == bool((matrix[query] & matrix[tile]).any())
    assert (matrix[task.query].any(axis=1)).all()  # tiles without a label are no queries


@pytest.mark.parametrize("name", ["seen", "unseen"])
def test_protocols_of_unseen_classes_need_one_class_a_tile(name: str):
    with refused("protocol", value=name, names="one class a tile"):
        RetrievalTask(random_split(0), PROTOCOLS[name])


def test_labels_that_no_gallery_tile_shares_are_refused():
    split = labeled(1, train=2, val=1, query=1)
    with refused(names="no query has a tile"):
        RetrievalTask(with_labels(split, ["a", "a", "a;b", "c"]))
    with refused(names="of one class"):
        RetrievalTask(with_labels(split, ["a", "a", "a", "a"]))


@pytest.fixture(scope="module")
def tiny_several(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny tiles with one or two labels each: the class, and whether the number is even."""
    import shutil

    folder = tmp_path_factory.mktemp("several") / "data"
    shutil.copytree(tiny_data, folder)
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))
    labels = [
        f"{path.split('/')[0]};even" if number % 2 == 0 else path.split("/")[0]
        for number, path in enumerate(paths)
    ]
    pd.DataFrame({"path": paths, "labels": labels}).to_csv(folder / "items.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def run(tiny_several: Path, tmp_path_factory: pytest.TempPathFactory, tiny_cache) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RSH_CACHE", str(tiny_cache))
        main([
            "train", "--data", str(tiny_several), "--labels", "multi", "--bits", "16",
            "--image-size", "32", "--epochs", "10", "--batch-size", "20", "--cached-views", "2",
            "--output", str(folder),
        ])  # fmt: skip
    return folder


def test_a_run_knows_its_labels(run: Path, tiny_several: Path):
    opened = Run.open(run)
    assert opened.config["data"]["labels"] == "multi"
    assert "even" in opened.config["data"]["classes"]
    split = opened.split()
    assert split.dataset.has_several and "even" in split.dataset.label_names
    moved = opened.dataset(str(tiny_several))  # labels auto gives classes, but the run has several
    assert moved.has_several and (moved.items["split"] != "").all()
    history = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    assert 0 < history[-1]["val_ndcg"] <= 1 and 0 < history[-1]["val_map"] <= 1


def test_evaluate_reports_graded_metrics(run: Path, capsys):
    main(["evaluate", str(run)])
    text = capsys.readouterr().out
    report = json.loads((run / "evaluation.json").read_text())
    assert set(report) >= GRADED and report["several_labels"]
    assert "accuracy" not in report and "neighbor_classes" not in report
    assert "Any shared label makes a tile relevant" in text
    for key, name in (("graded_ndcg_at_20", "graded NDCG@20"), ("map", "mAP of the codes")):
        assert 0 <= report[key] <= 1
        assert any(name in line and f"{report[key]:.1%}" in line for line in text.splitlines())
    assert f"{report['weighted_map']:.3f}" in text
    assert "linear classifier" not in text


def test_all_protocols_side_by_side_leave_out_those_of_unseen_classes(run: Path):
    opened = Run.open(run)
    reports = evaluate_all(opened.net(), opened.split(), progress=False)
    assert set(reports) == set(LEARNED)
    assert "graded NDCG@20" in all_protocols(reports)


def test_commands_refuse_what_needs_one_class(run: Path, tiny_several: Path, capsys, tmp_path):
    assert "one class a tile" in refuse(capsys, "evaluate", run, "--protocol", "unseen")
    data = ("--data", tiny_several, "--labels", "multi", "--output", tmp_path / "x")
    for method in ("greedyhash", "orthohash"):
        words = refuse(capsys, "train", *data, "--method", method)
        assert f"--method {method}" in words and "csq" in words and "--labels auto" in words
    assert "--unseen" in refuse(capsys, "train", *data, "--unseen", 0.25)
    assert not (tmp_path / "x").exists()


def test_compare_shows_graded_ndcg(run: Path, tmp_path: Path, capsys):
    main(["compare", str(run), "--output", str(tmp_path / "plots")])
    text = capsys.readouterr().out
    assert "graded NDCG@20" in text and "classifier" not in text
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == [
        *("comparison.json", "distances.png", "map-by-bits.png", "precision-recall.png")
    ]


@pytest.mark.parametrize("method", [*SEVERAL_LABELS, "cibhash"])
def test_every_method_that_can_learns(tiny_several: Path, method: str):
    split = TileDataset.open(tiny_several, labels="multi").split()
    net = HashNet(num_bits=16, image_size=32, hidden=64, feature_dim=16)
    config = TrainConfig(method=method, epochs=10, batch_size=20, cached_views=2)
    history = train(net, split, config, progress=False)
    assert history[-1]["total"] < history[0]["total"]


def test_tiles_without_a_label_learn_from_their_neighbors(tiny_several: Path):
    dataset = TileDataset.open(tiny_several, labels="multi")
    items = dataset.items.copy()
    items.loc[::3, "labels"] = ""
    split = replace(dataset, items=items).split()
    net = HashNet(num_bits=16, image_size=32, hidden=64, feature_dim=16)
    config = TrainConfig(epochs=10, batch_size=20, cached_views=2)
    history = train(net, split, config, progress=False)
    assert history[-1]["total"] < history[0]["total"] and "val_kept" in history[-1]
    report = evaluate(net, split, progress=False)
    assert report["neighbors"]["queries"] > report["queries"]
    with refused("method", value="dpsh"):
        train(net, split, replace(config, method="dpsh"), progress=False)


def test_feedback_and_reranking_are_those_of_classes_with_one_label_a_tile():
    classes = labeled(3, train=30, val=5, query=2)
    several = with_labels(classes, classes.dataset.items["class"])
    rng = np.random.default_rng(0)
    relaxed = rng.normal(size=(len(classes.dataset), 8)).astype(np.float16)
    features = rng.normal(size=(len(relaxed), 4)).astype(np.float16)
    encoded = Encodings(np.where(relaxed >= 0, 1, -1).astype(np.int8), relaxed, features)
    for measure in (simulate, reranking_gain):
        expected = measure(encoded, RetrievalTask(classes))
        assert measure(encoded, RetrievalTask(several)) == expected


def test_validation_is_the_same_with_one_label_a_tile():
    classes = labeled(3, train=5, val=2, query=3)
    several = with_labels(classes, classes.dataset.items["class"])
    draw = torch.Generator().manual_seed(0)
    relaxed = torch.randn(len(classes.dataset), 8, generator=draw)

    def embed(rows):
        return relaxed[torch.from_numpy(rows)]

    assert val_graded(embed, several)["val_map"] == val_map(embed, classes)


def test_labels_survive_galleries_filters_and_exports(run: Path, tmp_path: Path, capsys):
    folder = tmp_path / "gallery"
    main(["encode", str(run), "--output", str(folder)])
    from rsh.gallery.gallery import Gallery

    gallery = Gallery.open(folder)
    assert gallery.manifest.data.fingerprint == Run.open(run).config["data"]["fingerprint"]
    tile = gallery.items["id"][int((gallery.items["split"] == "train").to_numpy().argmax())]
    capsys.readouterr()
    label = "coast;even"
    assert label in set(gallery.items["labels"])
    main(["search", str(folder), tile, "--filter", f"labels={label}", "--json"])
    hits = json.loads(capsys.readouterr().out)
    assert hits
