"""Rasters of 13 bands from end to end: a network of random weights, its codes, and searches."""

import dataclasses
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import TinyRun
from make_bands import RAISED, SENTINEL_2, in_unit, make_scene, reflectance
from PIL import Image
from refusals import refused

from rsh.cli.main import main
from rsh.config import TrainConfig
from rsh.data.bands import ALL, BandOptions
from rsh.data.decoded import decoded_tiles
from rsh.data.images import read_thumbnail
from rsh.data.rendering import Rendering, to_bytes
from rsh.data.tile_grid import TilingOptions
from rsh.data.tiles import TileDataset
from rsh.encoding.build import add_dataset, build_gallery, encode_dataset
from rsh.encoding.query import encode_images, load_network, open_query_encoder
from rsh.errors import InputError, RshWarning
from rsh.gallery.gallery import Gallery
from rsh.gallery.writer import merge_galleries, remove_tiles
from rsh.models.backbone import BandBackbone
from rsh.models.hashnet import HashNet, fingerprint
from rsh.models.onnx import FILE
from rsh.models.onnx_export import export
from rsh.search.query import Query
from rsh.search.retrieve import search
from rsh.training.run import Run
from rsh.training.train import train

TILING, BANDS = TilingOptions(20), BandOptions((ALL,))
FEW = TrainConfig(epochs=2, cached_views=2, augmentation="medium")


def network(dataset: TileDataset, **options) -> HashNet:
    named = {"bands": dataset.bands.names, "units": dataset.bands.units, "pretrained": False}
    return HashNet(num_bits=16, image_size=32, **named | {"backbone": "resnet10t"} | options)


def in_order(gallery: Gallery, dataset: TileDataset) -> np.ndarray:
    """Return the codes of the tiles of a data set."""
    return gallery.packed[:][[gallery.find_row(tile) for tile in dataset.items["id"]]]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    for seed in range(3):
        make_scene(folder / f"2017-05-0{seed + 1}.tif", reflectance(100, seed))
    return folder


@pytest.fixture(scope="module")
def run(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    dataset = TileDataset.open(scenes, tiling=TILING, bands=BANDS)
    folder = tmp_path_factory.mktemp("run") / "run"
    split = dataset.split(by="class")
    train(network(dataset), split, FEW, run=folder, progress=False)
    return Run.open(folder)


@pytest.fixture(scope="module")
def gallery(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    folder = tmp_path_factory.mktemp("g") / "g"
    dataset = run.dataset()
    return build_gallery(run.net(), dataset, folder, run=run.folder, progress=False)


def test_the_summary_of_a_gallery_says_how_its_bands_are_shown(
    gallery: Gallery, capsys: pytest.CaptureFixture[str]
):
    main(["gallery", "info", str(gallery.folder)])
    told = capsys.readouterr().out
    for composite in gallery.describe_composites():
        (line,) = (line for line in told.splitlines() if line.startswith(composite["name"]))
        assert ", ".join(composite["bands"]) in line and f"{composite['white'][0]:g}" in line


def test_a_training_leaves_out_tiles_without_data_if_it_is_asked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RSH_CACHE", str(tmp_path / "cache"))
    whole = in_unit(reflectance(60), "DN + 1,000")
    whole[:, :20] = 0
    scene = make_scene(tmp_path / "x.tif", whole, tags=RAISED)
    options = BandOptions((ALL,), scale=1e-4, offset=-0.1)
    dataset = TileDataset.open(scene, tiling=TILING, bands=options)
    with refused(names=("holds no data", "--skip-unreadable")):
        decoded_tiles(dataset, 32, progress=False)
    with pytest.warns(RshWarning, match="left out: 3 tiles without data"):
        kept = TileDataset.open(scene, tiling=TILING, bands=options, skip_unreadable=True)
    assert len(dataset) == 9 and len(kept) == 6
    assert np.isfinite(decoded_tiles(kept, 32, progress=False)).all()


def test_a_run_keeps_its_bands_and_finds_its_tiles_again(run: Run, scenes: Path):
    net, dataset = run.net(), run.dataset()
    assert net.bands.names == SENTINEL_2 and set(net.bands.units) == {"reflectance"}
    assert isinstance(dataset, TileDataset) and dataset.bands == net.bands
    assert len(dataset) == 75 and dataset.items["split"].isin(["train", "val", "query"]).all()
    assert run.tiling == TILING and run.band_options.names == SENTINEL_2
    moved = run.dataset(str(scenes), tiling=TILING)
    np.testing.assert_array_equal(
        encode_dataset(net, moved, progress=False).codes,
        encode_dataset(net, dataset, progress=False).codes,
    )


def test_each_band_is_standardized_by_the_training_tiles(run: Run):
    net, dataset = run.net(), run.dataset()
    assert isinstance(net.backbone, BandBackbone) and isinstance(dataset, TileDataset)
    tiles = decoded_tiles(dataset, 32, progress=False)
    rows = np.flatnonzero(dataset.items["split"] == "train")
    values = tiles[rows].astype(np.float64)
    known = net.backbone.standardization
    np.testing.assert_allclose(known.mean, values.mean(axis=(0, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(known.std, values.std(axis=(0, 2, 3)), rtol=1e-4)
    normal = net.backbone.normalize(torch.from_numpy(tiles[rows].astype(np.float32)))
    assert normal.mean().abs() < 0.01 and (normal.std() - 1).abs() < 0.01


def test_what_has_no_data_is_the_mean(run: Run):
    backbone = run.net().backbone
    assert not backbone.normalize(torch.full((1, 13, 4, 4), torch.nan)).any()


def test_a_gallery_holds_what_the_network_says(run: Run, gallery: Gallery):
    dataset = run.dataset()
    codes = encode_dataset(run.net(), dataset, progress=False).packed
    np.testing.assert_array_equal(in_order(gallery, dataset), codes)
    assert gallery.manifest.model.bands == SENTINEL_2
    assert gallery.manifest.data.bands.names == SENTINEL_2
    assert len(set(map(bytes, codes))) > 5
    assert {"date", "scene"} <= set(gallery.items.columns)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("true color", ("B04", "B03", "B02")),
        ("false color", ("B08", "B04", "B03")),
        ("short-wave infrared", ("B12", "B8A", "B04")),
    ],
)
def test_tiles_are_shown_in_named_composites(
    name: str, shown: tuple[str, ...], run: Run, gallery: Gallery, scenes: Path
):
    gallery = Gallery.open(gallery.folder)
    assert gallery.composites == ["true color", "false color", "short-wave infrared"]
    gallery.show_composite(name)
    assert gallery.composite is not None and gallery.composite.bands == shown
    tile = "2017-05-02/r000020_c000040"
    row = gallery.find_row(tile)
    values = reflectance(100, 1)[:, 20:40, 40:60]
    bands = values[[SENTINEL_2.index(band) for band in shown]]
    stretch = gallery.composite.rendering.stretch
    expected = to_bytes(bands, stretch).transpose(1, 2, 0)
    thumbnail = np.asarray(read_thumbnail(gallery.thumbnail(row)))
    assert np.abs(thumbnail.astype(int) - expected).mean() < 9  # JPEG
    original = gallery.original(row)
    assert original is not None
    pixels = np.asarray(Image.open(io.BytesIO(original.jpeg)))
    assert np.abs(pixels.astype(int) - expected).mean() < 4
    for band in (0, 1, 2):  # each color is its own band, not another one
        errors = [
            np.abs(thumbnail[..., band] - expected[..., other].astype(int)).mean()
            for other in range(3)
        ]
        assert np.argmin(errors) == band


def test_bands_that_the_network_does_not_see_are_shown_and_named(scenes: Path, tmp_path: Path):
    bands = BandOptions(("B02", "B03", "B04", "B08"))
    dataset = TileDataset.open(scenes, tiling=TILING, bands=bands)
    named = {"bands": dataset.bands.names, "units": dataset.bands.units, "pretrained": False}
    net = HashNet("resnet10t", num_bits=16, image_size=32, **named)
    gallery = build_gallery(net, dataset, tmp_path / "g", progress=False)
    unseen = {each["name"]: each["unseen"] for each in gallery.describe_composites()}
    assert unseen == {
        "true color": [],
        "false color": [],
        "short-wave infrared": ["B12", "B8A"],
    }
    units = [each["unit"] for each in gallery.describe_composites()]
    assert units == ["reflectance", "reflectance", ""]
    gallery.show_composite("short-wave infrared")
    assert gallery.composite is not None
    values = reflectance(100, 1)[[12, 8, 3], 20:40, 40:60]
    expected = to_bytes(values, gallery.composite.rendering.stretch).transpose(1, 2, 0)
    row = gallery.find_row("2017-05-02/r000020_c000040")
    thumbnail = np.asarray(read_thumbnail(gallery.thumbnail(row)))
    assert np.abs(thumbnail.astype(int) - expected).mean() < 9  # JPEG


def test_a_composite_that_is_not_there_is_named(gallery: Gallery, tiny_run: TinyRun):
    with refused("composite", value="sepia", names=("true color", "false color")):
        Gallery.open(gallery.folder).show_composite("sepia")
    images = Gallery.open(tiny_run.gallery)
    assert images.composites == [] and images.composite is None
    with refused("composite", value="true color", names="images"):
        images.show_composite("true color")


def test_composites_outlive_what_is_done_with_a_gallery(run: Run, gallery: Gallery, tmp_path: Path):
    shutil.copytree(gallery.folder, tmp_path / "g")
    extra = tmp_path / "extra"
    extra.mkdir()
    make_scene(extra / "2018-01-01.tif", reflectance(100, 7))
    dataset = run.dataset(str(extra), tiling=TILING, rendering=gallery.manifest.data.rendering)
    added = add_dataset(run.net(), dataset, tmp_path / "g", progress=False)
    remove_tiles(tmp_path / "g", ["2017-05-01/r000000_c000000"])
    added = Gallery.open(tmp_path / "g")
    merge_galleries([tmp_path / "g"], tmp_path / "merged")
    for each in (added, Gallery.open(tmp_path / "merged")):
        each.show_composite("false color")
        row = each.find_row("2018-01-01/r000020_c000040")
        values = reflectance(100, 7)[[7, 3, 2], 20:40, 40:60]
        assert each.composite is not None
        expected = to_bytes(values, each.composite.rendering.stretch).transpose(1, 2, 0)
        thumbnail = np.asarray(read_thumbnail(each.thumbnail(row)))
        assert np.abs(thumbnail.astype(int) - expected).mean() < 9


def test_files_with_their_bands_in_another_order_look_alike(tmp_path: Path):
    values = reflectance(20)
    (tmp_path / "x").mkdir()
    make_scene(tmp_path / "x" / "a.tif", values)
    make_scene(tmp_path / "x" / "b.tif", values[::-1], names=SENTINEL_2[::-1])
    dataset = TileDataset.open(tmp_path / "x", bands=BANDS)
    for composite in dataset.composites:
        one, other = (
            np.asarray(dataset.decode(row, dataset.read_bytes(row), composite.rendering))
            for row in (0, 1)
        )
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(
        *(dataset.decode_bands(row, dataset.read_bytes(row)) for row in (0, 1))
    )


def test_a_raster_is_a_query_and_finds_its_own_tile(run: Run, gallery: Gallery, tmp_path: Path):
    dataset = run.dataset()
    assert isinstance(dataset, TileDataset)
    row, file = gallery.find_row(dataset.items["id"].iloc[7]), tmp_path / "query.tif"
    file.write_bytes(dataset.read_bytes(7))
    query = Query.of_image(gallery, file)
    assert query.image is not None
    np.testing.assert_array_equal(query.image.encodings.packed[0], gallery.packed[row])
    found = search(gallery, file, include_held_out=True)
    assert row in found.rows[: np.count_nonzero(found.distances == 0)]
    np.testing.assert_array_equal(
        encode_images(load_network(gallery), [file]).packed[0], gallery.packed[row]
    )
    stream = Query.of_image(gallery, io.BytesIO(file.read_bytes()))  # which is read twice
    np.testing.assert_array_equal(stream.packed(gallery), query.packed(gallery))
    with refused(names=("B01", "raster")):
        Query.of_image(gallery, Image.new("RGB", (20, 20)))


@pytest.mark.parametrize("unit", ["DN", "DN + 1,000", "8 bits", "dB"])
def test_tiles_in_another_unit_are_refused(unit: str, run: Run, tmp_path: Path):
    values = in_unit(reflectance(), unit)
    file = make_scene(tmp_path / "x.tif", values)
    with refused(names=("x.tif", "B01", "reflectance")):
        run.dataset(str(file), tiling=TILING)
    with refused(names=("x.tif", "B01", "reflectance")):
        Query.of_image(Gallery.open(build(run, tmp_path)), file)


def build(run: Run, folder: Path) -> Path:
    build_gallery(run.net(), run.dataset(), folder / "g", run=run.folder, progress=False)
    return folder / "g"


def test_digital_numbers_with_their_scale_give_the_codes_of_reflectance(
    run: Run, gallery: Gallery, scenes: Path, tmp_path: Path
):
    (tmp_path / "dn").mkdir()
    for seed in range(3):
        values = in_unit(reflectance(100, seed), "DN + 1,000")
        make_scene(tmp_path / "dn" / f"2017-05-0{seed + 1}.tif", values)
    options = BandOptions(scale=1e-4, offset=-0.1)
    dataset = run.dataset(str(tmp_path / "dn"), tiling=TILING, bands=options)
    codes = encode_dataset(run.net(), dataset, progress=False).packed
    same = (codes == in_order(gallery, dataset)).mean()
    assert same > 0.99  # digital numbers are rounded


NUMBERS = BandOptions(scale=1e-4, offset=-0.1)
TO_BYTES = BandOptions(scale=255 / 0.42, unit="8 bits")
OLD_TILE, NEW_TILE = "2017-05-02/r000020_c000040", "2018-01-01/r000020_c000040"


def in_numbers(run: Run, folder: Path, **how) -> TileDataset:
    folder.mkdir(exist_ok=True)
    make_scene(folder / "2018-01-01.tif", in_unit(reflectance(100, 7), "DN + 1,000"))
    dataset = run.dataset(str(folder), tiling=TILING, bands=NUMBERS, **how)
    assert isinstance(dataset, TileDataset)
    return dataset


def looks_like(one: bytes, other: bytes) -> bool:
    images = (np.asarray(read_thumbnail(jpeg), int) for jpeg in (one, other))
    return np.abs(np.subtract(*images)).mean() < 9  # JPEG


@pytest.mark.parametrize("way", ["add", "merge", "merge the other way"])
def test_a_gallery_of_two_units_shows_both_and_takes_queries_in_both(
    way: str, run: Run, gallery: Gallery, tmp_path: Path
):
    dataset = in_numbers(run, tmp_path / "numbers")
    if way == "add":
        both = Gallery.open(shutil.copytree(gallery.folder, tmp_path / "both"))
        add_dataset(run.net(), dataset, both.folder, progress=False)
    else:
        other = build_gallery(run.net(), dataset, tmp_path / "g", run=run.folder, progress=False)
        folders = [gallery.folder, other.folder]
        merge_galleries(folders if way == "merge" else folders[::-1], tmp_path / "both")
    both, tiles = Gallery.open(tmp_path / "both"), {OLD_TILE: run.dataset(), NEW_TILE: dataset}
    assert len(both.composites) == (3 if way == "add" else 1)  # others have stretches of their own
    for tile, source in tiles.items():
        row, file = both.find_row(tile), tmp_path / "query.tif"
        assert isinstance(source, TileDataset)
        file.write_bytes(source.read_bytes(source.items["id"].tolist().index(tile)))
        query = Query.of_image(both, file)
        assert query.image is not None
        np.testing.assert_array_equal(query.image.encodings.packed[0], both.packed[row])
        for composite in both.composites:
            both.show_composite(composite)
            original = both.original(row)
            assert original is not None
            assert looks_like(original.jpeg, both.thumbnail(row))
            assert looks_like(query.thumbnail(both), both.thumbnail(row))


@pytest.mark.parametrize("unit", ["reflectance", "DN + 1,000"])
def test_files_with_further_bands_are_shown_in_the_same_bands(
    unit: str, run: Run, gallery: Gallery, tmp_path: Path
):
    (tmp_path / "x").mkdir()
    values = in_unit(reflectance(100, 7), unit)
    names = ("QA", *(name.replace("B0", "B") for name in SENTINEL_2))
    make_scene(tmp_path / "x" / "2018-01-01.tif", np.concatenate([values[:1], values]), names=names)
    bands = NUMBERS if unit.startswith("DN") else BandOptions()
    dataset = run.dataset(str(tmp_path / "x"), tiling=TILING, bands=bands)
    assert isinstance(dataset, TileDataset) and dataset.bands == run.bands
    both = Gallery.open(shutil.copytree(gallery.folder, tmp_path / "both"))
    add_dataset(run.net(), dataset, both.folder, progress=False)
    both, file = Gallery.open(both.folder), tmp_path / "query.tif"
    file.write_bytes(dataset.read_bytes(dataset.items["id"].tolist().index(NEW_TILE)))
    query, row = Query.of_image(both, file), both.find_row(NEW_TILE)
    for composite in both.composites:
        both.show_composite(composite)
        assert both.composite is not None
        chosen = [SENTINEL_2.index(band) for band in both.composite.bands]
        shown = reflectance(100, 7)[chosen, 20:40, 40:60]
        expected = to_bytes(shown, both.composite.rendering.stretch).transpose(1, 2, 0)
        for jpeg in (both.thumbnail(row), query.thumbnail(both)):
            assert np.abs(np.asarray(read_thumbnail(jpeg), int) - expected).mean() < 9  # JPEG


FOUR = ("B02", "B03", "B05", "B08")


@pytest.fixture(scope="module")
def of_four(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    dataset = TileDataset.open(scenes, tiling=TILING, bands=BandOptions(FOUR))
    folder = tmp_path_factory.mktemp("four") / "run"
    train(network(dataset), dataset.split(by="class"), FEW, run=folder, progress=False)
    return Run.open(folder)


def test_files_that_lack_bands_which_are_only_shown(of_four: Run, tmp_path: Path):
    gallery = Gallery.open(build(of_four, tmp_path))
    assert len(gallery.composites) == 3
    (tmp_path / "x").mkdir()
    values = reflectance(100, 7)[[SENTINEL_2.index(name) for name in FOUR]]
    file = make_scene(tmp_path / "x" / "2018-01-01.tif", values, names=FOUR)
    dataset = of_four.dataset(str(tmp_path / "x"), tiling=TILING)
    told = ("B02, B03, B05", "B04, B03, B02", "same order")
    with refused(names=told):
        add_dataset(of_four.net(), dataset, gallery.folder, progress=False)
    other = build_gallery(of_four.net(), dataset, tmp_path / "h", progress=False)
    with refused(names=told):
        merge_galleries([gallery.folder, other.folder], tmp_path / "merged")
    with pytest.warns(RshWarning, match="no band B04.*not shown in true color"):
        query = Query.of_image(gallery, file)
    assert query.image is not None and not query.image.composites


def test_files_that_lack_bands_of_another_composite_are_refused(scenes: Path, tmp_path: Path):
    bands = BandOptions(("B02", "B03", "B04", "B08"))
    (tmp_path / "x").mkdir()
    few = [SENTINEL_2.index(name) for name in ("B04", "B03", "B02", "B08")]
    names = tuple(SENTINEL_2[number] for number in few)
    make_scene(tmp_path / "x" / "2018-01-01.tif", reflectance(100, 7)[few], names=names)
    whole = TileDataset.open(scenes, tiling=TILING, bands=bands)
    net = network(whole)
    folder = build_gallery(net, whole, tmp_path / "g", progress=False).folder
    dataset = TileDataset.open(
        tmp_path / "x", tiling=TILING, like=whole.rendering, bands=bands, like_bands=net.bands
    )
    with refused(names=("short-wave infrared", "rsh gallery merge")):
        add_dataset(net, dataset, folder, progress=False)
    other = build_gallery(net, dataset, tmp_path / "h", progress=False).folder
    merged = merge_galleries([folder, other], tmp_path / "merged")
    assert merged.composites == ["true color"]


def test_reflectance_is_shown_as_the_8_bits_of_a_gallery(tmp_path: Path):
    for name, unit in (("bytes", "8 bits"), ("floats", "reflectance")):
        (tmp_path / name).mkdir()
        make_scene(tmp_path / name / f"{name}.tif", in_unit(reflectance(60), unit))
    first = TileDataset.open(tmp_path / "bytes", tiling=TILING, bands=BANDS)
    net = network(first)
    gallery = build_gallery(net, first, tmp_path / "g", progress=False)
    like, bands = gallery.rendering_for(TO_BYTES), dataclasses.replace(TO_BYTES, names=SENTINEL_2)
    second = TileDataset.open(tmp_path / "floats", tiling=TILING, like=like, bands=bands)
    both = add_dataset(net, second, gallery.folder, progress=False)
    assert both.composites == ["true color", "false color", "short-wave infrared"]
    for name in both.composites:
        both.show_composite(name)
        one, other = (both.find_row(f"{scene}/r000020_c000040") for scene in ("bytes", "floats"))
        assert looks_like(both.thumbnail(one), both.thumbnail(other))
        assert both.original(one) is not None and both.original(other) is not None


def test_originals_are_found_where_a_manifest_does_not_say_what_values_of_a_source_mean(
    run: Run, tmp_path: Path
):
    dataset = in_numbers(run, tmp_path / "numbers")
    folder = build_gallery(run.net(), dataset, tmp_path / "g", progress=False).folder
    content = json.loads((folder / "gallery.json").read_text())
    for source in content["data"]["sources"]:
        del source["bands"]
    (folder / "gallery.json").write_text(json.dumps(content))
    gallery = Gallery.open(folder)
    assert gallery.original(gallery.find_row(NEW_TILE)) is not None


def test_galleries_that_show_values_otherwise_are_merged_once_encoded_as_told(
    run: Run, gallery: Gallery, tmp_path: Path
):
    how = {"rendering": Rendering(stretch=((1000, 4000),))}
    for _ in range(2):
        dataset = in_numbers(run, tmp_path / "numbers", **how)
        other = build_gallery(run.net(), dataset, tmp_path / "g", run=run.folder, progress=False)
        try:
            merged = merge_galleries([gallery.folder, other.folder], tmp_path / "merged")
        except InputError as error:
            assert f"{other.folder} shows its tiles otherwise than {gallery.folder}" in str(error)
            (ends,) = re.findall(r"--stretch (\S+)$", str(error))
            values = [*map(float, ends.split(","))]
            assert len(values) == 6 and min(values) > 1000  # digital numbers
            how["rendering"] = Rendering(stretch=tuple(zip(values[::2], values[1::2], strict=True)))
            shutil.rmtree(other.folder)
    assert merged.find_row(NEW_TILE) is not None


def test_images_and_bands_do_not_go_into_each_others_network(run: Run, scenes: Path, net: HashNet):
    images = TileDataset.open(scenes, tiling=TILING)
    bands = TileDataset.open(scenes, tiling=TILING, bands=BANDS)
    few = TileDataset.open(scenes, tiling=TILING, bands=BandOptions(SENTINEL_2[:4]))
    for each, dataset in ((run.net(), images), (net, bands), (run.net(), few)):
        with refused(names="the network takes"):
            encode_dataset(each, dataset, progress=False)


def test_weights_of_images_are_not_spread_over_bands(scenes: Path):
    dataset = TileDataset.open(scenes, tiling=TILING, bands=BANDS)
    with refused(names=("tf_efficientnet_lite0", "B01", "--weights random")):
        network(dataset, pretrained=True, backbone="tf_efficientnet_lite0")


def test_the_whole_network_learns_from_bands(scenes: Path):
    dataset = TileDataset.open(scenes, tiling=TILING, bands=BANDS)
    net = network(dataset)
    before = [value.clone() for value in net.backbone.network.parameters()]
    config = dataclasses.replace(FEW, epochs=1, finetune=True, batch_size=8)
    train(net, dataset.split(by="class"), config, progress=False)
    after = list(net.backbone.network.parameters())
    assert any(not torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_an_exported_network_gives_the_same_codes(run: Run, gallery: Gallery, tmp_path: Path):
    dataset = run.dataset()
    assert isinstance(dataset, TileDataset)
    file = tmp_path / "query.tif"
    file.write_bytes(dataset.read_bytes(3))
    export(run.net(), run.folder / FILE)
    try:
        encode = open_query_encoder(gallery)
        expected = in_order(gallery, dataset)[3]
        np.testing.assert_array_equal(encode([file]).packed[0], expected)
    finally:
        (run.folder / FILE).unlink()


def test_a_training_goes_on_from_where_it_stopped(scenes: Path, tmp_path: Path):
    options = ["--size", "20", "--split-by", "class", "--input-bands", "all"]
    options += ["--weights", "random", "--backbone", "resnet10t", "--image-size", "32"]
    options += ["--bits", "16", "--epochs", "12", "--cached-views", "2"]
    first, stopped = tmp_path / "first", tmp_path / "stopped"
    for folder in (first, stopped):
        main(["train", "--data", str(scenes), *options, "--output", str(folder)])
    (stopped / "model.safetensors").unlink()
    main(["train", "--resume", str(stopped)])
    after = [fingerprint(Run.open(folder).net()) for folder in (first, stopped)]
    assert after[0] == after[1]
    begun = ["train", "--data", str(scenes), "--size", "20", "--init-from", str(first)]
    main([*begun, "--epochs", "1", "--cached-views", "2", "--output", str(tmp_path / "next")])
    assert Run.open(tmp_path / "next").bands.names == SENTINEL_2


def test_tiles_of_another_unit_are_shown_as_bright(run: Run, gallery: Gallery, tmp_path: Path):
    """The stretch is that of the network's values, whatever the files hold."""
    whole = in_unit(reflectance(100), "DN + 1,000")
    (tmp_path / "scenes").mkdir()
    make_scene(tmp_path / "scenes" / "2017-05-01.tif", whole, tags=RAISED)
    options = BandOptions(scale=1e-4, offset=-0.1)
    scenes = str(tmp_path / "scenes")
    dataset = run.dataset(scenes, tiling=TILING, bands=options)
    other = build_gallery(run.net(), dataset, tmp_path / "other", run=run.folder, progress=False)
    assert other.describe_composites()[0] == gallery.describe_composites()[0]

    shutil.copytree(gallery.folder, tmp_path / "g")
    (tmp_path / "scenes" / "2017-05-01.tif").rename(tmp_path / "scenes" / "new.tif")
    tiles = ["--size", str(TILING.size), "--scale", "0.0001", "--offset", "-0.1"]
    main(["gallery", "add", str(tmp_path / "g"), scenes, *tiles])
    both = Gallery.open(tmp_path / "g")
    for name in both.composites:
        gallery.show_composite(name)
        both.show_composite(name)
        for row, tile in enumerate(gallery.ids):
            if not tile.startswith("2017-05-01"):
                continue
            new = both.find_row(tile.replace("2017-05-01", "new"))
            seen = [read_thumbnail(each) for each in (gallery.thumbnail(row), both.thumbnail(new))]
            first, second = (np.asarray(image, np.int16) for image in seen)
            assert np.abs(first - second).mean() < 3  # rounded to whole numbers, and JPEG
