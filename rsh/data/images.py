"""Reads an image of any format and mode as 8-bit RGB.

Pillow reads images of 8 bits; `rsh.data.raster` reads TIFF, JPEG 2000 and 16-bit PNG, of which
Pillow would drop bands and bits.
"""

import io
import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError, features

from rsh.data import raster
from rsh.data.rendering import (
    AS_IS,
    MIN_SIDE,
    Rendering,
    percentile_stretch,
    strips,
    to_bytes,
)
from rsh.errors import InputError, RshWarning

MAX_PIXELS = 40_000_000  # a larger image is a scene, to be cut into tiles
OPAQUE = 255  # alpha
TOO_LARGE = f"more than {MAX_PIXELS // 10**6} million pixels: cut it into tiles first"
# Pillow also reads many rarely tested formats, whatever the suffix of a file, and one of them by
# running another program. `rsh.data.sources.raster` passes tiles as PPM.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "PPM", *["AVIF"] * bool(features.check("avif")))
SUFFIXES = frozenset(
    [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".jp2", ".bmp", ".webp", ".gif"]
    + [".avif"] * ("AVIF" in FORMATS)
)
ORIENTATION, BITS_PER_SAMPLE = 0x0112, 0x0102  # tags of EXIF and TIFF
STRETCH_PIXELS = 1 << 22  # a sample of at most so many pixels gives the percentiles

# Pillow raises these for damaged or hostile files.
IMAGE_ERRORS = (
    *(EOFError, IndexError, KeyError, OSError, OverflowError, SyntaxError, TypeError, ValueError),
    *(struct.error, zlib.error),
)


def read_image(
    source: str | Path | BinaryIO | Image.Image,
    *,
    name: str = "",
    noted_as: str = "",
    rendering: Rendering = AS_IS,
) -> Image.Image:
    """Read an image as 8-bit RGB.

    It is turned upright, as its EXIF orientation says. Grayscale is repeated three times,
    transparent pixels are blended with black, CMYK is converted, and pixels without data become
    black. Values of more than 8 bits are stretched as the rendering says, or else from the 2nd to
    the 98th percentile of the image. Each conversion but the first kind of stretch warns, since the
    model was not trained on such images.

    Args:
        source: a path, a binary stream, or an opened image.
        name: of a stream, for error messages.
        noted_as: the image's name in a warning; equal warnings are shown once. `name` by default.
        rendering: of the data set or gallery that the image belongs to, or is compared with.

    Returns:
        An RGB image, at least 8 pixels a side.

    Raises:
        InputError: missing, empty, no image, cut short, too small or too large, of complex values,
            or without data.
    """
    name = name or (str(source) if isinstance(source, str | Path) else "the image")
    try:
        if not isinstance(source, Image.Image):
            with _stream(source) as stream:
                return _read_stream(stream, source, name, noted_as or name, rendering)
        _check_kept_bits(source, name)
        return _to_rgb(_load(source, name), name, noted_as or name, rendering)
    except UnidentifiedImageError:
        raise InputError(
            f"{name} is not an image that can be read: use JPEG, PNG or TIFF"
        ) from None
    except FileNotFoundError:
        raise InputError(f"{name} does not exist: check the path") from None
    except Image.DecompressionBombError:
        raise InputError(f"{name} has {TOO_LARGE}") from None
    except IsADirectoryError:
        raise InputError(f"{name} is a folder: give an image file") from None
    except InputError:
        raise
    except IMAGE_ERRORS as error:
        raise InputError(f"{name} cannot be read ({error}): download or save it again") from None


def read_thumbnail(content: bytes) -> Image.Image:
    """Read a thumbnail that `to_jpeg` made, of any size.

    Raises:
        InputError: the bytes are no readable image.
    """
    try:
        return _open(io.BytesIO(content), "the thumbnail").convert("RGB")
    except (*IMAGE_ERRORS, Image.DecompressionBombError) as error:
        raise InputError(f"the thumbnail cannot be read ({error})") from None


def to_png(image: Image.Image, *, side: int) -> bytes:
    """Return an image as PNG bytes, shrunk to at most `side` pixels a side; else nothing is lost.

    Args:
        image: RGB.
        side: pixels.
    """
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    small.save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def to_jpeg(image: Image.Image, *, side: int, detailed: bool = False) -> bytes:
    """Return an image as JPEG bytes, shrunk to at most `side` pixels a side; never enlarged.

    Args:
        image: RGB.
        side: pixels.
        detailed: keep fine structures and colors, in twice the bytes.
    """
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    how = {"quality": 92, "subsampling": 0} if detailed else {"quality": 85}
    small.save(stream, "JPEG", **how)
    return stream.getvalue()


@contextmanager
def _stream(source: str | Path | BinaryIO) -> Iterator[BinaryIO]:
    """Yield a binary stream at its start; a file is closed in the end."""
    if isinstance(source, str | Path):
        with Path(source).open("rb") as stream:
            yield stream
    else:
        source.seek(0)
        yield source


def _read_stream(
    stream: BinaryIO,
    source: str | Path | BinaryIO,
    name: str,
    noted_as: str,
    rendering: Rendering,
) -> Image.Image:
    head = stream.read(raster.HEAD)
    if not head:
        raise InputError(f"{name} is empty (0 bytes): download or save it again")
    stream.seek(0)
    if not (driver := raster.find_driver(head)):
        return _to_rgb(_load(_open(stream, name), name), name, noted_as, rendering)
    orientation = _orientation(stream, driver)
    file = Path(source) if isinstance(source, str | Path) else stream
    with raster.open_tile(file, driver, name) as opened:
        _check_size(opened.source.shape, name)
        if (pages := len(opened.source.subdatasets)) > 1:
            _warn_of_pages(noted_as, pages)
        image = _render(opened, noted_as, rendering)
    image.getexif()[ORIENTATION] = orientation
    return ImageOps.exif_transpose(image)


def _render(opened: raster.Raster, noted_as: str, rendering: Rendering) -> Image.Image:
    """Return an opened raster as an image."""
    bands = opened.choose_bands(rendering)
    opened.warn_of_unnamed_colors(rendering, noted_as)
    stretch = rendering.pairs(len(bands))
    if not opened.has_8_bits(bands) and not stretch:
        stretch = raster.settle_rendering([opened], AS_IS).stretch
        _warn_of_own_stretch(noted_as, opened.source.dtypes[bands[0] - 1])
    pixels = opened.read(bands, stretch, blend=not opened.is_chosen(rendering))
    if not pixels.valid:
        raise InputError(f"{opened.name} holds no data: save it again with its values")
    mode = opened.mode(bands)
    if opened.has_8_bits(bands) and not (mode == "RGBA" and pixels.opaque):
        _warn(noted_as, mode)
    return Image.fromarray(np.ascontiguousarray(pixels.rgb.transpose(1, 2, 0)))


def _orientation(stream: BinaryIO, driver: str) -> int:
    """Return the EXIF orientation of a raster; 1 if it states none."""
    found: object = 1
    with suppress(*IMAGE_ERRORS), warnings.catch_warnings(action="ignore"):
        if driver == raster.TIFF:
            found = _tiff_orientation(stream)
        elif driver == raster.PNG:
            found = Image.open(stream, formats=("PNG",)).getexif().get(ORIENTATION, 1)
    return found if isinstance(found, int) else 1


def _tiff_orientation(stream: BinaryIO) -> int:
    """Return the orientation of the first image; Pillow reads no BigTIFF of big-endian numbers.

    Source: TIFF 6.0, section 2, and for BigTIFF http://bigtiff.org
    """
    order = "<" if stream.read(2) == b"II" else ">"
    is_big = struct.unpack(f"{order}H", stream.read(2))[0] == 43
    offset, count, inside = ("4xQ", "Q", 8) if is_big else ("I", "H", 4)
    stream.seek(_number(stream, order + offset))
    for _ in range(min(_number(stream, order + count), 4096)):
        tag = _number(stream, f"{order}H")
        entry = stream.read(2 + 2 * inside)  # type, count and value
        if tag == ORIENTATION:
            return int(struct.unpack(f"{order}H", entry[2 + inside : 4 + inside])[0])
    return 1


def _number(stream: BinaryIO, form: str) -> int:
    return int(struct.unpack(form, stream.read(struct.calcsize(form)))[0])


def _open(source: BinaryIO, name: str) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = Image.open(source, formats=FORMATS)
    if image.width * image.height > MAX_PIXELS:
        raise InputError(f"{name} has {TOO_LARGE}")
    return image


def _load(image: Image.Image, name: str) -> Image.Image:
    """Return an opened image with its pixels, upright."""
    _check_size((image.height, image.width), name)
    image.load()
    if image.getexif().get(ORIENTATION, 1) != 1:
        image = ImageOps.exif_transpose(image)
    return image


def _check_size(shape: tuple[int, int], name: str) -> None:
    height, width = shape
    if width * height > MAX_PIXELS:
        raise InputError(f"{name} has {TOO_LARGE}")
    if min(width, height) < MIN_SIDE:
        raise InputError(f"{name} is {width} x {height} pixels: need at least {MIN_SIDE} a side")


def _check_kept_bits(image: Image.Image, name: str) -> None:
    """Refuse an opened image of several 16-bit channels, of which Pillow keeps 8 bits."""
    depths = getattr(image, "tag_v2", {}).get(BITS_PER_SAMPLE, (8,))
    raw = [mode for tile in getattr(image, "tile", ()) for mode in [str(tile[3])]]
    if image.mode[0] not in "IF" and (max(depths) > 8 or any(";16" in mode for mode in raw)):
        raise InputError(
            f"{name} has 16-bit values, of which Pillow keeps 8 bits: give the path of its file"
        )


def _to_rgb(image: Image.Image, name: str, noted_as: str, rendering: Rendering) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        return _stretch(image, name, noted_as, rendering)
    if image.mode == "RGBA" and image.getchannel("A").getextrema()[0] == OPAQUE:
        return image.convert("RGB")
    has_alpha = image.mode.endswith(("A", "a"))  # LAB has a band A, too
    if has_alpha or "transparency" in image.info:
        _warn(noted_as, image.mode, "blended with black")
        return _over_black(image)
    _warn(noted_as, image.mode)
    return image.convert("RGB")


def _warn(noted_as: str, mode: str, how: str = "") -> None:
    """Warn that an image of another mode than RGB was converted."""
    if not how and mode.endswith("A"):
        how = "blended with black"
    how = how or ("repeated" if mode in ("1", "L") else "converted")
    if mode != "RGB":
        warnings.warn(
            f"{noted_as} is {mode}, not RGB: it was {how} to RGB", RshWarning, stacklevel=4
        )


def _warn_of_pages(noted_as: str, pages: int) -> None:
    warnings.warn(
        f"{noted_as} has {pages} pages: the first is shown, save the others as files or bands",
        RshWarning,
        stacklevel=4,
    )


def _warn_of_own_stretch(noted_as: str, kind: str) -> None:
    warnings.warn(
        f"{noted_as} holds {kind} values, not 8 bits: they were stretched from their 2nd to their "
        "98th percentile",
        RshWarning,
        stacklevel=4,
    )


def _over_black(image: Image.Image) -> Image.Image:
    width, height = image.size
    result = Image.new("RGB", image.size)
    for rows in strips(height, width):
        rgba = image.crop((0, rows.start, width, rows.stop)).convert("RGBA")
        flat = Image.alpha_composite(Image.new("RGBA", rgba.size, "black"), rgba)
        result.paste(flat.convert("RGB"), (0, rows.start))
    return result


def _stretch(image: Image.Image, name: str, noted_as: str, rendering: Rendering) -> Image.Image:
    """Return an opened image of one channel of 16 or 32 bits as RGB."""
    values = np.asarray(image)
    stretch = rendering.pairs(1)
    if not stretch:
        step = math.ceil(math.sqrt(values.size / STRETCH_PIXELS))
        sample = values[::step, ::step]
        sample = sample if np.isfinite(sample).any() else values
        finite = sample[np.isfinite(sample)].astype(np.float64)
        if not finite.size:
            raise InputError(f"{name} holds no finite number: save it again with its values")
        stretch = percentile_stretch([finite])
        _warn_of_own_stretch(noted_as, str(values.dtype))
    stretched = np.empty(values.shape, np.uint8)
    for rows in strips(image.height, image.width):
        stretched[rows] = to_bytes(values[None, rows], stretch)[0]
    return Image.fromarray(stretched).convert("RGB")
