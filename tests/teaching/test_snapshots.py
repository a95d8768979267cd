"""Moments hold what the network said then; their figures are those of slow loops."""

import numpy as np
import pytest
from sklearn.metrics import silhouette_samples

import rsh
from rsh.encoding.build import encode_dataset
from rsh.teaching.snapshots import Snapshots, margins, spaces


@pytest.fixture(scope="module")
def moments(tiny_split, tiny_cache, monkeypatch_module) -> Snapshots:
    monkeypatch_module.setenv("RSH_CACHE", str(tiny_cache))
    net = rsh.HashNet(num_bits=16, image_size=64)
    config = rsh.TrainConfig(epochs=4, batch_size=16, cached_views=2)
    moments = Snapshots(net, tiny_split, epochs={2, 4})
    rsh.train(net, tiny_split, config, watch=moments, progress=False)
    return moments


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def test_only_tiles_that_are_not_learned_from_are_looked_at(moments, tiny_split):
    rows = tiny_split.rows("val", "query")
    assert (moments.labels == tiny_split.dataset.labels[rows]).all()
    assert {codes.shape for codes in moments.codes.values()} == {(len(rows), 16)}


def test_each_moment_is_kept_as_it_was(moments):
    assert list(moments.codes) == ["before", "after 2 of 4 epochs", "after"]
    one, two, three = moments.features.values()
    assert not np.allclose(one, two) and not np.allclose(two, three)
    for features in (one, two, three):
        assert np.allclose(np.linalg.norm(features, axis=1), 1, atol=1e-5)


def test_the_last_moment_is_what_the_trained_network_says(moments, tiny_split):
    encoded = encode_dataset(moments._net, tiny_split.dataset, progress=False)
    assert (encoded.codes[tiny_split.rows("val", "query")] == moments.codes["after"]).all()


def test_figures_are_those_of_slow_loops(moments):
    figures = moments.metrics()
    codes, labels = moments.codes["after"], moments.labels
    far = {True: [], False: []}
    for i, j in np.ndindex(len(codes), len(codes)):
        if i != j:
            far[bool(labels[i] == labels[j])].append((codes[i] != codes[j]).sum())
    row = figures.loc["after"]
    assert row["margin, bits"] == pytest.approx(np.mean(far[False]) - np.mean(far[True]))
    assert row["distinct codes"] == len({tuple(code) for code in codes})
    silhouette = silhouette_samples(codes, labels, metric="hamming").mean()
    assert row["silhouette, codes"] == pytest.approx(silhouette)
    assert 0 < row["mAP"] <= 1 and list(figures.index) == list(moments.codes)


def test_images_have_a_panel_a_moment(moments):
    figure = spaces(moments, seed=3)
    assert [axes.get_title() for axes in figure.axes[:3]] == list(moments.codes)
    dots = [sum(len(group.get_offsets()) for group in axes.collections) for axes in figure.axes]
    assert dots == [len(moments.labels)] * 6
    figure = margins(moments)
    for axes in figure.axes:
        same, others = (part.get_data().values for part in axes.patches)
        assert same.sum() == pytest.approx(1) and others.sum() == pytest.approx(1)
