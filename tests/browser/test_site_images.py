"""A visitor's own images in a site: read, resized and encoded in the browser as Python does it."""

import base64
import io
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser.site_probe import probing
from conftest import TinyRun
from PIL import Image

from rsh.data.decoded import decode_tile
from rsh.data.images import ORIENTATION, read_image
from rsh.data.tiles import TileDataset
from rsh.errors import InputError, RshWarning
from rsh.gallery.gallery import Gallery
from rsh.models.onnx import FILE, OnnxEncoder

pytestmark = pytest.mark.browser
RUNTIME = Path(__file__).parents[2] / "node_modules" / "onnxruntime-web"
SIDE = 32  # pixels, of the tiles of the run
MAX_NEAR_ZERO = 1e-3  # of relaxed codes whose sign may differ, as for `rsh export-onnx`
PROBE = """
const bytesOf = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0)).buffer;
const textOf = (bytes) => btoa(String.fromCharCode(...bytes));

export async function read(base, files) {
  const { readImage, pixelsOf, crop } = site_web_images_read_js;
  const { fitSquare } = site_web_images_fit_js;
  const found = [];
  for (const { name, bytes, side, box } of files) {
    try {
      const { canvas, note } = await readImage(bytesOf(bytes), name);
      const pixels = pixelsOf(box ? crop(canvas, box) : canvas);
      found.push({ note, pixels: textOf(fitSquare(pixels, side)) });
    } catch (error) {
      found.push({ error: error.message });
    }
  }
  return found;
}

export async function encode(base, files) {
  const gallery = await site_web_gallery_js.Gallery.open(base);
  const encoder = new site_web_images_encoder_js.Encoder(gallery);
  const found = [];
  for (const bytes of files) {
    const { canvas } = await site_web_images_read_js.readImage(bytesOf(bytes), "tile");
    const { code, soft } = await encoder.encode(canvas);
    found.push({ hex: gallery.hex(code), soft: Array.from(soft) });
  }
  return found;
}
"""


@pytest.fixture(scope="module")
def gallery(tiny_run: TinyRun) -> Gallery:
    return Gallery.open(tiny_run.gallery)


@pytest.fixture(scope="module")
def ask(
    chromium: Any, gallery: Gallery, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str, Any], Any]]:
    """Call a function of the worker."""
    folder = tmp_path_factory.mktemp("own") / "site"
    options = {"own_images": True, "runtime": RUNTIME}
    with probing(chromium, gallery, folder, PROBE, **options) as call:
        yield call


def written(image: Image.Image, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def asked(content: bytes, name: str = "mine", side: int = SIDE, **more: Any) -> dict[str, Any]:
    return {"name": name, "bytes": text(content), "side": side, **more}


def square(found: dict[str, Any], side: int = SIDE) -> np.ndarray:
    pixels = np.frombuffer(base64.b64decode(found["pixels"]), np.uint8)
    return pixels.reshape(3, side, side).astype(int)


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    random = np.random.default_rng(width * height)
    return Image.fromarray(random.integers(256, size=(height, width, 4), dtype=np.uint8)).convert(
        mode
    )


def test_images_of_any_size_are_resized_as_by_pillow(ask: Callable[[str, Any], Any]) -> None:
    random = np.random.default_rng(0)
    sizes = random.integers(8, 300, size=(60, 2)).tolist()
    sizes += [[32, 32], [32, 8], [8, 32], [64, 32], [33, 32], [31, 31], [900, 8]]
    sides = [SIDE, 17, 128]
    images = [noise(*size) for size in sizes]
    files = [asked(written(image, "PNG"), side=sides[n % 3]) for n, image in enumerate(images)]
    for number, found in enumerate(ask("read", files)):
        side = sides[number % 3]
        wanted = decode_tile(images[number], side)
        assert np.array_equal(square(found, side), wanted), sizes[number]


def palette_with_a_hole() -> bytes:
    image = noise(50, 40).quantize(200)
    return written(image, "PNG", transparency=bytes(range(200)))


def with_gamma(content: bytes) -> bytes:
    """Add a gamma of 1.0 to a PNG, which a browser would apply and Pillow ignores."""
    chunk = b"gAMA" + struct.pack(">I", 100000)
    whole = struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return content[:33] + whole + content[33:]


KINDS = {
    "gray": written(noise(50, 40, "L"), "PNG"),
    "black and white": written(noise(50, 40, "1"), "PNG"),
    "palette": written(noise(50, 40).quantize(256), "PNG"),
    "palette with a hole": palette_with_a_hole(),
    "gray with alpha": written(noise(50, 40, "LA"), "PNG"),
    "alpha": written(noise(50, 40, "RGBA"), "PNG"),
    "alpha that hides nothing": written(noise(50, 40).convert("RGBA"), "PNG"),
    "gamma": with_gamma(written(noise(50, 40), "PNG")),
    "one color is transparent": written(
        Image.new("RGB", (50, 40), (9, 8, 7)), "PNG", transparency=(9, 8, 7)
    ),
    "gray jpeg": written(noise(50, 40, "L"), "JPEG"),
    "jpeg": written(noise(50, 40), "JPEG", quality=90),
    "jpeg in steps": written(noise(50, 40), "JPEG", progressive=True),
    "webp": written(noise(50, 40), "WEBP", lossless=True),
    "webp with alpha": written(noise(50, 40, "RGBA"), "WEBP", lossless=True, exact=True),
    "lossy webp": written(noise(50, 40), "WEBP"),
}


def test_images_of_all_kinds_are_read_and_noted_as_by_python(
    ask: Callable[[str, Any], Any],
) -> None:
    files = [asked(content, name) for name, content in KINDS.items()]
    for (name, content), found in zip(KINDS.items(), ask("read", files), strict=True):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            wanted = decode_tile(read_image(io.BytesIO(content), name=name), SIDE)
        notes = [str(note.message) for note in caught if note.category is RshWarning]
        assert [found["note"]] == (notes or [""]), name
        most = 3 if name == "lossy webp" else 2 if "alpha" in name else 1
        assert np.abs(square(found) - wanted).max() <= most, name


def with_orientation(form: str, orientation: int) -> bytes:
    image = Image.new("RGB", (48, 24), "red")
    image.paste("blue", (0, 0, 24, 12))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return written(image, form, exif=exif)


def test_images_are_turned_upright(ask: Callable[[str, Any], Any]) -> None:
    files = [with_orientation("JPEG", orientation) for orientation in range(1, 9)]
    for content, found in zip(files, ask("read", list(map(asked, files))), strict=True):
        wanted = decode_tile(read_image(io.BytesIO(content)), SIDE)
        assert np.abs(square(found) - wanted).max() <= 1


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_turned_images_are_refused_where_browsers_differ(
    ask: Callable[[str, Any], Any], form: str
) -> None:
    upright, turned = (asked(with_orientation(form, orientation)) for orientation in (1, 6))
    first, second = ask("read", [upright, turned])
    assert first["note"] == ""
    told = "mine lies turned in its file (EXIF orientation 6): save it upright"
    assert second == {"error": told}


def test_parts_of_an_image_are_cut_out(ask: Callable[[str, Any], Any]) -> None:
    image = noise(64, 48)
    boxes = [[0.25, 0.25, 0.75, 1], [0, 0, 0.2, 1], [0.5, 0, 0.4, 1]]
    first, small, none = ask("read", [asked(written(image, "PNG"), box=box) for box in boxes])
    assert np.array_equal(square(first), decode_tile(image.crop((16, 12, 48, 48)), SIDE))
    assert small["error"].startswith("a part of 13 x 48 pixels is too small to search with")
    assert none["error"] == "the part [0.5, 0, 0.4, 1] is no box within the image: draw one on it"


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def huge() -> bytes:
    """Return a PNG that claims to have 10,000 x 5,000 pixels."""
    content = bytearray(written(noise(50, 40), "PNG"))
    content[16:24] = struct.pack(">II", 10_000, 5_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return bytes(content)


def test_what_python_refuses_is_refused_in_the_same_words(ask: Callable[[str, Any], Any]) -> None:
    refused = {
        "empty.png": b"",
        "small.png": written(noise(7, 40), "PNG"),
        "small.jpg": written(noise(40, 5), "JPEG"),
        "small.webp": written(noise(40, 5), "WEBP", lossless=True),
        "huge.png": huge(),
    }
    files = [asked(content, name) for name, content in refused.items()]
    for (name, content), found in zip(refused.items(), ask("read", files), strict=True):
        with pytest.raises(InputError) as wanted:
            read_image(io.BytesIO(content), name=name)
        assert found == {"error": str(wanted.value)}


def test_what_a_browser_cannot_read_as_python_does_is_refused(
    ask: Callable[[str, Any], Any],
) -> None:
    deep = Image.fromarray(np.arange(1600, dtype=np.uint16).reshape(40, 40))
    said = {
        "text.jpg": (b"this is text", "is not an image that can be read: use JPEG, PNG or WebP"),
        "a.tif": (written(noise(50, 40), "TIFF"), "is not an image that can be read"),
        "a.gif": (written(noise(50, 40), "GIF"), "is not an image that can be read"),
        "deep.png": (written(deep, "PNG"), "has 16-bit values, of which a browser keeps 8 bits"),
        "cmyk.jpg": (written(noise(50, 40, "CMYK"), "JPEG"), "is CMYK, which browsers convert"),
        "altered.png": (altered(), "cannot be read ("),
    }
    for form, end in (("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp")):
        said[f"cut.{end}"] = (cut(written(noise(50, 40), form)), "cannot be read (it is cut short)")
    found = ask("read", [asked(content, name) for name, (content, _) in said.items()])
    for (name, (_, words)), answer in zip(said.items(), found, strict=True):
        assert answer.get("error", "").startswith(f"{name} {words}"), answer


def altered() -> bytes:
    content = bytearray(written(noise(50, 40), "PNG"))
    content[len(content) // 2] ^= 255
    return bytes(content)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_codes_are_those_of_python(
    ask: Callable[[str, Any], Any], tiny_run: TinyRun, form: str
) -> None:
    """JPEG is compared with what Python makes of the same bytes, which it decodes itself."""
    sample = TileDataset.open("bluemarble")
    contents = [sample.read_bytes(row) for row in range(0, len(sample), len(sample) // 200)][:200]
    if form == "PNG":
        contents = [written(read_image(io.BytesIO(content)), "PNG") for content in contents]
    encoder = OnnxEncoder(tiny_run.folder / FILE)
    wanted = [encoder.encode([read_image(io.BytesIO(content))]) for content in contents]
    found = ask("encode", list(map(text, contents)))
    equal = 0
    for one, other in zip(wanted, found, strict=True):
        bits = np.unpackbits(np.frombuffer(bytes.fromhex(other["hex"]), np.uint8))
        differ = (one.codes[0] > 0) != bits.astype(bool)
        assert (np.abs(one.relaxed[0, differ]) < MAX_NEAR_ZERO).all()
        soft = 127 * np.tanh(one.relaxed[0].astype(float))
        assert np.abs(soft - other["soft"]).max() <= 1
        equal += not differ.any()
    assert equal >= 199
