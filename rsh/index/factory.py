"""Which engine holds a set of codes, and how it comes back from a file."""

import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from rsh.codes.binary import Ids, Packed
from rsh.errors import InputError
from rsh.index.base import Index
from rsh.index.dedup import DedupIndex
from rsh.index.flat import FlatIndex
from rsh.index.in_memory import read_codes
from rsh.index.ivf import IVFIndex
from rsh.text import first_sentence

if TYPE_CHECKING:
    from rsh.index.scan import ScanIndex

# Items below which FAISS answers in a third of a millisecond: a page is spared numba's 60 MB.
FEW = 300_000
TRIALS = 8  # queries by which engines are told apart


def make_index(packed: Packed, num_bits: int, ids: Ids | None = None) -> Index:
    """Index codes in the exact engine that answers fastest, tried on some of them.

    Args:
        packed: (n, ceil(num_bits / 8)) uint8.
        num_bits: code length, bits.
        ids: (n,) int64; row numbers by default.

    Raises:
        InputError: wrong width or type, or an id that comes twice.
    """
    exact: Index = FlatIndex(packed, num_bits, ids)
    if len(exact) < FEW:
        return exact
    queries = packed[:: len(packed) // TRIALS][:TRIALS]
    scan = _scan_index()
    if scan and seconds(one := scan(packed, num_bits, ids), queries) < seconds(exact, queries):
        exact = one
    folded = DedupIndex(packed, num_bits, ids, flat=type(exact))
    return min(exact, folded, key=lambda engine: seconds(engine, queries))


def _scan_index() -> "type[ScanIndex] | None":
    """Import numba, which takes a third of a second and 60 MB, where that pays."""
    try:
        from rsh.index.scan import ScanIndex
    except RuntimeError:  # there is no folder in which it could keep what it has compiled
        return None
    return ScanIndex


def load_index(file: Path) -> Index:
    """Read an engine that was saved.

    Raises:
        InputError: no such file, or one that is cut or altered.
    """
    stored = read_codes(file)
    try:
        return _restored(stored)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{file} cannot be used as a search index ({first_sentence(error)}): "
            "make it again with `rsh gallery index`"
        ) from None


def _restored(stored: dict[str, NDArray[Any]]) -> Index:
    kind, num_bits = str(stored["kind"]), int(stored["num_bits"])
    if kind == "scan" and (scan := _scan_index()):
        return scan(stored["packed"], num_bits, stored["ids"])
    if kind == "folded":
        return DedupIndex(stored["packed"], num_bits, stored["ids"])
    exact = FlatIndex(stored["packed"], num_bits, stored["ids"])
    if kind != "ivf":
        return exact
    return IVFIndex.restore(
        exact,
        stored["centers"],
        stored["lists"],
        probes=int(stored["probes"]),
        wanted=float(stored["wanted"]),
        recall=float(stored["recall"]),
    )


def seconds(engine: Index, query_packed: Packed) -> float:
    """Return how long an engine takes for one query, the median: a busy neighbor passes."""
    taken = []
    for query in query_packed:
        start = time.perf_counter()
        engine.search(query[None], top_k=min(20, len(engine)))
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)
