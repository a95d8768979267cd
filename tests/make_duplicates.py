"""Galleries with known near duplicates, and slow loops that find them."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from make_gallery import read_sample, write
from PIL import Image

from rsh.gallery.gallery import Gallery

SPLITS = ("train", "val", "query", "")
Pairs = dict[tuple[int, int], tuple[int, float]]  # distance and cosine of near duplicates


def made(
    folder: Path,
    codes: np.ndarray,
    features: np.ndarray,
    *,
    classes: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    thumbnails: Sequence[bytes] | None = None,
) -> Gallery:
    """Write a gallery of these parts; by default without classes, splits and images."""
    count = len(codes)
    items = pd.DataFrame({
        "id": [f"tile/{row:03}" for row in range(count)],
        "class": classes or [""] * count,
        "split": splits or [""] * count,
    })  # fmt: skip
    return write(
        folder,
        info={"name": "made", "model": {}, "data": {}},
        items=items,
        codes=codes,
        features=features,
        thumbnails=thumbnails or [b""] * count,
    )


def drawn(folder: Path, seed: int, count: int, num_bits: int) -> Gallery:
    """Write a gallery of few different codes and features, so that chains and copies occur."""
    rng = np.random.default_rng(seed)
    codes = np.where(rng.random((6, num_bits)) < 0.2, 1, -1).astype(np.int8)
    angles = rng.integers(0, 8, count) * 0.15
    features = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return made(
        folder,
        codes[rng.integers(6, size=count)],
        features,
        classes=rng.choice(["coast", "forest", ""], count).tolist(),
        splits=rng.choice(SPLITS, count).tolist(),
    )


def slow_pairs(gallery: Gallery, radius: int, least: float | None) -> Pairs:
    """All near duplicates, the smaller row first; without a least cosine by codes alone."""
    codes, features = gallery.codes.tolist(), gallery.features.astype(float)
    found: Pairs = {}
    for one in range(len(codes)):
        for other in range(one + 1, len(codes)):
            distance = sum(a != b for a, b in zip(codes[one], codes[other], strict=True))
            lengths = np.linalg.norm(features[one]) * np.linalg.norm(features[other])
            cosine = float(features[one] @ features[other] / lengths)
            if distance <= radius and (least is None or cosine >= least - 1e-6):
                found[one, other] = (distance, cosine)
    return found


def slow_groups(count: int, pairs: Pairs) -> set[frozenset[int]]:
    """Connected components of more than one tile."""
    groups = [{row} for row in range(count)]
    for one, other in pairs:
        if groups[one] is not groups[other]:
            joined = groups[one] | groups[other]
            for row in joined:
                groups[row] = joined
    return {frozenset(group) for group in groups if len(group) > 1}


def compressed(jpeg: bytes, quality: int = 60) -> bytes:
    """The same image, compressed once more."""
    stream = io.BytesIO()
    Image.open(io.BytesIO(jpeg)).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def with_copies(folder: Path) -> Gallery:
    """Write 20 tiles of the sample; 20 to 22 are copies of 0 to 2, in other words of JPEG."""
    table, jpegs = read_sample(20)
    rng = np.random.default_rng(0)
    codes = rng.choice(np.array([-1, 1], np.int8), (20, 32))
    codes[:3, :5] = codes[0, :5]
    copies = codes[:3].copy()
    copies[1, 0] *= -1  # a bit away
    features = rng.normal(size=(23, 6))
    return made(
        folder,
        np.vstack([codes, copies]),
        features / np.linalg.norm(features, axis=1, keepdims=True),
        classes=[*table["class"], table["class"][0], "coast", ""],
        splits=["train"] * 20 + ["query", "val", "query"],
        thumbnails=[*jpegs, jpegs[0], *map(compressed, jpegs[1:3])],
    )
