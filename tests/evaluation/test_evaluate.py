import json
from dataclasses import replace

import numpy as np
import pytest
import reference
import torch
from make_splits import labeled
from refusals import refused

from rsh.config import TrainConfig
from rsh.data.dataset import Split
from rsh.data.tiles import TileDataset
from rsh.errors import RshWarning
from rsh.evaluation.evaluate import evaluate, evaluate_all, linear_classifier
from rsh.evaluation.protocols import PROTOCOLS
from rsh.evaluation.report import all_protocols, one_protocol
from rsh.gallery.gallery import Gallery
from rsh.models.hashnet import HashNet
from rsh.training.run import Run
from rsh.training.train import train, validate

FRACTIONS = (
    "map", "map_at_20", "precision_at_20", "precision_within_2", "accuracy",
    "map_classifier_center", "map_before_sign", "map_features",
)  # fmt: skip


@pytest.fixture(scope="module")
def report(tiny_run, tiny_split, tiny_cache) -> dict:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RSH_CACHE", str(tiny_cache))
        return evaluate(Run.open(tiny_run.folder).net(), tiny_split, progress=False)


def test_figures_are_in_their_ranges(report: dict):
    for name in FRACTIONS:
        assert 0 <= report[name] <= 1, name
    low, high = report["map_interval"]
    assert 0 <= low <= report["map"] <= high <= 1
    assert report["anmrr"] <= 1
    assert 1 <= report["distinct_codes"] <= report["gallery"]
    assert report["protocol"] == "disjoint"
    assert (report["num_bits"], report["queries"], report["gallery"]) == (16, 12, 36)
    for name in ("precision_by_radius", "recall_by_radius"):
        assert len(report[name]) == 17
    assert report["recall_by_radius"][-1] == 1


def test_report_can_be_written_as_json_and_read_by_people(report: dict):
    assert json.loads(json.dumps(report, allow_nan=False))["map"] == report["map"]
    text = one_protocol(report)
    assert "protocol disjoint: 12 queries, 36 gallery tiles, ties averaged, 16 bits" in text
    assert f"{report['map']:.1%}" in text
    again = report["reranking"]
    assert f"the {again['rerank_depth']} nearest tiles, and all that tie with the last, re-" in text
    for line, by in zip(text.splitlines()[-3:], ("bits", "asymmetric", "features"), strict=True):
        assert f"{again[by]['precision_at_20']:.1%}" in line and by in line


def test_map_is_that_of_the_codes_in_the_gallery_folder(report: dict, tiny_run):
    gallery = Gallery.open(tiny_run.gallery)
    codes, classes = gallery.codes.tolist(), gallery.items["class"].tolist()
    figures = []
    for row in np.flatnonzero(gallery.items["split"] == "query"):
        distances = [reference.hamming(codes[row], codes[other]) for other in gallery.searchable]
        hits = [classes[other] == classes[row] for other in gallery.searchable]
        figures.append(reference.tied_average_precision(distances, hits))
    assert report["map"] == pytest.approx(sum(figures) / len(figures))


def test_evaluating_twice_gives_the_same_figures(report: dict, tiny_run, tiny_split):
    assert evaluate(Run.open(tiny_run.folder).net(), tiny_split, progress=False) == report


def test_every_protocol_is_measured_at_once(report: dict, tiny_run, tiny_split):
    net = Run.open(tiny_run.folder).net()
    reports = evaluate_all(net, tiny_split, progress=False)
    assert list(reports) == [name for name, each in PROTOCOLS.items() if not each.needs_unseen]
    assert reports["disjoint"] == report
    assert [each["metric"] for each in reports.values()] == [
        "mAP@ALL", "mAP@ALL", "any hit@20, running", "mAP@ALL, nonzero", "mAP@60 / 60",
        "mAP@20 / 20", "mAP@20 / hits",
    ]  # fmt: skip
    assert [(each["queries"], each["gallery"]) for each in reports.values()] == [
        (12, 36), (12, 36), (12, 12), (12, 48), (48, 48), (48, 48), (12, 12),
    ]  # fmt: skip
    text = all_protocols(reports)
    for name, each in reports.items():
        assert name in text and f"{each['map']:.1%}" in text
        assert all(warning in text for warning in each["warnings"])
    assert [each["ties"] for each in reports.values()].count("argsort") == 4
    name = "milan"
    one = evaluate(net, tiny_split, protocol=name, ties="pessimistic", progress=False)
    assert one["map"] == one["map_pessimistic"] == reports[name]["map_pessimistic"]
    assert one["map"] < reports[name]["map"]
    assert "loses nothing" in one_protocol(one) and "Not comparable" not in one_protocol(report)


def test_classes_that_were_not_learned_are_measured_apart(tiny_data, tmp_path):
    split = TileDataset.open(tiny_data).split(by="class", query=0.25, val=0.25, unseen=0.25)
    net = HashNet(num_bits=16, image_size=32, hidden=64, feature_dim=16)
    train(net, split, TrainConfig(epochs=5, batch_size=16), run=tmp_path / "run", progress=False)
    run = Run.open(tmp_path / "run")
    assert run.split().fingerprint == split.fingerprint
    reports = evaluate_all(run.net(), run.split(), progress=False)
    assert list(reports) == list(PROTOCOLS)
    assert [reports[name]["queries"] for name in ("disjoint", "seen", "unseen")] == [9, 9, 12]
    assert [reports[name]["gallery"] for name in ("disjoint", "seen", "unseen")] == [27, 39, 39]
    codes = run.net()
    one = evaluate(codes, split, protocol="unseen", progress=False)
    assert one == reports["unseen"] and one["map"] < 1
    text = all_protocols(reports)
    assert "classes that were not learned" in text


def test_unknown_protocol_is_refused_before_any_work(tiny_split):
    with refused("protocol", value="half"):
        evaluate(None, tiny_split, protocol="half")


def test_split_without_queries_is_refused(tiny_run, tiny_split):
    with refused(names="query"):
        evaluate(Run.open(tiny_run.folder).net(), Split(tiny_split.gallery), progress=False)


def test_classifier_learns_from_train_tiles_alone():
    split = labeled(3, train=20, val=5, query=5)
    labels = split.dataset.labels
    rng = np.random.default_rng(0)
    features = rng.normal(size=(3, 8))[labels] * 3 + rng.normal(size=(len(labels), 8))
    predicted = linear_classifier(features.astype(np.float16), labels, split)
    assert (predicted == labels).mean() > 0.95
    shuffled = labels.copy()
    others = split.rows("val", "query")
    shuffled[others] = (labels[others] + 1) % 3
    again = linear_classifier(features.astype(np.float16), shuffled, split)
    assert np.array_equal(predicted, again)


@pytest.mark.parametrize(("kept", "predicted"), [([1], 1), ([], -1)])
def test_classifier_of_fewer_than_two_classes_is_constant(kept: list[int], predicted: int):
    split = labeled(3, train=20, val=5, query=5)
    dataset = split.dataset
    items = dataset.items.copy()
    keep = np.isin(dataset.labels, kept) | (items["split"] != "train")
    items["class"] = items["class"].where(keep, "")
    few = Split(replace(dataset, items=items))
    features = np.random.default_rng(0).normal(size=(len(items), 4))
    found = linear_classifier(features, few.dataset.labels, few)
    assert found.tolist() == [predicted] * len(items)


def test_classifier_does_without_validation_tiles_of_its_classes():
    split = labeled(3, train=20, val=5, query=5)
    labels = split.dataset.labels.copy()
    labels[split.rows("val")] = 2
    items = split.dataset.items.copy()
    gone = (split.dataset.labels == 2) & (items["split"] == "train")
    items.loc[gone, "class"] = ""
    labels[gone] = -1
    few = Split(replace(split.dataset, items=items))
    features = np.eye(3)[split.dataset.labels]
    found = linear_classifier(features, labels, few)
    rows = few.rows("query")
    known = labels[rows] < 2
    assert np.array_equal(found[rows][known], labels[rows][known])


def test_partly_labeled_tiles_without_a_labeled_query_are_measured_without_labels(
    tiny_run, tiny_split
):
    items = tiny_split.dataset.items.copy()
    items.loc[items["split"] == "query", "class"] = ""
    split = Split(replace(tiny_split.dataset, items=items), tiny_split.how)
    net = Run.open(tiny_run.folder).net()
    with pytest.warns(RshWarning, match="no figures by labels: .*no query tiles with a label"):
        report = evaluate(net, split, progress=False)
    assert "map" not in report and report["neighbors"]["queries"] == len(split.rows("query"))
    with pytest.warns(RshWarning):
        reports = evaluate_all(net, split, progress=False)
    measured = [each for each in reports.values() if "map" in each]
    assert measured and all(each["accuracy"] is None for each in measured)
    assert "mAP of the codes" in all_protocols(reports)  # one column has it, and another lacks it


def test_one_class_has_no_figures_by_labels(tiny_run, tiny_split):
    items = tiny_split.dataset.items.copy()
    items.loc[items["class"] != tiny_split.dataset.classes[0], "class"] = ""
    split = Split(replace(tiny_split.dataset, items=items), tiny_split.how)
    net = Run.open(tiny_run.folder).net()
    with pytest.warns(RshWarning, match="no figures by labels: all tiles are of one class"):
        report = evaluate(net, split, progress=False)
    assert "map" not in report
    assert "val_map" not in validate(lambda rows: torch.ones(len(rows), 8), split)


def test_text_tells_labeled_tiles_from_all(tiny_run, tiny_split):
    items = tiny_split.dataset.items.copy()
    items.loc[items.index[::2], "class"] = ""
    split = Split(replace(tiny_split.dataset, items=items), tiny_split.how)
    report = evaluate(Run.open(tiny_run.folder).net(), split, progress=False)
    whole = report["neighbors"]
    assert report["gallery"] < whole["gallery"]
    told = " ".join(one_protocol(report).split())
    assert f"{report['gallery']} gallery tiles with a class" in told
    assert f"{whole['gallery']} gallery tiles, with a class or not" in told


def test_classifier_learns_from_all_views_of_a_train_tile():
    """The class shows in the second view alone for one class, so the first view misleads."""
    split = labeled(2, train=20, val=5, query=5)
    labels = split.dataset.labels
    rng = np.random.default_rng(0)
    features = rng.normal(size=(len(labels), 2, 4)).astype(np.float16)
    features[:, 1, 0] += 4 * labels - 2  # the views that only training sees
    features[split.rows("query"), 0, 0] += 4 * labels[split.rows("query")] - 2
    query = split.rows("query")
    assert (linear_classifier(features, labels, split) == labels)[query].mean() > 0.8


def test_classifier_strength_is_chosen_on_val_tiles(monkeypatch):
    split = labeled(3, train=20, val=20, query=5)
    labels, tried = split.dataset.labels, []
    features = np.random.default_rng(0).normal(size=(len(labels), 3)).astype(np.float16)

    class Fixed:
        """Is right on all tiles, as sure as its strength decides, and notes what it saw."""

        classes_ = np.arange(len(split.dataset.classes))

        def __init__(self, strength: float) -> None:
            self.strength = strength
            tried.append(strength)

        def fit(self, rows, targets):
            assert len(rows) == len(targets) == 60
            return self

        def predict(self, rows):
            assert self.strength == 1e-2
            return labels

        def predict_proba(self, rows):
            sure = np.eye(len(self.classes_))[labels[split.rows("val")]]
            return sure if self.strength == 1e-2 else (1 + sure) / (len(self.classes_) + 1)

    monkeypatch.setattr("rsh.evaluation.evaluate._logistic", Fixed)
    assert np.array_equal(linear_classifier(features, labels, split), labels)
    assert tried == [1e-4, 1e-3, 1e-2, 1e-1, 1.0]
