"""Progress of a work whose parts take known shares of the time."""

import time
from collections.abc import Callable
from typing import NamedTuple


class Progress(NamedTuple):
    """How far a work is.

    Attributes:
        fraction: 0 to 1.
        stage: what is being done, such as "learning".
        seconds_left: by the speed so far; None at the very start.
    """

    fraction: float
    stage: str
    seconds_left: float | None


Watch = Callable[[Progress], object]
FIRST_GUESS = 0.02  # of the work; with less the speed says nothing


class Stages:
    """Turns the progress of each stage into that of all stages."""

    def __init__(self, shares: dict[str, float], watch: Watch | None) -> None:
        """Plan the stages.

        Args:
            shares: of the time, by stage, in their order.
            watch: is told.
        """
        self._watch, self._start = watch, time.monotonic()
        total, before = sum(shares.values()), 0.0
        self._spans: dict[str, tuple[float, float]] = {}
        for stage, share in shares.items():
            self._spans[stage] = before / total, share / total
            before += share

    def tell(self, stage: str, done: float) -> None:
        """Tell that a share of a stage is done, 0 to 1; the watch may raise to stop the work."""
        if self._watch:
            begin, share = self._spans[stage]
            fraction = begin + share * min(done, 1.0)
            spent = time.monotonic() - self._start
            left = spent * (1 - fraction) / fraction if fraction > FIRST_GUESS else None
            self._watch(Progress(fraction, stage, left))
