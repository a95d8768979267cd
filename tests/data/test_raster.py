"""Rasters are checked before they are cut, and their values become 8 bits in a stated way."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from make_raster import make_raster, noise
from refusals import refused

from rsh.data.raster import choose_bands, find_crs, find_stretch, open_raster, to_bytes


@pytest.fixture
def open_(tmp_path: Path):
    """Open a raster of these values; it is closed when the test ends."""
    opened = []

    def opening(values: np.ndarray, **options):
        file = make_raster(tmp_path / f"{len(opened)}.tif", values, **options)
        opened.append(rasterio.open(file))
        return opened[-1]

    yield opening
    for source in opened:
        source.close()


@pytest.mark.parametrize(
    ("bands", "expected"), [(1, (1,)), (2, (1,)), (3, (1, 2, 3)), (5, (1, 2, 3))]
)
def test_first_three_bands_are_taken_or_the_only_one(open_, bands: int, expected: tuple[int, ...]):
    assert choose_bands(open_(noise(bands=bands)), ()) == expected


def test_bands_can_be_chosen(open_):
    source = open_(noise(bands=4))
    assert choose_bands(source, [4, 3, 2]) == (4, 3, 2)
    assert choose_bands(source, [2]) == (2,)


@pytest.mark.parametrize("bands", [[0], [5], [1, 2], [1, 2, 3, 4], [1, 2, -1]])
def test_bands_that_are_not_there_are_named(open_, bands: list[int]):
    listed = ",".join(map(str, bands))
    with refused("bands", value=listed, names=(1, 4)):
        choose_bands(open_(noise(bands=4)), bands)


def test_complex_bands_are_refused(open_):
    with refused("bands"):
        choose_bands(open_(noise(bands=1, dtype=np.complex64)), ())


def test_eight_bits_stay_as_they_are(open_):
    values = noise()
    assert find_stretch(open_(values), Path("x"), (1, 2, 3), ()) == ()
    assert np.array_equal(to_bytes(values, ()), values)
    assert np.array_equal(to_bytes(values[:1], ()), values[[0, 0, 0]])


def test_other_values_are_stretched_by_percentiles_of_what_is_known(open_):
    values = np.linspace(0, 10_000, 100 * 150).reshape(1, 100, 150).astype(np.uint16)
    values[0, :2] = 65_535  # nodata: two rows of the lowest
    (found,) = find_stretch(open_(values, nodata=65_535), Path("x"), (1,), ())
    assert found == pytest.approx(np.percentile(values[0, 2:], (2, 98)))
    pixels = to_bytes(values, (found,))
    assert pixels.shape == (3, 100, 150)
    middle = values[0, 50, 70]
    assert pixels[0, 50, 70] == round((middle - found[0]) / (found[1] - found[0]) * 255)
    assert pixels.max() == 255


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_constant_bands_are_black_and_raise_nothing(open_, dtype):
    values = np.full((1, 40, 40), 3000, dtype)
    assert not to_bytes(values, find_stretch(open_(values), Path("x"), (1,), ())).any()


def test_stretch_can_be_given(open_):
    values = np.array([[[-5, 0, 1500, 3000, 9000]]], np.int16)
    stretch = find_stretch(open_(noise(dtype=np.int16)), Path("x"), (1, 2, 3), (0, 3000))
    assert stretch == ((0, 3000),) * 3
    assert to_bytes(values, stretch[:1])[0].tolist() == [[0, 0, 128, 255, 255]]


@pytest.mark.parametrize("stretch", [(1,), (3000, 0), (1, 1), (0, float("nan")), (1, 2, 3)])
def test_stretch_that_is_none_is_named(open_, stretch: tuple[float, ...]):
    with refused("stretch"):
        find_stretch(open_(noise()), Path("x"), (1, 2, 3), stretch)


def test_band_without_data_is_named(open_):
    values = np.full((1, 40, 40), np.nan, np.float32)
    with refused(names=(1, "x.tif")):
        find_stretch(open_(values), Path("x.tif"), (1,), ())


def test_coordinate_system_is_that_of_the_raster_or_the_one_given(open_):
    assert find_crs(open_(noise()), Path("x"), "").to_epsg() == 32633
    assert find_crs(open_(noise(), crs=None), Path("x"), "EPSG:3857").to_epsg() == 3857
    with refused(names=("x.tif", "--crs")):
        find_crs(open_(noise(), crs=None), Path("x.tif"), "")
    with refused("crs", value="EPSG:nope"):
        find_crs(open_(noise()), Path("x"), "EPSG:nope")


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_raster_that_does_not_say_where_it_lies_is_named(open_):
    source = open_(noise(), transform=rasterio.Affine.identity())
    with refused(names="x.tif"):
        find_crs(source, Path("x.tif"), "EPSG:32633")


def test_file_that_is_no_raster_is_named(tmp_path: Path):
    (tmp_path / "x.tif").write_bytes(b"nothing")
    with refused(names="x.tif"), open_raster(tmp_path / "x.tif"):
        pass
    with refused(names="y.tif"), open_raster(tmp_path / "y.tif"):
        pass


def test_raster_that_is_cut_short_is_named_while_it_is_read(tmp_path: Path):
    file = make_raster(tmp_path / "x.tif", noise(), compress="deflate")
    file.write_bytes(file.read_bytes()[:20_000])
    with refused(names="x.tif"), open_raster(file) as source:
        source.read()


def test_missing_library_is_told_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "rasterio", None)
    with refused(names="rsh[geo]"), open_raster(tmp_path):
        pass
