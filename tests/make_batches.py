import torch
from hypothesis import strategies as st
from torch import Tensor

from rsh.models.losses.multilevel import Embedding

SEEDS = range(5)
LABELS = (
    [0, 0, 1, 1, 2, 2],
    [0, 0, 0, 1, 1, 2],  # class 2 has one image: an anchor without positive
    [0, 1, 2, 3, 4, 5],
    [3, 3, 3, 3, 3, 3],
)
FINITE = st.floats(-5, 5, width=32).filter(lambda x: abs(x) > 1e-2)


def rows(seed: int, count: int = 6, width: int = 8, *, scale: float = 1.0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return scale * torch.randn(count, width, generator=draw, dtype=torch.float64)


def embeddings(seed: int, count: int = 6) -> tuple[Embedding, Embedding]:
    return tuple(
        Embedding(
            torch.nn.functional.normalize(rows(10 * seed + branch, count), dim=1),
            rows(10 * seed + branch + 5, count, 16),
        )
        for branch in (0, 1)
    )
