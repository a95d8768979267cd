import numpy as np
import pytest

from rsh.training.neighborhoods import SHRINKAGE, normalize, shape_by_labels

CLASSES = 4


def tiles(seed: int, per_class: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Tiles of four classes, which differ less in their means than within a class."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(CLASSES), per_class)
    loud = random.normal(size=(len(labels), 3)) @ random.normal(size=(3, dim)) * 2
    means = random.normal(size=(CLASSES, dim))
    features = means[labels] + loud + random.normal(size=(len(labels), dim)) * 0.3
    return normalize(features.astype(np.float32)), labels


def purity(features: np.ndarray, labels: np.ndarray) -> float:
    cosine = features @ features.T
    np.fill_diagonal(cosine, -1)
    return float((labels[np.argsort(-cosine, axis=1)[:, :10]] == labels[:, None]).mean())


def slow(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Discriminant analysis with matrices of the full size, written out."""
    known = labels >= 0
    classes = sorted(set(labels[known].tolist()))
    means = np.stack([features[labels == name].mean(axis=0) for name in classes])
    scatter = SHRINKAGE * features.var(axis=0).sum() * np.eye(features.shape[1])
    for name, mean in zip(classes, means, strict=True):
        for tile in features[labels == name]:
            scatter += np.outer(tile - mean, tile - mean)
    values, axes = np.linalg.eigh(scatter)
    whitening = axes @ np.diag(values**-0.5) @ axes.T
    white = (features - features.mean(axis=0)) @ whitening
    centers = (means - features.mean(axis=0)) @ whitening
    _, axes = np.linalg.eigh(np.cov(centers.T))
    scores = white @ axes[:, -(len(classes) - 1) :]
    parts = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (white, scores)]
    cosine = [part @ part.T for part in parts]
    weight = 1 - len(classes) / known.sum()
    return (cosine[0] + weight * cosine[1]) / (1 + weight)


@pytest.mark.parametrize("labeled", [3, 40])  # fewer labels than features, and more
def test_shaped_cosines_are_those_of_a_discriminant_analysis(labeled: int):
    features, truth = tiles(0, 50, 30)
    labels = np.where(np.arange(len(truth)) % 50 < labeled, truth, -1)
    shaped = shape_by_labels(features, labels)
    assert shaped.dtype == np.float32
    assert shaped.shape == (200, 30 + CLASSES - 1)
    expected = slow(features.astype(np.float64), labels)
    assert np.allclose(shaped @ shaped.T, expected, atol=1e-4)


def test_labels_bring_tiles_without_a_label_closer_to_their_class():
    features, truth = tiles(1, 60, 40)
    labels = np.where(np.arange(len(truth)) % 60 < 5, truth, -1)
    unknown = labels < 0
    before = purity(features[unknown], truth[unknown])
    after = purity(shape_by_labels(features, labels)[unknown], truth[unknown])
    assert after > before + 0.2


def test_one_label_a_class_leaves_the_features_as_they_are():
    features, truth = tiles(2, 20, 16)
    labels = np.where(np.arange(len(truth)) % 20 == 0, truth, -1)
    shaped = shape_by_labels(features, labels)
    centered = normalize(features - features.mean(axis=0))
    assert np.allclose(shaped @ shaped.T, centered @ centered.T, atol=1e-5)


def test_equal_tiles_stay_finite():
    features = normalize(np.ones((8, 5), np.float32))
    assert np.isfinite(shape_by_labels(features, np.array([0, 1, 0, 1, -1, -1, -1, -1]))).all()
