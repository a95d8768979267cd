import pytest
from make_bands import SENTINEL_2
from refusals import refused

from rsh.data.bands import (
    BandOptions,
    Bands,
    find_bands,
    find_composites,
    find_same_bands,
    plain_name,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [("B4", "B04"), ("b04", "B_04"), ("VV", "vv"), ("SR_B5", "sr-b05"), ("Red", "red")],
)
def test_names_that_files_write_differently_are_one_band(one: str, other: str):
    assert plain_name(one) == plain_name(other)


@pytest.mark.parametrize(
    ("one", "other"), [("B8", "B8A"), ("B1", "B11"), ("B04", "B40"), ("10", "1")]
)
def test_names_of_other_bands_stay_apart(one: str, other: str):
    assert plain_name(one) != plain_name(other)


def test_bands_are_found_by_name_or_by_number():
    assert find_bands(SENTINEL_2, ("B4", "b8a", "12"), "x.tif") == (4, 9, 12)
    assert find_bands(("1", "2", "3"), ("3", "1"), "x.tif") == (3, 1)


@pytest.mark.parametrize("name", ["B13", "14", "0", "nir", "-1", ""])
def test_a_band_that_is_not_there_is_named(name: str):
    with refused(names=("x.tif", f"no band {name}", "B01, B02")):
        find_bands(SENTINEL_2, (name,), "x.tif")


def test_two_bands_of_one_name_in_a_file_are_named():
    with refused(names=("x.tif", "nir")):
        find_bands(("red", "nir", "NIR"), ("nir",), "x.tif")
    assert find_bands(("red", "nir", "NIR"), ("red", "3"), "x.tif") == (1, 3)


LANDSAT = ("B1", "B2", "B3", "B4", "B5", "B6", "B7")
EXPORTED = tuple(name.replace("B0", "B") for name in SENTINEL_2)  # B1 to B12, and B8A


@pytest.mark.parametrize(
    ("there", "names", "band"),
    [
        (LANDSAT, ("B02", "B03", "B04"), "--bidx 2 --description B02"),
        (LANDSAT, ("B05",), "--bidx 5 --description B05"),
        (SENTINEL_2, ("B5", "B4"), "--bidx 5 --description B5"),
        (SENTINEL_2[::-1], ("b_5",), "--bidx 9 --description b_5"),
    ],
)
def test_a_band_that_may_be_of_another_sensor_is_refused(there, names, band):
    with refused(names=("x.tif", *names[:1], "Landsat", "Sentinel-2", band)):
        find_same_bands(there, names, "x.tif")


@pytest.mark.parametrize(
    ("there", "names"),
    [
        (EXPORTED, ("B02", "B8A")),
        (SENTINEL_2, ("B2", "B8A")),
        (SENTINEL_2, ("B11", "B12")),  # a network of few bands, whose names have no zero anyway
        (LANDSAT, ("b_4", "B5")),
        (("SR_B4", "SR_B5"), ("sr-b4",)),
        (("Band 04", "x"), ("band 4",)),
        (SENTINEL_2, ("4", "5")),
    ],
)
def test_a_band_of_one_sensor_is_found_however_it_is_written(there, names):
    assert find_same_bands(there, names, "x.tif") == find_bands(there, names, "x.tif")


@pytest.mark.parametrize("kind", [BandOptions, lambda names: Bands(names, ("DN",) * len(names))])
def test_a_band_that_is_named_twice_is_refused(kind):
    with refused("input_bands", value="B4,B03,B04", names="B4"):
        kind(("B4", "B03", "B04"))


def test_what_bands_cannot_be_is_named():
    with refused("unit", value="watts", names="reflectance"):
        BandOptions(unit="watts")
    with refused("scale", value=0):
        BandOptions(scale=0)
    with refused("scale"):
        BandOptions(scale=float("nan"))
    with refused("offset", value=float("inf")):
        BandOptions(offset=float("inf"))
    with refused("units", value="DN", names="2 bands"):
        Bands(("a", "b"), ("DN",))
    with refused("input_bands", names=(513, 512)):
        BandOptions(tuple(map(str, range(513))))


def test_bands_say_what_they_are():
    assert Bands().described() == "red, green and blue of 8 bits"
    assert Bands(("VV", "VH"), ("dB", "dB")).described() == "VV, VH in dB"
    many = Bands(tuple(map(str, range(20))), ("DN",) * 20).described()
    assert many.endswith("11, 12, ... in DN")
    assert (Bands().channels, Bands(("VV", "VH"), ("dB", "dB")).channels) == (3, 2)


def test_composites_are_found_by_the_names_of_their_bands():
    found = find_composites(SENTINEL_2)
    assert list(found) == ["true color", "false color", "short-wave infrared"]
    assert found["true color"] == (4, 3, 2)
    assert found["false color"] == (8, 4, 3)
    assert found["short-wave infrared"] == (13, 9, 4)
    naip = find_composites(("Red", "Green", "Blue", "NIR"))
    assert naip == {"true color": (1, 2, 3), "false color": (4, 1, 2)}
    assert find_composites(("VV", "VH")) == {"SAR": (1, 2, 1)}


def test_numbered_bands_of_another_sensor_are_not_taken_for_those_of_sentinel_2():
    landsat = tuple(f"B{number}" for number in range(1, 12))
    assert find_composites(landsat) == {}
    assert find_composites((*landsat, "B12", "B8A"))["true color"] == (4, 3, 2)
    assert find_composites(("B02", "B03", "B04", "B08"), by_default=True) == {}
    assert list(find_composites(("B02", "B03", "B04", "B08", "B08"))) == ["true color"]
    ten_meters = find_composites(("B02", "B03", "B04", "B08"))
    assert ten_meters == {"true color": (3, 2, 1), "false color": (4, 3, 2)}


def test_what_stands_between_two_digits_counts():
    assert plain_name("B1_1") != plain_name("B11")
    assert plain_name("B_04") == plain_name("b4") == plain_name("B04")
