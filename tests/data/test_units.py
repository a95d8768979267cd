import numpy as np
import pytest
from make_bands import in_unit, reflectance

from rsh.data.bands import BandOptions, Bands
from rsh.data.units import (
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


def sample(values: np.ndarray, *, is_scaled: bool = False) -> BandSample:
    return BandSample(values.astype(np.float64).ravel(), str(values.dtype), is_scaled)


@pytest.mark.parametrize(
    ("kind", "unit"),
    [
        ("reflectance", "reflectance"),
        ("DN", "DN"),
        ("DN + 1,000", "DN"),
        ("8 bits", "8 bits"),
        ("dB", "dB"),
    ],
)
def test_values_tell_their_unit(kind: str, unit: str):
    assert guess_units([sample(in_unit(reflectance()[0], kind))]) == (unit,)


def test_a_scale_makes_reflectance_of_digital_numbers():
    values = in_unit(reflectance()[0], "DN") * 1e-4
    assert guess_units([sample(values, is_scaled=True)]) == ("reflectance",)


def test_whole_floats_are_digital_numbers_also_where_a_band_is_dark():
    bright, dark = np.array([0.0, 812, 3000]), np.array([0.0, 1, 0])
    assert guess_units([sample(bright), sample(dark)]) == ("DN", "DN")
    assert guess_units([sample(dark)]) == ("reflectance",)


@pytest.mark.parametrize(
    "values", [[0.1, 20.0, 42.5], [-3000.5, -2000.0], [-0.9, 0.2, -0.4, 0.3], [0.5, 1.0, 7.25]]
)
def test_other_values_have_no_known_unit(values: list[float]):
    assert guess_units([sample(np.array(values))]) == ("unknown",)


def test_reflectance_may_be_a_little_below_0_and_above_1():
    draw = np.random.default_rng(0).normal(0.3, 0.2, 1000)
    assert guess_units([sample(draw)]) == ("reflectance",)


@pytest.mark.parametrize(
    ("tags", "offset"),
    [
        ({"PROCESSING_BASELINE": "04.00"}, -1000),
        ({"S2_PROCESSING_BASELINE": "05.11"}, -1000),
        ({"PROCESSING_BASELINE": "03.01"}, 0),
        ({"PROCESSING_BASELINE": "N0204"}, 0),
        ({"PROCESSING_BASELINE": "N0510"}, -1000),
        ({"NETCDF_add_offset": "0"}, None),
        ({"RADIO_ADD_OFFSET": "-1000"}, -1000),
        ({"BOA_ADD_OFFSET": "0", "PROCESSING_BASELINE": "04.00"}, 0),
        ({"AREA_OR_POINT": "Area", "PROCESSING_BASELINE": "unknown"}, None),
        ({}, None),
    ],
)
def test_files_state_what_must_be_added(tags: dict[str, str], offset: float | None):
    assert stated_offset(tags) == offset


@pytest.mark.parametrize(
    ("has", "takes", "offset", "hint"),
    [
        ("DN", "reflectance", 0.0, "--scale 0.0001"),
        ("DN", "reflectance", None, "--scale 0.0001, and --offset -0.1 if they are of Sentinel-2"),
        ("DN", "reflectance", -1000.0, "--scale 0.0001 --offset -0.1, since the file states"),
        ("reflectance", "DN", 0.0, "--scale 10000"),
        ("reflectance", "8 bits", 0.0, "--scale 255"),
        ("8 bits", "reflectance", 0.0, "give the original file"),
        ("dB", "reflectance", 0.0, "convert the file"),
        ("reflectance", "dB", 0.0, "convert the file"),
        ("unknown", "DN", 0.0, "--unit 'DN'"),
    ],
)
def test_a_wrong_unit_is_named_with_what_mends_it(
    has: str, takes: str, offset: float | None, hint: str
):
    values = sample(np.array([1.0, 2000.0]))
    found, wanted = Bands(("B04",), (has,)), Bands(("B04",), (takes,))
    told = explain_mismatch(found, wanted, [values], offset)
    assert told.startswith("B04 holds ") and hint in told
    assert not explain_mismatch(found, found, [values], offset)


def test_digital_numbers_as_small_as_those_of_an_image_are_suspected():
    found, wanted = Bands(("B04",), ("DN",)), Bands(("B04",), ("reflectance",))
    told = explain_mismatch(found, wanted, [sample(np.array([64.0, 219.0]))], 0)
    assert "8-bit" in told and "if they are digital numbers" in told


def test_percent_is_taken_for_reflectance_that_needs_a_factor():
    found, wanted = Bands(("B04",), ("unknown",)), Bands(("B04",), ("reflectance",))
    told = explain_mismatch(found, wanted, [sample(np.array([0.5, 40.0]))], 0)
    assert "--scale 0.01" in told


def test_an_offset_that_was_forgotten_beside_a_scale_is_named():
    assert "add --offset -0.1" in check_offset(BandOptions(scale=1e-4), -1000)
    assert "add --offset -1000" in check_offset(BandOptions(), -1000)
    assert not check_offset(BandOptions(scale=1e-4, offset=-0.1), -1000)
    assert not check_offset(BandOptions(scale=1e-4), 0)
    assert not check_offset(BandOptions(scale=1e-4, offset=-0.1), None)
    assert "leave out --offset -0.1" in check_offset(BandOptions(scale=1e-4, offset=-0.1), 0)


def test_values_that_half_floats_do_not_keep_are_refused_with_a_scale():
    assert "--scale 1e-06" in check_range("B1", sample(np.array([2e5, 4e6])))
    assert "--scale 1e+10" in check_range("B1", sample(np.array([1e-11, 4e-10])))
    for fine in ([0.0, 0.0], [0.02, 0.4], [-25.0, -3], [0, 60_000]):
        assert not check_range("B1", sample(np.array(fine)))


def test_a_scale_for_what_is_reflectance_already_is_refused():
    values = sample(np.array([0.02, 0.4, 0.3]))
    assert "leave out --scale" in check_scaled("B1", values, BandOptions(scale=1e-4))
    assert not check_scaled("B1", values, BandOptions(scale=255))
    assert not check_scaled("B1", values, BandOptions(scale=1e-4, unit="unknown"))
    assert not check_scaled("B1", sample(np.array([200, 4000])), BandOptions(scale=1e-4))


def test_samples_of_two_units_are_found():
    share, whole = sample(np.array([0.02, 0.4])), sample(np.array([200, 4000]))
    between = sample(np.array([200.5, 4000.25]))  # resampled digital numbers
    assert find_mixture([share, share]) is None
    assert find_mixture([share, whole, share]) == (0, 1)
    assert find_mixture([share, share, between]) == (0, 2)
    radar = sample(np.array([-20.0, -8, -3.5]))
    city = sample(np.array([-2.0, 6]))  # a radar gets more back from it
    assert find_mixture([radar, city]) is None
    assert find_mixture([sample(np.array([])), share]) is None


@pytest.mark.parametrize(
    ("unit", "values", "is_wrong"),
    [
        ("reflectance", [0.1, 1.9], False),
        ("reflectance", [812.0, 3000], True),
        ("DN", [0.0, 1, 0], False),
        ("DN", [0.1, 0.4, 0.2], True),
        ("8 bits", [255.0, 3], False),
        ("8 bits", [300.0, 500], True),
        ("dB", [-20.0, -3], False),
        ("unknown", [1e4, 1e4], False),
        ("reflectance", [np.nan, np.nan], False),
    ],
)
def test_a_tile_far_outside_of_its_unit_is_named(unit: str, values: list[float], is_wrong: bool):
    tile = np.array(values, np.float32)[None, None]
    assert bool(check_tile(tile, Bands(("B04",), (unit,)))) == is_wrong
