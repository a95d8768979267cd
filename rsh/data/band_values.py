"""The values of a raster's bands, as a network sees them: in their unit, and NaN without data."""

import io
import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from rsh.data.bands import (
    ALL,
    IMAGE,
    LISTED,
    BandOptions,
    Bands,
    find_bands,
    plain_name,
)
from rsh.data.raster import HEAD, Raster, explain_raster_error, find_driver, open_tile
from rsh.data.units import (
    LARGEST,
    BandSample,
    check_offset,
    check_range,
    check_scaled,
    check_tile,
    explain_mismatch,
    find_mixture,
    guess_units,
    stated_offset,
)
from rsh.errors import InputError, RshWarning

Values = NDArray[np.float32]
DecodedValues = NDArray[np.float16]
SAMPLE_SIDE = 256  # pixels of the overview that tells the unit of a band


class _Sampled(NamedTuple):
    """What a raster tells of its bands: samples before and after the options, and its offset."""

    name: str
    before: list[BandSample]
    samples: list[BandSample]
    offset: float
    left_out: float


def settle_bands(
    rasters: Iterable[Raster], options: BandOptions, like: Bands = IMAGE
) -> tuple[Bands, BandOptions]:
    """Return the bands of a data set, by a sample of its rasters.

    Args:
        rasters: opened one after the other.
        options: which bands, and what their values mean.
        like: the bands of a network, which these must be.

    Returns:
        The bands, and the options with their names.

    Raises:
        InputError: there is no raster, one lacks a band or cannot be read, or a unit is another
            than that of the network.
    """
    sampled: list[_Sampled] = []
    names: tuple[str, ...] = ()
    for raster in rasters:
        names = names or _choose_names(raster, options)
        with explain_raster_error(raster.name):
            sampled.append(_sample(raster, names, options))
    if not sampled:
        raise InputError(
            "no tile is a raster; omit this option",
            parameter="input_bands",
            value=",".join(options.names),
        )
    columns = zip(*(each.samples for each in sampled), strict=True)
    samples = [_join(column) for column in columns]
    if empty := [name for name, one in zip(names, samples, strict=True) if not one.values.size]:
        raise InputError(f"{sampled[0].name} holds no data in {empty[0]}: choose other bands")
    guessed = guess_units(samples)
    units = (options.unit,) * len(names) if options.unit else guessed
    found = Bands(names, units)
    _check_alike(sampled, names)
    first = sampled[0]
    if like.names and (wrong := explain_mismatch(found, like, samples, first.offset)):
        raise InputError(f"{first.name}: {wrong}")
    if first.left_out and not options.offset:
        warnings.warn(
            f"{first.name} states a scale and no offset, but an offset of {first.left_out:g} among "
            f"its tags or by its processing baseline: add --offset {first.left_out:g}, unless its "
            "values include it",
            RshWarning,
            stacklevel=2,
        )
    if forgotten := check_offset(options, first.offset):
        raise InputError(f"{first.name} {forgotten}")
    for name, before, sample in zip(names, first.before, samples, strict=True):
        if wrong := check_scaled(name, before, options) or check_range(name, sample):
            raise InputError(f"{first.name}: {wrong}")
    return found, replace(options, names=names)


def _check_alike(sampled: Sequence[_Sampled], names: Sequence[str]) -> None:
    """Refuse rasters of which some have another unit, or state another offset.

    Raises:
        InputError: names two of them.
    """
    first = sampled[0]
    for each in sampled:
        if each.offset != first.offset:
            raise InputError(
                f"{each.name} states that {each.offset:g} must be added to its digital numbers and "
                f"{first.name} states {first.offset:g}: read them apart"
            )
    for place, name in enumerate(names):
        column = [each.samples[place] for each in sampled]
        if mixture := find_mixture(column):
            units = [guess_units([column[one]])[0] for one in mixture]
            medians = [float(np.median(column[one].values)) for one in mixture]
            one, other = (sampled[number].name for number in mixture)
            raise InputError(
                f"{name} of {one} holds {units[0]} (median {medians[0]:.4g}) and of {other} "
                f"{units[1]} (median {medians[1]:.4g}): bring them to one unit, or read them apart"
            )


def _choose_names(raster: Raster, options: BandOptions) -> tuple[str, ...]:
    """Return the names that the bands have in a raster."""
    there = raster.band_names
    if options.names != (ALL,):
        numbers = find_bands(there, options.names, raster.name)
        names = tuple(there[number - 1] for number in numbers)
    else:
        alpha = raster.colors.get("alpha")
        names = tuple(name for number, name in enumerate(there, 1) if number != alpha)
    plain = [plain_name(name) for name in names]
    if twice := [name for name, key in zip(names, plain, strict=True) if plain.count(key) > 1]:
        raise InputError(
            f"{raster.name} has two bands called {twice[0]}: rename one of them in the file, or "
            "choose bands by their numbers"
        )
    return names


def _sample(raster: Raster, names: Sequence[str], options: BandOptions) -> _Sampled:
    numbers = find_bands(raster.band_names, names, raster.name)
    before, samples = [], []
    for number in numbers:
        (values,) = raster.sample((number,), SAMPLE_SIDE)
        whole, kind = np.asarray(values, np.float64), raster.source.dtypes[number - 1]
        is_scaled = raster.is_scaled(number)
        before.append(BandSample(whole, kind, is_scaled))
        changed = whole * options.scale + options.offset
        samples.append(BandSample(changed, kind, is_scaled or options.scale != 1))
    tags = {**raster.source.tags()}
    for number in numbers:
        tags |= raster.source.tags(number)
    offset = stated_offset(tags)
    if not any(map(raster.is_scaled, numbers)):
        return _Sampled(raster.name, before, samples, offset, 0.0)
    scales = [raster.source.scales[number - 1] for number in numbers]
    has_offset = any(raster.source.offsets[number - 1] for number in numbers)
    return _Sampled(raster.name, before, samples, 0.0, 0.0 if has_offset else offset * min(scales))


def _join(column: Sequence[BandSample]) -> BandSample:
    """Return the values of one band in several rasters together."""
    values = np.concatenate([each.values for each in column])
    kinds = {each.kind for each in column}
    kind = column[0].kind if len(kinds) == 1 else "float64"
    return BandSample(values, kind, any(each.is_scaled for each in column))


def read_values(raster: Raster, options: BandOptions, window: Any = None) -> Values:
    """Return the values of bands, (bands, h, w), NaN where there is no data.

    Args:
        raster: an opened one.
        options: which bands, and what their values mean.
        window: as rasterio defines it; the whole raster by default.

    Raises:
        InputError: the raster lacks a band, or holds complex values.
    """
    numbers = find_bands(raster.band_names, options.names, raster.name)
    values = raster.physical(numbers, window) * options.scale + options.offset
    found: Values = values.astype(np.float32)
    return found


def read_bands(
    source: str | Path | BinaryIO | Image.Image, options: BandOptions, like: Bands
) -> Values:
    """Return the values of the bands of a raster that belongs to no data set: see `read_values`.

    Args:
        source: a path, or a binary stream.
        options: what its values mean.
        like: the bands of the network that it is for.

    Raises:
        InputError: it cannot be read, is an image, lacks a band, or has one in another unit.
    """
    name = str(source) if isinstance(source, str | Path) else "the image"
    if isinstance(source, Image.Image):
        raise InputError(_no_raster(name, like.names))
    try:
        content = Path(source).read_bytes() if isinstance(source, str | Path) else source.read()
    except OSError as error:
        raise InputError(f"{name} cannot be read ({error.strerror}): check the path") from None
    options = replace(options, names=like.names)
    if driver := find_driver(content[:HEAD]):
        with open_tile(io.BytesIO(content), driver, name) as raster:
            options = _options_of_query(raster, options, like)
    values = decode_bands(content, options, name)
    if wrong := check_tile(values, like):  # where the gallery's unit was given, none was guessed
        raise InputError(f"{name}: {wrong}: bring it to their unit")
    return values


def _options_of_query(raster: Raster, options: BandOptions, like: Bands) -> BandOptions:
    """Return the options for a raster that is in the network's unit, or as the gallery's tiles.

    Raises:
        InputError: it is neither.
    """
    try:
        return settle_bands([raster], options, like)[1]
    except InputError as error:
        plain = BandOptions(like.names)
        if options != plain:
            with suppress(InputError):
                return settle_bands([raster], plain, like)[1]
        advice = str(error).replace(": add --", ": convert it as `rsh encode` would with --")
        raise InputError(advice) from None


def _no_raster(name: str, bands: Sequence[str]) -> str:
    more = ", ..." * (len(bands) > LISTED)
    return (
        f"{name} is an image of red, green and blue, and the network takes "
        f"{', '.join(bands[:LISTED])}{more}: give a raster with these bands"
    )


def decode_bands(content: bytes, options: BandOptions, name: str) -> Values:
    """Return the values of the bands in the file of a tile: see `read_values`.

    Args:
        content: of the file.
        options: which bands, and what their values mean.
        name: for messages.

    Raises:
        InputError: it is no raster, cannot be read, lacks a band, or holds no data.
    """
    driver = find_driver(content[:HEAD])
    if not driver:
        raise InputError(_no_raster(name, options.names))
    with open_tile(io.BytesIO(content), driver, name) as raster:
        values = read_values(raster, options)
    if np.isnan(values).all():
        raise InputError(f"{name} holds no data: save it again with its values")
    return values


def resize_values(values: Values, side: int) -> DecodedValues:
    """Return the center square of bands, resized, (bands, side, side) float16.

    Args:
        values: (bands, h, w), NaN where there is no data; so it is in the result where most of a
            pixel has none.
        side: of the square, pixels.
    """
    known = np.isfinite(values)
    if known.all():
        resized = np.stack([_fit(band, side) for band in values])
    else:
        shares = np.stack([_fit(band.astype(np.float32), side) for band in known])
        sums = np.stack([_fit(band, side) for band in np.where(known, values, 0)])
        with np.errstate(divide="ignore", invalid="ignore"):
            resized = np.where(shares > 0.5, sums / shares, np.nan)
    return np.clip(resized, -LARGEST, LARGEST).astype(np.float16)


def _fit(band: Values, side: int) -> Values:
    """Return the center square of a band, resized as `rsh.data.decoded.decode_tile` does."""
    image = ImageOps.fit(Image.fromarray(band), (side, side), Image.Resampling.BICUBIC)
    return np.asarray(image)
