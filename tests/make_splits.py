from pathlib import Path

import pandas as pd

from rsh.data.dataset import Split
from rsh.data.sources.folder import FolderSource
from rsh.data.tiles import TileDataset


def labeled(classes: int, train: int, val: int, query: int, unseen: int = 0) -> Split:
    """A split without images: so many tiles of each class in each part, and of one unseen class."""
    parts = ["train"] * train + ["val"] * val + ["query"] * query
    items = pd.DataFrame({
        "id": [
            *(f"{c}/{n}" for c in range(classes) for n in range(len(parts))),
            *(f"{classes}/{n}" for n in range(unseen)),
        ],
        "class": [str(c) for c in range(classes) for _ in parts] + [str(classes)] * unseen,
        "split": parts * classes + ["unseen"] * unseen,
    })  # fmt: skip
    return Split(TileDataset(name="made", source=FolderSource(Path("nowhere"), ()), items=items))
