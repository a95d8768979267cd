"""Dials: the weights and temperatures of the loss, as sliders that have names."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from rsh.config import LIMITS, TrainConfig
from rsh.errors import InputError

# Field of TrainConfig, words, least, most, step.
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
        sliders: name, words, least, most and step of each.
        values: by name; a change is sent when the slider is let go, or at once with `live`.
        live: whether values follow the slider while it moves.
        buttons: their words.
        pressed: words of the buttons that stay pressed.
        message: what went wrong, or what is being done.
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
        super().__init__(values=values_of(config), buttons=list(buttons), live=live)

    def config(self, base: TrainConfig) -> TrainConfig:
        """Return `base` with what the dials say.

        Raises:
            InputError: a value is missing or out of range, or all weights are 0.
        """
        return config_of(self.values, base)

    def on_press(self, act: Callable[[str], None]) -> None:
        """Call `act` with the words of a button when it is pressed."""

        def receive(panel: object, content: dict[str, Any], buffers: object) -> None:
            match content:
                case {"kind": "press", "button": str(button)} if button in self.buttons:
                    act(button)

        self.on_msg(receive)


def values_of(config: TrainConfig) -> dict[str, float]:
    """Return by name what the dials show of a configuration."""
    return {name: getattr(config, name) for name, *_ in _LOSS}


def config_of(values: dict[str, Any], base: TrainConfig) -> TrainConfig:
    """Return `base` with the values of the dials.

    Raises:
        InputError: a value is missing or out of range, or all weights are 0.
    """
    missing = [name for name, *_ in _LOSS if name not in values]
    if missing:
        raise InputError(f"{missing[0]} is missing: give it a number from {LIMITS[missing[0]]}")
    return replace(base, **{name: values[name] for name, *_ in _LOSS})


def words_for(config: TrainConfig, base: TrainConfig) -> str:
    """Say in a few words how the loss of one configuration differs from another's.

    Args:
        config: what was tried.
        base: what it is held against.

    Returns:
        Such as "without intra-class, temperature of codes 0.1", or "as it comes".
    """
    found, of_base = values_of(config), values_of(base)
    parts = []
    for name, words, *_ in _LOSS:
        if found[name] == of_base[name]:
            continue
        off = name.endswith("weight") and found[name] == 0
        parts.append(f"without {words}" if off else f"{words} {found[name]:g}")
    return ", ".join(parts) or "as it comes"
