"""Which engine holds a set of codes, and how it comes back from a file."""

import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from rsh.codes.binary import Ids, Packed
from rsh.errors import InputError
from rsh.index.base import Engine
from rsh.index.dedup import FoldedEngine
from rsh.index.flat import ExactEngine
from rsh.index.in_memory import read_held
from rsh.index.ivf import IvfEngine
from rsh.text import first_words

if TYPE_CHECKING:
    from rsh.index.scan import ScanEngine

# Items below which FAISS answers in a third of a millisecond: a page is spared numba's 60 MB.
FEW = 300_000
TRIALS = 8  # queries by which engines are told apart


def make_engine(packed: Packed, num_bits: int, ids: Ids | None = None) -> Engine:
    """Index codes in the exact engine that answers fastest, tried on some of them.

    Args:
        packed: (n, ceil(num_bits / 8)) uint8.
        num_bits: code length, bits.
        ids: (n,) int64; row numbers by default.

    Raises:
        InputError: wrong width or type, or an id that comes twice.
    """
    exact: Engine = ExactEngine(packed, num_bits, ids)
    if len(exact) < FEW:
        return exact
    queries = packed[:: len(packed) // TRIALS][:TRIALS]
    scan = _scan_engine()
    if scan and seconds(one := scan(packed, num_bits, ids), queries) < seconds(exact, queries):
        exact = one
    folded = FoldedEngine(packed, num_bits, ids, flat=type(exact))
    return min(exact, folded, key=lambda engine: seconds(engine, queries))


def _scan_engine() -> "type[ScanEngine] | None":
    """Import numba, which takes a third of a second and 60 MB, where that pays."""
    try:
        from rsh.index.scan import ScanEngine
    except RuntimeError:  # there is no folder in which it could keep what it has compiled
        return None
    return ScanEngine


def load_engine(file: Path) -> Engine:
    """Read an engine that was saved.

    Raises:
        InputError: no such file, or one that is cut or altered.
    """
    stored = read_held(file)
    try:
        return _restored(stored)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{file} cannot be used as a search index ({first_words(error)}): make it again with "
            "`rsh gallery index`"
        ) from None


def _restored(stored: dict[str, NDArray[Any]]) -> Engine:
    kind, num_bits = str(stored["kind"]), int(stored["num_bits"])
    if kind == "scan" and (scan := _scan_engine()):
        return scan(stored["packed"], num_bits, stored["ids"])
    if kind == "folded":
        return FoldedEngine(stored["packed"], num_bits, stored["ids"])
    exact = ExactEngine(stored["packed"], num_bits, stored["ids"])
    if kind != "ivf":
        return exact
    return IvfEngine.restore(
        exact,
        stored["centres"],
        stored["lists"],
        probes=int(stored["probes"]),
        wanted=float(stored["wanted"]),
        recall=float(stored["recall"]),
    )


def seconds(engine: Engine, query_packed: Packed) -> float:
    """Return how long an engine takes for one query, the median: a busy neighbour passes."""
    taken = []
    for query in query_packed:
        start = time.perf_counter()
        engine.search(query[None], top_k=min(20, len(engine)))
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)
