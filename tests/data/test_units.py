import numpy as np
import pytest
from make_bands import in_unit, reflectance

from rsh.data.bands import BandOptions, Bands
from rsh.data.units import BandSample, check_offset, explain_mismatch, guess_units, stated_offset


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
        ({"RADIO_ADD_OFFSET": "-1000"}, -1000),
        ({"BOA_ADD_OFFSET": "0", "PROCESSING_BASELINE": "04.00"}, 0),
        ({"AREA_OR_POINT": "Area", "PROCESSING_BASELINE": "unknown"}, 0),
        ({}, 0),
    ],
)
def test_files_state_what_must_be_added(tags: dict[str, str], offset: float):
    assert stated_offset(tags) == offset


@pytest.mark.parametrize(
    ("has", "takes", "offset", "hint"),
    [
        ("DN", "reflectance", 0.0, "--scale 0.0001"),
        ("DN", "reflectance", -1000.0, "--scale 0.0001 --offset -0.1, since the file states"),
        ("reflectance", "DN", 0.0, "--scale 10000"),
        ("reflectance", "8 bits", 0.0, "--scale 255"),
        ("8 bits", "reflectance", 0.0, "give the original file"),
        ("dB", "reflectance", 0.0, "convert the file"),
        ("reflectance", "dB", 0.0, "convert the file"),
        ("unknown", "DN", 0.0, "--unit 'DN'"),
    ],
)
def test_a_wrong_unit_is_named_with_what_mends_it(has: str, takes: str, offset: float, hint: str):
    values = sample(np.array([1.0, 2.0]))
    found, wanted = Bands(("B04",), (has,)), Bands(("B04",), (takes,))
    told = explain_mismatch(found, wanted, [values], offset)
    assert told.startswith("B04 holds ") and hint in told
    assert not explain_mismatch(found, found, [values], offset)


def test_percent_is_taken_for_reflectance_that_needs_a_factor():
    found, wanted = Bands(("B04",), ("unknown",)), Bands(("B04",), ("reflectance",))
    told = explain_mismatch(found, wanted, [sample(np.array([0.5, 40.0]))], 0)
    assert "--scale 0.01" in told


def test_an_offset_that_was_forgotten_beside_a_scale_is_named():
    assert "add --offset -0.1" in check_offset(BandOptions(scale=1e-4), -1000)
    for fine in (BandOptions(), BandOptions(scale=1e-4, offset=-0.1)):
        assert not check_offset(fine, -1000)
    assert not check_offset(BandOptions(scale=1e-4), 0)
