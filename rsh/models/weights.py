"""Loading of weights, with the first mismatch named."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn


def load_state(part: Any, state: Mapping[str, Any]) -> None:
    """Load the state of a module, an optimizer or a schedule.

    Raises:
        ValueError: names the first tensor that differs from the module's.
    """
    if isinstance(part, nn.Module) and (found := first_difference(part.state_dict(), state)):
        raise ValueError(found)
    part.load_state_dict(state)


def first_difference(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    """Return how the first tensor differs from what a network needs; "" if all fit.

    Args:
        wanted: the network's tensors by name.
        found: the tensors to load.
    """
    for name in {**wanted, **found}:
        if name not in found:
            return f"{name} is missing"
        if name not in wanted:
            return f"{name} is unknown to the network"
        here, there = tuple(found[name].shape), tuple(wanted[name].shape)
        if here != there:
            return f"{name} has shape {here}, the network needs {there}"
    return ""
