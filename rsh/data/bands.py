"""Bands: what the values of a raster, and of a network's input, mean, by name and unit.

Images have red, green and blue, in 8 bits. Any other data set that a network sees has `Bands`, and
a network takes the bands that it was trained on by their names, wherever they stand in a file.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from rsh.errors import InputError
from rsh.text import plural

# What a value counts: 0 to 255 of an image, the digital numbers that a sensor's files hold, the
# share of the light that comes back, and the logarithm of what a radar gets back.
Unit = Literal["8 bits", "DN", "reflectance", "dB", "unknown"]
ALL = "all"  # bands of a raster
MOST_BANDS = 512
LISTED = 13  # names in a message
PLAIN = re.compile(r"[\W_]+")
PADDED = re.compile(r"\b([a-z]+)0+(?=\d)")
ONE_DIGIT = re.compile(r"^(b[\W_]*)(?=\d$)", re.IGNORECASE)
BETWEEN_DIGITS = re.compile(r"(?<=\d)[\W_]+(?=\d)")

# Bands that become red, green and blue, by the name of the composite; of Sentinel-2 by its own
# names, which number the bands. Landsat's numbers are others, and it has neither zeros nor a B8A.
SENTINEL_2 = re.compile(r"b[\W_]*(0[1-9]|8a)", re.IGNORECASE)
MOST_OF_SENTINEL_2 = ("B02", "B03", "B04", "B08", "B8A", "B11", "B12")
COMPOSITES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "true color": (("red", "green", "blue"), ("B04", "B03", "B02")),
    "false color": (("nir", "red", "green"), ("B08", "B04", "B03")),
    "short-wave infrared": (("swir22", "nir", "red"), ("B12", "B8A", "B04")),
    "SAR": (("VV", "VH", "VV"), ("HH", "HV", "HH")),
}


def plain_name(name: str) -> str:
    """Return a name without what files write differently: "B4", "b04" and "B_04" are one band.

    What stands between two digits counts: "B1_1" of a time series is not "B11".
    """
    return PADDED.sub(r"\1", _with_zeros(name))


def _with_zeros(name: str) -> str:
    return PLAIN.sub("", BETWEEN_DIGITS.sub("x", name.lower()))


def has_names_of_sentinel_2(names: Iterable[str]) -> bool:
    """Whether one of these bands is B8A or has a 0 before its digit, as those of Landsat never."""
    return any(map(SENTINEL_2.fullmatch, names))


def with_two_digits(name: str) -> str:
    """Return the name of a band of Sentinel-2 as ESA has it: "B05" for "B5"."""
    return ONE_DIGIT.sub(r"\g<1>0", name)


def check_names(names: Sequence[str]) -> None:
    """Refuse bands of which two have one name, or that are very many.

    Raises:
        InputError: names the band.
    """
    if len(names) > MOST_BANDS:
        raise InputError(
            f"{len(names):,} are too many, choose at most {MOST_BANDS}",
            parameter="input_bands",
            value=",".join(names[:3]) + ",...",
        )
    plain = [plain_name(name) for name in names]
    for name, key in zip(names, plain, strict=True):
        if plain.count(key) > 1:
            raise InputError(
                f"{name} is named twice: name each band once",
                parameter="input_bands",
                value=",".join(names),
            )


@dataclass(frozen=True)
class Bands:
    """The bands of a data set that a network sees as they are, and not as an image.

    Attributes:
        names: of the bands, in the order of the network's input.
        units: a `Unit` each.
    """

    names: tuple[str, ...] = ()
    units: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_names(self.names)
        if len(self.units) != len(self.names) or not set(self.units) <= set(get_args(Unit)):
            units = ", ".join(get_args(Unit))
            raise InputError(
                f"give each of {plural(len(self.names), 'band')} one of the units {units}",
                parameter="units",
                value=",".join(self.units),
            )

    def __len__(self) -> int:
        return len(self.names)

    @property
    def channels(self) -> int:
        """Of the input of a network: those of an image, or the bands."""
        return len(self) or 3

    def has_names(self, names: Sequence[str]) -> bool:
        """Whether these are the names, however they are written."""
        return [*map(plain_name, self.names)] == [*map(plain_name, names)]

    def described(self) -> str:
        """Return names and units in words: "red, green, blue and nir in reflectance"."""
        if not self.names:
            return "red, green and blue of 8 bits"
        shown = ", ".join(self.names[:LISTED]) + ", ..." * (len(self.names) > LISTED)
        return f"{shown} in {' and '.join(dict.fromkeys(self.units))}"


IMAGE = Bands()  # red, green and blue of 8 bits


@dataclass(frozen=True)
class BandOptions:
    """Which bands of rasters a network sees, and what their values mean.

    Attributes:
        names: of the bands, or their numbers from 1, or `ALL`; none for images.
        scale: what a value is multiplied by, after the scale and offset that a raster states.
        offset: what is added then.
        unit: of the result, a `Unit`; "" leaves it to what the raster states and its values.
    """

    names: tuple[str, ...] = ()
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""

    def __post_init__(self) -> None:
        check_names(self.names)
        if self.unit and self.unit not in get_args(Unit):
            units = ", ".join(get_args(Unit))
            raise InputError(f"choose one of {units}", parameter="unit", value=self.unit)
        if not 0 < abs(self.scale) < float("inf"):
            raise InputError("give a number other than 0", parameter="scale", value=self.scale)
        if not abs(self.offset) < float("inf"):
            raise InputError("give a finite number", parameter="offset", value=self.offset)

    def convert_to(self, other: "BandOptions") -> tuple[float, float]:
        """Return scale and offset by which a value of these rasters is one of other rasters."""
        return self.scale / other.scale, (self.offset - other.offset) / other.scale


NO_BANDS = BandOptions()


def find_bands(there: Sequence[str], wanted: Sequence[str], where: str) -> tuple[int, ...]:
    """Return the numbers, from 1, of the bands with these names.

    Args:
        there: names of the bands of a raster.
        wanted: names, or numbers from 1 where no band has a number for its name.
        where: the raster, for messages.

    Raises:
        InputError: it lacks one of them, or two of its bands have this name.
    """
    plain = [plain_name(name) for name in there]
    found = []
    for name in wanted:
        key = plain_name(name)
        if plain.count(key) > 1:
            raise InputError(
                f"{where} has two bands called {name}: rename one of them in the file, such as "
                f"with `rio edit-info`, or choose bands by their numbers"
            )
        if key in plain:
            found.append(plain.index(key) + 1)
        elif name.isdecimal() and 1 <= int(name) <= len(there):
            found.append(int(name))
        else:
            shown = ", ".join(there[:LISTED]) + ", ..." * (len(there) > LISTED)
            raise InputError(f"{where} has no band {name}, but {shown}")
    return tuple(found)


def find_same_bands(there: Sequence[str], names: Sequence[str], where: str) -> tuple[int, ...]:
    """Return the numbers, from 1, of the bands that other files call by these names.

    Args:
        there: names of the bands of a raster.
        names: in the files that a network learned from, or in the first file of a data set.
        where: the raster, for messages.

    Raises:
        InputError: as `find_bands`; or one of them is called B05, which is Sentinel-2's, and the
            other B5, which may be Landsat's.
    """
    numbers = find_bands(there, names, where)
    if has_names_of_sentinel_2(there) != has_names_of_sentinel_2(names):
        for name, number in zip(names, numbers, strict=True):
            other = there[number - 1]
            if not name.isdecimal() and _with_zeros(name) != _with_zeros(other):
                landsat, sentinel = sorted((name, other), key=lambda each: "0" in each)
                raise InputError(
                    f"{where} has a band {other}, which need not be the {name} of the other files: "
                    f"Landsat's {landsat} lies elsewhere in the spectrum than Sentinel-2's "
                    f"{sentinel}; if it is the same, rename it with `rio edit-info FILE --bidx "
                    f"{number} --description {name}`"
                )
    return numbers


def find_composites(
    names: Sequence[str], *, by_default: bool = False
) -> dict[str, tuple[int, int, int]]:
    """Return the numbers, from 1, of the bands that are shown as red, green and blue.

    Args:
        names: of all bands of a raster.
        by_default: only those that are shown unasked, for which most bands of Sentinel-2 must be
            there: networks of images have learned from what is shown so.

    Returns:
        By the name of each composite for which the bands are there.
    """
    plain = [plain_name(name) for name in names]
    is_sentinel_2 = {plain_name(name) for name in MOST_OF_SENTINEL_2} <= set(plain)
    if not by_default:
        is_sentinel_2 = is_sentinel_2 or has_names_of_sentinel_2(names)
    found: dict[str, tuple[int, int, int]] = {}
    for title, choices in COMPOSITES.items():
        for triple in choices:
            keys = [plain_name(name) for name in triple]
            is_there = all(plain.count(key) == 1 for key in keys)
            if is_there and (is_sentinel_2 or triple[0][0] != "B"):
                red, green, blue = (plain.index(key) + 1 for key in keys)
                found.setdefault(title, (red, green, blue))
    return found
