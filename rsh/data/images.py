"""Reads an image of any mode as 8-bit RGB."""

import io
import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from os.path import getsize, isfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from rsh.errors import InputError, RshWarning

MIN_SIDE = 8  # pixels; below that a tile has no texture to encode
MAX_PIXELS = 40_000_000  # a larger image is a scene, to be cut into tiles
TOO_LARGE = f"more than {MAX_PIXELS // 10**6} million pixels: cut it into tiles first"
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif"}
)
# Pillow also reads many rarely tested formats, whatever the suffix of a file, and one of them by
# running another program. `rsh.data.sources.raster` passes tiles as PPM.
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "PPM")
ORIENTATION = 0x0112  # a tag of EXIF
STRIP_PIXELS = 1 << 20  # converted at a time, so that memory holds a large image twice at most
STRETCH_PIXELS = 1 << 22  # a sample of at most so many pixels gives the percentiles

# Pillow raises these for damaged or hostile files.
IMAGE_ERRORS = (
    *(EOFError, IndexError, KeyError, OSError, OverflowError, SyntaxError, TypeError, ValueError),
    *(struct.error, zlib.error),
)


def read_image(
    source: str | Path | BinaryIO | Image.Image, *, name: str = "", noted_as: str = ""
) -> Image.Image:
    """Read an image as 8-bit RGB.

    It is turned upright, as its EXIF orientation says. Grayscale is repeated three times,
    transparent pixels are blended with black, CMYK is converted, and 16-bit values are stretched
    linearly so that the 2nd and 98th percentile become 0 and 255 (NaN becomes 0, infinities the
    nearest end). Each conversion warns, since the model was not trained on such images.

    Args:
        source: a path, a binary stream, or an opened image.
        name: of a stream, for error messages.
        noted_as: the image's name in a warning; equal warnings are shown once. `name` by default.

    Returns:
        An RGB image, at least 8 pixels a side.

    Raises:
        InputError: missing, empty, no image, cut short, too small or too large, or without a finite
            value.
    """
    name = name or (str(source) if isinstance(source, str | Path) else "the image")
    try:
        image = source if isinstance(source, Image.Image) else _open(source, name)
        image.load()
        if image.getexif().get(ORIENTATION, 1) != 1:  # Pillow obeys it in TIFF alone
            image = ImageOps.exif_transpose(image)
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
    if min(image.size) < MIN_SIDE:
        width, height = image.size
        raise InputError(f"{name} is {width} x {height} pixels: need at least {MIN_SIDE} a side")
    return _to_rgb(image, name, noted_as or name)


def read_thumbnail(content: bytes) -> Image.Image:
    """Read a thumbnail that `to_jpeg` made, of any size.

    Raises:
        InputError: the bytes are no readable image.
    """
    try:
        return _open(io.BytesIO(content), "the thumbnail").convert("RGB")
    except (*IMAGE_ERRORS, Image.DecompressionBombError) as error:
        raise InputError(f"the thumbnail cannot be read ({error})") from None


def to_jpeg(image: Image.Image, *, side: int) -> bytes:
    """Return an image as JPEG bytes, shrunk to at most `side` pixels a side."""
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=85)
    return stream.getvalue()


def _open(source: str | Path | BinaryIO, name: str) -> Image.Image:
    if isinstance(source, str | Path) and isfile(source) and not getsize(source):
        raise InputError(f"{name} is empty (0 bytes): download or save it again")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = Image.open(source, formats=FORMATS)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InputError(f"{name} has {TOO_LARGE}")
    return image


def _to_rgb(image: Image.Image, name: str, noted_as: str) -> Image.Image:
    mode = image.mode
    if mode == "RGB":
        return image
    if mode.startswith(("I", "F")):
        how, image = "stretched from its 2nd to 98th percentile", _stretch(image, name)
    elif mode.endswith(("A", "a")) or "transparency" in image.info:  # LAB has a band A, too
        how, image = "blended with black", _over_black(image)
    else:
        how = "repeated" if mode in ("1", "L") else "converted"
    warnings.warn(f"{noted_as} is {mode}, not RGB: it was {how} to RGB", RshWarning, stacklevel=3)
    return image.convert("RGB")


def _over_black(image: Image.Image) -> Image.Image:
    width, height = image.size
    result = Image.new("RGB", image.size)
    for top, bottom in _strips(width, height):
        rgba = image.crop((0, top, width, bottom)).convert("RGBA")
        flat = Image.alpha_composite(Image.new("RGBA", rgba.size, "black"), rgba)
        result.paste(flat.convert("RGB"), (0, top))
    return result


def _stretch(image: Image.Image, name: str) -> Image.Image:
    values = np.asarray(image)
    step = math.ceil(math.sqrt(values.size / STRETCH_PIXELS))
    sample = values[::step, ::step]
    sample = sample if np.isfinite(sample).any() else values
    finite = sample[np.isfinite(sample)]
    if not finite.size:
        raise InputError(f"{name} holds no finite number: save it again with its values")
    low, high = np.percentile(finite.astype(np.float64), (2, 98))
    stretched = np.empty(values.shape, np.uint8)
    for top, bottom in _strips(image.width, image.height):
        strip = values[top:bottom].astype(np.float64)
        strip = np.nan_to_num(strip, nan=low, posinf=high, neginf=low)
        scaled = (strip - low) / max(high - low, 1e-12) * 255
        stretched[top:bottom] = np.clip(scaled, 0, 255)
    return Image.fromarray(stretched)


def _strips(width: int, height: int) -> Iterator[tuple[int, int]]:
    """Yield first row and end of each strip of an image."""
    rows = max(1, STRIP_PIXELS // width)
    for top in range(0, height, rows):
        yield top, min(top + rows, height)
