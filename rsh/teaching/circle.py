"""Points on a circle, and what each term of the loss would do with them.

A point is one view of an image. Its place on the circle is its feature, of length 1 in the plane,
and its code before the sign, tanh(u), at 0.9 of that length: the quadrant it lies in is its code of
two bits. So one angle says all that the four terms look at, and their gradients are arrows along
the circle. Values and gradients come from `rsh.models.losses.multilevel`, as they do in a training.
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
from rsh.teaching.sliders import Sliders
from rsh.training.train import make_loss

CLASSES = ("forest", "desert", "ocean")
PICTURES = 2  # of each class, two views of each
# Degrees from the east, counter-clockwise: of branch 0, then the same images in branch 1.
START = ((20.0, 140.0, 75.0, 260.0, 205.0, 330.0), (60.0, 110.0, 5.0, 290.0, 180.0, 300.0))
TERMS = ("total", "category", "inter", "intra", "quantization")
STEP = 12.0  # degrees that the longest arrow moves a point
LENGTH = 0.9  # of tanh(u); at 1 u would be infinite


def pulls(
    degrees: Tensor, labels: Tensor, loss: MultiLevelLoss
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Return the terms at these places, and where each would push the points.

    Args:
        degrees: (2, n): branch 0 and branch 1, column i is the same image.
        labels: class numbers, (n,).
        loss: weights and temperatures.

    Returns:
        By term its value before the weight, and its downhill slope at each of the 2n points, branch
        0 first, in nats a radian, counter-clockwise. The total is weighted.
    """
    angles = torch.deg2rad(degrees.double()).requires_grad_()
    place = torch.stack([angles.cos(), angles.sin()], dim=-1)  # (2, n, 2)
    relaxed = torch.atanh(LENGTH * place)
    branch0, branch1 = (Embedding(place[b], relaxed[b]) for b in (0, 1))
    terms = loss(branch0, branch1, labels)
    slopes = {}
    for name in TERMS:
        (slope,) = torch.autograd.grad(terms[name], angles, retain_graph=True)
        slopes[name] = (-slope).flatten().tolist()
    return {name: float(terms[name].detach()) for name in TERMS}, slopes


class Circle(anywidget.AnyWidget):
    """The circle: points to drag, or to turn with the arrow keys, and an arrow at each.

    Attributes:
        degrees: of the points, branch 0 first.
        classes: number of the class of each point.
        names: of the classes.
        arrows: slope of the chosen term at each point, nats a radian, counter-clockwise.
        term: whose arrows are shown, one of `TERMS`.
        values: of the terms, before their weights.
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


class CircleLesson:
    """The circle with its dials.

    Attributes:
        circle: points, arrows and terms.
        dials: weights, temperatures, a step downhill, and the way back.
        view: both, to display.
    """

    STEP, START = "one step downhill", "start again"

    def __init__(self) -> None:
        """Put the points where they begin."""
        self._labels = torch.arange(len(CLASSES)).repeat_interleave(PICTURES)
        self.circle = Circle(classes=self._labels.repeat(2).tolist())
        self.circle.degrees = [degree for branch in START for degree in branch]
        self.dials = Sliders(TrainConfig(), buttons=[self.STEP, self.START], live=True)
        self.dials.on_press(self._press)
        self.dials.observe(self._follow, names="values")
        self.circle.observe(self._follow, names=["degrees", "term"])
        self._follow()
        self.view = ipywidgets.VBox([self.circle, self.dials])

    def _press(self, button: str) -> None:
        if button == self.START:
            self.circle.degrees = [degree for branch in START for degree in branch]
            return
        longest = max((abs(arrow) for arrow in self.circle.arrows), default=0.0)
        if longest < 1e-4:
            self.dials.message = "No term pushes any more: move a point, or a weight."
            return
        moved = zip(self.circle.degrees, self.circle.arrows, strict=True)
        # never longer than STEP, and shorter where the slope is small, as it is downhill's end
        scale = STEP / max(longest, 0.5)
        self.circle.degrees = [(degree + scale * arrow) % 360 for degree, arrow in moved]

    def _follow(self, _: Any = None) -> None:
        try:
            config = self.dials.config(TrainConfig())
        except InputError as error:
            self.dials.message = str(error)
            return
        loss = make_loss(config, len(CLASSES), num_bits=2)
        assert isinstance(loss, MultiLevelLoss)
        degrees = torch.tensor(self.circle.degrees, dtype=torch.float64).view(2, -1)
        values, slopes = pulls(degrees, self._labels, loss)
        self.dials.message = ""
        with self.circle.hold_sync():
            self.circle.values = values
            self.circle.weights = {name: getattr(loss, f"{name}_weight") for name in TERMS[1:]}
            self.circle.arrows = slopes[self.circle.term]
