"""A trial: one fault, injected into a copy of the world."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

Act = Callable[[Any, Path, random.Random], Any]


class Trial(NamedTuple):
    """One trial.

    Attributes:
        promise: a key of `run.PROMISES`.
        fault: what goes wrong, in words.
        seed: decides the moment and whatever else is drawn.
        act: injects it into a world at a place, and returns an Outcome or raises Bad.
    """

    promise: str
    fault: str
    seed: int
    act: Act

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from all others."""
        return self.fault, self.seed

    @classmethod
    def some(cls, promise: str, fault: str, count: int, act: Act) -> "Iterator[Trial]":
        """Yield trials that differ in what is drawn."""
        for seed in range(count):
            yield cls(promise, fault, seed, act)
