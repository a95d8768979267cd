import numpy as np
import torch
from hypothesis import strategies as st

from rsh.metrics.counts import DistanceCounts

NUM_BITS = 4
RANKING = st.lists(st.tuples(st.integers(0, NUM_BITS), st.booleans()), min_size=1, max_size=6)


def counts_of(*rankings: list[tuple[int, bool]], num_bits: int = NUM_BITS) -> DistanceCounts:
    """Count by distance what is given as (distance, relevant), one list a query."""
    items = np.zeros((len(rankings), num_bits + 1), dtype=np.int64)
    relevant = np.zeros_like(items)
    for query, ranking in enumerate(rankings):
        for distance, hit in ranking:
            items[query, distance] += 1
            relevant[query, distance] += hit
    return DistanceCounts(items, relevant)


def random_codes(seed: int, count: int, num_bits: int) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), (count, num_bits))


def untied(seed: int) -> tuple[list[tuple[int, bool]], torch.Tensor, torch.Tensor]:
    """A ranking of 12 items at different distances, for us and for torchmetrics."""
    rng = np.random.default_rng(seed)
    distances, hits = rng.permutation(12), rng.random(12) < 0.4
    hits[0] = True
    ranking = list(zip(distances.tolist(), hits.tolist(), strict=True))
    return ranking, torch.from_numpy(12.0 - distances), torch.from_numpy(hits)
