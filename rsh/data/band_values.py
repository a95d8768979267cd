"""The values of a raster's bands, as a network sees them: in their unit, and NaN without data."""

import io
import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
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
    find_same_bands,
    has_names_of_sentinel_2,
    plain_name,
    with_two_digits,
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
from rsh.errors import InputError, NoData, RshWarning

Values = NDArray[np.float32]
DecodedValues = NDArray[np.float16]
SAMPLE_SIDE = 256  # pixels of the overview that tells the unit of a band


class _Sampled(NamedTuple):
    """What a raster tells of its bands: samples before and after the options, and its offset."""

    name: str
    before: list[BandSample]
    samples: list[BandSample]
    offset: float | None
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
        The bands, and the options with their names: as the network has them, or the first raster.

    Raises:
        InputError: there is no raster, one lacks a band or cannot be read, or a unit is another
            than that of the network.
    """
    names, sampled = _sample_all(rasters, options, like)
    columns = zip(*(each.samples for each in sampled), strict=True)
    samples = [_join(column) for column in columns]
    if empty := [name for name, one in zip(names, samples, strict=True) if not one.values.size]:
        raise InputError(f"{sampled[0].name} holds no data in {empty[0]}: choose other bands")
    guessed = guess_units(samples)
    units = (options.unit,) * len(names) if options.unit else guessed
    found = Bands(names, units)
    _check_alike(sampled, names)
    first = sampled[0]
    for name, before in zip(names, first.before, strict=True):
        if wrong := check_scaled(name, before, options):
            raise InputError(f"{first.name}: {wrong}")
    if like.names and (wrong := explain_mismatch(found, like, samples, first.offset)):
        raise InputError(f"{first.name}: {wrong}")
    _check_offsets(sampled, options)
    for name, sample in zip(names, samples, strict=True):
        if wrong := check_range(name, sample):
            raise InputError(f"{first.name}: {wrong}")
    return found, replace(options, names=names)


def _sample_all(
    rasters: Iterable[Raster], options: BandOptions, like: Bands
) -> tuple[tuple[str, ...], list[_Sampled]]:
    """Return the names of the bands, and what each raster tells of them."""
    sampled: list[_Sampled] = []
    names: tuple[str, ...] = ()
    for raster in rasters:
        names = names or _choose_names(raster, options, like)
        with explain_raster_error(raster.name):
            sampled.append(_sample(raster, names, options))
    if not sampled:
        hint = "give rasters with these bands" if like.names else "omit this option"
        raise InputError(
            f"no tile is a raster: {hint}",
            parameter="input_bands",
            value=",".join(options.names),
        )
    return names, sampled


def _check_offsets(sampled: Sequence[_Sampled], options: BandOptions) -> None:
    """Refuse another offset than rasters state; a note says if a stated scale lacks its offset."""
    first = sampled[0]
    if first.left_out and not options.offset:
        warnings.warn(
            f"{first.name} states a scale and no offset, but an offset of {first.left_out:g} among "
            f"its tags or by its processing baseline: add --offset {first.left_out:g}, unless its "
            "values include it",
            RshWarning,
            stacklevel=3,
        )
    for each in sampled:
        if wrong := check_offset(options, each.offset):
            raise InputError(f"{each.name} {wrong}")


def _check_alike(sampled: Sequence[_Sampled], names: Sequence[str]) -> None:
    """Refuse rasters of which some have another unit, or state another offset.

    Raises:
        InputError: names two of them.
    """
    first = sampled[0]
    for each in sampled:
        if (each.offset or 0) != (first.offset or 0):
            raise InputError(
                f"{each.name} states that {each.offset or 0:g} must be added to its digital "
                f"numbers and {first.name} states {first.offset or 0:g}: read them apart"
            )
    for place, name in enumerate(names):
        column = [each.before[place] for each in sampled]
        if mixture := find_mixture(column):
            units = [guess_units([column[one]])[0] for one in mixture]
            medians = [float(np.median(column[one].values)) for one in mixture]
            one, other = (sampled[number].name for number in mixture)
            raise InputError(
                f"{name} of {one} holds {units[0]} (median {medians[0]:.4g}) and of {other} "
                f"{units[1]} (median {medians[1]:.4g}): bring them to one unit, or read them apart"
            )


def _choose_names(raster: Raster, options: BandOptions, like: Bands) -> tuple[str, ...]:
    """Return the names of bands in a raster, or the number of one whose name comes twice."""
    there = raster.band_names
    wanted: Sequence[str] = options.names
    if wanted == (ALL,):
        alpha = raster.colors.get("alpha")
        wanted = [name for number, name in enumerate(there, 1) if number != alpha]
    numbers = find_bands(there, wanted, raster.name)
    if len(set(numbers)) < len(numbers):
        raise InputError(
            f"two of these are one band of {raster.name}: name each band once",
            parameter="input_bands",
            value=",".join(options.names),
        )
    plain = [plain_name(name) for name in there]
    names = tuple(
        str(number) if plain.count(plain[number - 1]) > 1 else there[number - 1]
        for number in numbers
    )
    if has_names_of_sentinel_2(there):  # so that those of Landsat are not taken for them later
        names = tuple(map(with_two_digits, names))
    return like.names if like.has_names(names) else names


def _sample(raster: Raster, names: Sequence[str], options: BandOptions) -> _Sampled:
    numbers = find_same_bands(raster.band_names, names, raster.name)
    before, samples = [], []
    for number in numbers:
        (values,) = raster.sample((number,), SAMPLE_SIDE)
        whole, kind = np.asarray(values, np.float64), raster.source.dtypes[number - 1]
        if options.offset and len(numbers) > 1:  # no data, see `read_values`
            whole = whole[whole != 0]
        is_scaled = raster.is_scaled(number)
        before.append(BandSample(whole, kind, is_scaled))
        changed = whole * options.scale + options.offset
        samples.append(BandSample(changed, kind, is_scaled or options.scale != 1))
    offset = _read_offset(raster, numbers)
    if not any(map(raster.is_scaled, numbers)):
        return _Sampled(raster.name, before, samples, offset, 0.0)
    scales = [raster.source.scales[number - 1] for number in numbers]
    has_offset = any(raster.source.offsets[number - 1] for number in numbers)
    left_out = 0.0 if has_offset else (offset or 0.0) * min(scales)
    return _Sampled(raster.name, before, samples, None, left_out)


def _read_offset(raster: Raster, numbers: Iterable[int]) -> float | None:
    """Return what a raster states must be added to its digital numbers."""
    tags = {**raster.source.tags()}
    for number in numbers:
        tags |= raster.source.tags(number)
    return stated_offset(tags)


def _join(column: Sequence[BandSample]) -> BandSample:
    """Return the values of one band in several rasters together."""
    values = np.concatenate([each.values for each in column])
    kinds = {each.kind for each in column}
    kind = column[0].kind if len(kinds) == 1 else "float64"
    return BandSample(values, kind, any(each.is_scaled for each in column))


def read_values(raster: Raster, options: BandOptions, window: Any = None) -> Values:
    """Return the values of bands, (bands, h, w), NaN where there is no data.

    Where an offset is added, a pixel of zeros in all of several bands holds no data: so Sentinel-2
    fills its tiles, often without saying it.

    Args:
        raster: an opened one.
        options: which bands, and what their values mean.
        window: as rasterio defines it; the whole raster by default.

    Raises:
        InputError: the raster lacks a band, or holds complex values.
    """
    numbers = find_same_bands(raster.band_names, options.names, raster.name)
    values = raster.physical(numbers, window)
    if options.offset and len(numbers) > 1:
        values[:, (values == 0).all(axis=0)] = np.nan
    found: Values = (values * options.scale + options.offset).astype(np.float32)
    return found


@dataclass(frozen=True)
class QueryRaster:
    """A raster that belongs to no data set.

    Attributes:
        name: for messages.
        content: of the file.
        options: what its values mean: those of a network's unit, or of some tiles of a gallery.
        like: the bands of the network that it is for.
    """

    name: str
    content: bytes
    options: BandOptions
    like: Bands

    @classmethod
    def open(
        cls,
        source: str | Path | BinaryIO | Image.Image,
        choices: Iterable[BandOptions],
        like: Bands,
        *,
        name: str = "",
    ) -> "QueryRaster":
        """Read a file.

        Args:
            source: a path, or a binary stream.
            choices: what values of the tiles in a gallery mean.
            like: the bands of the network that it is for.
            name: of a stream, for messages.

        Raises:
            InputError: it cannot be read, is an image, lacks a band, or has one in another unit.
        """
        name = name or (str(source) if isinstance(source, str | Path) else "the image")
        if isinstance(source, Image.Image):
            raise InputError(_no_raster(name, like.names))
        try:
            content = _read_whole(source)
        except OSError as error:
            raise InputError(f"{name} cannot be read ({error.strerror}): check the path") from None
        if not (driver := find_driver(content[:HEAD])):
            raise InputError(_no_raster(name, like.names))
        with open_tile(io.BytesIO(content), driver, name) as raster:
            return cls(name, content, _options_of_query(raster, choices, like), like)

    def values(self) -> Values:
        """Return the values of its bands: see `read_values`.

        Raises:
            InputError: it cannot be read, holds no data, or values of another unit.
        """
        found = decode_bands(self.content, self.options, self.name)
        if wrong := check_tile(found, self.like):  # where a gallery's unit was given, not guessed
            raise InputError(f"{self.name}: {wrong}: bring it to their unit")
        return found


def _read_whole(source: str | Path | BinaryIO) -> bytes:
    if isinstance(source, str | Path):
        return Path(source).read_bytes()
    source.seek(0)
    return source.read()


def _options_of_query(raster: Raster, choices: Iterable[BandOptions], like: Bands) -> BandOptions:
    """Return the options for a raster that is in the network's unit, or as some of a gallery.

    Raises:
        InputError: it is neither, or may be as several that differ.
    """
    every = [replace(each, names=like.names) for each in choices]
    for has_unit in (False, True):  # almost any values pass for a unit that was given
        some = {(each.scale, each.offset): each for each in every if bool(each.unit) == has_unit}
        found = [each for each in some.values() if _fits(raster, each, like)]
        if len(found) > 1:
            ways = " or ".join(f"--scale {one.scale:g} --offset {one.offset:g}" for one in found)
            raise InputError(
                f"{raster.name} may be in the unit of files that were read with {ways}: bring it "
                f"to {like.units[0]}, or if it is of Sentinel-2, state its baseline, such as with "
                "`rio edit-info FILE --tag PROCESSING_BASELINE=05.11`"
            )
        if found:
            return found[0]
    try:
        return settle_bands([raster], BandOptions(like.names), like)[1]
    except InputError as error:  # of the raster as it is, since a query has no flags
        advice = str(error).replace(": add --", ": convert it as `rsh encode` would with --")
        raise InputError(advice) from None


def _fits(raster: Raster, options: BandOptions, like: Bands) -> bool:
    """Whether a raster has the unit of a network if it is read with these options."""
    with suppress(InputError):
        settle_bands([raster], options, like)
        return True
    return False


def _no_raster(name: str, bands: Sequence[str]) -> str:
    more = ", ..." * (len(bands) > LISTED)
    return (
        f"{name} is an image of red, green and blue, and the network takes "
        f"{', '.join(bands[:LISTED])}{more}: give a raster with these bands"
    )


class FileKind(NamedTuple):
    """What must be the same in all files of tiles, beside their bands.

    Attributes:
        has_8_bits: whether values are of 8 bits.
        offset: what the file states must be added to its digital numbers.
    """

    has_8_bits: bool
    offset: float


def find_kind(raster: Raster, options: BandOptions) -> FileKind | None:
    """Return the kind of a raster's file; None if its scale brings values to their unit."""
    numbers = find_same_bands(raster.band_names, options.names, raster.name)
    if any(map(raster.is_scaled, numbers)):
        return None
    return FileKind(raster.has_8_bits(numbers), _read_offset(raster, numbers) or 0.0)


def decode_bands(
    content: bytes, options: BandOptions, name: str, kind: FileKind | None = None
) -> Values:
    """Return the values of the bands in the file of a tile: see `read_values`.

    Args:
        content: of the file.
        options: which bands, and what their values mean.
        name: for messages.
        kind: of the other tiles' files.

    Raises:
        InputError: it is no raster, cannot be read, lacks a band, or its file is of another kind.
        NoData: it holds no data.
    """
    driver = find_driver(content[:HEAD])
    if not driver:
        raise InputError(_no_raster(name, options.names))
    with open_tile(io.BytesIO(content), driver, name) as raster:
        values = read_values(raster, options)
        if kind and (found := find_kind(raster, options)):
            _check_kind(name, found, kind)
    if np.isnan(values).all():
        raise NoData(f"{name} holds no data")
    return values


def _check_kind(name: str, found: FileKind, others: FileKind) -> None:
    """Refuse the file of a tile that is of another kind than those of the others."""
    if found.has_8_bits != others.has_8_bits:
        which = ("of 8 bits", "of more") if found.has_8_bits else ("of more than 8 bits", "of 8")
        raise InputError(f"{name} has values {which[0]}, and the others {which[1]}: leave it out")
    if found.offset != others.offset:
        raise InputError(
            f"{name} states that {found.offset:g} must be added to its digital numbers and the "
            f"others {others.offset:g}: read them apart"
        )


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
