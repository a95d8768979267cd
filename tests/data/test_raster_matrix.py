"""Rasters of every sample type, layout, number of bands, nodata and order of colors.

Each is compared with NumPy arrays, read as a tile from bytes, as a file and as a scene.
"""

import io
import warnings
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from make_raster import make_raster
from rasterio.enums import ColorInterp

from rsh.data.images import read_image
from rsh.data.raster import open_scene, settle_rendering
from rsh.data.rendering import AS_IS
from rsh.errors import RshWarning

SIDE = 64  # pixels
INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32")
TYPES = (*INTEGERS, "float32", "float64")
TILED = {"tiled": True, "blockxsize": 32, "blockysize": 32}
LAYOUTS = {
    "pixel, strips": {"interleave": "pixel"},
    "planar, LZW": {"interleave": "band", "compress": "lzw"},
    "tiled, Deflate, predictor": TILED | {"compress": "deflate", "predictor": 2},
    "tiled, ZSTD, BigTIFF": TILED | {"compress": "zstd", "BIGTIFF": "YES"},
    "COG": {"driver": "COG"},
    "JP2": {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES"},
}
# Numbers of the bands that the file calls red, green and blue; none if it calls no band so.
COLORS = {1: [()], 3: [(1, 2, 3), (3, 2, 1)], 4: [(3, 2, 1), ()], 6: [(2, 4, 6), ()]}


def combinations() -> list:
    found = []
    for kind, layout, count in product(TYPES, LAYOUTS, COLORS):
        if layout == "JP2" and kind not in ("uint8", "uint16", "int16"):
            continue
        for colors, nodata in product(COLORS[count], (None, "number", "NaN")):
            if nodata == "NaN" and "float" not in kind:
                continue
            name = f"{kind}, {layout}, {count} bands, colors {colors}, nodata {nodata}"
            found.append(pytest.param(kind, layout, count, colors, nodata, id=name))
    return found


def draw(kind: str, count: int, nodata: str | None) -> tuple[np.ndarray, float | None]:
    """Return values, (count, SIDE, SIDE), of which a corner holds no data, and the nodata value."""
    low, high = (-100, 100) if kind == "int8" else (0, 256) if kind == "uint8" else (300, 9000)
    values = np.random.default_rng(count).integers(low, high, (count, SIDE, SIDE)).astype(kind)
    if nodata is None:
        return values, None
    value = np.nan if nodata == "NaN" else {"uint8": 0, "int8": -128}.get(kind, 0)
    values[:, : SIDE // 4, : SIDE // 2] = value
    return values, value


def write(file: Path, values: np.ndarray, layout: str, colors: tuple[int, ...], **options) -> Path:
    """Write a raster whose bands `colors` are called red, green and blue."""
    how = dict(LAYOUTS[layout])
    driver = how.pop("driver", "GTiff")
    if how.get("predictor") and values.dtype.kind == "f":
        how["predictor"] = 3
    first = make_raster(
        file.with_suffix(".first.tif"), values, **(how if driver == "GTiff" else {}), **options
    )
    with rasterio.open(first, "r+") as target:
        kinds = [ColorInterp.undefined] * len(values)
        for name, band in zip(("red", "green", "blue"), colors, strict=False):
            kinds[band - 1] = ColorInterp[name]
        target.colorinterp = kinds if colors else [ColorInterp.gray, *kinds[1:]]
    if driver == "GTiff":
        return first.rename(file)
    rasterio.shutil.copy(first, file, driver=driver, **how)
    return file


def reference(values: np.ndarray, nodata: float | None, colors: tuple[int, ...]) -> np.ndarray:
    """Return the image that the values stand for, (SIDE, SIDE, 3)."""
    bands = colors or ((1, 2, 3) if len(values) >= 3 else (1,))
    chosen = values[[band - 1 for band in bands]]
    missing = np.isnan(chosen) if nodata is not None and np.isnan(nodata) else chosen == nodata
    if values.dtype == np.uint8:
        pixels = chosen.astype(float)
    else:
        pixels = np.empty(chosen.shape)
        for channel, band in enumerate(chosen.astype(float)):
            low, high = np.percentile(band[~missing[channel]], (2, 98))
            pixels[channel] = np.clip(np.rint((band - low) / (high - low) * 255), 0, 255)
    pixels[:, missing.all(axis=0)] = 0
    return np.broadcast_to(pixels, (3, SIDE, SIDE)).transpose(1, 2, 0).astype(np.uint8)


@pytest.mark.parametrize(("kind", "layout", "count", "colors", "nodata"), combinations())
def test_a_raster_shows_what_its_values_stand_for(
    tmp_path: Path, kind: str, layout: str, count: int, colors: tuple[int, ...], nodata: str | None
):
    values, value = draw(kind, count, nodata)
    suffix = "jp2" if layout == "JP2" else "tif"
    file = write(tmp_path / f"a.{suffix}", values, layout, colors, nodata=value)
    if layout == "JP2":  # what the format cannot store, a file beside it holds
        (tmp_path / "a.jp2.aux.xml").unlink(missing_ok=True)
        with open_scene(file) as raster:
            kept = set(raster.colors) >= {"red", "green", "blue"}
            value, colors = raster.source.nodata, colors if kept else ()
    expected = reference(values, value, colors)
    with open_scene(file) as raster:
        bands = raster.choose_bands(AS_IS)
        stretch = settle_rendering([raster], AS_IS).stretch
        assert np.array_equal(raster.read(bands, stretch).rgb.transpose(1, 2, 0), expected)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RshWarning)
        assert np.array_equal(read_image(file), expected)
        assert np.array_equal(read_image(io.BytesIO(file.read_bytes()), name="a"), expected)


@pytest.mark.parametrize("photometric", ["RGB", "YCBCR"])
def test_jpeg_in_tiff_is_close_to_the_values(tmp_path: Path, photometric: str):
    smooth = np.add.outer(np.arange(SIDE), np.arange(SIDE)).astype(np.uint8) * np.uint8(2)
    values = np.stack([smooth, smooth.T // 2, 255 - smooth])
    how = {
        "compress": "jpeg",
        "photometric": photometric,
        "interleave": "pixel",
        "JPEG_QUALITY": 95,
    }
    file = make_raster(tmp_path / "a.tif", values, **how)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RshWarning)
        found = np.asarray(read_image(file))
    assert np.abs(found.transpose(2, 0, 1).astype(int) - values).mean() < 3


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_few_bits_span_black_to_white(tmp_path: Path, bits: int, photometric: str):
    values = np.arange(SIDE * SIDE).reshape(1, SIDE, SIDE).astype(np.uint8) % (1 << bits)
    file = make_raster(tmp_path / "a.tif", values, nbits=bits, photometric=photometric)
    with pytest.warns(RshWarning, match="not RGB"):
        found = np.asarray(read_image(file))[..., 0]
    expected = np.rint(values[0] * (255 / ((1 << bits) - 1)))
    assert np.array_equal(found, expected if photometric == "minisblack" else 255 - expected)


def test_palettes_show_their_colors(tmp_path: Path):
    values = np.arange(SIDE * SIDE).reshape(1, SIDE, SIDE).astype(np.uint8) % 3
    file = make_raster(tmp_path / "a.tif", values, photometric="palette")
    colors = np.array([(250, 10, 20), (0, 90, 200), (7, 8, 9)])
    with rasterio.open(file, "r+") as target:
        target.write_colormap(1, {index: (*color, 255) for index, color in enumerate(colors)})
    with pytest.warns(RshWarning, match="P, not RGB"):
        assert np.array_equal(read_image(file), colors[values[0]])


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_alpha_is_blended_with_black(tmp_path: Path, kind: str):
    most = np.iinfo(kind).max
    values = np.full((4, SIDE, SIDE), 40, kind)
    values[:3, 0] = 80
    values[3] = np.linspace(0, most, SIDE).astype(kind)
    file = make_raster(tmp_path / "a.tif", values, photometric="rgb", alpha="yes")
    with pytest.warns(RshWarning):
        found = np.asarray(read_image(file))[0, :, 0].astype(float)
    bright = 80 if kind == "uint8" else 255
    assert np.abs(found - bright * (values[3, 0] / most)).max() <= 1


def test_mask_inside_a_file_is_obeyed(tmp_path: Path):
    values = np.full((3, SIDE, SIDE), 90, np.uint8)
    file = make_raster(tmp_path / "a.tif", values)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[:, : SIDE // 2] = 255
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(file, "r+") as target:
        target.write_mask(mask)
    assert np.array_equal(np.asarray(read_image(file))[..., 0], np.where(mask, 90, 0))


@pytest.mark.parametrize("channels", ["L", "RGB"])
def test_png_of_sixteen_bits_keeps_them(tmp_path: Path, channels: str):
    count = len(channels)
    values = np.random.default_rng(0).integers(300, 2800, (count, SIDE, SIDE)).astype(np.uint16)
    with rasterio.open(
        tmp_path / "a.png", "w", driver="PNG", count=count, height=SIDE, width=SIDE, dtype="uint16"
    ) as target:
        target.write(values)
    with pytest.warns(RshWarning, match="uint16"):
        found = read_image(tmp_path / "a.png")
    assert np.array_equal(found, reference(values, None, ()))


def test_files_beside_a_tile_decide_nothing(tmp_path: Path):
    """Else a tile would change with its way: a folder has such files, an upload has none."""
    file = make_raster(tmp_path / "a.tif", np.full((3, SIDE, SIDE), 90, np.uint8))
    (tmp_path / "a.tif.aux.xml").write_text(
        "<PAMDataset><PAMRasterBand band='1'><NoDataValue>90</NoDataValue></PAMRasterBand>"
        "</PAMDataset>"
    )
    assert np.asarray(read_image(file)).all()
