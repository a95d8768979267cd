"""Coarse lists of a large gallery: the page reads those nearest to a query, and searches them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Ids, Packed, hamming
from rsh.gallery.gallery import Gallery
from rsh.index.flat import FlatIndex
from rsh.index.ivf import RECALL_AT, RECALL_QUERIES, group_codes

TARGET_RECALL = 0.97  # of the nearest 20 tiles; more costs a visitor more bytes a query


@dataclass(frozen=True)
class ListsManifest:
    """What the browser knows of the lists.

    Attributes:
        nprobe: lists that a search reads.
        recall: of the nearest tiles that can be found, the share that these lists hold, a mean
            over tiles of the gallery as queries. Any of the tied tiles counts.
        recall_at: how many nearest tiles that was measured for.
    """

    nprobe: int
    recall: float
    recall_at: int


@dataclass(frozen=True)
class CoarseLists:
    """The lists of a gallery.

    Attributes:
        centers: packed codes, (lists, bytes) uint8.
        lists: the list of each tile, (n,) int64.
        order: rows, one list after the other, those of a list in the order of their codes, (n,).
    """

    centers: Packed
    lists: Ids
    order: Ids

    @classmethod
    def of_gallery(cls, gallery: Gallery) -> "CoarseLists":
        """Group the tiles of a gallery by their codes."""
        centers, lists = group_codes(gallery.packed, gallery.num_bits)
        return cls(centers, lists, np.lexsort((*gallery.packed.T[::-1], lists)))

    @property
    def starts(self) -> Ids:
        """Where each list begins in `order`, and where the last one ends, (lists + 1,)."""
        sizes = np.bincount(self.lists, minlength=len(self.centers))
        return np.concatenate([[0], np.cumsum(sizes)])

    def describe(self, gallery: Gallery) -> ListsManifest:
        """Choose how many lists a search reads, and measure what they hold."""
        recalls = self.measure_recall(gallery)
        nprobe = int(np.argmax(recalls >= TARGET_RECALL)) + 1
        return ListsManifest(nprobe, float(recalls[nprobe - 1]), RECALL_AT)

    def measure_recall(self, gallery: Gallery) -> NDArray[np.float64]:
        """Return the mean recall by the number of lists that are read.

        Queries are tiles of the gallery, evenly spaced. A tile does not find itself, and held-out
        tiles are not found. A search reads more lists where these hold too few tiles.

        Returns:
            The recall with one list, with two, and so on: (lists,), 1 at the end.
        """
        packed, found, nlist = gallery.packed, gallery.searchable, len(self.centers)
        if not len(found):
            return np.ones(nlist)
        flat = FlatIndex(packed[found], gallery.num_bits, found)
        sizes = np.bincount(self.lists[found], minlength=nlist)
        rows = np.linspace(0, len(packed) - 1, min(RECALL_QUERIES, len(packed))).astype(int)
        recalls: list[NDArray[np.float64]] = []
        for row in rows.tolist():
            query = packed[row : row + 1]
            (nearest,) = flat.search(query, top_k=min(RECALL_AT + 1, len(flat)))
            others = nearest.distances[nearest.ids != row][:RECALL_AT]
            if not len(others):
                continue
            (within,) = flat.range_search(query, radius=int(others[-1]))
            order = np.argsort(hamming(query, self.centers)[0], kind="stable")
            place = np.empty(nlist, int)
            place[order] = np.arange(nlist)
            held = place[self.lists[within.ids[within.ids != row]]]
            total = np.cumsum(np.bincount(held, minlength=nlist))
            least = np.searchsorted(np.cumsum(sizes[order]), min(RECALL_AT + 1, len(found)))
            read = np.maximum(np.arange(nlist), least)
            recalls.append(np.minimum(total[read], len(others)) / len(others))
        return np.asarray(np.mean(recalls or [np.ones(nlist)], axis=0))

    def write(self, gallery: Gallery, labels: NDArray[np.generic], folder: Path) -> None:
        """Write what a search reads, as `rsh.explorer.site.layout` says.

        Args:
            gallery: whose lists these are.
            labels: of all tiles, as the site numbers them.
            folder: of the site's data.
        """
        splits = gallery.table.categories("split")[1].astype("u1")
        to_words(self.centers).tofile(folder / "centers.bin")
        held_out = np.bincount(self.lists[gallery.is_held_out], minlength=len(self.centers))
        np.concatenate([self.starts, held_out]).astype("<u4").tofile(folder / "lists.bin")
        for number, rows in enumerate(np.split(self.order, self.starts[1:-1])):
            parts = (rows.astype("<u4"), to_words(gallery.packed[rows]), labels[rows], splits[rows])
            content = b"".join(np.ascontiguousarray(part).tobytes() for part in parts)
            folder.joinpath(f"list-{number}.bin").write_bytes(content)


def to_words(packed: Packed) -> Packed:
    """Pad codes with zeros to whole words of four bytes."""
    return np.pad(packed, ((0, 0), (0, -packed.shape[1] % 4)))
