"""How the values of a raster become the 8-bit RGB image that a network and people see.

8-bit values stay as they are. All others are stretched linearly, low and high to 0 and 255, with
the same low and high for all tiles of a data set: equal values look equal, and a query is rendered
like the gallery it searches. Runs and galleries store their rendering.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsh.errors import InputError

MIN_SIDE = 8  # pixels; below that a tile has no texture to encode
PERCENTILES = (2, 98)
ROUNDING = 1e-4  # of a stretch, as a share of its span: far less than a gray level
WHOLE = (0.0, 255.0)  # stretch of 8 bits
STRIP_PIXELS = 1 << 20  # that are converted at a time
Stretch = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Rendering:
    """The bands of rasters that are shown, and the stretch of their values.

    Attributes:
        bands: numbers from 1 of the bands that become red, green and blue, or of one; if empty,
            each raster's own red, green and blue.
        count: how many bands the rasters have that `bands` applies to. Others, such as an RGB
            image that is searched with, show their own red, green and blue.
        stretch: low and high value of each of these bands, or one pair for all, after the scale and
            offset that a raster states; empty if all values have 8 bits, or are not known yet.
        names: of these bands, which then decide and not their numbers; empty if numbers were given.
    """

    bands: tuple[int, ...] = ()
    count: int = 0
    stretch: Stretch = ()
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.bands) not in (0, 1, 3) or any(band < 1 for band in self.bands):
            raise InputError(
                "choose one or three, from 1", parameter="bands", value=self.bands_flag
            )
        ends = [value for pair in self.stretch for value in pair]
        is_pairs = all(len(pair) == 2 and pair[0] < pair[1] for pair in self.stretch)
        if len(self.stretch) not in (0, 1, 3) or not is_pairs or not np.isfinite(ends).all():
            raise InputError(
                "give a lower and a higher value, such as 0,3000",
                parameter="stretch",
                value=self.stretch_flag,
            )

    @property
    def bands_flag(self) -> str:
        """The bands as --bands takes them."""
        return ",".join(map(str, self.bands))

    @property
    def stretch_flag(self) -> str:
        """The stretch as --stretch takes it."""
        return ",".join(f"{value:g}" for pair in self.stretch for value in pair)

    def pairs(self, channels: int) -> Stretch:
        """Return low and high for each of one or three channels; empty if they are not known."""
        if len(self.stretch) == channels:
            return self.stretch
        return self.stretch[:1] * channels if len(set(self.stretch)) == 1 else ()

    def rescaled(self, scale: float, offset: float) -> "Rendering":
        """Return the same for rasters whose values are these times a scale, plus an offset.

        Without a stretch they have 8 bits, which go from 0 to 255.
        """
        if (scale, offset) == (1, 0):
            return self
        stretch = self.stretch or (WHOLE,)
        ends = (sorted((low * scale + offset, high * scale + offset)) for low, high in stretch)
        return replace(self, stretch=tuple((low, high) for low, high in ends))

    def over(self, other: "Rendering") -> "Rendering":
        """Return this rendering, completed by another where it says nothing."""
        same_bands = not self.bands or self.bands == other.bands
        return Rendering(
            self.bands or other.bands,
            other.count if same_bands else self.count,
            self.stretch or (other.stretch if same_bands else ()),
            other.names if same_bands else self.names,
        )

    def merge(self, other: "Rendering") -> "Rendering":
        """Return the rendering of a gallery that holds tiles of both.

        Raises:
            InputError: they differ, so that one value would look different from tile to tile.
        """
        if AS_IS in (self, other) or self.is_like(other):
            return other if self == AS_IS else self
        raise InputError(
            f"the tiles were rendered in two ways ({self.described()}; {other.described()}): "
            "encode one of them again, with the --bands and --stretch of the other"
        )

    def is_like(self, other: "Rendering") -> bool:
        """Whether both are the same, but for the rounding of values brought to another unit."""
        if replace(self, stretch=()) != replace(other, stretch=()):
            return False
        if len(self.stretch) != len(other.stretch):
            return False
        pairs = zip(self.stretch, other.stretch, strict=True)
        return all(
            abs(one - its) <= ROUNDING * (high - low)
            for (low, high), ends in pairs
            for one, its in zip((low, high), ends, strict=True)
        )

    def described(self) -> str:
        """Return bands and stretch in words."""
        bands = f"bands {', '.join(map(str, self.bands))}" if self.bands else "red, green, blue"
        pairs = ", ".join(f"{low:g} to {high:g}" for low, high in dict.fromkeys(self.stretch))
        return f"{bands}: {pairs or '8 bits, unchanged'}"

    def with_stretch(self, sample: Sequence[NDArray[Any]]) -> "Rendering":
        """Return this rendering with the stretch of a sample, unless it has one.

        Args:
            sample: values of each channel, without those that hold no data.
        """
        return self if self.stretch else replace(self, stretch=percentile_stretch(sample))


AS_IS = Rendering()


@dataclass(frozen=True)
class Composite:
    """One of several ways to show the bands of a data set.

    Attributes:
        name: such as "true color", see `rsh.data.bands.COMPOSITES`.
        bands: names of the bands that are shown.
        rendering: these bands and their stretch.
    """

    name: str
    bands: tuple[str, ...]
    rendering: Rendering

    def rescaled(self, scale: float, offset: float) -> "Composite":
        """Return the same for rasters whose values are these times a scale, plus an offset."""
        return replace(self, rendering=self.rendering.rescaled(scale, offset))

    def is_like(self, other: "Composite") -> bool:
        """Whether both show the same, but for rounding: see `Rendering.is_like`."""
        same = (self.name, self.bands) == (other.name, other.bands)
        return same and self.rendering.is_like(other.rendering)

    def described(self) -> dict[str, Any]:
        """Return name, bands, and the values that are black and white in each, ready for JSON."""
        stretch = self.rendering.pairs(len(self.bands)) or (WHOLE,) * len(self.bands)
        black, white = (
            [float(f"{end:.4g}") for end in ends] for ends in zip(*stretch, strict=True)
        )
        return {"name": self.name, "bands": list(self.bands), "black": black, "white": white}


def percentile_stretch(sample: Sequence[NDArray[Any]]) -> Stretch:
    """Return the 2nd and 98th percentile of each channel; of a constant one, itself and one more.

    Args:
        sample: finite values of each channel, at least one.
    """
    found = [np.percentile(values, PERCENTILES) for values in sample]
    ends = ((float(low), float(high)) for low, high in found)
    return tuple(
        (low, high if high > low else low + max(1.0, abs(low) * 1e-6)) for low, high in ends
    )


def strips(height: int, width: int) -> Iterator[slice]:
    """Yield the rows of an image in strips, so that few values are in memory at once."""
    rows = max(1, STRIP_PIXELS // width)
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


def to_bytes(values: NDArray[Any], stretch: Stretch) -> NDArray[np.uint8]:
    """Return stretched values as 8 bits.

    Args:
        values: (channels, h, w); NaN becomes 0, and infinities the nearest end.
        stretch: low and high of each channel.
    """
    low, high = np.array(stretch).T[:, :, None, None]
    scaled = np.nan_to_num((values.astype(np.float64) - low) / (high - low) * 255, nan=0)
    pixels: NDArray[np.uint8] = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return pixels
