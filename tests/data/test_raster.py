"""Rasters of every sample type and layout become 8-bit RGB by one rule."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from make_raster import make_raster, noise
from rasterio.enums import ColorInterp
from refusals import refused

from rsh.data.raster import Raster, find_crs, open_scene, settle_rendering
from rsh.data.rendering import AS_IS, Rendering
from rsh.errors import RshWarning


@pytest.fixture
def open_(tmp_path: Path):
    """Open a raster of these values; it is closed when the test ends."""
    opened = []

    def opening(values: np.ndarray, **options) -> Raster:
        file = make_raster(tmp_path / f"{len(opened)}.tif", values, **options)
        opened.append(rasterio.open(file))
        return Raster(opened[-1], file.name)

    yield opening
    for source in opened:
        source.close()


@pytest.mark.parametrize(
    ("bands", "expected"), [(1, (1,)), (2, (1,)), (3, (1, 2, 3)), (5, (1, 2, 3))]
)
def test_first_three_bands_are_taken_or_the_only_one(open_, bands: int, expected: tuple[int, ...]):
    raster = open_(noise(bands=bands, dtype=np.uint16))
    assert raster.choose_bands(AS_IS) == expected


def test_more_than_three_bands_without_colors_are_told(open_):
    with pytest.warns(RshWarning, match="5 bands and does not say which are red"):
        open_(noise(bands=5, dtype=np.uint16)).warn_of_unnamed_colors(AS_IS, "a tile")


@pytest.mark.parametrize(("bands", "expected"), [((4, 3, 2), (4, 3, 2)), ((2,), (2,))])
def test_bands_can_be_chosen(open_, bands: tuple[int, ...], expected: tuple[int, ...]):
    raster = open_(noise(bands=4, dtype=np.uint16))
    rendering = raster.check_bands(Rendering(bands))
    assert rendering.count == 4
    assert raster.choose_bands(rendering) == expected
    # an image with other bands shows its own colors
    assert open_(noise(bands=3, dtype=np.uint16)).choose_bands(rendering) == (1, 2, 3)


@pytest.mark.parametrize("bands", [(0,), (1, 2), (1, 2, 3, 4), (1, 2, -1)])
def test_bands_that_make_no_image_are_named(bands: tuple[int, ...]):
    with refused("bands", value=",".join(map(str, bands))):
        Rendering(bands)


def test_bands_that_are_not_there_are_named(open_):
    with refused("bands", value="5", names=("0.tif", 4)):
        open_(noise(bands=4)).check_bands(Rendering((5,)))


def test_bands_mean_the_same_in_all_rasters(open_):
    rasters = [open_(noise(bands=4, dtype=np.uint16)), open_(noise(bands=5, dtype=np.uint16))]
    with refused("bands", value="4,3,2", names=(4, 5)):
        settle_rendering(rasters, Rendering((4, 3, 2)))


def test_complex_bands_are_refused(open_):
    with refused(names=("0.tif", "complex", "rio calc")):
        open_(noise(bands=1, dtype=np.complex64)).choose_bands(AS_IS)


@pytest.mark.parametrize("order", [(3, 2, 1), (2, 4, 6), (5, 1, 3)])
@pytest.mark.parametrize("by", ["color interpretation", "description"])
def test_red_green_and_blue_are_where_the_file_says(open_, by: str, order: tuple[int, ...]):
    raster = open_(noise(bands=6, dtype=np.uint16), photometric="minisblack")
    file = raster.source.name
    raster.source.close()
    with rasterio.open(file, "r+") as target:
        for color, band in zip(("red", "green", "blue"), order, strict=True):
            if by == "description":
                target.set_band_description(band, color.title())
            else:
                kinds = list(target.colorinterp)
                kinds[band - 1] = ColorInterp[color]
                target.colorinterp = kinds
    with open_scene(Path(file)) as again:
        assert again.choose_bands(AS_IS) == order


def test_eight_bits_stay_as_they_are(open_):
    values = noise()
    raster = open_(values)
    assert settle_rendering([raster], AS_IS) == AS_IS
    assert np.array_equal(raster.read((1, 2, 3), ()).rgb, values)
    assert np.array_equal(raster.read((1,), ()).rgb, values[[0, 0, 0]])


def test_other_values_are_stretched_by_percentiles_of_what_is_known(open_):
    values = np.linspace(0, 10_000, 100 * 150).reshape(1, 100, 150).astype(np.uint16)
    values[0, :2] = 65_535  # nodata: two rows of the lowest
    raster = open_(values, nodata=65_535)
    rendering = settle_rendering([raster], AS_IS)
    ((low, high),) = rendering.stretch
    assert (low, high) == pytest.approx(np.percentile(values[0, 2:], (2, 98)))
    pixels = raster.read((1,), rendering.stretch)
    assert pixels.rgb.shape == (3, 100, 150) and pixels.valid == 0.98
    middle = values[0, 50, 70]
    assert pixels.rgb[0, 50, 70] == round((middle - low) / (high - low) * 255)
    assert pixels.rgb.max() == 255 and not pixels.rgb[:, :2].any()


def test_one_stretch_serves_all_rasters(open_):
    dark, bright = noise(dtype=np.uint16), noise(dtype=np.uint16) * 100
    rendering = settle_rendering([open_(dark), open_(bright)], AS_IS, of=2)
    for channel, (low, high) in enumerate(rendering.stretch):
        both = np.concatenate([dark[channel].ravel(), bright[channel].ravel()])
        assert (low, high) == pytest.approx(np.percentile(both, (2, 98)))


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_constant_bands_are_black_and_raise_nothing(open_, dtype):
    raster = open_(np.full((1, 40, 40), 3000, dtype))
    assert not raster.read((1,), settle_rendering([raster], AS_IS).stretch).rgb.any()


def test_stretch_can_be_given_for_all_bands_or_each(open_):
    values = np.tile(np.array([-5, 0, 1500, 3000, 9000], np.int16), (3, 8, 8))
    raster = open_(values)
    one = settle_rendering([raster], Rendering(stretch=((0, 3000),)))
    assert raster.read((1,), one.pairs(1)).rgb[0, 0, :5].tolist() == [0, 0, 128, 255, 255]
    each = settle_rendering([raster], Rendering(stretch=((0, 3000), (0, 6000), (0, 9000))))
    assert raster.read((1, 2, 3), each.pairs(3)).rgb[:, 0, 3].tolist() == [255, 128, 85]


@pytest.mark.parametrize(
    "stretch", [((3000, 0),), ((1, 1),), ((0, float("nan")),), ((0, 1), (0, 1))]
)
def test_stretch_that_is_none_is_named(stretch: tuple[tuple[float, float], ...]):
    with refused("stretch"):
        Rendering(stretch=stretch)


def test_stretch_without_effect_is_refused(open_):
    with refused("stretch", value="0,3000"):
        settle_rendering([open_(noise())], Rendering(stretch=((0, 3000),)))
    # a run of 16-bit tiles may encode tiles of 8 bits
    assert settle_rendering([open_(noise())], AS_IS, like=Rendering(stretch=((0, 3000),))).stretch


def test_stretch_that_leaves_little_is_told(open_):
    with pytest.warns(RshWarning, match="100% of the values lie outside 0 to 1"):
        settle_rendering([open_(noise(dtype=np.uint16) + 10)], Rendering(stretch=((0, 1),)))


def test_scale_and_offset_are_applied(open_):
    values = noise(bands=1, dtype=np.uint16)
    raster = open_(values)
    file = raster.source.name
    raster.source.close()
    with rasterio.open(file, "r+") as target:
        target.scales, target.offsets = (0.5,), (-20,)
    with open_scene(Path(file)) as again:
        found = settle_rendering([again], AS_IS).stretch
        assert found[0] == pytest.approx(np.percentile(values * 0.5 - 20, (2, 98)))


def test_band_without_data_is_named(open_):
    with refused(names="0.tif"):
        settle_rendering([open_(np.full((1, 40, 40), np.nan, np.float32))], AS_IS)


def test_coordinate_system_is_that_of_the_raster_or_the_one_given(open_):
    assert find_crs(open_(noise()).source, Path("x"), "").to_epsg() == 32633
    assert find_crs(open_(noise(), crs=None).source, Path("x"), "EPSG:3857").to_epsg() == 3857
    with refused(names=("x.tif", "--crs")):
        find_crs(open_(noise(), crs=None).source, Path("x.tif"), "")
    with refused("crs", value="EPSG:nope"):
        find_crs(open_(noise()).source, Path("x"), "EPSG:nope")


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_raster_that_does_not_say_where_it_lies_is_named(open_):
    source = open_(noise(), transform=rasterio.Affine.identity()).source
    with refused(names="x.tif"):
        find_crs(source, Path("x.tif"), "EPSG:32633")


def test_file_that_is_no_raster_is_named(tmp_path: Path):
    (tmp_path / "x.tif").write_bytes(b"nothing")
    with refused(names="x.tif"), open_scene(tmp_path / "x.tif"):
        pass
    with refused(names="y.tif"), open_scene(tmp_path / "y.tif"):
        pass


def test_raster_that_is_cut_short_is_named_while_it_is_read(tmp_path: Path):
    file = make_raster(tmp_path / "x.tif", noise(), compress="deflate")
    file.write_bytes(file.read_bytes()[:20_000])
    with refused(names="x.tif"), open_scene(file) as raster:
        raster.read((1, 2, 3), ())
