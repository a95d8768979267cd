"""The head that labels have taught: it corrects the class bits of a network.

    class bits = the network's + relu([features, tanh(the network's)] W1 + b1) W2 + b2

A learned gallery holds it in head-N.npz, and what the network gave for each tile beside the codes,
so that a query and a new tile get codes that fit, and the next labels teach the network's codes
again. numpy applies it: a dashboard's kernel needs no torch. See `rsh.learning.learn`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import binarize
from rsh.codes.encodings import Encodings, HalfArray
from rsh.errors import InputError
from rsh.gallery.segment import GalleryTiles, PackedRows, Rows
from rsh.io.arrays import read_arrays
from rsh.io.files import atomic_write, recovery_hint

Floats = NDArray[np.float32]
ROWS_AT_ONCE = 1 << 14
LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True, eq=False)
class LearnedHead:
    """The weights, for features of d numbers, h hidden units and c class bits.

    Attributes:
        hidden_weight: (d + c, h) float32.
        hidden_bias: (h,) float32.
        weight: (h, c) float32.
        bias: (c,) float32.
    """

    hidden_weight: Floats
    hidden_bias: Floats
    weight: Floats
    bias: Floats

    @classmethod
    def read(cls, file: Path, *, feature_dim: int, class_bits: int) -> "LearnedHead":
        """Read the weights for a gallery.

        Args:
            file: the .npz file.
            feature_dim: numbers in a feature of the gallery.
            class_bits: how many bits of its codes are no look bits.

        Raises:
            InputError: the file holds no such weights.
        """
        try:
            arrays = read_arrays(file)
            hidden = len(arrays.get("hidden_bias", ()))
            shapes = {
                "hidden_weight": (feature_dim + class_bits, hidden),
                "hidden_bias": (hidden,),
                "weight": (hidden, class_bits),
                "bias": (class_bits,),
            }
            found = {name: array.shape for name, array in arrays.items()}
            if found != shapes or {array.dtype.name for array in arrays.values()} != {"float32"}:
                raise InputError("other arrays than those of a learned head")
            if not all(np.isfinite(array).all() for array in arrays.values()):
                raise InputError("a weight that is not finite")
        except InputError as error:
            raise InputError(f"{file} holds {error}: {recovery_hint('gallery')}") from None
        return cls(**arrays)

    def save(self, file: Path) -> None:
        """Write the weights.

        Raises:
            InputError: the folder cannot be written.
        """
        with atomic_write(file) as stream:
            np.savez(stream, **vars(self))

    def correct(self, features: NDArray[Any], network: NDArray[Any]) -> HalfArray:
        """Return corrected hash layer output.

        Args:
            features: of the network, (n, d), length 1.
            network: its hash layer output, (n, num_bits), class bits first.

        Returns:
            (n, num_bits) float16; look bits are as they were.
        """
        relaxed = np.array(network, dtype=np.float16)
        class_bits = len(self.bias)
        for start in range(0, len(relaxed), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            given = np.asarray(network[part, :class_bits], np.float32)
            inputs = np.hstack([np.asarray(features[part], np.float32), np.tanh(given)])
            hidden = np.maximum(inputs @ self.hidden_weight + self.hidden_bias, 0)
            corrected = given + hidden @ self.weight + self.bias
            relaxed[part, :class_bits] = np.clip(corrected, -LARGEST, LARGEST)
        return relaxed

    def encode(self, encodings: Encodings) -> Encodings:
        """Return what a network gives for some images, with corrected codes."""
        relaxed = self.correct(encodings.features, encodings.relaxed)
        return Encodings(binarize(relaxed), relaxed, encodings.features)

    def encode_tiles(self, tiles: GalleryTiles) -> GalleryTiles:
        """Return tiles that a network has encoded with corrected codes, computed as they are read.

        Args:
            tiles: with the network's codes.
        """
        relaxed = CorrectedRows(self, tiles.features, tiles.relaxed)
        return GalleryTiles(
            items=tiles.items,
            packed=PackedRows(relaxed),
            relaxed=relaxed,
            features=tiles.features,
            thumbnails=tiles.thumbnails,
            previews=tiles.previews,
            composites=tiles.composites,
            network=tiles.relaxed,
        )


@dataclass(frozen=True, eq=False)
class CorrectedRows:
    """Corrected hash layer output, computed for the rows that are read: see `LearnedHead.correct`.

    Attributes:
        head: corrects.
        features: (n, d).
        network: hash layer output of the network, (n, num_bits).
        tick: progress callback, called with the number of rows that were computed.
    """

    head: LearnedHead
    features: Rows
    network: Rows
    tick: Callable[[int], object] = lambda count: None

    def __len__(self) -> int:
        return len(self.network)

    def __getitem__(self, rows: slice, /) -> HalfArray:
        corrected = self.head.correct(self.features[rows], self.network[rows])
        self.tick(len(corrected))
        return corrected
