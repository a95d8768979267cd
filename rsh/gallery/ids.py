"""The ids of a gallery's tiles, found by their hashes: a table of a million texts would take 60 MB.

Rows of a gallery are in the order of these hashes (`rsh.codes.order`), which lie in its files, so
that finding one takes a few comparisons.
"""

from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rsh.codes.order import id_hashes

Hashes = NDArray[np.int64]
NO_ROW = -1
SEARCHED_AT_ONCE = 1 << 16  # ids: the first tiles are often among them


class TileIds(Sequence[str]):
    """The id of each row, and the row of each id.

    Attributes:
        texts: all ids, a column of Arrow.
        hashes: of each, (n,) int64.
    """

    def __init__(self, texts: pa.Array, hashes: Hashes) -> None:
        self.texts, self.hashes = texts, hashes
        ascends = bool((hashes[1:] >= hashes[:-1]).all())
        # Another program may have written the rows in another order.
        self._by_hash = None if ascends else np.argsort(hashes, kind="stable")

    def __len__(self) -> int:
        return len(self.texts)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        found: str | list[str] = (
            self.texts[row].to_pylist() if isinstance(row, slice) else self.texts[int(row)].as_py()
        )
        return found

    def __contains__(self, tile: object) -> bool:
        return isinstance(tile, str) and self.rows([tile])[0] != NO_ROW

    def rows(self, tiles: Iterable[str]) -> NDArray[np.int64]:
        """Return the row of each of some ids, NO_ROW, -1, for one that no tile has."""
        wanted = list(tiles)
        hashes = id_hashes(wanted)
        first = np.searchsorted(self.hashes, hashes, "left", self._by_hash)
        end = np.searchsorted(self.hashes, hashes, "right", self._by_hash)
        found = np.full(len(wanted), NO_ROW)
        for number in np.flatnonzero(first < end).tolist():
            for place in range(int(first[number]), int(end[number])):  # one, as a rule
                row = place if self._by_hash is None else int(self._by_hash[place])
                if self[row] == wanted[number]:
                    found[number] = row
        return found

    def containing(self, text: str, *, most: int) -> list[str]:
        """Return the ids of the first tiles whose ids contain a text, ignoring case."""
        found: list[str] = []
        for start in self._starts:
            part = self.texts[start : start + SEARCHED_AT_ONCE]
            holds = pc.match_substring(part, text, ignore_case=True)
            found += part.filter(holds).to_pylist()
            if len(found) >= most:
                break
        return found[:most]

    def count_containing(self, text: str) -> int:
        """Return how many ids contain a text, ignoring case."""
        parts = (self.texts[start : start + SEARCHED_AT_ONCE] for start in self._starts)
        return sum(
            pc.sum(pc.match_substring(part, text, ignore_case=True)).as_py() or 0 for part in parts
        )

    @property
    def _starts(self) -> range:
        return range(0, len(self), SEARCHED_AT_ONCE)

    def shared(self, other: "TileIds") -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows of the tiles that both have, here and there, in one order."""
        _, here, there = np.intersect1d(self.hashes, other.hashes, return_indices=True)
        same = pc.equal(self.texts.take(pa.array(here)), other.texts.take(pa.array(there)))
        is_same = np.asarray(same.to_numpy(zero_copy_only=False), dtype=bool)
        return here[is_same], there[is_same]

    def find_duplicate(self) -> str | None:
        """Return an id that two rows have, if there is one."""
        ordered = self.hashes if self._by_hash is None else self.hashes[self._by_hash]
        for place in np.flatnonzero(ordered[1:] == ordered[:-1]).tolist():
            pair = [place, place + 1]
            first, second = pair if self._by_hash is None else self._by_hash[pair].tolist()
            if self[first] == self[second]:
                return self[first]
        return None
