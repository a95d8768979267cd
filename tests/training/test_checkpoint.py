"""What keeps weights from fitting is named, tensor and shapes."""

from pathlib import Path

import pytest
import torch
from refusals import refused
from torch import nn

from rsh.models.weights import first_difference, load_state
from rsh.training.checkpoint import load_checkpoint, save_checkpoint


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


def test_state_of_an_optimizer_is_brought_back():
    module = nn.Linear(2, 3)
    optimizer = torch.optim.AdamW(module.parameters(), lr=1.0)
    other = torch.optim.AdamW(module.parameters(), lr=2.0)
    load_state(optimizer, other.state_dict())
    assert optimizer.param_groups[0]["lr"] == 2.0


@pytest.mark.parametrize("how", ["cut", "flipped"])
def test_damaged_checkpoint_is_not_gone_on_with(tmp_path: Path, how: str):
    module = nn.Linear(64, 64)
    save_checkpoint(tmp_path, {"module": module}, [{"epoch": 0.0}])
    file = tmp_path / "last.ckpt"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1  # amid the weights
    file.write_bytes(content[:9000] if how == "cut" else content)
    with refused(names="last.ckpt"):
        load_checkpoint(tmp_path, {"module": module})
