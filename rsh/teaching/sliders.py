"""Sliders for the weights and temperatures of the loss."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from rsh.config import TrainConfig, limits
from rsh.errors import InputError

# Field of TrainConfig, label, minimum, maximum, step.
_LOSS = (
    ("category_weight", "category", 0.0, 3.0, 0.1),
    ("inter_weight", "inter-class", 0.0, 3.0, 0.1),
    ("intra_weight", "intra-class", 0.0, 3.0, 0.1),
    ("quantization_weight", "quantization", 0.0, 3.0, 0.1),
    ("feature_temperature", "temperature of features", 0.05, 1.0, 0.05),
    ("code_temperature", "temperature of codes", 0.05, 1.0, 0.05),
)


class Sliders(anywidget.AnyWidget):
    """Sliders for the settings of the loss, and buttons; sends {"kind": "press", "button"}.

    Attributes:
        sliders: name, label, minimum, maximum and step of each.
        values: by name; sent when the user releases a slider, or at once if `live`.
        live: whether values follow a slider while it moves.
        buttons: their labels.
        pressed: labels of the buttons that stay pressed.
        message: an error, or the current state.
    """

    _esm = Path(__file__).parent / "sliders.js"
    _css = Path(__file__).parent / "sliders.css"
    sliders: traitlets.List[Any] = traitlets.List(list(map(list, _LOSS))).tag(sync=True)
    values = traitlets.Dict().tag(sync=True)
    live = traitlets.Bool(False).tag(sync=True)
    buttons: traitlets.List[str] = traitlets.List().tag(sync=True)
    pressed: traitlets.List[str] = traitlets.List().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)

    def __init__(
        self, config: TrainConfig, *, buttons: Sequence[str] = (), live: bool = False
    ) -> None:
        """Show the settings of `config`."""
        super().__init__(values=slider_values(config), buttons=list(buttons), live=live)

    def on_press(self, act: Callable[[str], None]) -> None:
        """Call `act` with the label of each pressed button."""

        def receive(panel: object, content: dict[str, Any], buffers: object) -> None:
            match content:
                case {"kind": "press", "button": str(button)} if button in self.buttons:
                    act(button)

        self.on_msg(receive)


def slider_values(config: TrainConfig) -> dict[str, float]:
    """Return the settings of a configuration that have sliders, by name."""
    return {name: getattr(config, name) for name, *_ in _LOSS}


def apply_values(values: dict[str, Any], base: TrainConfig) -> TrainConfig:
    """Return `base` with the values of the sliders.

    Raises:
        InputError: a value is missing or out of range.
    """
    missing = [name for name, *_ in _LOSS if name not in values]
    if missing:
        raise InputError(f"{missing[0]} is missing: give it a number from {limits(missing[0])}")
    return replace(base, **{name: values[name] for name, *_ in _LOSS})


def describe_change(config: TrainConfig, base: TrainConfig) -> str:
    """Return a short description of how a loss differs from another.

    Args:
        config: the settings to describe.
        base: the settings to compare with.

    Returns:
        Such as "without intra-class, temperature of codes 0.1", or "as it comes".
    """
    values, base_values = slider_values(config), slider_values(base)
    parts = []
    for name, label, *_ in _LOSS:
        if values[name] == base_values[name]:
            continue
        off = name.endswith("weight") and values[name] == 0
        parts.append(f"without {label}" if off else f"{label} {values[name]:g}")
    return ", ".join(parts) or "as it comes"
