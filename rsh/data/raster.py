"""Reads rasters of any sample type and layout with GDAL, as 8-bit RGB.

A raster is a georeferenced scene, read window by window, or a tile: TIFF, JPEG 2000 or 16-bit PNG.
"""

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsh.data.bands import find_bands, find_composites
from rsh.data.rendering import AS_IS, Rendering, Stretch, strips, to_bytes
from rsh.errors import InputError, RshWarning
from rsh.text import first_sentence

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

OVERVIEW_SIDE = 1024  # pixels; the percentiles of a stretch come from an overview of this size
LARGEST_TILE = 2048  # pixels; a larger raster among loose images is a scene
CACHE = 128  # megabytes of GDAL's block cache
MAX_BLOCK_BYTES = 250_000_000  # GDAL decodes a block as a whole
# GDAL chooses a driver by content: a file named .tif may list addresses on the network. So the
# suffix or the first bytes decide the driver, and nothing is downloaded.
TIFF, JP2, PNG = "GTiff", "JP2OpenJPEG", "PNG"
VIRTUAL = ".vrt"  # reads any other file, so it is opened only if it is named itself
DRIVERS = {".tif": TIFF, ".tiff": TIFF, ".jp2": JP2, VIRTUAL: "VRT"}
SIGNATURES = {
    **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), TIFF),
    **dict.fromkeys((b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"), JP2),
}
PNG_SIGNATURE, PNG_DEPTH = b"\x89PNG\r\n\x1a\n", 24  # where a PNG says how many bits a value has
HEAD = 32  # bytes that tell the format
DATE_TAGS = (
    *("ACQUISITION_DATE", "SENSING_TIME", "DATE_ACQUIRED"),
    "DATATAKE_1_DATATAKE_SENSING_START",  # of GDAL's driver for Sentinel-2
)
# A year, a month and a day; a time may follow, as in 20170506T100031.
DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)([-:_.]?)(\d\d)\2(\d\d)(?!\d)")
COLORS = ("red", "green", "blue")
UNNAMED = ("undefined", "gray", "palette")  # color interpretations that name no band
OFFLINE = {
    "GDAL_CACHEMAX": CACHE,
    # The first blocks addresses in paths, the second sends all other requests to a dead proxy.
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",
    "GDAL_HTTP_PROXY": "127.0.0.1:9",
}
# A tile means the same in a folder, a zip and an upload, so files beside it decide nothing.
ALONE = OFFLINE | {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}


class Pixels(NamedTuple):
    """A part of a raster as an image.

    Attributes:
        rgb: (3, h, w) uint8, black where there is no data.
        valid: fraction of the pixels that hold data.
        opaque: whether no pixel is transparent, not even in part.
    """

    rgb: NDArray[np.uint8]
    valid: float
    opaque: bool


class Raster:
    """A raster that GDAL has opened.

    Attributes:
        source: as rasterio opened it.
        name: its path or id, for messages.
    """

    def __init__(self, source: "DatasetReader", name: str) -> None:
        """Use `open_scene` or `open_tile`.

        Raises:
            InputError: GDAL would have to decode a very large block at once.
        """
        self.source, self.name = source, name
        for (height, width), kind in zip(source.block_shapes, source.dtypes, strict=True):
            size = height * width * (16 if kind.startswith("complex") else np.dtype(kind).itemsize)
            if size > MAX_BLOCK_BYTES:
                raise InputError(
                    f"{name} has its pixels in blocks of {size // 10**6} MB: save it again in "
                    "tiles, such as with `gdal_translate -co TILED=YES`"
                )

    @cached_property
    def colors(self) -> dict[str, int]:
        """Number of the band of each color interpretation, such as "red", "gray" or "alpha".

        Descriptions count more, since libraries call the bands of a new file red, green, blue and
        alpha without being asked.
        """
        source = self.source
        found = {kind.name: band for band, kind in _backwards(source.colorinterp)}
        named = {_plain(text): band for band, text in _backwards(source.descriptions) if text}
        if all(color in named for color in COLORS):
            found |= {color: named[color] for color in COLORS}
        alpha = found.get("alpha")
        if alpha and _plain(source.descriptions[alpha - 1]) not in ("", "alpha"):
            del found["alpha"]
        return found

    @cached_property
    def band_names(self) -> tuple[str, ...]:
        """Name of each band: what describes it, else its color, else its number."""
        source = self.source
        kinds = [kind.name for kind in source.colorinterp]
        return tuple(
            (text or "").strip() or (kind if kind not in UNNAMED else str(number))
            for number, (text, kind) in enumerate(zip(source.descriptions, kinds, strict=True), 1)
        )

    @cached_property
    def date(self) -> str:
        """The day that its tags or else its name tells, such as "2017-05-06"; "" if none does."""
        tags = {name.upper(): text for name, text in self.source.tags().items()}
        stated = [tags[name] for name in DATE_TAGS if name in tags]
        for text in (*stated, Path(self.name).stem):
            for found in DATE.finditer(text):
                with suppress(ValueError):  # such as the 45th of a month
                    return date(int(found[1]), int(found[3]), int(found[4])).isoformat()
        return ""

    def is_scaled(self, band: int) -> bool:
        """Whether the raster states a scale or an offset for the values of a band."""
        return (self.source.scales[band - 1], self.source.offsets[band - 1]) != (1, 0)

    def physical(self, bands: Sequence[int], window: Any = None) -> NDArray[np.float64]:
        """Return values after the scale and offset that the raster states, NaN without data.

        Args:
            bands: their numbers.
            window: as rasterio defines it; the whole raster by default.

        Returns:
            (bands, h, w).

        Raises:
            InputError: they hold complex values.
        """
        self._check_real(bands)
        part = {"window": window} if window else {}
        masks, values = self._masks(bands, **part), self.source.read(bands, **part)
        physical = [
            _to_physical(self.source, number, band.astype(np.float64))
            for number, band in zip(bands, values, strict=True)
        ]
        return np.where((masks > 0) & np.isfinite(values), np.stack(physical), np.nan)

    def cut(self, window: Any) -> tuple[bytes, float]:
        """Return a window with all bands as a GeoTIFF, and the share of its pixels with data."""
        import rasterio
        from rasterio.enums import MaskFlags

        source = self.source
        kind = np.result_type(*source.dtypes)
        values = np.stack([source.read(band, window=window) for band in source.indexes])
        values, nodata = values.astype(kind), source.nodata
        flags = {flag for each in source.mask_flag_enums for flag in each}
        if len(set(map(str, source.nodatavals))) > 1:  # a GeoTIFF has one value for all bands
            kind = np.result_type(kind, np.float32)
            values = np.where(source.read_masks(window=window) > 0, values, np.nan).astype(kind)
            nodata = np.nan
        profile = {"driver": TIFF, "count": source.count, "dtype": kind, "nodata": nodata}
        profile |= {"width": window.width, "height": window.height}
        profile |= {"crs": source.crs, "transform": source.window_transform(window)}
        valid = float(np.mean(self._masks(source.indexes, window=window).max(axis=0) > 0))
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.MemoryFile() as file:
            with file.open(**profile) as tile:
                tile.write(values)
                if MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags:
                    tile.write_mask(source.dataset_mask(window=window))
                tile.descriptions, tile.colorinterp = source.descriptions, source.colorinterp
                tile.scales, tile.offsets = source.scales, source.offsets
            return file.read(), valid

    def is_chosen(self, rendering: Rendering) -> bool:
        """Whether the bands of a rendering apply to this raster; those with names always do."""
        has_as_many = bool(rendering.bands) and self.source.count == rendering.count
        return bool(rendering.names) or has_as_many

    def choose_bands(self, rendering: Rendering) -> tuple[int, ...]:
        """Return the numbers of the bands that become red, green and blue, or of one.

        Raises:
            InputError: they hold complex values, or the raster lacks one that is named.
        """
        source = self.source
        others = [band for band in source.indexes if band != self.colors.get("alpha")] or [1]
        if rendering.names:
            bands = find_bands(self.band_names, rendering.names, self.name)
        elif self.is_chosen(rendering):
            bands = rendering.bands
        elif all(color in self.colors for color in COLORS):
            bands = tuple(self.colors[color] for color in COLORS)
        elif composites := find_composites(self.band_names, by_default=True):
            bands = next(iter(composites.values()))
        else:
            bands = tuple(others[:3] if len(others) >= 3 else others[:1])
        self._check_real(bands)
        return bands

    def _check_real(self, bands: Sequence[int]) -> None:
        """Refuse bands of complex values."""
        kinds = {self.source.dtypes[band - 1] for band in bands}
        if any(kind.startswith("complex") for kind in kinds):
            raise InputError(
                f"{self.name} holds complex values, which are not supported: save their magnitude, "
                f"such as with `rio calc '(abs (read 1))' {self.name} magnitude.tif`"
            )

    def warn_of_unnamed_colors(self, rendering: Rendering, noted_as: str) -> None:
        """Warn if the first three of more bands are taken for red, green and blue."""
        named = all(color in self.colors for color in COLORS)
        count = self.source.count - ("alpha" in self.colors)
        named = named or bool(find_composites(self.band_names, by_default=True))
        if count > 3 and not named and not self.is_chosen(rendering):
            texts = [text for text in self.source.descriptions if text][:13]
            names = f" ({', '.join(texts)})" if texts else ""
            warnings.warn(
                f"{noted_as} has {count} bands{names} and does not say which are red, green and "
                "blue: bands 1, 2 and 3 are shown, choose others with --bands",
                RshWarning,
                stacklevel=3,
            )

    def has_8_bits(self, bands: Sequence[int]) -> bool:
        """Whether these bands hold 8-bit values or colors, which stay as they are."""
        kinds = {self.source.dtypes[band - 1] for band in bands}
        return kinds == {"uint8"} or self._is_palette(bands)

    def mode(self, bands: Sequence[int]) -> str:
        """Return what Pillow would call the colors of these bands, such as "RGB", "LA" or "P"."""
        if self._is_palette(bands):
            return "P"
        space: str = self.source.tags(ns="IMAGE_STRUCTURE").get("SOURCE_COLOR_SPACE", "YCbCr")
        has_alpha = "alpha" in self.colors and self.colors["alpha"] not in bands
        if space != "YCbCr":  # which is how JPEG stores RGB
            return space
        return ("L" if len(bands) == 1 else "RGB") + "A" * has_alpha

    def check_bands(self, rendering: Rendering) -> Rendering:
        """Return a rendering whose `bands` apply to rasters with as many bands as this one.

        Raises:
            InputError: this raster lacks one of them, or they apply to another number of bands.
        """
        count = self.source.count
        if rendering.names or not rendering.bands or count == rendering.count:
            return rendering
        listed = rendering.bands_flag
        if max(rendering.bands) > count:
            raise InputError(
                f"{self.name} has no more than {count}: choose one or three of them",
                parameter="bands",
                value=listed,
            )
        if rendering.count:
            raise InputError(
                f"{self.name} has {count} bands and others have {rendering.count}, read them apart",
                parameter="bands",
                value=listed,
            )
        return replace(rendering, count=count)

    def sample(self, bands: Sequence[int], side: int = OVERVIEW_SIDE) -> list[NDArray[Any]]:
        """Return the finite values of each band, from an overview, without those of no data.

        Args:
            bands: their numbers.
            side: the longest of the overview, pixels. GDAL reads a stored one if there is one.
        """
        shape = self._small_shape(side)
        overview = self.source.read(bands, out_shape=(len(bands), *shape))
        masks = self._masks(bands, out_shape=shape)
        known = [
            _to_physical(self.source, number, band[mask > 0])
            for number, band, mask in zip(bands, overview, masks, strict=True)
        ]
        return [values[np.isfinite(values)] for values in known]

    def pairs(self, bands: Sequence[int], rendering: Rendering) -> Stretch:
        """Return low and high of each band.

        Raises:
            InputError: the rendering has them for another number of bands.
        """
        pairs = rendering.pairs(len(bands))
        if not pairs:
            raise InputError(
                f"{self.name} shows {len(bands)} of its bands and others {len(rendering.stretch)}: "
                "choose one band or three with --bands, or give a --stretch for all"
            )
        return pairs

    def read(
        self,
        bands: Sequence[int],
        stretch: Stretch,
        window: Any = None,
        *,
        blend: bool = True,
    ) -> Pixels:
        """Read a window as an image.

        Args:
            bands: numbers of one or three bands.
            stretch: low and high of each band; without effect on 8 bits.
            window: the window, as rasterio defines it; the whole raster by default.
            blend: blend what is half transparent with black. Not where bands were chosen: a band
                called alpha is often infrared, since libraries call the fourth of 8 bits so.
        """
        from rasterio.windows import Window

        window = window or Window(0, 0, self.source.width, self.source.height)
        height, width = int(window.height), int(window.width)
        rgb = np.empty((3, height, width), np.uint8)
        valid, opaque = 0, True
        for rows in strips(height, width):
            top, length = rows.start, rows.stop - rows.start
            strip = Window(window.col_off, window.row_off + top, width, length)
            values, opacity = self._read_part(bands, stretch, window=strip)
            shown = opacity / 255 if blend else opacity > 0
            rgb[:, rows] = np.rint(values * shown)
            valid += int(np.count_nonzero(opacity))
            opaque &= bool((opacity == 255).all())
        return Pixels(rgb, valid / (height * width), opaque)

    def overview(
        self, bands: Sequence[int], stretch: Stretch, side: int, *, blend: bool = True
    ) -> NDArray[np.uint8]:
        """Return the whole raster as a small image, (4, h, w): red, green, blue and opacity.

        Args:
            bands: see `read`.
            stretch: see `read`.
            side: the longest of the image, pixels. GDAL reads a stored overview if there is one.
            blend: whether what is half transparent remains so; else it is opaque.
        """
        values, opacity = self._read_part(bands, stretch, out_shape=self._small_shape(side))
        opacity = opacity if blend else np.where(opacity > 0, 255, 0)
        return np.concatenate([np.broadcast_to(values, (3, *opacity.shape)), opacity[None]]).astype(
            np.uint8
        )

    def _small_shape(self, side: int) -> tuple[int, int]:
        """Return height and width of an overview whose longest side has so many pixels."""
        scale = max(1.0, max(self.source.shape) / side)
        height, width = (max(1, round(length / scale)) for length in self.source.shape)
        return height, width

    def _read_part(
        self, bands: Sequence[int], stretch: Stretch, **part: Any
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return values, (1 or 3, h, w), and opacity, (h, w), both 0 to 255.

        Args:
            bands: see `read`.
            stretch: see `read`.
            part: see `_masks`.
        """
        size = {"out_shape": (len(bands), *part["out_shape"])} if "out_shape" in part else part
        values = self.source.read(bands, **size)
        masks = self._masks(bands, **part)
        opacity = masks.max(axis=0)
        if self._is_palette(bands):
            palette = self._palette[values[0]]  # (h, w, 4)
            return palette[..., :3].transpose(2, 0, 1), np.minimum(opacity, palette[..., 3])
        if not self.has_8_bits(bands):
            physical = np.stack(
                [_to_physical(self.source, n, band) for n, band in zip(bands, values, strict=True)]
            )
            opacity = opacity * ~np.isnan(physical).any(axis=0)
            shown = to_bytes(physical, stretch)
            shown = 255 - shown if _is_inverted(self.source) else shown
        else:
            shown = _widen(self.source, bands, values)
        return np.where(masks > 0, shown, 0), opacity

    def _masks(self, bands: Sequence[int], **part: Any) -> NDArray[np.uint8]:
        """Return the opacity of each band, (bands, h, w): 0 where it holds no data, else to 255.

        Args:
            bands: their numbers.
            part: window or out_shape, as rasterio reads it.
        """
        from rasterio.enums import MaskFlags

        source, alpha = self.source, self.colors.get("alpha")
        size = {"out_shape": (len(bands), *part["out_shape"])} if "out_shape" in part else part
        masks: NDArray[np.uint8] = source.read_masks(bands, **size)
        for place, band in enumerate(bands):  # GDAL takes alpha bands of 8 and 16 bits alone
            if MaskFlags.alpha in source.mask_flag_enums[band - 1]:
                masks[place] = 255
        if alpha is not None and alpha not in bands:  # if chosen as a band, it is none
            values = source.read(alpha, **part)
            most = np.iinfo(values.dtype).max if values.dtype.kind == "u" else 0
            opacity = np.rint(values / most * 255) if most else np.where(values > 0, 255, 0)
            masks = np.minimum(masks, opacity.astype(np.uint8))
        return masks

    def _is_palette(self, bands: Sequence[int]) -> bool:
        return tuple(bands) == (self.colors.get("palette"),)

    @cached_property
    def _palette(self) -> NDArray[np.uint8]:
        """The color of each value, (65536, 4), RGBA; values without a color are transparent."""
        palette = np.zeros((65536, 4), np.uint8)
        colors = self.source.colormap(self.colors["palette"])
        palette[list(colors)] = list(colors.values())
        return palette


def _backwards(items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """Yield number and item of each band, the first last, so that it wins in a dict."""
    yield from reversed(list(enumerate(items, 1)))


def _to_physical(source: Any, band: int, values: NDArray[Any]) -> NDArray[Any]:
    """Return values of a band after the scale and offset that the raster states."""
    scale, offset = source.scales[band - 1], source.offsets[band - 1]
    if (scale, offset) == (1, 0):
        return values
    return np.asarray(np.asarray(values, np.float64) * scale + offset)


def _widen(source: Any, bands: Sequence[int], values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return values of fewer than 8 bits as 0 to 255, and white for 0 where the file says so."""
    facts = source.tags(bands[0], ns="IMAGE_STRUCTURE")
    most = 2 ** int(facts.get("NBITS", 8)) - 1
    if 0 < most < 255:
        values = np.rint(values * (255 / most)).astype(np.uint8)
    return 255 - values if _is_inverted(source) else values


def _is_inverted(source: Any) -> bool:
    """Whether 0 is white."""
    return bool(source.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") == "YES")


def _plain(text: str | None) -> str:
    return (text or "").strip().lower()


def settle_rendering(
    rasters: Iterable[Raster],
    given: Rendering,
    *,
    like: Rendering = AS_IS,
    of: int = 1,
    skip_unreadable: bool = False,
) -> Rendering:
    """Return a rendering whose stretch, unless it is given, comes from a sample of rasters.

    It is from the 2nd to the 98th percentile of all their values together, for each band.

    Args:
        rasters: opened one after the other.
        given: what must hold.
        like: what holds where `given` says nothing.
        of: how many rasters there are; together they are sampled like one.
        skip_unreadable: whether rasters that cannot be read are skipped.

    Raises:
        InputError: a raster lacks a chosen band, holds no data or complex values, or cannot be
            read; or what is given applies to none.
    """
    samples: list[list[NDArray[Any]]] = []
    rendering, name = given.over(like), ""
    side = max(64, round(OVERVIEW_SIDE / of**0.5))
    for raster in rasters:
        if given.bands:
            rendering = raster.check_bands(rendering)
        bands = raster.choose_bands(rendering)
        if raster.has_8_bits(bands):
            continue
        try:
            with explain_raster_error(raster.name):
                samples.append(raster.sample(bands, side))
        except InputError:
            if not skip_unreadable:
                raise
        name = name or raster.name
    channels = max(map(len, samples), default=0)
    alike = [sample for sample in samples if len(sample) == channels]
    values = [np.concatenate(band) for band in zip(*alike, strict=True)]
    samples.clear()
    alike.clear()
    if not all(band.size for band in values):
        raise InputError(f"{name} holds no data in one of its bands: choose other --bands")
    if given.bands and not rendering.count:
        raise InputError(
            "no tile is a raster; omit this option", parameter="bands", value=given.bands_flag
        )
    if given.stretch and not values:
        raise InputError(
            "all values have 8 bits and stay as they are; omit this option",
            parameter="stretch",
            value=given.stretch_flag,
        )
    if values and rendering.stretch:
        _warn_if_outside(values, rendering, name)
    return rendering.with_stretch(values) if values else rendering


def _warn_if_outside(values: Sequence[NDArray[Any]], rendering: Rendering, name: str) -> None:
    """Warn if most values lie outside a stretch, so that images would be black or white."""
    pairs = rendering.pairs(len(values))
    if not pairs:
        return
    outside = [
        np.mean((band < low) | (band > high))
        for band, (low, high) in zip(values, pairs, strict=True)
    ]
    if min(outside) > 0.5:
        low, high = pairs[0]
        warnings.warn(
            f"{name}: {min(outside):.0%} of the values lie outside {low:g} to {high:g}, which "
            "become black and white: give another --stretch",
            RshWarning,
            stacklevel=3,
        )


def find_driver(head: bytes) -> str:
    """Return the driver of a tile by its first 32 bytes; empty if Pillow reads its format well."""
    for signature, driver in SIGNATURES.items():
        if head.startswith(signature):
            return driver
    is_deep = head.startswith(PNG_SIGNATURE) and head[PNG_DEPTH : PNG_DEPTH + 1] == b"\x10"
    return PNG if is_deep else ""


@contextmanager
def open_scene(scene: Path) -> Iterator[Raster]:
    """Yield a scene, with a small block cache.

    Raises:
        InputError: the file is missing or cannot be read, at opening or while the `with` block
            reads from it.
    """
    import rasterio

    if not scene.exists():
        raise InputError(f"{scene} does not exist: check the path")
    with rasterio.Env(**OFFLINE), explain_raster_error(scene):
        with open_with_driver(scene) as source:
            yield Raster(source, str(scene))


def is_scene(file: Path, size: int) -> bool:
    """Whether a raster among other images is a scene to cut into tiles, and no tile itself.

    Args:
        file: the raster.
        size: side of a tile of a scene, pixels; a scene is no smaller. It is georeferenced, or too
            large for a tile.
    """
    with suppress(InputError), open_scene(file) as raster:
        source = raster.source
        placed = source.crs or source.gcps[1]
        is_large = max(source.shape) > LARGEST_TILE
        return min(source.shape) >= size and bool(placed or is_large)
    return False


def open_with_driver(scene: Path) -> "DatasetReader":
    """Open a scene with the driver of its suffix; other suffixes leave the choice to GDAL."""
    import rasterio

    return rasterio.open(scene, driver=DRIVERS.get(scene.suffix.lower()))


@contextmanager
def open_tile(source: Path | BinaryIO, driver: str, name: str) -> Iterator[Raster]:
    """Yield a tile in a file or stream, without regard to files beside it.

    Args:
        source: its path, or a stream, which is read from its start.
        driver: as `find_driver` returns it.
        name: for messages.

    Raises:
        InputError: it cannot be read, at opening or while the `with` block reads from it.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    with rasterio.Env(**ALONE), explain_raster_error(name), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        if isinstance(source, Path):
            with rasterio.open(source, driver=driver) as opened:
                yield Raster(opened, name)
        else:
            source.seek(0)
            with rasterio.MemoryFile(source.read()) as file, file.open(driver=driver) as opened:
                yield Raster(opened, name)


@contextmanager
def explain_raster_error(
    file: Path | str, message: str = "cannot be read ({}): download or save it again"
) -> Iterator[None]:
    """Turn errors of GDAL in the block into an InputError about a file.

    Args:
        file: what is read or written.
        message: what follows its name, with {} for the reason.
    """
    from rasterio._err import CPLE_BaseError
    from rasterio.errors import RasterioError

    try:
        yield
    except (RasterioError, CPLE_BaseError, UnicodeDecodeError) as error:
        reason = first_sentence(error).rstrip(".")
        raise InputError(f"{file} {message.format(reason)}") from None


def find_crs(source: Any, scene: Path, crs: str) -> Any:
    """Return the given coordinate system, or else that of an opened raster.

    Raises:
        InputError: there is none, or the raster is not georeferenced.
    """
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    points, found = source.gcps
    found = source.crs or (found if points else None)
    if source.transform.is_identity and not points:
        raise InputError(f"{scene} is not georeferenced: georeference it first")
    if not crs and not found:
        raise InputError(f"{scene} states no coordinate system: give it, such as --crs EPSG:32633")
    try:
        return CRS.from_user_input(crs) if crs else found
    except (CRSError, ValueError):
        raise InputError(
            "no such coordinate system, write one like EPSG:32633", parameter="crs", value=crs
        ) from None


def find_transform(source: Any) -> Any:
    """Return how an opened raster gets from pixels to its coordinate system.

    Returns:
        An affine transform, or the ground control points of a raster that has no such transform.
    """
    points, crs = source.gcps
    if not points or not source.transform.is_identity:
        return source.transform
    east = [point.x for point in points]
    if crs and crs.is_geographic and max(east) - min(east) > 180:  # across the antimeridian
        for point in points:
            point.x += 360 * (point.x < 0)
    return points
