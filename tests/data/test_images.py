import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from refusals import refused

from rsh.data.images import MIN_SIDE, read_image, to_jpeg
from rsh.errors import RshWarning

RAMP = np.tile(np.linspace(0, 255, 32).astype(np.uint8), (32, 1))


def drawn(mode: str = "RGB", side: int = 32) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def saved(folder: Path, image: Image.Image, name: str = "tile.png", **options) -> Path:
    image.save(folder / name, **options)
    return folder / name


def header_only(width: int, height: int) -> bytes:
    """A PNG that claims to be so large and holds no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b""))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def test_rgb_is_read_as_it_is_without_a_warning(tmp_path: Path):
    original = drawn()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for source in (
            saved(tmp_path, original),
            str(saved(tmp_path, original)),
            io.BytesIO(saved(tmp_path, original).read_bytes()),
            original,
        ):
            found = read_image(source)
            assert found.mode == "RGB"
            assert np.array_equal(np.asarray(found), np.asarray(original))


@pytest.mark.parametrize(
    ("mode", "name"),
    [("L", "gray.png"), ("1", "bits.png"), ("LA", "graya.png"),
     ("P", "palette.png"), ("P", "palette.gif"), ("CMYK", "ink.jpg"), ("L", "gray.tif"),
     ("P", "palette.tif"), ("CMYK", "ink.tif")],
)  # fmt: skip
def test_other_modes_become_rgb_with_a_warning_that_names_them(
    tmp_path: Path, mode: str, name: str
):
    file = saved(tmp_path, drawn(mode), name)
    with pytest.warns(RshWarning, match="not RGB") as caught:
        found = read_image(file)
    assert found.mode == "RGB"
    assert found.size == (32, 32)
    (text,) = (str(note.message) for note in caught if note.category is RshWarning)
    assert str(file) in text
    with Image.open(file) as original:
        assert f"{original.mode}, not RGB" in text
        with warnings.catch_warnings(action="ignore"):
            assert np.array_equal(found, read_image(original))


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_images_of_more_bits_are_stretched_with_a_warning_that_names_their_values(
    tmp_path: Path, dtype: type
):
    file = saved(tmp_path, Image.fromarray(RAMP.astype(dtype) * 40), "deep.tif")
    with pytest.warns(RshWarning, match=f"holds {np.dtype(dtype)} values") as caught:
        found = read_image(file)
    assert found.mode == "RGB" and np.ptp(found) == 255
    assert str(file) in str(caught[0].message)
    with Image.open(file) as opened, warnings.catch_warnings(action="ignore"):
        assert np.array_equal(found, read_image(opened))


def test_grayscale_is_repeated(tmp_path: Path):
    with pytest.warns(RshWarning, match="repeated"):
        found = np.asarray(read_image(saved(tmp_path, Image.fromarray(RAMP))))
    assert np.array_equal(found, np.repeat(RAMP[:, :, None], 3, axis=2))


def test_transparency_is_laid_over_black(tmp_path: Path):
    pixels = np.full((16, 16, 4), 200, dtype=np.uint8)
    pixels[:8, :, 3] = 0
    pixels[8:, :, 3] = 255
    with pytest.warns(RshWarning, match="blended with black"):
        found = np.asarray(read_image(saved(tmp_path, Image.fromarray(pixels))))
    assert (found[:8] == 0).all()
    assert (found[8:] == 200).all()


@pytest.mark.parametrize("name", ["tile.png", "tile.tif"])
def test_nothing_is_said_of_an_alpha_channel_that_hides_nothing(tmp_path: Path, name: str):
    opaque = Image.fromarray(np.dstack([*3 * [RAMP], np.full_like(RAMP, 255)]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = np.asarray(read_image(saved(tmp_path, opaque, name)))
    assert np.array_equal(found, np.repeat(RAMP[:, :, None], 3, axis=2))


def test_transparent_palette_color_is_laid_over_black(tmp_path: Path):
    image = Image.new("P", (16, 16), 1)
    image.putpalette([250, 250, 250, 10, 20, 30] + [0] * 750)
    image.paste(0, (0, 0, 16, 8))
    with pytest.warns(RshWarning, match="blended with black"):
        found = np.asarray(read_image(saved(tmp_path, image, transparency=0)))
    assert (found[:8] == 0).all()
    assert (found[8:] == (10, 20, 30)).all()


@pytest.mark.parametrize("name", ["deep.png", "deep.tif"])
def test_sixteen_bit_grayscale_keeps_its_contrast(tmp_path: Path, name: str):
    """Reflectances of 1000 to 3000 would be one white or black area if they were only cut off."""
    deep = (1000 + RAMP.astype(np.uint16) * 8).astype(np.uint16)
    with pytest.warns(RshWarning, match="98th percentile"):
        found = np.asarray(read_image(saved(tmp_path, Image.fromarray(deep), name)))
    assert found.min() == 0
    assert found.max() == 255
    assert np.abs(found[:, :, 0].astype(int) - RAMP).max() <= 8  # the stretch of the ends


def test_flat_sixteen_bit_image_does_not_divide_by_zero(tmp_path: Path):
    flat = Image.fromarray(np.full((16, 16), 7, np.uint16))
    with pytest.warns(RshWarning, match="stretched"):
        assert np.asarray(read_image(saved(tmp_path, flat))).max() == 0


def test_missing_values_of_a_float_image_do_not_spoil_the_rest(tmp_path: Path):
    values = RAMP.astype(np.float32) / 255
    values[0, :3] = np.nan
    with pytest.warns(RshWarning, match="stretched"):
        found = np.asarray(read_image(saved(tmp_path, Image.fromarray(values), "float.tif")))
    assert np.abs(found[1:, :, 0].astype(int) - RAMP[1:]).max() <= 8


@pytest.mark.parametrize("mode", ["YCbCr", "LAB", "HSV"])
def test_opened_image_of_another_color_space_becomes_rgb(mode: str):
    with pytest.warns(RshWarning, match=f"the image is {mode}, not RGB: it was converted"):
        assert read_image(Image.new(mode, (16, 16))).mode == "RGB"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_float_image_without_a_finite_value_is_refused(tmp_path: Path, value: float):
    file = saved(tmp_path, Image.fromarray(np.full((16, 16), value, np.float32)), "float.tif")
    with refused(names=file):
        read_image(file)


def test_infinite_values_are_the_ends_of_the_others(tmp_path: Path):
    values = RAMP.astype(np.float32)
    values[0, :2] = np.inf, -np.inf
    with pytest.warns(RshWarning, match="stretched"):
        found = np.asarray(read_image(saved(tmp_path, Image.fromarray(values), "float.tif")))
    assert found[0, :2, 0].tolist() == [255, 0]
    assert np.abs(found[1:, :, 0].astype(int) - RAMP[1:]).max() <= 8


def test_missing_file_is_named(tmp_path: Path):
    with refused(names=tmp_path / "gone.jpg"):
        read_image(tmp_path / "gone.jpg")


def test_folder_is_named(tmp_path: Path):
    with refused(names=tmp_path):
        read_image(tmp_path)


def test_text_named_jpg_is_no_image(tmp_path: Path):
    file = tmp_path / "notes.jpg"
    file.write_text("these are not the pixels you are looking for")
    with refused(names=file):
        read_image(file)


def test_empty_file_is_named_as_empty(tmp_path: Path):
    file = tmp_path / "empty.png"
    file.touch()
    with refused(names=file):
        read_image(file)


@pytest.mark.parametrize("name", ["tile.jpg", "tile.png", "tile.tif"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_image_cut_short_is_refused(tmp_path: Path, name: str, share: float):
    file = saved(tmp_path, drawn(side=64), name)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with refused(names=file):
        read_image(file)


@pytest.mark.parametrize("size", [(1, 1), (MIN_SIDE - 1, 100), (100, MIN_SIDE - 1)])
def test_image_too_small_to_have_texture_names_its_size(tmp_path: Path, size: tuple[int, int]):
    file = saved(tmp_path, Image.new("RGB", size))
    with refused(names=(file, *size, MIN_SIDE)):
        read_image(file)


def test_smallest_image_is_read(tmp_path: Path):
    file = saved(tmp_path, Image.new("RGB", (MIN_SIDE, MIN_SIDE)))
    assert read_image(file).size == (MIN_SIDE, MIN_SIDE)


@pytest.mark.parametrize("side", [10_001, 20_000, 100_000])
def test_whole_scene_is_to_be_cut_into_tiles_first(tmp_path: Path, side: int):
    file = tmp_path / "scene.png"
    file.write_bytes(header_only(side, side))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with refused(names=file):
            read_image(file)


def test_header_without_pixels_is_refused(tmp_path: Path):
    file = tmp_path / "hollow.png"
    file.write_bytes(header_only(100, 100))
    with refused(names=file):
        read_image(file)


def test_stream_is_called_by_the_name_it_is_given():
    with refused(names="forest/1.jpg"):
        read_image(io.BytesIO(b"no image"), name="forest/1.jpg")
    with refused(names="image"):
        read_image(io.BytesIO(b"no image"))


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (64, 64), (1000, 10)])
def test_thumbnail_fits_the_side_and_keeps_its_shape(size: tuple[int, int]):
    original = Image.new("RGB", size, "green")
    content = to_jpeg(original, side=128)
    small = Image.open(io.BytesIO(content))
    assert small.format == "JPEG"
    assert max(small.size) <= 128
    assert small.size[0] / small.size[1] == pytest.approx(size[0] / size[1], rel=0.3)
    assert original.size == size  # the caller's image is not shrunk


def test_small_image_is_not_blown_up_to_a_thumbnail():
    assert Image.open(io.BytesIO(to_jpeg(drawn(side=40), side=128))).size == (40, 40)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_upright_in_every_format(tmp_path: Path, kind: str, orientation: int):
    stored = np.kron(np.arange(24, dtype=np.uint8).reshape(4, 6) * 10, np.ones((8, 8), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100}}.get(kind, {})
    file = saved(
        tmp_path, Image.fromarray(stored).convert("RGB"), f"a.{kind}", exif=exif, **lossless
    )
    upright = [
        *[stored, stored[:, ::-1], stored[::-1, ::-1], stored[::-1]],
        *[stored.T, stored.T[:, ::-1], stored.T[::-1, ::-1], stored.T[::-1]],
    ][orientation - 1]
    for source in (file, io.BytesIO(file.read_bytes()), Image.open(file)):
        found = np.asarray(read_image(source))[:, :, 0].astype(int)
        assert found.shape == upright.shape and np.abs(found - upright).max() < 4
