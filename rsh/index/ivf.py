"""An opt-in for galleries that are too large to be compared with as a whole, by FAISS.

Codes are put into lists by their nearest center, and a query is compared with the codes of the
nearest lists alone. What that misses is measured on the gallery itself, and stated.
"""

from itertools import pairwise
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

AIM_AT = 20  # hits of which the recall is measured
PROBES = 200  # codes that it is measured with
LEARN_FROM = 64  # codes a list, from which the centers are found
FaissIndex = faiss.IndexBinaryIVF


class IVFIndex:
    """The codes near a query in lists, the others unseen: see `Engine`.

    As few lists are looked at as give the recall that was asked for. The codes it is measured with
    are items of the gallery; a query from elsewhere may find a little less.

    Attributes:
        num_lists: how many lists there are.
        num_probes: how many of them a query is compared with.
    """

    def __init__(
        self, exact: FlatIndex, index: FaissIndex, *, wanted: float, recall: float
    ) -> None:
        """Put together what was built or loaded.

        Args:
            exact: the same codes, to measure with and to answer for a part of them.
            index: the lists.
            wanted: recall that was asked for.
            recall: recall that was measured.
        """
        self.num_bits = exact.num_bits
        self.recall: float | None = recall
        self._exact, self._index, self._wanted = exact, index, wanted

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
            recall: least share of the nearest 20 that is to be found, above 0, at most 1.

        Raises:
            InputError: wrong width or type, no codes, or a recall out of range.
        """
        if not 0 < recall <= 1:
            raise InputError(
                "choose a share above 0, at most 1", parameter="recall", value=f"{recall:g}"
            )
        if not len(packed):
            raise InputError("there are no codes: an index of lists needs some to learn from")
        exact = FlatIndex(packed, num_bits, ids)
        engine = cls(exact, _lists(exact), wanted=recall, recall=0.0)
        engine._tune()
        return engine

    @classmethod
    def restore(
        cls,
        exact: FlatIndex,
        centers: Packed,
        lists: Ids,
        *,
        probes: int,
        wanted: float,
        recall: float,
    ) -> "IVFIndex":
        """Put lists together again that were saved.

        FAISS reads a form of its own, too, but believes every size that stands in it.

        Args:
            exact: the codes.
            centers: of the lists, (lists, bytes) uint8, padded.
            lists: the list of each code, (n,) integers.
            probes: how many lists are looked at.
            wanted: recall that was asked for.
            recall: recall that was measured.

        Raises:
            InputError: they do not fit each other.
        """
        codes, ids = exact.held
        padded, count = pad(codes), len(centers)
        _check_lists(centers, lists, padded)
        if not (1 <= probes <= count and 0 < wanted <= 1 and 0 <= recall <= 1):
            raise InputError(f"it looks at {probes} of {count} lists for {recall} of {wanted}")
        width = padded.shape[1] * 8
        flat = faiss.IndexBinaryFlat(width)
        flat.add(np.ascontiguousarray(centers))
        index = faiss.IndexBinaryIVF(flat, width, count)
        order = np.argsort(lists, kind="stable")
        ends = np.searchsorted(lists[order], np.arange(count + 1))
        for number, (start, stop) in enumerate(pairwise(ends)):
            rows = order[start:stop]
            part, names = padded[rows], np.ascontiguousarray(ids[rows], np.int64)
            pointers = faiss.swig_ptr(names), faiss.swig_ptr(part)
            index.invlists.add_entries(number, len(rows), *pointers)
        index.ntotal, index.nprobe = len(ids), probes
        return cls(exact, index, wanted=wanted, recall=recall)

    def __len__(self) -> int:
        return len(self._exact)

    @property
    def ids(self) -> Ids:
        """All ids, ascending."""
        return self._exact.ids

    @property
    def num_lists(self) -> int:
        """How many lists there are."""
        return int(self._index.nlist)

    @property
    def num_probes(self) -> int:
        """How many of them a query is compared with."""
        return int(self._index.nprobe)

    def search(self, query_packed: Packed, *, top_k: int) -> list[Hits]:
        """Find about the top_k nearest codes of each query: see `Engine`."""
        check_top_k(top_k, len(self))
        padded = pad(check_packed(query_packed, self.num_bits))
        distances, ids = self._index.search(padded, top_k)
        return [
            sort_hits(row[row >= 0], far[row >= 0])  # -1: the lists held no more
            for row, far in zip(ids, distances, strict=True)
        ]

    def within(self, query_packed: Packed, *, radius: int) -> list[Hits]:
        """Find about all codes at a distance of at most radius: see `Engine`."""
        check_radius(radius, self.num_bits)
        padded = pad(check_packed(query_packed, self.num_bits))
        limits, distances, ids = self._index.range_search(padded, radius + 1)  # FAISS means <
        return split_ranges(limits, distances, ids)

    def among(self, selection: IDSelector) -> FlatIndex:
        """Return an exact engine: FAISS cannot restrict binary lists, and a part is fast."""
        return self._exact.among(selection)

    def add(self, packed: Packed, ids: Ids, items: pd.DataFrame | None = None) -> None:
        """Add codes to the lists that are there, and measure again: see `Engine`."""
        self._exact.add(packed, ids)
        self._index.add_with_ids(pad(packed), ids)
        self._tune()

    def remove(self, ids: Ids) -> None:
        """Remove codes, and measure again: see `Engine`."""
        self._exact.remove(ids)
        self._index.remove_ids(np.asarray(ids))
        self._tune()

    def save(self, file: Path) -> None:
        """Write codes, ids and lists: see `Engine`."""
        write_codes(
            file,
            "ivf",
            self.num_bits,
            **self._exact.held._asdict(),
            centers=_centers(self._index),
            lists=_list_of_each(self._index, self.ids),
            probes=np.array(self.num_probes),
            wanted=np.array(self._wanted),
            recall=np.array(self.recall),
        )

    def _tune(self) -> None:
        """Look at twice as many lists until enough is found."""
        if not len(self):
            self.recall = 1.0
            return
        packed = self._exact.held.packed
        probes = packed[np.linspace(0, len(packed) - 1, min(PROBES, len(packed))).astype(int)]
        top_k = min(AIM_AT, len(packed))
        true = self._exact.search(probes, top_k=top_k)
        self._index.nprobe = 1
        while (recall := _recall(self.search(probes, top_k=top_k), true)) < self._wanted:
            if self._index.nprobe == self._index.nlist:
                break
            self._index.nprobe = min(2 * self._index.nprobe, self._index.nlist)
        self.recall = recall


def _lists(exact: FlatIndex) -> FaissIndex:
    """Sort codes into lists: about the root of their number; to learn more takes minutes."""
    codes, ids = exact.held
    padded = pad(codes)
    num_lists = max(1, min(2 ** round(np.log2(np.sqrt(len(ids)))), len(ids) // LEARN_FROM))
    width = padded.shape[1] * 8
    index = faiss.IndexBinaryIVF(faiss.IndexBinaryFlat(width), width, num_lists)
    some = np.random.default_rng(0).permutation(len(ids))[: LEARN_FROM * num_lists]
    index.train(padded[some])
    index.add_with_ids(padded, ids)
    return index


def _check_lists(centers: Packed, lists: Ids, padded: Packed) -> None:
    """Refuse lists that were not made of these codes."""
    right = centers.dtype == np.uint8 and lists.dtype == np.int64
    if not right or centers.shape[1:] != padded.shape[1:]:
        raise InputError(f"its lists are {centers.dtype} and {lists.dtype} of {centers.shape}")
    if lists.shape != padded.shape[:1] or ((lists < 0) | (lists >= len(centers))).any():
        raise InputError("its lists do not hold its codes")


def _centers(index: FaissIndex) -> Packed:
    """Return the centers of lists, (lists, bytes) uint8."""
    flat: Any = faiss.downcast_IndexBinary(index.quantizer)
    centers: Packed = faiss.vector_to_array(flat.xb).reshape(index.nlist, -1)
    return centers


def _list_of_each(index: FaissIndex, ids: Ids) -> Ids:
    """Return in which list each of some ascending ids is, (n,) int64."""
    lists = np.zeros(len(ids), dtype=np.int64)
    for number in range(index.nlist):
        if size := index.invlists.list_size(number):
            held = faiss.rev_swig_ptr(index.invlists.get_ids(number), size)
            lists[np.searchsorted(ids, held)] = number
    return lists


def _recall(found: list[Hits], true: list[Hits]) -> float:
    """Return the share of the nearest that was found; of ties, one is as good as another."""
    near = [
        np.count_nonzero(hits.distances <= best.distances[-1]) / len(best.distances)
        for hits, best in zip(found, true, strict=True)
    ]
    return float(np.mean(near))
