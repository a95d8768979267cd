"""A gallery whose tiles lie around a few centers, so that labels have something to teach."""

from pathlib import Path

import numpy as np
import pandas as pd
from make_gallery import write
from PIL import Image

from rsh.data.images import to_jpeg
from rsh.gallery.gallery import Gallery
from rsh.gallery.learn_report import BeforeAfter, HeldOut, LearnReport

CLASSES = ("coast", "forest", "town", "water")
BITS, LOOK_BITS, DIM = 24, 8, 12
REPORT = LearnReport(
    labels=3,
    left_out=0,
    classes=("a", "b"),
    neighbors_kept=BeforeAfter(0.5, 0.625),
    nearest_changed=0.25,
    compared=100,
    held_out=HeldOut(2, BeforeAfter(0.5, 1.0), BeforeAfter(0.5, 0.75), (0.0, 0.5)),
)


def cluster_gallery(
    folder: Path,
    *,
    per_class: int = 30,
    spread: float = 0.25,
    look_bits: int = LOOK_BITS,
    **changes,
) -> Gallery:
    """Write a gallery without classes; the id of a tile tells its true one.

    Args:
        folder: where.
        per_class: tiles of each class; the last is a held-out query.
        spread: of the tiles around the center of their class, whose numbers are about 1.
        look_bits: how many of the bits know nothing of the class.
        changes: other parts of the segment, see `make_gallery.tiles_of`.
    """
    rng = np.random.default_rng(0)
    number = np.repeat(np.arange(len(CLASSES)), per_class)
    centers = np.sqrt(DIM) * np.linalg.qr(rng.normal(size=(DIM, len(CLASSES))))[0].T  # orthogonal
    features = centers[number] + spread * rng.normal(size=(len(number), DIM))
    relaxed = features @ rng.normal(size=(DIM, BITS))
    relaxed[:, BITS - look_bits :] = rng.normal(size=(len(number), look_bits))
    names = [f"{CLASSES[kind]}/{place}.png" for place, kind in enumerate(number)]
    items = pd.DataFrame({"id": names, "class": "", "split": "train"})
    items.loc[np.arange(per_class - 1, len(number), per_class), "split"] = "query"
    parts = {
        "info": {"name": "clusters", "model": {"look_bits": look_bits}, "data": {}},
        "items": items,
        "codes": np.where(relaxed >= 0, 1, -1),
        "relaxed": relaxed,
        "features": features / np.linalg.norm(features, axis=1, keepdims=True),
        "thumbnails": [
            to_jpeg(Image.new("RGB", (20, 20), (60 * int(kind), place % 256, 90)), side=16)
            for place, kind in enumerate(number)
        ],
    }
    return write(folder, **(parts | changes))


def true_class(tile: str) -> str:
    return tile.split("/")[0]


def place(tile: str) -> int:
    return int(tile.split("/")[1].removesuffix(".png"))


def some_labels(gallery: Gallery, per_class: int, classes: tuple[str, ...] = CLASSES) -> dict:
    """Return the true labels of the first searchable tiles of each class, by id."""
    ids = sorted(
        gallery.items["id"].iloc[gallery.searchable], key=lambda name: int(name.split("/")[1][:-4])
    )
    chosen = [[name for name in ids if true_class(name) == kind][:per_class] for kind in classes]
    return {name: true_class(name) for names in chosen for name in names}
