"""Connected components of a graph whose edges come in portions and are not kept."""

import numpy as np
from numba import njit

from rsh.codes.binary import Ids


class Components:
    """Numbered items, joined by edges: a component is all that a chain of edges connects."""

    def __init__(self, count: int) -> None:
        """Begin with `count` items, each a component of its own."""
        self._parents: Ids = np.arange(count)

    def join(self, first: Ids, second: Ids) -> None:
        """Add edges between items, (m,) each."""
        _join(self._parents, first, second)

    def labels(self) -> Ids:
        """Return the smallest item of each item's component, (count,)."""
        _flatten(self._parents)
        return self._parents.copy()


@njit(nogil=True, cache=True)
def _root(parents: Ids, item: int) -> int:
    while parents[item] != item:
        parents[item] = parents[parents[item]]  # halves the path for the next time
        item = parents[item]
    return item


@njit(nogil=True, cache=True)
def _join(parents: Ids, first: Ids, second: Ids) -> None:
    for edge in range(len(first)):
        one, other = _root(parents, first[edge]), _root(parents, second[edge])
        parents[max(one, other)] = min(one, other)


@njit(nogil=True, cache=True)
def _flatten(parents: Ids) -> None:
    for item in range(len(parents)):
        parents[item] = _root(parents, item)
