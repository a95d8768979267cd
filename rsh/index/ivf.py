"""Approximate search with FAISS's inverted lists, for galleries too large for exhaustive search.

Each code is in the list of its nearest center, and a query is compared with the codes of its
nearest lists only. The recall is measured on codes of the gallery, and stated.
"""

from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pandas as pd

from rsh.codes.binary import Ids, Packed, check_packed
from rsh.config import DEFAULT_TARGET_RECALL
from rsh.errors import InputError
from rsh.index.base import Hits, IDSelector, check_radius, check_top_k, sort_hits
from rsh.index.flat import FlatIndex, pad, split_ranges
from rsh.index.in_memory import write_codes

RECALL_AT = 20  # nearest codes of which the recall is measured
RECALL_QUERIES = 200  # codes that it is measured with
CODES_PER_CENTER = 64  # from which the centers are trained
FaissIndex = faiss.IndexBinaryIVF


class IVFIndex:
    """Inverted lists, of which a search probes as few as give the target recall: see `Index`.

    The recall is measured with codes of the gallery; for other queries it can be a little lower.
    """

    def __init__(
        self, flat: FlatIndex, index: FaissIndex, *, target_recall: float, recall: float
    ) -> None:
        """Use `IVFIndex.build` or `IVFIndex.restore`."""
        self.num_bits = flat.num_bits
        self.recall: float | None = recall
        self._flat, self._index, self._target_recall = flat, index, target_recall

    @classmethod
    def build(
        cls,
        packed: Packed,
        num_bits: int,
        ids: Ids | None = None,
        *,
        recall: float = DEFAULT_TARGET_RECALL,
    ) -> "IVFIndex":
        """Index codes.

        Args:
            packed: (n, ceil(num_bits / 8)) uint8.
            num_bits: code length, bits.
            ids: (n,) int64; row numbers by default.
            recall: target recall@20, a fraction above 0, at most 1.

        Raises:
            InputError: wrong width or type, no codes, or a recall out of range.
        """
        if not 0 < recall <= 1:
            raise InputError(
                "choose a fraction above 0, at most 1", parameter="recall", value=f"{recall:g}"
            )
        if not len(packed):
            raise InputError("there are no codes: an IVF index needs some to train its centers")
        flat = FlatIndex(packed, num_bits, ids)
        index = cls(flat, _train_lists(flat), target_recall=recall, recall=0.0)
        index._tune()
        return index

    @classmethod
    def restore(
        cls,
        flat: FlatIndex,
        centers: Packed,
        lists: Ids,
        *,
        nprobe: int,
        target_recall: float,
        recall: float,
    ) -> "IVFIndex":
        """Rebuild a saved index.

        FAISS has a file format of its own, but its reader trusts every size in the file.

        Args:
            flat: an exact index of the codes, for subsets and to measure the recall.
            centers: of the lists, (lists, bytes) uint8, padded.
            lists: the list of each code, (n,) integers.
            nprobe: how many lists a search probes.
            target_recall: least recall@20, a fraction.
            recall: measured recall@20.

        Raises:
            InputError: the arguments do not fit each other.
        """
        codes, ids = flat.held
        padded, nlist = pad(codes), len(centers)
        _check_lists(centers, lists, padded)
        if not (1 <= nprobe <= nlist and 0 < target_recall <= 1 and 0 <= recall <= 1):
            raise InputError(
                f"it probes {nprobe} of {nlist} lists, with recall {recall} of {target_recall}"
            )
        width = padded.shape[1] * 8
        quantizer = faiss.IndexBinaryFlat(width)
        quantizer.add(np.ascontiguousarray(centers))
        index: Any = faiss.IndexBinaryIVF(quantizer, width, nlist)  # Any, as stubs lack `add_core`
        arrays = padded, np.ascontiguousarray(ids), np.ascontiguousarray(lists)
        index.add_core(len(ids), *(faiss.swig_ptr(array) for array in arrays))
        index.nprobe = nprobe
        return cls(flat, index, target_recall=target_recall, recall=recall)

    def __len__(self) -> int:
        return len(self._flat)

    @property
    def ids(self) -> Ids:
        """All ids, ascending."""
        return self._flat.ids

    @property
    def nlist(self) -> int:
        """Number of inverted lists."""
        return int(self._index.nlist)

    @property
    def nprobe(self) -> int:
        """Number of lists that a search probes."""
        return int(self._index.nprobe)

    def search(self, query_packed: Packed, *, top_k: int) -> list[Hits]:
        """Find most of the top_k nearest codes of each query: see `Index`."""
        check_top_k(top_k, len(self))
        padded = pad(check_packed(query_packed, self.num_bits))
        distances, ids = self._index.search(padded, top_k)
        return [
            sort_hits(found[found >= 0], away[found >= 0])  # -1: the lists hold no more
            for found, away in zip(ids, distances, strict=True)
        ]

    def range_search(self, query_packed: Packed, *, radius: int) -> list[Hits]:
        """Find most codes at a distance of at most radius: see `Index`."""
        check_radius(radius, self.num_bits)
        padded = pad(check_packed(query_packed, self.num_bits))
        limits, distances, ids = self._index.range_search(padded, radius + 1)  # FAISS means <
        return split_ranges(limits, distances, ids)

    def subset(self, selector: IDSelector) -> FlatIndex:
        """Return an exact index, as FAISS has no ID selector for binary lists: see `Index`."""
        return self._flat.subset(selector)

    def add(self, packed: Packed, ids: Ids, items: pd.DataFrame | None = None) -> None:
        """Add codes to the existing lists, and measure the recall again: see `Index`."""
        self._flat.add(packed, ids)
        self._index.add_with_ids(pad(packed), ids)
        self._tune()

    def remove(self, ids: Ids) -> None:
        """Remove codes, and measure the recall again: see `Index`."""
        self._flat.remove(ids)
        self._index.remove_ids(np.asarray(ids))
        self._tune()

    def save(self, file: Path) -> None:
        """Write codes, ids and lists, with centers of (lists, bytes) uint8: see `Index`."""
        write_codes(
            file,
            "ivf",
            self.num_bits,
            **self._flat.held._asdict(),
            centers=_centers(self._index),
            lists=_assigned_lists(self._index, self.ids),
            nprobe=np.array(self.nprobe),
            target_recall=np.array(self._target_recall),
            recall=np.array(self.recall),
        )

    def _tune(self) -> None:
        """Double the number of probed lists until the target recall is reached."""
        if not len(self):
            self.recall = 1.0
            return
        packed = self._flat.held.packed
        count = min(RECALL_QUERIES, len(packed))
        queries = packed[np.linspace(0, len(packed) - 1, count).astype(int)]
        top_k = min(RECALL_AT, len(packed))
        exact = self._flat.search(queries, top_k=top_k)
        self._index.nprobe = 1
        while (recall := _recall(self.search(queries, top_k=top_k), exact)) < self._target_recall:
            if self._index.nprobe == self._index.nlist:
                break
            self._index.nprobe = min(2 * self._index.nprobe, self._index.nlist)
        self.recall = recall


def group_codes(packed: Packed, num_bits: int) -> tuple[Packed, Ids]:
    """Group codes into lists by their nearest center.

    Args:
        packed: (n, ceil(num_bits / 8)) uint8, n > 0.
        num_bits: code length, bits.

    Returns:
        The centers, (lists, ceil(num_bits / 8)) uint8, and the list of each code, (n,) int64.
    """
    flat = FlatIndex(packed, num_bits)
    index = _train_lists(flat)
    return _centers(index)[:, : packed.shape[1]], _assigned_lists(index, flat.ids)


def _centers(index: FaissIndex) -> Packed:
    """Return the centers of the lists, (lists, bytes) uint8, padded."""
    quantizer: Any = faiss.downcast_IndexBinary(index.quantizer)
    return faiss.vector_to_array(quantizer.xb).reshape(index.nlist, -1)


def _train_lists(flat: FlatIndex) -> FaissIndex:
    """Return inverted lists, about sqrt(n) for n codes; to train more takes minutes."""
    codes, ids = flat.held
    padded = pad(codes)
    nlist = max(1, min(2 ** round(np.log2(np.sqrt(len(ids)))), len(ids) // CODES_PER_CENTER))
    width = padded.shape[1] * 8
    index = faiss.IndexBinaryIVF(faiss.IndexBinaryFlat(width), width, nlist)
    sample = np.random.default_rng(0).permutation(len(ids))[: CODES_PER_CENTER * nlist]
    index.train(padded[sample])
    index.add_with_ids(padded, ids)
    return index


def _check_lists(centers: Packed, lists: Ids, padded: Packed) -> None:
    """Raise InputError unless the lists fit the codes."""
    types_fit = centers.dtype == np.uint8 and lists.dtype == np.int64
    if not types_fit or centers.shape[1:] != padded.shape[1:]:
        raise InputError(f"its lists are {centers.dtype} and {lists.dtype} of {centers.shape}")
    if lists.shape != padded.shape[:1] or ((lists < 0) | (lists >= len(centers))).any():
        raise InputError("its lists do not hold its codes")


def _assigned_lists(index: FaissIndex, ids: Ids) -> Ids:
    """Return the number of the list that holds each of the ascending ids, (n,) int64."""
    lists = np.zeros(len(ids), dtype=np.int64)
    for number in range(index.nlist):
        if size := index.invlists.list_size(number):
            held = faiss.rev_swig_ptr(index.invlists.get_ids(number), size)
            lists[np.searchsorted(ids, held)] = number
    return lists


def _recall(found: list[Hits], exact: list[Hits]) -> float:
    """Return the mean recall, a fraction; any of the tied codes counts as found."""
    recalls = [
        np.count_nonzero(hits.distances <= best.distances[-1]) / len(best.distances)
        for hits, best in zip(found, exact, strict=True)
    ]
    return float(np.mean(recalls))
