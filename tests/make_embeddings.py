"""Files of embeddings around a few centers, and a network for them."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from rsh.config import TrainConfig
from rsh.models.hashnet import HashNet

COUNT, DIM, CENTERS = 120, 12, 6
SHORT = TrainConfig(epochs=15, batch_size=32, neighbors=5)


def vectors(seed: int = 0) -> np.ndarray:
    """Numbers of unequal scales, far from 0, as embeddings often are."""
    rng = np.random.default_rng(seed)
    centers = np.random.default_rng(9).normal(size=(CENTERS, DIM))
    near = centers[np.arange(COUNT) % CENTERS] + 0.4 * rng.normal(size=(COUNT, DIM))
    return (near * np.geomspace(0.01, 100, DIM) + 30).astype(np.float32)


def embedding_file(
    folder: Path, *, labels: bool = False, images: int = 0, numbers: np.ndarray | None = None
) -> Path:
    """Write a table of ids, places and vectors; the first ones may have an image beside it."""
    numbers = vectors() if numbers is None else numbers
    folder.mkdir(parents=True, exist_ok=True)
    columns = {
        "id": [f"scene/{row:03}" for row in range(len(numbers))],
        "vector": pa.array(list(numbers), pa.list_(pa.float32())),
        "longitude": np.linspace(-20, 20, len(numbers)),
        "latitude": np.linspace(40, 50, len(numbers)),
    }
    if labels:
        columns["class"] = [f"class {row % CENTERS}" for row in range(len(numbers))]
    if images:
        names = [f"small/{row}.png" for row in range(images)]
        columns["thumbnail"] = names + [None] * (len(numbers) - images)
        (folder / "small").mkdir()
        for row, name in enumerate(names):
            Image.new("RGB", (40, 40), (row * 20, 90, 30)).save(folder / name)
    pq.write_table(pa.table(columns), folder / "vectors.parquet")
    return folder / "vectors.parquet"


def network(num_bits: int = 16, **options) -> HashNet:
    return HashNet(f"embedding-{DIM}", num_bits=num_bits, hidden=32, feature_dim=8, **options)
