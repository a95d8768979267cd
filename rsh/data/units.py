"""Which unit values have, found by what a file states and by the values themselves.

A network that gets values in another unit returns codes that mean nothing, without a sign of it: in
torchgeo-bench 105 results were no better than chance for this reason. So the unit of a data set is
settled when it is opened, and a network takes its own alone.
"""

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
NUMBER = re.compile(r"-?\d+(\.\d+)?")


class BandSample(NamedTuple):
    """Some values of a band.

    Attributes:
        values: finite, after every scale and offset, (n,) float64.
        kind: the type in the file, as NumPy calls it.
        is_scaled: whether a scale or offset was applied.
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
    low, middle, high = np.percentile(values, (0.5, 50, 99.5))
    if middle < 0:
        return "dB" if LOWEST <= low <= FAINT and high <= HIGHEST else "unknown"
    if high > BRIGHTEST:
        return "DN" if _is_whole(sample) else "unknown"
    is_reflectance = low >= DARKEST and np.mean(values < 0) <= MOST_BELOW_0
    return "reflectance" if is_reflectance else "unknown"


def _is_whole(sample: BandSample) -> bool:
    """Whether all values are whole numbers that no scale was applied to."""
    return not sample.is_scaled and bool((sample.values % 1 == 0).all())


def stated_offset(tags: Mapping[str, str]) -> float:
    """Return what a file says must be added to its digital numbers; 0 if it says nothing.

    Args:
        tags: of the file and of its bands, such as RADIO_ADD_OFFSET (level 1C), BOA_ADD_OFFSET
            (level 2A) or PROCESSING_BASELINE of Sentinel-2.
    """
    for name, text in tags.items():
        number = NUMBER.search(text)
        if "ADD_OFFSET" in name.upper() and number:
            return float(number[0])
    for name, text in tags.items():
        number = NUMBER.search(text)
        if name.upper().endswith("PROCESSING_BASELINE") and number:
            return RAISED_BY if float(number[0]) >= BASELINE else 0.0
    return 0.0


def explain_mismatch(
    found: Bands, wanted: Bands, samples: Sequence[BandSample], offset: float
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


def _mend(has: str, takes: str, ends: tuple[float, float], offset: float) -> str:
    """Return what a person can do about a wrong unit."""
    if has == "DN" and takes == "reflectance":
        more = f" --offset {offset * QUANTIFICATION:g}" if offset else ""
        why = f", since the file states an offset of {offset:g}" if offset else ""
        return f"add --scale {QUANTIFICATION:g}{more}{why}"
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


def check_offset(options: BandOptions, offset: float) -> str:
    """Say that an offset that the file states was forgotten beside a scale; "" if it was not."""
    wanted = offset * options.scale
    if not offset or options.scale == 1 or np.isclose(options.offset, wanted, rtol=1e-3):
        return ""
    return (
        f"states that {offset:g} must be added to its digital numbers, as those of Sentinel-2 do "
        f"since baseline 04.00: add --offset {wanted:g}"
    )
