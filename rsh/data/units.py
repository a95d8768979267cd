"""Which unit values have, found by what a file states and by the values themselves.

A network that gets values in another unit returns codes that mean nothing, without a sign of it: in
torchgeo-bench 105 results were no better than chance for this reason. So the unit of a data set is
settled when it is opened, and a network takes its own alone.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsh.data.bands import BandOptions, Bands, Unit

LOWEST, HIGHEST = -80.0, 40.0  # decibels that radars get back
FAINT = -3.0  # decibels: some of a scene's are lower, unlike those of indices from -1 to 1
BRIGHTEST = 2.0  # reflectance, of clouds and mirrors in the sun
DARKEST = -0.3  # reflectance, after a correction of the atmosphere that took too much
MOST_BELOW_0 = 0.2  # share of such reflectance
# Since processing baseline 04.00 of January 2022 the digital numbers of Sentinel-2 are 1,000
# higher. Source: https://sentinels.copernicus.eu/web/sentinel/-/copernicus-sentinel-2-major-products-upgrade-upcoming
BASELINE, RAISED_BY = 4.0, -1000.0
QUANTIFICATION = 1e-4  # reflectance in a digital number of Sentinel-2, and of most other products
FAR = 20  # times the largest value of others
LARGEST = float(np.finfo(np.float16).max)  # bands are kept as half floats
SMALLEST = 1e-3  # largest value of a band whose others half floats still resolve
MUCH = 0.5  # a smaller scale turns digital numbers or percent into reflectance
NUMBER = re.compile(r"-?\d+(\.\d+)?")
ADD_OFFSET = re.compile(r"(RADIO|BOA)_ADD_OFFSET")
COMPACT = re.compile(r"N(\d\d)(\d\d)")  # "N0400" is baseline 04.00 in the names of products


class BandSample(NamedTuple):
    """Some values of a band.

    Attributes:
        values: finite, after every scale and offset, (n,) float64.
        kind: the type in the file, as NumPy calls it.
        is_scaled: whether a scale was applied, so that whole numbers are no digital numbers.
    """

    values: NDArray[np.float64]
    kind: str
    is_scaled: bool


def guess_units(samples: Sequence[BandSample]) -> tuple[Unit, ...]:
    """Return the unit of each band.

    Whole numbers that no scale was applied to are digital numbers, of 8 bits those of an image. Of
    other values the median of decibels is below 0, and reflectance lies between 0 and 2.
    """
    found = [_guess_unit(sample) for sample in samples]
    if "DN" in found:  # a band that is 0 or 1 everywhere does not differ from reflectance
        found = ["DN" if _is_whole(sample) else unit for sample, unit in zip(samples, found)]  # noqa: B905
    return tuple(found)


def _guess_unit(sample: BandSample) -> Unit:
    values = sample.values
    if not sample.is_scaled and sample.kind == "uint8":
        return "8 bits"
    if not sample.is_scaled and np.dtype(sample.kind).kind in "iu":
        return "DN"
    if not values.size:
        return "unknown"
    low, middle, high = np.percentile(values, (0.5, 50, 99.5))
    if middle < 0:
        return "dB" if LOWEST <= low <= FAINT and high <= HIGHEST else "unknown"
    if high > BRIGHTEST:
        return "DN" if low >= 0 and _is_whole(sample) else "unknown"
    is_reflectance = low >= DARKEST and np.mean(values < 0) <= MOST_BELOW_0
    return "reflectance" if is_reflectance else "unknown"


def find_mixture(samples: Sequence[BandSample]) -> tuple[int, int] | None:
    """Return two of several samples of one band that have not the same unit; None if all have.

    A unit that is not known counts where its values are far beyond all others: some tiles of one
    data set are darker or brighter than a unit usually is.
    """
    units = [_guess_unit(sample) for sample in samples]
    if "DN" in units:  # a blank tile of floats does not differ from reflectance
        pairs = zip(units, samples, strict=True)
        units = ["DN" if unit == "reflectance" and _is_whole(one) else unit for unit, one in pairs]
    known = [place for place, unit in enumerate(units) if unit != "unknown"]
    for place in known:
        if units[place] != units[known[0]]:
            return known[0], place
    sizes = [float(np.median(np.abs(one.values))) if one.values.size else 0 for one in samples]
    if known:
        largest = max(float(np.abs(samples[place].values).max()) for place in known)
        for place, size in enumerate(sizes):
            if units[place] == "unknown" and size > FAR * largest:
                return known[0], place
    return None


def check_range(name: str, sample: BandSample) -> str:
    """Say that values are too large or small to be kept as half floats; "" if they are not."""
    most = float(np.percentile(np.abs(sample.values), 99.9)) if sample.values.size else 1.0
    if most == 0 or SMALLEST <= most <= LARGEST:
        return ""
    scale = 10.0 ** -math.floor(math.log10(most))
    return (
        f"{name} reaches {most:.3g}, where values of {SMALLEST:g} to {LARGEST:g} are kept: add "
        f"--scale {scale:g}"
    )


def check_scaled(name: str, before: BandSample, options: BandOptions) -> str:
    """Say that values are reflectance without the scale or offset that was given; "" if not."""
    flags = ["--scale"] * (abs(options.scale) < MUCH)
    if options.offset and not before.is_scaled:  # a stated scale may lack its offset
        flags.append("--offset")
    if options.unit or not flags or _guess_unit(before) != "reflectance":
        return ""
    low, high = np.percentile(before.values, (2, 98))
    given = " and ".join(flags)
    return (
        f"{name} holds reflectance already ({low:.4g} to {high:.4g}): leave out {given}, or say "
        "with --unit what it becomes"
    )


def check_tile(values: NDArray[np.float32], bands: Bands) -> str:
    """Say which band of a tile is far outside of its unit; "" if none is.

    Only some tiles of a data set decide its units, and a unit may have been given.

    Args:
        values: (bands, h, w), NaN where there is no data.
        bands: of the data set.
    """
    limits = {"reflectance": FAR * BRIGHTEST, "dB": FAR * HIGHEST, "8 bits": 255}
    for name, unit, band in zip(bands.names, bands.units, values, strict=True):
        known = band[np.isfinite(band)]
        middle = float(np.median(np.abs(known))) if known.size else 0.0
        is_share = unit == "DN" and 0 < middle < BRIGHTEST and (known % 1 != 0).any()
        if middle > limits.get(unit, np.inf) or is_share:
            return f"{name} has a median of {middle:.4g}, and the others hold {_named(unit)}"
    return ""


def _is_whole(sample: BandSample) -> bool:
    """Whether all values are whole numbers that no scale was applied to."""
    return not sample.is_scaled and bool((sample.values % 1 == 0).all())


def stated_offset(tags: Mapping[str, str]) -> float | None:
    """Return what a file says must be added to its digital numbers; None if it says nothing.

    Args:
        tags: of the file and of its bands, such as RADIO_ADD_OFFSET (level 1C), BOA_ADD_OFFSET
            (level 2A) or PROCESSING_BASELINE of Sentinel-2.
    """
    for name, text in tags.items():
        number = NUMBER.search(text)
        if ADD_OFFSET.search(name.upper()) and number:
            return float(number[0])
    for name, text in tags.items():
        number = NUMBER.search(COMPACT.sub(r"\1.\2", text))
        if name.upper().endswith("PROCESSING_BASELINE") and number:
            return RAISED_BY if float(number[0]) >= BASELINE else 0.0
    return None


def explain_mismatch(
    found: Bands, wanted: Bands, samples: Sequence[BandSample], offset: float | None
) -> str:
    """Say which band has another unit than a network takes, and what would mend it; "" if none has.

    Args:
        found: names and units of the data.
        wanted: those of the network, in the same order.
        samples: of the bands.
        offset: as `stated_offset` returned it.
    """
    for name, has, takes, sample in zip(
        found.names, found.units, wanted.units, samples, strict=True
    ):
        if has != takes:
            low, high = np.percentile(sample.values, (2, 98))
            return (
                f"{name} holds {_named(has)} ({low:.4g} to {high:.4g}), and the network takes "
                f"{_named(takes)}: {_mend(has, takes, (low, high), offset)}"
            )
    return ""


def _named(unit: str) -> str:
    words = {
        "8 bits": "8-bit values of an image",
        "DN": "digital numbers",
        "unknown": "values of an unknown unit",
    }
    return words.get(unit, unit)


def _mend(has: str, takes: str, ends: tuple[float, float], offset: float | None) -> str:
    """Return what a person can do about a wrong unit."""
    if has == "DN" and takes == "reflectance":
        if ends[1] <= 255:
            return (
                "these look like 8-bit values of an image, which cannot be undone; give the "
                f"original file, or add --scale {QUANTIFICATION:g} if they are digital numbers"
            )
        if offset:
            why = f"since the file states an offset of {offset:g}"
            return f"add --scale {QUANTIFICATION:g} --offset {offset * QUANTIFICATION:g}, {why}"
        later = RAISED_BY * QUANTIFICATION
        new = f", and --offset {later:g} if they are of Sentinel-2 since 2022" * (offset is None)
        return f"add --scale {QUANTIFICATION:g}{new}"
    if has == "reflectance" and takes == "DN":
        return f"add --scale {1 / QUANTIFICATION:g}"
    if has == "reflectance" and takes == "8 bits":
        return "add --scale 255 --unit '8 bits' if they were divided by 255"
    if has == "unknown" and takes == "reflectance" and 0 <= ends[0] and BRIGHTEST < ends[1] <= 200:
        return "add --scale 0.01 if they are percent, or --unit reflectance if they are none"
    if "dB" in (has, takes):
        return "decibels are logarithms, which no scale mends; convert the file"
    if has == "8 bits":
        return "values that were stretched to an image cannot be undone; give the original file"
    return f"bring them to it by --scale and --offset, or say --unit {takes!r} if they have it"


def check_offset(options: BandOptions, offset: float | None) -> str:
    """Say that another offset is added than the file states; "" if it is that, or states none."""
    if offset is None:
        return ""
    wanted = offset * options.scale
    if np.isclose(options.offset, wanted, rtol=1e-3):
        return ""
    if not offset:
        return (
            "states that nothing must be added to its digital numbers, as those of Sentinel-2 do "
            f"before baseline 04.00: leave out --offset {options.offset:g}"
        )
    more = ""
    if options.scale == 1:
        share = offset * QUANTIFICATION
        more = f", or --scale {QUANTIFICATION:g} --offset {share:g} for reflectance"
    return (
        f"states that {offset:g} must be added to its digital numbers, as those of Sentinel-2 do "
        f"since baseline 04.00: add --offset {wanted:g}{more}"
    )
