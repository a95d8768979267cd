"""Chooses the fastest exact index for a set of codes, and loads saved indexes."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from rsh.codes.binary import Ids, Packed
from rsh.errors import InputError
from rsh.index.base import Index
from rsh.index.dedup import DedupIndex
from rsh.index.flat import FlatIndex
from rsh.index.in_memory import read_codes
from rsh.index.ivf import IVFIndex
from rsh.text import first_sentence

# Below this many items FAISS takes a third of a millisecond a query, so numba's 60 MB do not pay.
SMALL_INDEX = 300_000
TRIALS = 8  # queries with which indexes are timed


def make_index(packed: Packed, num_bits: int, ids: Ids | None = None) -> Index:
    """Return the fastest exact index for these codes, timed on some of them as queries.

    Args:
        packed: (n, ceil(num_bits / 8)) uint8.
        num_bits: code length, bits.
        ids: (n,) int64; row numbers by default.

    Raises:
        InputError: wrong width or type, or an id that comes twice.
    """
    flat: Index = FlatIndex(packed, num_bits, ids)
    if len(flat) < SMALL_INDEX:
        return flat
    queries = packed[:: len(packed) // TRIALS][:TRIALS]
    if scan_class := _scan_index():
        scan = scan_class(packed, num_bits, ids)
        flat = min(flat, scan, key=lambda index: seconds(index, queries))
    dedup = DedupIndex(packed, num_bits, ids, flat=type(flat))
    return min(flat, dedup, key=lambda index: seconds(index, queries))


def _scan_index() -> Callable[..., Index] | None:
    """Return ScanIndex, whose import of numba takes a third of a second and 60 MB, or None."""
    try:
        from rsh.index.scan import ScanIndex
    except RuntimeError:  # numba finds no folder to cache its machine code in
        return None
    return ScanIndex


def load_index(file: Path) -> Index:
    """Load a saved index.

    Raises:
        InputError: the file is missing, cut or altered.
    """
    stored = read_codes(file)
    try:
        return _restore(stored)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{file} cannot be used as a search index ({first_sentence(error)}): "
            "rebuild it with `rsh gallery index`"
        ) from None


def _restore(stored: dict[str, NDArray[Any]]) -> Index:
    kind, num_bits = str(stored["kind"]), int(stored["num_bits"])
    if kind == "scan" and (scan_class := _scan_index()):
        return scan_class(stored["packed"], num_bits, stored["ids"])
    if kind == "dedup":
        return DedupIndex(stored["packed"], num_bits, stored["ids"])
    flat = FlatIndex(stored["packed"], num_bits, stored["ids"])
    if kind != "ivf":
        return flat
    return IVFIndex.restore(
        flat,
        stored["centers"],
        stored["lists"],
        nprobe=int(stored["nprobe"]),
        target_recall=float(stored["target_recall"]),
        recall=float(stored["recall"]),
    )


def seconds(index: Index, query_packed: Packed) -> float:
    """Return the median time of one query, which other processes disturb less than the mean."""
    times = []
    for query in query_packed:
        start = time.perf_counter()
        index.search(query[None], top_k=min(20, len(index)))
        times.append(time.perf_counter() - start)
    return statistics.median(times)
