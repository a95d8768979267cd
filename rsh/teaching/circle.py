"""Points on a circle, and the gradient of each term of the loss at them.

A point is one view of an image. Its position on the circle is its feature, a vector of length 1 in
the plane. Its continuous code tanh(u) has the same direction and length 0.9, so the quadrant of the
point is its code of two bits. One angle thus determines all four terms, and their gradients are
arrows along the circle. Values and gradients come from `rsh.models.losses.multilevel`.
"""

from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import torch
import traitlets
from torch import Tensor

from rsh.config import TrainConfig
from rsh.errors import InputError
from rsh.models.losses.multilevel import Embedding, MultiLevelLoss
from rsh.models.losses.targets import Targets
from rsh.teaching.sliders import Sliders, apply_values
from rsh.training.train import make_loss

CLASSES = ("forest", "desert", "ocean")
IMAGES_PER_CLASS = 2  # two views of each
# Degrees counter-clockwise from the right: branch 0, then the same images in branch 1.
START = ((20.0, 140.0, 75.0, 260.0, 205.0, 330.0), (60.0, 110.0, 5.0, 290.0, 180.0, 300.0))
TERMS = ("total", "category", "inter", "intra", "quantization")
STEP = 12.0  # degrees that the longest arrow moves a point
LENGTH = 0.9  # of tanh(u); for length 1, u would be infinite


def pulls(
    degrees: Tensor, labels: Tensor, loss: MultiLevelLoss
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Return the terms of the loss at some points, and their slopes.

    Args:
        degrees: (2, n): branch 0 and branch 1, column i is the same image.
        labels: class numbers, (n,).
        loss: weights and temperatures.

    Returns:
        Two dictionaries by term: its unweighted value, and its negative gradient at each of the 2n
        points, branch 0 first, in nats per radian, counter-clockwise. The total is weighted.
    """
    angles = torch.deg2rad(degrees.double()).requires_grad_()
    features = torch.stack([angles.cos(), angles.sin()], dim=-1)  # (2, n, 2)
    relaxed = torch.atanh(LENGTH * features)
    branch0, branch1 = (Embedding(features[b], relaxed[b]) for b in (0, 1))
    terms = loss(branch0, branch1, Targets(labels))
    slopes = {}
    for name in TERMS:
        (slope,) = torch.autograd.grad(terms[name], angles, retain_graph=True)
        slopes[name] = (-slope).flatten().tolist()
    return {name: float(terms[name].detach()) for name in TERMS}, slopes


class Circle(anywidget.AnyWidget):
    """The circle: points to drag or to move with the arrow keys, and an arrow at each.

    Attributes:
        degrees: of the points, branch 0 first.
        classes: number of the class of each point.
        names: of the classes.
        arrows: negative gradient of the chosen term at each point, nats per radian,
            counter-clockwise.
        term: the chosen term, one of `TERMS`.
        values: of the terms, unweighted.
        weights: of the terms.
    """

    _esm = Path(__file__).parent / "circle.js"
    _css = Path(__file__).parent / "circle.css"
    degrees: traitlets.List[float] = traitlets.List().tag(sync=True)
    classes: traitlets.List[int] = traitlets.List().tag(sync=True)
    names: traitlets.List[str] = traitlets.List(list(CLASSES)).tag(sync=True)
    arrows: traitlets.List[float] = traitlets.List().tag(sync=True)
    term = traitlets.Enum(TERMS, "total").tag(sync=True)
    values = traitlets.Dict().tag(sync=True)
    weights = traitlets.Dict().tag(sync=True)


class CircleTutorial:
    """The circle with its sliders.

    Attributes:
        circle: points, arrows and terms.
        sliders: weights and temperatures, and buttons for a gradient step and a reset.
        view: both, to display.
    """

    STEP, START = "one step downhill", "start again"

    def __init__(self) -> None:
        """Put the points at their start positions."""
        self._labels = torch.arange(len(CLASSES)).repeat_interleave(IMAGES_PER_CLASS)
        self.circle = Circle(classes=self._labels.repeat(2).tolist())
        self.circle.degrees = [degree for branch in START for degree in branch]
        self.sliders = Sliders(TrainConfig(), buttons=[self.STEP, self.START], live=True)
        self.sliders.on_press(self._press)
        self.sliders.observe(self._follow, names="values")
        self.circle.observe(self._follow, names=["degrees", "term"])
        self._follow()
        self.view = ipywidgets.VBox([self.circle, self.sliders])

    def _press(self, button: str) -> None:
        if button == self.START:
            self.circle.degrees = [degree for branch in START for degree in branch]
            return
        longest = max((abs(arrow) for arrow in self.circle.arrows), default=0.0)
        if longest < 1e-4:
            self.sliders.message = "No term pushes any more: move a point, or a weight."
            return
        moved = zip(self.circle.degrees, self.circle.arrows, strict=True)
        # At most STEP, and shorter near a minimum, where the slope is small.
        scale = STEP / max(longest, 0.5)
        self.circle.degrees = [(degree + scale * arrow) % 360 for degree, arrow in moved]

    def _follow(self, _: Any = None) -> None:
        try:
            config = apply_values(self.sliders.values, TrainConfig())
            loss = make_loss(config, len(CLASSES), num_bits=2)
        except InputError as error:
            self.sliders.message = str(error)
            return
        assert isinstance(loss, MultiLevelLoss)
        degrees = torch.tensor(self.circle.degrees, dtype=torch.float64).view(2, -1)
        values, slopes = pulls(degrees, self._labels, loss)
        self.sliders.message = ""
        with self.circle.hold_sync():
            self.circle.values = values
            self.circle.weights = {name: getattr(loss, f"{name}_weight") for name in TERMS[1:]}
            self.circle.arrows = slopes[self.circle.term]
