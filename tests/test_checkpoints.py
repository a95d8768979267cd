"""What keeps weights from fitting is named, tensor and shapes."""

import pytest
import torch
from torch import nn

from rsh.checkpoints import first_difference, load_state


def weights(**changed: tuple[int, ...] | None) -> dict[str, torch.Tensor]:
    shapes: dict[str, tuple[int, ...] | None] = {"weight": (3, 2), "bias": (3,)}
    return {n: torch.ones(s) for n, s in {**shapes, **changed}.items() if s is not None}


@pytest.mark.parametrize(
    ("found", "difference"),
    [
        (weights(), ""),
        (weights(weight=None), "weight is missing"),
        (weights(weight=None, bias=None), "weight is missing"),  # the first of both
        (weights(bias=(4,)), r"bias has shape (4,), the network needs (3,)"),
        (weights(scale=(1,)), "scale is unknown to the network"),
    ],
)
def test_first_tensor_that_differs_is_named(found: dict[str, torch.Tensor], difference: str):
    module = nn.Linear(2, 3)
    assert first_difference(module.state_dict(), found) == difference
    if difference:
        before = {name: value.clone() for name, value in module.state_dict().items()}
        with pytest.raises(ValueError, match=difference.split("(")[0]):
            load_state(module, found)
        assert all(torch.equal(before[n], value) for n, value in module.state_dict().items())
    else:
        load_state(module, found)
        assert torch.equal(module.weight, torch.ones(3, 2))


def test_state_of_an_optimiser_is_brought_back():
    module = nn.Linear(2, 3)
    optimizer = torch.optim.AdamW(module.parameters(), lr=1.0)
    other = torch.optim.AdamW(module.parameters(), lr=2.0)
    load_state(optimizer, other.state_dict())
    assert optimizer.param_groups[0]["lr"] == 2.0
