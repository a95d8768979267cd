import itertools

import numpy as np
import pytest
import reference
from refusals import refused
from threadpoolctl import threadpool_limits

from rsh.codes.binary import hamming, pack
from rsh.codes.centers import random_codewords
from rsh.evaluation.baselines import itq, lsh, sign_bits
from rsh.metrics.counts import count_by_distance
from rsh.metrics.ranking import mean_average_precision


def clouds(seed: int = 0, *, classes: int = 4, count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Well separated Gaussian clouds in 16 dimensions."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), count)
    features = rng.normal(size=(classes, 16))[labels] * 2 + 0.5 * rng.normal(size=(len(labels), 16))
    return features.astype(np.float32), labels


def score(codes: np.ndarray, labels: np.ndarray) -> float:
    packed, query = pack(codes), np.arange(len(labels)) % 4 == 0
    counts = count_by_distance(
        packed[query], packed[~query], labels[query], labels[~query], num_bits=codes.shape[1]
    )
    return mean_average_precision(counts)


@pytest.mark.parametrize("num_bits", [8, 16])
def test_separable_clouds_are_told_apart_without_training(num_bits: int):
    features, labels = clouds()
    random = np.random.default_rng(1).choice(np.array([-1, 1], np.int8), (len(labels), num_bits))
    assert score(random, labels) < 0.35
    for codes in (
        lsh(features, np.arange(160), num_bits=num_bits),
        itq(features, np.arange(160), num_bits=num_bits),
    ):
        assert codes.shape == (160, num_bits)
        assert codes.dtype == np.int8
        assert score(codes, labels) > 0.85


def test_hyperplanes_are_drawn_by_seed_and_go_through_the_mean():
    features, _ = clouds()
    codes = lsh(features, np.arange(160), num_bits=32)
    assert np.array_equal(codes, lsh(features, np.arange(160), num_bits=32))
    assert np.array_equal(codes, lsh(features + 100, np.arange(160), num_bits=32))
    assert not np.array_equal(codes, lsh(features, np.arange(160), num_bits=32, seed=1))
    assert (np.abs(codes.mean(axis=0)) < 1).all()  # no bit is the same for all


def test_hyperplanes_keep_angles():
    """The share of differing bits is the angle over pi (Charikar 2002)."""
    pair = np.array([[1.0, 0], [0, 1], [-1, 0], [0, -1]], np.float32)
    distance = hamming(*(pack(lsh(pair, np.arange(4), num_bits=256)),) * 2)
    assert distance[0, 2] == distance[1, 3] == 256
    assert distance[0, 1] == pytest.approx(128, abs=40)


def test_hyperplanes_go_through_the_mean_of_the_given_rows_alone():
    features, _ = clouds()
    train = np.arange(0, 160, 2)
    changed = features.copy()
    changed[1::2] += 5
    assert np.array_equal(
        lsh(features, train, num_bits=8)[train], lsh(changed, train, num_bits=8)[train]
    )


def test_itq_learns_from_the_given_rows_alone():
    features, _ = clouds()
    train = np.arange(0, 160, 2)
    codes = itq(features, train, num_bits=8)
    changed = features.copy()
    changed[1::2] *= -3
    assert np.array_equal(codes[train], itq(changed, train, num_bits=8)[train])
    assert np.array_equal(codes, itq(features, train, num_bits=8))


def test_more_bits_than_dimensions_are_refused_by_itq():
    with refused("num_bits", value=32, names=16):
        itq(clouds()[0], np.arange(160), num_bits=32)


def closest(codes: np.ndarray) -> int:
    rows = codes.tolist()
    return min(reference.hamming(a, b) for number, a in enumerate(rows) for b in rows[number + 1 :])


@pytest.mark.parametrize(
    ("classes", "num_bits", "least"),
    [(30, 8, 2), (30, 16, 5), (30, 32, 11), (45, 64, 25), (2, 8, 6)],
)
@pytest.mark.parametrize("seed", range(3))
def test_class_centers_lie_far_apart(classes: int, num_bits: int, least: int, seed: int):
    centers = random_codewords(classes, num_bits, seed=seed)
    assert centers.shape == (classes, num_bits)
    assert set(np.unique(centers)) == {-1, 1}
    assert closest(centers) >= least


def test_class_centers_are_the_same_each_time_and_begin_with_the_fewer():
    assert np.array_equal(random_codewords(10, 16), random_codewords(10, 16))
    assert np.array_equal(random_codewords(10, 16)[:4], random_codewords(4, 16))
    assert not np.array_equal(random_codewords(10, 16), random_codewords(10, 16, seed=1))


def test_itq_equals_its_slow_loop():
    """In turns: B = sign(V R), then R is the rotation that brings V nearest to B."""
    features, train = clouds()[0], np.arange(160)
    values = (features - features[train].mean(axis=0)).astype(np.float64)
    axes = np.linalg.svd(values[train], full_matrices=False)[2][:8]
    projected = values @ axes.T
    rotation = np.linalg.qr(np.random.default_rng(3).standard_normal((8, 8)))[0]
    # the direction of an axis is arbitrary: compare what all directions share
    found = itq(features, train, num_bits=8, seed=3)
    losses = []
    for _ in range(51):
        signs = np.where(projected[train] @ rotation >= 0, 1.0, -1.0)
        losses.append(((signs - projected[train] @ rotation) ** 2).sum())
        left, _, right = np.linalg.svd(signs.T @ projected[train])
        rotation = (left @ right).T
    assert all(later <= earlier + 1e-9 for earlier, later in itertools.pairwise(losses))
    rotated = best_rotation(projected[train], found[train].astype(float))
    loss = ((found[train] - projected[train] @ rotated) ** 2).sum()
    assert loss == pytest.approx(losses[-1], rel=0.05)
    assert loss < 0.9 * losses[0]


def best_rotation(values: np.ndarray, signs: np.ndarray) -> np.ndarray:
    left, _, right = np.linalg.svd(values.T @ signs)
    return left @ right


def test_codes_of_itq_do_not_depend_on_the_number_of_threads():
    features = np.random.default_rng(0).normal(size=(900, 300)).astype(np.float32)
    codes = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            codes.append(itq(features, np.arange(600), num_bits=64))
    assert np.array_equal(*codes)


def test_sign_bits_are_the_signs_around_the_mean():
    features = np.array([[1, 5], [3, 1], [2, 0], [9, 9]], dtype=np.float32)
    codes = sign_bits(features, np.arange(3))  # the mean is 2, 2
    assert codes.tolist() == [[-1, 1], [1, -1], [1, -1], [1, 1]]
