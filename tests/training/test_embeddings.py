"""Training on embeddings: standardized vectors in place of backbone features."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from make_embeddings import COUNT, DIM, SHORT, embedding_file, network, vectors
from make_training import timeless
from refusals import refused

from rsh.config import TrainConfig
from rsh.data.embeddings import ColumnOptions, Embeddings
from rsh.data.splits import SPLIT_NAMES
from rsh.data.tiles import TileDataset
from rsh.encoding.build import encode_dataset
from rsh.errors import RshWarning
from rsh.evaluation.evaluate import evaluate
from rsh.models.hashnet import HashNet, apply_net
from rsh.training import train as train_module
from rsh.training.batches import LEFT_OUT, VectorBatches
from rsh.training.feature_cache import cached_features
from rsh.training.run import Run
from rsh.training.train import train


@pytest.fixture
def split(tmp_path: Path):
    return Embeddings.open(embedding_file(tmp_path)).split(seed=0)


def test_features_are_vectors_standardized_by_the_training_tiles(split):
    net = network()
    train(net, split, replace(SHORT, epochs=1), progress=False)
    numbers = vectors().astype(np.float64)
    rows = split.rows("train")
    expected = np.array([
        [(numbers[row, at] - numbers[rows, at].mean()) / numbers[rows, at].std()
         for at in range(DIM)]
        for row in range(COUNT)
    ])  # fmt: skip
    found = cached_features(net, split.dataset, net.plain, progress=False)
    assert found.shape == (COUNT, 1, DIM) and found.dtype == np.float16
    assert np.allclose(found[:, 0], expected, atol=4e-3)


def test_vector_alone_has_the_code_of_the_data_set(split):
    net = network(look_bits=8)
    train(net, split, SHORT, progress=False)
    whole = encode_dataset(net, split.dataset, progress=False)
    for row in (0, 17, COUNT - 1):
        alone = apply_net(net, split.dataset.read(np.array([row])))
        assert torch.equal(alone.relaxed.half(), torch.from_numpy(whole.relaxed[row : row + 1]))


@pytest.mark.parametrize("labels", [False, True])
def test_training_finds_more_than_an_untrained_head(tmp_path: Path, labels: bool):
    split = Embeddings.open(embedding_file(tmp_path, labels=labels)).split(seed=0)
    metric = ("map",) if labels else ("neighbors", "kept")

    def measured(net: HashNet) -> float:
        value = evaluate(net, split, progress=False)
        for name in metric:
            value = value[name]
        return value

    net = network()
    train(net, split, replace(SHORT, epochs=1, learning_rate=1e-6), progress=False)
    before = measured(net)
    net = network()
    train(net, split, replace(SHORT, epochs=40), progress=False)
    assert measured(net) > before + 0.05


def test_interrupted_training_goes_on_as_if_it_had_not_been(split, tmp_path: Path, monkeypatch):
    whole = network()
    expected = train(whole, split, SHORT, progress=False)
    run = tmp_path / "run"

    class Stop(Exception):
        pass

    def stop(records, total):
        if len(records) == 10:
            raise Stop

    with pytest.raises(Stop):
        train(network(), split, SHORT, run=run, progress=False, watch=stop)
    again = network()
    opened = Run.open(run).split()
    assert opened.fingerprint == split.fingerprint
    history = train(again, opened, SHORT, run=run, resume=True, progress=False)
    assert timeless(history) == timeless(expected)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_run_opens_its_embeddings_as_they_were_opened(tmp_path: Path):
    path = embedding_file(tmp_path / "data", labels=True)
    dataset = Embeddings.open(path, class_column="longitude", labels="none")
    train(network(), dataset.split(seed=1), replace(SHORT, epochs=1), run=tmp_path / "run",
          progress=False)  # fmt: skip
    run = Run.open(tmp_path / "run")
    again = run.split().dataset
    assert isinstance(again, Embeddings) and again.columns == dataset.columns
    assert again.fingerprint == dataset.fingerprint and not again.classes
    assert "longitude" not in again.items
    moved = path.rename(tmp_path / "elsewhere.parquet")
    assert run.dataset(str(moved)).items["split"].isin(SPLIT_NAMES.values()).all()


def test_network_of_another_run_keeps_its_standardization(split, tmp_path: Path):
    net = network()
    train(net, split, replace(SHORT, epochs=1), progress=False)
    mean = net.backbone.mean.clone()
    other = Embeddings.open(embedding_file(tmp_path / "x", numbers=vectors(1) + 5)).split()
    train(net, other, replace(SHORT, epochs=1), progress=False)
    assert torch.equal(net.backbone.mean, mean)


def test_views_leave_out_numbers_and_keep_the_mean(split):
    data = np.full((8, 1, 4000), 2, np.float16)
    labels = np.repeat([0, 1], 4)
    batches = VectorBatches(data, labels, TrainConfig(batch_size=8))
    torch.manual_seed(0)
    (batch,) = batches.epoch(0)
    for view in (batch.view0, batch.view1):
        assert view.unique().tolist() == pytest.approx([0, 2 / (1 - LEFT_OUT)])
        assert float((view == 0).float().mean()) == pytest.approx(LEFT_OUT, abs=0.01)
        assert float(view.mean()) == pytest.approx(2, abs=0.03)
    both = ((batch.view0 == 0) & (batch.view1 == 0)).float().mean()
    assert float(both) == pytest.approx(LEFT_OUT**2, abs=0.01)


def test_processes_share_the_views_of_one(split):
    labels = np.repeat([0, 1], 8)
    data = np.random.default_rng(0).normal(size=(16, 1, 6)).astype(np.float16)
    batches = VectorBatches(data, labels, TrainConfig(batch_size=16))
    torch.manual_seed(3)
    (whole,) = batches.epoch(0)
    for rank in range(2):
        torch.manual_seed(3)
        (shard,) = batches.epoch(0, rank=rank, world=2)
        assert torch.equal(shard.view0, whole.view0[rank::2])
        assert torch.equal(shard.view1, whole.view1[rank::2])


def test_neighborhoods_compare_a_sample_of_many_tiles(split, monkeypatch):
    monkeypatch.setattr(train_module, "MOST_COMPARED", 40)
    net = network()
    with pytest.warns(RshWarning, match="trains on 40 of 81 tiles"):
        train(net, split, replace(SHORT, epochs=1), progress=False)


def test_labeled_tiles_are_in_the_sample_first(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(train_module, "MOST_COMPARED", 40)
    split = Embeddings.open(embedding_file(tmp_path, labels=True)).split(seed=0)
    rows = split.rows("train")
    items = split.dataset.items.copy()
    items.loc[rows[9:], "class"] = ""
    few = replace(split, dataset=replace(split.dataset, items=items))
    with pytest.warns(RshWarning, match="drawn at random"):
        drawn = train_module._draw_compared(network(), few, rows, SHORT)
    assert len(drawn) == len(set(drawn.tolist())) == 40
    assert set(rows[:9]) <= set(drawn.tolist()) <= set(rows.tolist())
    assert train_module._draw_compared(network(), split, rows, SHORT) is rows


@pytest.mark.parametrize(
    ("options", "parameter"), [({"tta": 4}, "tta"), ({"feature_stages": 2}, "feature_stages")]
)
def test_networks_of_embeddings_have_no_options_of_images(options, parameter):
    with refused(parameter):
        network(**options)


@pytest.mark.parametrize("dim", [1, 8193, 99999])
def test_vectors_have_two_to_8192_numbers(dim: int):
    with refused(names=f"{dim:,}"):
        HashNet(f"embedding-{dim}", num_bits=8)


def test_data_must_be_what_the_network_takes(split, tmp_path: Path, tiny_data: Path):
    images = TileDataset.open(tiny_data).split()
    of_images = HashNet(num_bits=16, image_size=32)
    longer = HashNet(f"embedding-{DIM + 1}", num_bits=16)
    for net, data, names in (
        (network(), images, ("holds images", f"vectors of {DIM} numbers")),
        (of_images, split, (f"vectors of {DIM} numbers", "takes images")),
        (longer, split, (f"vectors of {DIM} numbers", f"takes vectors of {DIM + 1}")),
    ):
        with refused(names=names):
            train(net, data, SHORT, progress=False, run=tmp_path / "run")
        assert not (tmp_path / "run").exists()
    with refused("finetune"):
        train(network(), split, replace(SHORT, finetune=True), progress=False)


def test_few_vectors_are_refused(tmp_path: Path):
    split = Embeddings.open(embedding_file(tmp_path, numbers=vectors()[:3])).split()
    with refused(names=("1 training tile", "4 tiles")):
        train(network(), split, SHORT, progress=False)


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_features_of_any_scale_are_standardized(tmp_path: Path, scale: float):
    split = Embeddings.open(embedding_file(tmp_path, numbers=vectors() * np.float32(scale))).split()
    net = network()
    train(net, split, replace(SHORT, epochs=1), progress=False)
    found = cached_features(net, split.dataset, net.plain, progress=False)[split.rows("train"), 0]
    assert np.allclose(found.astype(float).std(axis=0), 1, atol=0.01)


def test_number_that_stands_for_no_data_is_told(tmp_path: Path):
    numbers = vectors()
    numbers[3, 5] = -3.4028235e38
    split = Embeddings.open(embedding_file(tmp_path, numbers=numbers)).split()
    with pytest.warns(RshWarning, match=r"scene/003 holds -3\.40282e\+38, far from all others"):
        train(network(), split, replace(SHORT, epochs=1), progress=False)
    assert Embeddings.open(embedding_file(tmp_path / "good")).find_outlier() is None
    zeros = np.zeros((40, 5), np.float32)
    zeros[::7, 2] = 3  # most numbers are 0, as after a ReLU
    assert Embeddings.open(embedding_file(tmp_path / "z", numbers=zeros)).find_outlier() is None


def test_options_of_columns_add_to_those_of_the_run(tmp_path: Path):
    path = embedding_file(tmp_path / "data", labels=True)
    dataset = Embeddings.open(path, id_column="longitude")
    train(network(), dataset.split(), replace(SHORT, epochs=1), run=tmp_path / "run",
          progress=False)  # fmt: skip
    run = Run.open(tmp_path / "run")
    again = run.dataset(columns=ColumnOptions(class_column="class"))
    assert again.items["split"].tolist() == run.split().dataset.items["split"].tolist()
    assert again.items["id"][0] == "-20.0"
    with refused(names=(path, run.folder)):
        run.dataset(columns=ColumnOptions(class_column="id"))
    assert run.dataset(str(path), columns=ColumnOptions(class_column="id")).classes


def test_queries_of_an_earlier_run_are_counted(tmp_path: Path):
    path = embedding_file(tmp_path / "data", labels=True)
    first = Embeddings.open(path).split(seed=0)
    train(network(), first, replace(SHORT, epochs=1), run=tmp_path / "run", progress=False)
    run = Run.open(tmp_path / "run")
    other = Embeddings.open(path, labels="none").split(seed=3)
    assert not run.knows(other.dataset)
    queries, trained = set(first.rows("query")), set(other.rows("train", "val"))
    assert run.count_queries(other) == len(queries & trained) > 0
    assert run.count_queries(first) == 0
    path.unlink()
    assert Run.open(tmp_path / "run").count_queries(other) == 0


@pytest.mark.parametrize(
    ("options", "config", "share"),
    [
        ({"look_bits": 8}, {}, 0.5),
        ({"look_bits": 16}, {}, 1.0),
        ({"look_bits": 8}, {"category_weight": 0.0}, 1.0),
        ({"look_bits": 8}, {"method": "dpsh"}, 1.0),
    ],
)
def test_features_hold_the_projection_only_if_it_learns(tmp_path: Path, options, config, share):
    split = Embeddings.open(embedding_file(tmp_path, labels=True)).split()
    net = network(**options)
    train(net, split, replace(SHORT, epochs=1, **config), progress=False)
    assert float(net.head.look.share) == share


def test_method_needs_class_bits(tmp_path: Path):
    split = Embeddings.open(embedding_file(tmp_path, labels=True)).split()
    with refused("method", value="dpsh"):
        train(network(look_bits=16), split, replace(SHORT, method="dpsh"), progress=False)
