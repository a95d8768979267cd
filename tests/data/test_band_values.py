import io
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from make_bands import RAISED, SENTINEL_2, in_unit, make_scene, reflectance
from make_raster import make_raster
from PIL import Image
from rasterio.windows import Window
from refusals import refused

from rsh.data.band_values import (
    QueryRaster,
    decode_bands,
    read_values,
    resize_values,
    settle_bands,
)
from rsh.data.bands import ALL, IMAGE, BandOptions, Bands
from rsh.data.decoded import decode_tile
from rsh.data.open import open_dataset
from rsh.data.raster import open_scene
from rsh.data.tile_grid import TilingOptions
from rsh.data.tiles import TileDataset
from rsh.errors import NoData, RshWarning

REFLECTANCE = Bands(SENTINEL_2, ("reflectance",) * 13)


def read_bands(source: object, options: BandOptions, like: Bands) -> np.ndarray:
    return QueryRaster.open(source, [options], like).values()  # type: ignore[arg-type]


@pytest.mark.parametrize("unit", ["reflectance", "DN", "8 bits", "dB"])
def test_names_and_units_come_from_the_files(unit: str, tmp_path: Path):
    file = make_scene(tmp_path / "x.tif", in_unit(reflectance(), unit))
    with open_scene(file) as raster:
        bands, options = settle_bands([raster], BandOptions((ALL,)))
    assert bands == Bands(SENTINEL_2, (unit,) * 13)
    assert options.names == SENTINEL_2


def test_numbers_become_names_so_that_another_order_is_read_by_them(tmp_path: Path):
    values = reflectance()
    make_scene(tmp_path / "a.tif", values)
    make_scene(tmp_path / "b.tif", values[::-1], names=SENTINEL_2[::-1])
    options = BandOptions(("4", "B3", "2"))
    with open_scene(tmp_path / "a.tif") as raster:
        bands, options = settle_bands([raster], options)
        expected = read_values(raster, options)
    with open_scene(tmp_path / "b.tif") as raster:
        found = read_values(raster, options)
    assert bands.names == ("B04", "B03", "B02")
    np.testing.assert_array_equal(found, values[[3, 2, 1]])
    np.testing.assert_array_equal(expected, found)


def test_values_are_physical_and_without_data_not_a_number(tmp_path: Path):
    whole = in_unit(reflectance(), "DN")
    whole[:, :5] = 0
    file = make_scene(tmp_path / "x.tif", whole, nodata=0)
    options = BandOptions(("B04", "B8A"), scale=1e-4, offset=-0.1)
    with open_scene(file) as raster:
        found = read_values(raster, options, Window(10, 0, 20, 30))
    assert found.shape == (2, 30, 20) and found.dtype == np.float32
    assert np.isnan(found[:, :5]).all()
    np.testing.assert_allclose(found[:, 5:], whole[[3, 8], 5:30, 10:30] * 1e-4 - 0.1, rtol=1e-6)


def test_a_scale_without_the_offset_of_the_baseline_is_told(tmp_path: Path):
    import rasterio

    whole = in_unit(reflectance(), "DN + 1,000")
    file = make_scene(tmp_path / "x.tif", whole, tags=RAISED)
    with rasterio.open(file, "r+") as raster:
        raster.scales = (1e-4,) * 13
    with open_scene(file) as raster:
        with pytest.warns(RshWarning, match="x.tif states a scale and no offset.*--offset -0.1"):
            settle_bands([raster], BandOptions((ALL,)))
        bands, _ = settle_bands([raster], BandOptions((ALL,), offset=-0.1))
    assert bands == REFLECTANCE
    with rasterio.open(file, "r+") as raster:
        raster.offsets = (-0.1,) * 13
    with open_scene(file) as raster, warnings.catch_warnings():
        warnings.simplefilter("error")
        settle_bands([raster], BandOptions((ALL,)))


def test_a_scale_that_the_file_states_is_applied_first(tmp_path: Path):
    import rasterio

    file = make_scene(tmp_path / "x.tif", in_unit(reflectance(), "DN"), tags=RAISED)
    with rasterio.open(file, "r+") as raster:
        raster.scales, raster.offsets = (1e-4,) * 13, (0,) * 13
    with open_scene(file) as raster:
        bands, options = settle_bands([raster], BandOptions((ALL,)))
        values = read_values(raster, options)
    assert set(bands.units) == {"reflectance"}
    np.testing.assert_allclose(values, reflectance(), atol=1e-4)


@pytest.mark.parametrize(
    ("unit", "tags", "names"),
    [
        ("DN", None, ("digital numbers", "--scale 0.0001")),
        ("DN + 1,000", RAISED, ("digital numbers", "--scale 0.0001 --offset -0.1")),
        ("8 bits", None, "8-bit"),
        ("dB", None, "dB"),
    ],
)
def test_another_unit_than_that_of_a_network_is_refused(
    unit: str, tags: dict[str, str] | None, names: object, tmp_path: Path
):
    file = make_scene(tmp_path / "x.tif", in_unit(reflectance(), unit), tags=tags)
    known = names if isinstance(names, tuple) else (names,)
    with refused(names=("x.tif", "B01", "reflectance", *known)):
        TileDataset.open(file, tiling=TilingOptions(20), like_bands=REFLECTANCE)
    with refused(names=("B01", *known)):
        read_bands(file, BandOptions(), REFLECTANCE)


def test_what_the_refusal_advises_mends_it(tmp_path: Path):
    values = reflectance()
    file = make_scene(tmp_path / "x.tif", in_unit(values, "DN + 1,000"), tags=RAISED)
    half = BandOptions(scale=1e-4)
    with refused(names=("-1000", "--offset -0.1")):
        TileDataset.open(file, tiling=TilingOptions(20), like_bands=REFLECTANCE, bands=half)
    options = BandOptions(scale=1e-4, offset=-0.1)
    dataset = TileDataset.open(
        file, tiling=TilingOptions(20), like_bands=REFLECTANCE, bands=options
    )
    assert dataset.bands == REFLECTANCE
    found = dataset.decode_bands(0, dataset.read_bytes(0))
    np.testing.assert_allclose(found, values[:, :20, :20], atol=1e-4)
    np.testing.assert_allclose(read_bands(file, options, REFLECTANCE), values, atol=1e-4)


def test_a_unit_that_is_given_counts(tmp_path: Path):
    file = make_scene(tmp_path / "x.tif", in_unit(reflectance(), "DN"))
    options = BandOptions(unit="reflectance")
    dataset = TileDataset.open(
        file, tiling=TilingOptions(20), like_bands=REFLECTANCE, bands=options
    )
    assert dataset.bands == REFLECTANCE


def test_images_and_missing_bands_are_named(tmp_path: Path):
    rgb = make_raster(tmp_path / "x.tif", (reflectance()[:3] * 600).astype(np.uint8))
    Image.new("RGB", (20, 20)).save(tmp_path / "x.jpg")
    with refused(names=("x.tif", "B01", "red, green, blue")):
        TileDataset.open(rgb, tiling=TilingOptions(20), like_bands=REFLECTANCE)
    with refused(names=("x.jpg", "B01", "raster")):
        read_bands(tmp_path / "x.jpg", BandOptions(), REFLECTANCE)
    with refused(names=("image", "B01", "raster")):
        read_bands(Image.new("RGB", (20, 20)), BandOptions(), REFLECTANCE)
    with refused(names="nowhere.tif"):
        read_bands(tmp_path / "nowhere.tif", BandOptions(), REFLECTANCE)
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in "ab":
        Image.new("RGB", (20, 20)).save(folder / f"{name}.png")
    with refused("input_bands", value="all"):
        TileDataset.open(folder, bands=BandOptions((ALL,)))


def test_two_bands_of_one_name_and_bands_without_data_are_named(tmp_path: Path):
    file = make_scene(tmp_path / "x.tif", reflectance(), names=("B01",) * 2 + SENTINEL_2[2:])
    with refused(names=("x.tif", "B01")):
        TileDataset.open(file, tiling=TilingOptions(20), bands=BandOptions((ALL,)))
    empty = reflectance()
    empty[4] = np.nan
    file = make_scene(tmp_path / "y.tif", empty)
    with refused(names=("y.tif", "B05")):
        TileDataset.open(file, tiling=TilingOptions(20), bands=BandOptions((ALL,)))


@pytest.mark.parametrize("name", ["scale", "offset", "unit"])
def test_what_values_mean_does_not_apply_to_images(name: str, tmp_path: Path):
    file = make_scene(tmp_path / "x.tif", reflectance())
    value = "dB" if name == "unit" else 2.0
    with refused(name, value=value):
        TileDataset.open(file, tiling=TilingOptions(20), bands=BandOptions(**{name: value}))


def test_embeddings_have_no_bands(tmp_path: Path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(20, 8)))
    with refused("input_bands", value="all"):
        open_dataset(tmp_path / "x.npy", bands=BandOptions((ALL,)))


def test_tiles_of_a_scene_and_tiles_that_were_cut_have_the_same_values(tmp_path: Path):
    values = reflectance()
    scene = make_scene(tmp_path / "x.tif", values)
    (tmp_path / "cut").mkdir()
    for row in range(3):
        part = values[:, 20 * row : 20 * row + 20, :20]
        make_scene(tmp_path / "cut" / f"{row}.tif", part)
    options = BandOptions((ALL,))
    whole = TileDataset.open(scene, tiling=TilingOptions(20), bands=options)
    tiles = TileDataset.open(tmp_path / "cut", bands=options)
    for row in range(3):
        one = whole.decode_bands(3 * row, whole.read_bytes(3 * row))
        np.testing.assert_array_equal(one, tiles.decode_bands(row, tiles.read_bytes(row)))


@pytest.mark.parametrize(("one", "other"), [("DN", "reflectance"), ("8 bits", "DN")])
def test_rasters_of_two_units_are_not_one_data_set(one: str, other: str, tmp_path: Path):
    (tmp_path / "x").mkdir()
    for name, unit in (("a", one), ("b", other), ("c", one)):
        make_scene(tmp_path / "x" / f"{name}.tif", in_unit(reflectance(20), unit))
    with refused(names=("a.tif", "b.tif", one, other)):
        TileDataset.open(tmp_path / "x", bands=BandOptions((ALL,)))


def test_rasters_that_state_different_offsets_are_not_one_data_set(tmp_path: Path):
    (tmp_path / "x").mkdir()
    make_scene(tmp_path / "x" / "a.tif", in_unit(reflectance(20), "DN"))
    make_scene(tmp_path / "x" / "b.tif", in_unit(reflectance(20), "DN + 1,000"), tags=RAISED)
    for options in (BandOptions((ALL,)), BandOptions((ALL,), scale=1e-4, offset=-0.1)):
        with refused(names=("a.tif", "b.tif", "-1000")):
            TileDataset.open(tmp_path / "x", bands=options)


def test_an_offset_that_files_state_is_needed_without_a_scale_as_well(tmp_path: Path):
    file = make_scene(tmp_path / "x.tif", in_unit(reflectance(), "DN + 1,000"), tags=RAISED)
    dn = Bands(SENTINEL_2, ("DN",) * 13)
    for like in (IMAGE, dn):
        with refused(names=("x.tif", "--offset -1000")):
            TileDataset.open(
                file, tiling=TilingOptions(20), bands=BandOptions((ALL,)), like_bands=like
            )
    options = BandOptions((ALL,), offset=-1000)
    dataset = TileDataset.open(file, tiling=TilingOptions(20), bands=options, like_bands=dn)
    np.testing.assert_allclose(
        dataset.decode_bands(0, dataset.read_bytes(0)), reflectance()[:, :20, :20] * 1e4, atol=1
    )


@pytest.mark.parametrize(
    ("unit", "tags", "named"),
    [("DN + 1,000", RAISED, "-1000"), ("8 bits", {}, "of 8 bits"), ("DN", {}, "")],
)
def test_every_tile_is_looked_at_and_not_only_those_that_decide_the_unit(
    unit: str, tags: dict[str, str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Each tile holds values that pass for reflectance with the scale of the others."""
    monkeypatch.setattr("rsh.data.tiles.SAMPLED", 2)
    (tmp_path / "x").mkdir()
    for name in ("a", "b", "c"):
        last = {"unit": unit, "tags": tags} if name == "b" else {"unit": "DN", "tags": {}}
        make_scene(
            tmp_path / "x" / f"{name}.tif",
            in_unit(reflectance(20), last["unit"]),
            tags=last["tags"],
        )
    dataset = TileDataset.open(tmp_path / "x", bands=BandOptions((ALL,), scale=1e-4))
    assert dataset.items["id"].tolist() == ["a.tif", "b.tif", "c.tif"]
    if not named:
        dataset.decode_bands(1, dataset.read_bytes(1))
        return
    with refused(names=("b.tif", named)):
        dataset.decode_bands(1, dataset.read_bytes(1))
    assert dataset.drop_unreadable().items["id"].tolist() == ["a.tif", "c.tif"]


def test_bands_of_landsat_are_not_taken_for_those_that_a_network_learned_from(tmp_path: Path):
    few = ("B02", "B03", "B04", "B05")
    like = Bands(few, ("reflectance",) * 4)
    names = tuple(name.replace("0", "") for name in few)
    file = make_scene(tmp_path / "x.tif", reflectance()[:4], names=names)
    told = ("x.tif", "Landsat's B2", "Sentinel-2's B02", "--description B02")
    with open_scene(file) as raster, refused(names=told):
        settle_bands([raster], BandOptions(few), like)
    with refused(names=told):
        read_bands(file, BandOptions(few), like)
    other = make_scene(tmp_path / "y.tif", reflectance()[:4], names=few)
    with open_scene(other) as one, open_scene(file) as two, refused(names=told):
        settle_bands([one, two], BandOptions((ALL,)))
    with open_scene(other) as raster:  # named by hand, and no other file says otherwise
        assert settle_bands([raster], BandOptions(names))[0] == like


def test_bands_are_named_as_the_network_has_them_and_those_of_sentinel_2_with_two_digits(
    tmp_path: Path,
):
    exported = tuple(name.replace("B0", "B") for name in SENTINEL_2)
    file = make_scene(tmp_path / "x.tif", reflectance(), names=exported)
    few = BandOptions(("B2", "B5", "B8A"))
    with open_scene(file) as raster:
        assert settle_bands([raster], BandOptions((ALL,)))[0] == REFLECTANCE
        assert settle_bands([raster], few)[0].names == ("B02", "B05", "B8A")
        like = Bands(("b_02", "B8a"), ("reflectance",) * 2)
        assert settle_bands([raster], BandOptions(like.names), like)[0] == like


def test_an_offset_is_not_added_where_a_file_says_that_none_is_needed(tmp_path: Path):
    tags = {"PROCESSING_BASELINE": "02.04"}
    file = make_scene(tmp_path / "x.tif", in_unit(reflectance() + 0.2, "DN"), tags=tags)
    options = BandOptions((ALL,), scale=1e-4, offset=-0.1)
    with open_scene(file) as raster, refused(names=("x.tif", "leave out --offset -0.1")):
        settle_bands([raster], options)


def test_zeros_in_all_bands_hold_no_data_where_an_offset_is_added(tmp_path: Path):
    whole = in_unit(reflectance(), "DN + 1,000")
    whole[:, :30] = 0
    whole[0, 40] = 0  # one band alone is dark
    file = make_scene(tmp_path / "x.tif", whole, tags=RAISED)
    options = BandOptions((ALL,), scale=1e-4, offset=-0.1)
    dataset = TileDataset.open(file, tiling=TilingOptions(20), bands=options)
    with pytest.raises(NoData):
        dataset.decode_bands(0, dataset.read_bytes(0))
    with open_scene(file) as raster:
        found = read_values(raster, BandOptions(SENTINEL_2, scale=1e-4, offset=-0.1))
    assert np.isnan(found[:, :30]).all() and np.isfinite(found[:, 30:]).all()
    with open_scene(file) as raster:
        assert np.isfinite(read_values(raster, BandOptions(SENTINEL_2, scale=1e-4))).all()


def test_zeros_do_not_decide_the_unit_where_they_hold_no_data(tmp_path: Path):
    whole = in_unit(reflectance(), "DN + 1,000")
    whole[:, :30] = 0
    file = make_scene(tmp_path / "x.tif", whole, tags=RAISED)
    with open_scene(file) as raster:
        bands, _ = settle_bands([raster], BandOptions((ALL,), scale=1e-4, offset=-0.1))
    assert bands == REFLECTANCE


def test_tiles_that_bring_their_own_scale_are_of_one_kind(tmp_path: Path):
    (tmp_path / "x").mkdir()
    for name, baseline, offset in (("a", "04.00", -0.1), ("b", "02.14", 0)):
        values = reflectance(20) + (0.1 if offset else 0)
        tags = {"PROCESSING_BASELINE": baseline}
        file = make_scene(tmp_path / "x" / f"{name}.tif", in_unit(values, "DN"), tags=tags)
        with rasterio.open(file, "r+") as raster:
            raster.scales, raster.offsets = (1e-4,) * 13, (offset,) * 13
    dataset = TileDataset.open(tmp_path / "x", bands=BandOptions((ALL,)))
    for row in range(2):
        found = dataset.decode_bands(row, dataset.read_bytes(row))
        np.testing.assert_allclose(found, reflectance(20), atol=1e-4)


def test_a_blank_tile_of_floats_is_no_other_unit(tmp_path: Path):
    (tmp_path / "x").mkdir()
    for name in ("a", "b", "c"):
        values = reflectance(20) * (name != "b")
        make_scene(tmp_path / "x" / f"{name}.tif", in_unit(values, "DN").astype(np.float32))
    TileDataset.open(tmp_path / "x", bands=BandOptions((ALL,), scale=1e-4))


def test_a_query_is_never_told_to_leave_out_a_flag_of_its_gallery(tmp_path: Path):
    tags = {"PROCESSING_BASELINE": "02.04"}
    file = make_scene(tmp_path / "x.tif", in_unit(reflectance() + 0.2, "DN"), tags=tags)
    with refused(names=("x.tif", "convert it", "--scale 0.0001")) as told:
        read_bands(file, BandOptions((ALL,), scale=1e-4, offset=-0.1), REFLECTANCE)
    assert "leave out" not in str(told.value)


def test_bands_whose_name_comes_twice_are_chosen_by_numbers(tmp_path: Path):
    names = ("B01", "B01", *SENTINEL_2[2:])
    file = make_scene(tmp_path / "x.tif", reflectance(), names=names)
    with open_scene(file) as raster:
        bands, options = settle_bands([raster], BandOptions(("2", "B04", "1")))
        found = read_values(raster, options)
        with refused(names=("x.tif", "two bands called B01", "by their numbers")):
            settle_bands([raster], BandOptions((ALL,)))
        with refused("input_bands", value="B04,4", names="once"):
            settle_bands([raster], BandOptions(("B04", "4")))
    assert bands.names == ("2", "B04", "1")
    np.testing.assert_array_equal(found, reflectance()[[1, 3, 0]])


@pytest.mark.parametrize("unit", ["DN", "8 bits"])
def test_a_query_far_outside_of_a_unit_that_was_given_is_refused(unit: str, tmp_path: Path):
    own = BandOptions(unit="reflectance")
    file = make_scene(tmp_path / "x.tif", in_unit(reflectance(), unit))
    with refused(names=("x.tif", "median", "reflectance")):
        read_bands(file, own, REFLECTANCE)
    read_bands(make_scene(tmp_path / "y.tif", reflectance()), own, REFLECTANCE)


def test_a_query_that_may_be_of_two_baselines_is_refused_until_it_states_its_own(tmp_path: Path):
    both = [BandOptions((ALL,), scale=1e-4, offset=offset) for offset in (0, -0.1)]
    values = reflectance() + 0.2
    for tags, added in (({}, None), (RAISED, 1000), ({"PROCESSING_BASELINE": "02.04"}, 0)):
        whole = np.rint(values * 1e4 + (added or 0)).astype(np.uint16)
        file = make_scene(tmp_path / "x.tif", whole, tags=tags)
        if added is None:
            for choices in (both, both[::-1]):
                with refused(names=("x.tif", "--offset 0", "--offset -0.1", "--tag")):
                    QueryRaster.open(file, choices, REFLECTANCE)
        else:
            found = QueryRaster.open(file, both, REFLECTANCE).values()
            np.testing.assert_allclose(found, values, atol=1e-4)
    given = BandOptions((ALL,), scale=0.01, unit="reflectance")  # would take any values
    file = make_scene(tmp_path / "x.tif", values)
    for choices in ([given, BandOptions()], [BandOptions(), given]):
        found = QueryRaster.open(file, choices, REFLECTANCE).values()
        np.testing.assert_array_equal(found, values)


def test_a_query_in_the_unit_of_the_network_needs_no_scale_of_the_gallery(tmp_path: Path):
    values, options = reflectance(20), BandOptions(scale=1e-4)
    plain = make_scene(tmp_path / "a.tif", values)
    whole = make_scene(tmp_path / "b.tif", in_unit(values, "DN"))
    np.testing.assert_array_equal(read_bands(plain, options, REFLECTANCE), values)
    np.testing.assert_allclose(read_bands(whole, options, REFLECTANCE), values, atol=1e-4)
    with refused(names=("b.tif", "convert it", "--scale 0.0001")):
        read_bands(whole, BandOptions(), REFLECTANCE)


def test_masks_of_a_scene_reach_its_tiles(tmp_path: Path):
    import rasterio

    values = reflectance(40)
    values[:, :, 30:] = 55
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        file = make_scene(tmp_path / "x.tif", values)
        with rasterio.open(file, "r+") as raster:
            mask = np.full((40, 40), 255, np.uint8)
            mask[:, 30:] = 0
            raster.write_mask(mask)
    dataset = TileDataset.open(file, tiling=TilingOptions(20), bands=BandOptions((ALL,)))
    tile = dataset.decode_bands(1, dataset.read_bytes(1))
    assert np.isnan(tile[:, :, 10:]).all()
    np.testing.assert_array_equal(tile[:, :, :10], values[:, :20, 20:30])


def test_bands_of_other_types_and_nodata_are_read_together(tmp_path: Path):
    values = reflectance(20)
    one, two = values[:1].copy(), values[1:2].copy()
    one[0, 0, 0], two[0, 5, 5] = -9999, -32768
    make_raster(tmp_path / "a.tif", one, nodata=-9999)
    make_raster(tmp_path / "b.tif", two.astype(np.float64), nodata=-32768)
    band = """<VRTRasterBand dataType="{kind}" band="{number}"><NoDataValue>{nodata}</NoDataValue>
      <Description>{name}</Description><SimpleSource><SourceFilename relativeToVRT="1">{file}
      </SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>"""
    bands = [
        band.format(kind="Float32", number=1, nodata=-9999, name="B02", file="a.tif"),
        band.format(kind="Float64", number=2, nodata=-32768, name="B03", file="b.tif"),
    ]
    place = "<SRS>EPSG:32633</SRS><GeoTransform>500000,10,0,5000000,0,-10</GeoTransform>"
    text = f'<VRTDataset rasterXSize="20" rasterYSize="20">{place}{"".join(bands)}</VRTDataset>'
    (tmp_path / "x.vrt").write_text(text.replace("\n      </Source", "</Source"))
    options = BandOptions((ALL,))
    dataset = TileDataset.open(tmp_path / "x.vrt", tiling=TilingOptions(20), bands=options)
    tile = dataset.decode_bands(0, dataset.read_bytes(0))
    assert np.isnan(tile[0, 0, 0]) and np.isnan(tile[1, 5, 5]) and np.isnan(tile).sum() == 2
    np.testing.assert_allclose(tile[1, 0], values[1, 0], rtol=1e-6)


def test_the_day_of_a_scene_is_an_attribute(tmp_path: Path):
    (tmp_path / "scenes").mkdir()
    for name, tags in {
        "S2A_MSIL1C_20170506T100031": None,
        "other": {"ACQUISITION_DATE": "2018-01-02"},
        "99999999": {"ACQUISITION_DATE": "soon"},
    }.items():
        make_scene(tmp_path / "scenes" / f"{name}.tif", reflectance(20), tags=tags)
    dataset = TileDataset.open(tmp_path / "scenes", tiling=TilingOptions(20))
    found = dataset.items.set_index("scene")["date"].to_dict()
    assert found.pop("S2A_MSIL1C_20170506T100031") == "2017-05-06"
    assert found.pop("other") == "2018-01-02"
    assert not isinstance(found.pop("99999999"), str)


@pytest.mark.parametrize(("height", "width", "side"), [(20, 20, 32), (64, 48, 32), (33, 90, 20)])
def test_bands_are_resized_as_images_are(height: int, width: int, side: int):
    values = np.random.default_rng(0).integers(90, 160, (3, height, width)).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(values.transpose(1, 2, 0)))
    expected = decode_tile(image, side).astype(np.float32)
    found = resize_values(values.astype(np.float32), side)
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, expected, atol=1.1)


def test_what_has_no_data_does_not_spread():
    values = np.full((2, 40, 40), 5, np.float32)
    values[0, :, :20] = np.nan
    found = resize_values(values, 20)
    assert np.isnan(found[0, :, :9]).all() and (found[0, :, 11:] == 5).all()
    assert (found[1] == 5).all()


def test_a_tile_without_data_is_named(tmp_path: Path):
    empty = np.full((13, 20, 20), np.nan, np.float32)
    file = make_scene(tmp_path / "x.tif", empty)
    with refused(names="x.tif"):
        decode_bands(file.read_bytes(), BandOptions(SENTINEL_2), "x.tif")


def test_a_stream_is_read_as_its_file(tmp_path: Path):
    file = make_scene(tmp_path / "x.tif", reflectance())
    stream = io.BytesIO(file.read_bytes())
    np.testing.assert_array_equal(
        read_bands(stream, BandOptions(), REFLECTANCE), read_bands(file, BandOptions(), REFLECTANCE)
    )
    assert IMAGE.channels == 3
