"""Checks whether tiles of near codes are near duplicates: by features, by pixels, or not at all.

A code forgets most of a tile. Codes of a supervised network say little but the class, so hundreds
of different tiles share one; only a comparison of each pair tells which are duplicates.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from typing import NamedTuple, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import Ids
from rsh.config import DEFAULT_COSINE, PairCheck
from rsh.data import twins
from rsh.data.images import read_thumbnail
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.io.files import recovery_hint

AT_ONCE = 2**16  # features in memory at a time
DIGEST = 16  # bytes: two of a billion tiles have the same with a probability of 1e-21
Scores = NDArray[np.float32]


class Compared(NamedTuple):
    """Pairs of tiles after a check.

    Attributes:
        similarities: (m,) float32, at most 1; NaN if the check has none.
        alike: whether each pair passes, (m,) bool.
    """

    similarities: Scores
    alike: NDArray[np.bool_]


class Check(Protocol):
    """Compares tiles of a gallery, by their rows.

    Attributes:
        name: of the check.
        measure: what its similarities are; "" if it has none.
        threshold: least similarity of a pair that passes; None if that is not what decides.
    """

    name: PairCheck
    measure: str
    threshold: float | None

    def contents(self, rows: Ids) -> NDArray[np.uint8]:
        """Return bytes of each tile that are equal where the check sees no difference, (n, w)."""

    def compare(self, first: Ids, second: Ids) -> Compared:
        """Compare tiles pair by pair, (m,) rows each.

        Raises:
            InputError: a feature or a thumbnail is damaged.
        """

    def find(self, first: Ids, second: Ids) -> tuple[Ids, Scores]:
        """Compare tiles pair by pair, and return only what passes.

        Returns:
            Places of the pairs that pass, and their similarities.

        Raises:
            InputError: as for `compare`.
        """

    def find_across(self, first: Ids, second: Ids) -> tuple[Ids, Ids, Scores]:
        """Compare every tile of one list with every tile of another.

        Returns:
            Places in both lists of the pairs that pass, and their similarities.

        Raises:
            InputError: as for `compare`.
        """


class NoCheck:
    """Takes near codes for near duplicates: see `Check`."""

    name: PairCheck = "none"
    measure = ""
    threshold: float | None = None

    def contents(self, rows: Ids) -> NDArray[np.uint8]:
        """Return no bytes, since it sees no difference: see `Check`."""
        return np.empty((len(rows), 0), np.uint8)

    def compare(self, first: Ids, second: Ids) -> Compared:
        """Let every pair pass: see `Check`."""
        return Compared(np.full(len(first), np.nan, np.float32), np.ones(len(first), bool))

    def find(self, first: Ids, second: Ids) -> tuple[Ids, Scores]:
        """Let every pair pass: see `Check`."""
        return np.arange(len(first)), self.compare(first, second).similarities

    def find_across(self, first: Ids, second: Ids) -> tuple[Ids, Ids, Scores]:
        """Let every pair pass: see `Check`."""
        one, other = (place.ravel() for place in np.indices((len(first), len(second))))
        return one, other, np.full(len(one), np.nan, np.float32)


class FeatureCheck:
    """Compares the stored features by their cosine: see `Check`."""

    name: PairCheck = "features"
    measure = "cosine"

    def __init__(self, gallery: Gallery, threshold: float) -> None:
        """Let pairs pass whose cosine is at least the threshold.

        Raises:
            InputError: a feature is not a finite number.
        """
        self._features = gallery.features
        self.threshold: float | None = threshold
        self._least = np.float32(threshold - 1e-6)  # equal features have 1 up to rounding
        self._lengths = np.empty(len(gallery), np.float32)  # 1 but for rounding
        for start in range(0, len(gallery), AT_ONCE):
            part = self._features[start : start + AT_ONCE].astype(np.float32)
            self._lengths[start : start + AT_ONCE] = np.linalg.norm(part, axis=1)
        if not np.isfinite(self._lengths).all():
            raise InputError(f"a feature is not a finite number: {recovery_hint('gallery')}")
        np.maximum(self._lengths, np.float32(1e-6), out=self._lengths)

    def contents(self, rows: Ids) -> NDArray[np.uint8]:
        """Return digests of the features: see `Check`."""
        return _digests(self._features[row].tobytes() for row in rows)

    def compare(self, first: Ids, second: Ids) -> Compared:
        """Compare features pair by pair: see `Check`."""
        one, other = (self._features[rows].astype(np.float32) for rows in (first, second))
        lengths = self._lengths[first] * self._lengths[second]
        cosines = np.einsum("ij,ij->i", one, other) / lengths
        return Compared(cosines, cosines >= self._least)

    def find(self, first: Ids, second: Ids) -> tuple[Ids, Scores]:
        """Compare features pair by pair: see `Check`."""
        cosines, alike = self.compare(first, second)
        return np.flatnonzero(alike), cosines[alike]

    def find_across(self, first: Ids, second: Ids) -> tuple[Ids, Ids, Scores]:
        """Compare features in one matrix product: see `Check`."""
        unit = [
            self._features[rows].astype(np.float32) / self._lengths[rows, None]
            for rows in (first, second)
        ]
        cosines = unit[0] @ unit[1].T
        one, other = np.nonzero(cosines >= self._least)
        return one, other, cosines[one, other]


class PixelCheck:
    """Compares small gray images made from the thumbnails, see `rsh.data.twins`: see `Check`.

    The similarity is 1 less the root mean square of the differences, as a share of the range of
    values. A tile without an image is like no other.
    """

    name: PairCheck = "pixels"
    measure = "pixels"
    threshold: float | None = None

    def __init__(self, gallery: Gallery) -> None:
        """Read no thumbnail yet; each is read when it is first compared."""
        self._gallery = gallery
        self._has_image = gallery.with_image
        self._read = np.zeros(len(gallery), bool)
        self._hashes = np.empty(len(gallery), np.uint64)
        self._small = np.empty((len(gallery), twins.SMALL_SIDE**2), np.uint8)

    def contents(self, rows: Ids) -> NDArray[np.uint8]:
        """Return digests of the thumbnails; of a tile without one, of its id: see `Check`."""
        names = self._gallery.ids
        return _digests(
            self._gallery.thumbnail(row) if self._has_image[row] else names[int(row)].encode()
            for row in rows
        )

    def compare(self, first: Ids, second: Ids) -> Compared:
        """Compare images pair by pair: see `Check`."""
        self._prepare(first, second)
        one, other = (self._small[rows].astype(np.float32) for rows in (first, second))
        near = self._near(self._hashes[first], self._hashes[second])
        known = (self._has_image[first] & self._has_image[second]) | (first == second)
        similarities = 1 - twins.root_mean_square(one, other) / np.float32(255)
        return Compared(similarities, known & near & twins.look_alike(one, other))

    def find(self, first: Ids, second: Ids) -> tuple[Ids, Scores]:
        """Compare the images of the pairs whose hashes are near: see `Check`."""
        self._prepare(first, second)
        near = np.flatnonzero(self._near(self._hashes[first], self._hashes[second]))
        similarities, alike = self.compare(first[near], second[near])
        return near[alike], similarities[alike]

    def find_across(self, first: Ids, second: Ids) -> tuple[Ids, Ids, Scores]:
        """Compare the images whose hashes are near: see `Check`."""
        self._prepare(first, second)
        near = self._near(self._hashes[first][:, None], self._hashes[second])
        one, other = np.nonzero(near)
        similarities, alike = self.compare(first[one], second[other])
        return one[alike], other[alike], similarities[alike]

    @staticmethod
    def _near(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> NDArray[np.bool_]:
        near: NDArray[np.bool_] = np.bitwise_count(one ^ other) <= twins.MAX_BITS
        return near

    def _prepare(self, *rows: Ids) -> None:
        """Read the thumbnails that are not known yet."""
        wanted = np.unique(np.concatenate(rows))
        wanted = wanted[~self._read[wanted]]
        if not len(wanted):
            return
        with ThreadPoolExecutor() as pool:
            hashes, small = zip(*pool.map(self._look, wanted.tolist()), strict=True)
        self._hashes[wanted], self._small[wanted] = np.concatenate(hashes), np.concatenate(small)
        self._read[wanted] = True

    def _look(self, row: int) -> twins.Look:
        try:
            return twins.look([read_thumbnail(self._gallery.thumbnail(row))])
        except InputError as error:
            tile = self._gallery.ids[row]
            raise InputError(f"{tile}: {error}: {recovery_hint('gallery')}") from None


def make_check(gallery: Gallery, name: PairCheck | None, threshold: float | None) -> Check:
    """Return a check of a gallery's tiles.

    Args:
        gallery: an opened gallery.
        name: of the check; by default pixels, or features if no tile has an image.
        threshold: least cosine of features; `DEFAULT_COSINE` by default.

    Raises:
        InputError: no such check, no tile has an image, or the threshold is out of range or not for
            this check.
    """
    name = name or ("pixels" if gallery.has_images else "features")
    if name not in get_args(PairCheck):
        choices = ", ".join(get_args(PairCheck))
        raise InputError(f"choose one of {choices}", parameter="check", value=name)
    if threshold is not None and name != "features":
        raise InputError(
            "only --check features has a threshold, leave it out",
            parameter="threshold",
            value=threshold,
        )
    if threshold is not None and not -1 <= threshold <= 1:
        raise InputError("choose a cosine from -1 to 1", parameter="threshold", value=threshold)
    if name == "pixels" and not gallery.has_images:
        raise InputError(
            "the tiles have no images, choose features or none", parameter="check", value=name
        )
    if name == "features":
        return FeatureCheck(gallery, DEFAULT_COSINE if threshold is None else threshold)
    return PixelCheck(gallery) if name == "pixels" else NoCheck()


def _digests(contents: Iterable[bytes]) -> NDArray[np.uint8]:
    found = b"".join(blake2b(content, digest_size=DIGEST).digest() for content in contents)
    return np.frombuffer(found, np.uint8).reshape(-1, DIGEST)
