"""Reading one image, whatever its kind, as 8-bit RGB."""

import io
import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from rsh.errors import InputError, RshWarning

MIN_SIDE = 8  # pixels; below that a tile has no texture to encode
MAX_PIXELS = 40_000_000  # an image larger than that is a scene to be cut into tiles first
TOO_LARGE = f"more than {MAX_PIXELS // 10**6} million pixels: cut it into tiles first"
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif"})
# Pillow knows many others, whatever a file is called, which few people have tested; for one of them
# it runs another program. PPM is how `rsh.data.sources.raster` hands on a tile.
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "PPM")
STRIP = 1 << 20  # pixels that are converted at once, so that a large image is there twice at most
LOOK = 1 << 22  # pixels that a stretch is found on

# What Pillow raises for files that are damaged or were made to do harm.
CANNOT_READ = (
    *(EOFError, IndexError, KeyError, OSError, OverflowError, SyntaxError, TypeError, ValueError),
    *(struct.error, zlib.error),
)


def read_image(
    source: str | Path | BinaryIO | Image.Image, *, name: str = "", noted_as: str = ""
) -> Image.Image:
    """Read an image as 8-bit RGB.

    Grayscale is repeated three times, transparency is laid over black, CMYK is converted, and
    16-bit values are stretched linearly so that the 2nd and 98th percentile become 0 and 255
    (NaN becomes 0, infinity what is nearest to it). A warning says so, since the model was not
    trained on such images.

    Args:
        source: a path, a binary stream, or an image that is already open.
        name: what to call a stream in a message.
        noted_as: what to call it in the warning, of which equal texts are shown once; its name.

    Returns:
        An RGB image, at least 8 pixels a side.

    Raises:
        InputError: not there, empty, not an image, cut short, too small or too large, or
            without a finite value.
    """
    name = name or (str(source) if isinstance(source, str | Path) else "the image")
    try:
        image = source if isinstance(source, Image.Image) else _open(source, name)
        image.load()
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
    except CANNOT_READ as error:
        raise InputError(f"{name} cannot be read ({error}): fetch or save it again") from None
    if min(image.size) < MIN_SIDE:
        width, height = image.size
        raise InputError(f"{name} is {width} x {height} pixels: need at least {MIN_SIDE} a side")
    return _to_rgb(image, name, noted_as or name)


def read_thumbnail(content: bytes) -> Image.Image:
    """Read a thumbnail that `to_jpeg` has made, of any size.

    Raises:
        InputError: it is none.
    """
    try:
        return _open(io.BytesIO(content), "the thumbnail").convert("RGB")
    except (*CANNOT_READ, Image.DecompressionBombError) as error:
        raise InputError(f"the thumbnail cannot be read ({error})") from None


def to_jpeg(image: Image.Image, *, side: int, quality: int = 85) -> bytes:
    """Shrink an image to at most `side` pixels a side and return it as JPEG bytes."""
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def _open(source: str | Path | BinaryIO, name: str) -> Image.Image:
    if (
        isinstance(source, str | Path)
        and Path(source).is_file()
        and not Path(source).stat().st_size
    ):
        raise InputError(f"{name} is empty (0 bytes): fetch or save it again")
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
        how, image = "laid over black", _over_black(image)
    else:
        how = "repeated" if mode in ("1", "L") else "converted"
    warnings.warn(f"{noted_as} is {mode}, not RGB: it was {how} to RGB", RshWarning, stacklevel=3)
    return image.convert("RGB")


def _over_black(image: Image.Image) -> Image.Image:
    width, height = image.size
    whole = Image.new("RGB", image.size)
    for top, bottom in _strips(width, height):
        rgba = image.crop((0, top, width, bottom)).convert("RGBA")
        flat = Image.alpha_composite(Image.new("RGBA", rgba.size, "black"), rgba)
        whole.paste(flat.convert("RGB"), (0, top))
    return whole


def _stretch(image: Image.Image, name: str) -> Image.Image:
    values = np.asarray(image)
    step = math.ceil(math.sqrt(values.size / LOOK))
    some = values[::step, ::step]
    known = some[np.isfinite(some)] if np.isfinite(some).any() else values[np.isfinite(values)]
    if not known.size:
        raise InputError(f"{name} holds no finite number: save it again with its values")
    low, high = np.percentile(known.astype(np.float64), (2, 98))
    stretched = np.empty(values.shape, np.uint8)
    for top, bottom in _strips(image.width, image.height):
        part = values[top:bottom].astype(np.float64)
        whole = np.nan_to_num(part, nan=low, posinf=high, neginf=low)
        scaled = (whole - low) / max(high - low, 1e-12) * 255
        stretched[top:bottom] = np.clip(scaled, 0, 255)
    return Image.fromarray(stretched)


def _strips(width: int, height: int) -> Iterator[tuple[int, int]]:
    """Yield first row and end of parts of an image."""
    rows = max(1, STRIP // width)
    for top in range(0, height, rows):
        yield top, min(top + rows, height)
