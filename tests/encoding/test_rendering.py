"""Tiles of more than 8 bits get the same code whichever way they come in."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from in_loop import run
from make_encode import encode
from make_raster import make_raster
from make_shards import make_tar
from rasterio.windows import Window
from refusals import refused

from rsh.cli.main import main
from rsh.data.decoded import decoded_tiles
from rsh.data.rendering import AS_IS, Rendering
from rsh.data.tile_grid import TilingOptions
from rsh.data.tiles import TileDataset
from rsh.encoding.build import add_dataset, encode_dataset
from rsh.explorer.uploads.client import UploadEncoder
from rsh.gallery.gallery import Gallery
from rsh.gallery.writer import merge_galleries
from rsh.search.query import Query
from rsh.training.run import Run

SIZE = 32  # of a tile, pixels
BANDS = Rendering((5, 3, 2))  # of six


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Smooth shapes in six bands of 16 bits; part of it holds no data."""
    down, right = np.mgrid[: 5 * SIZE, : 6 * SIZE] / 40
    draw = np.random.default_rng(0)
    values = np.stack(
        [np.sin(down * f + p) * np.cos(right * p) for f, p in draw.uniform(1, 4, (6, 2))]
    )
    values = (values * 1500 + 3000 + draw.normal(0, 60, values.shape)).astype(np.uint16)
    values[:, :10, :25] = 0
    return make_raster(tmp_path_factory.mktemp("scene") / "scene.tif", values, nodata=0)


@pytest.fixture(scope="module")
def windows(scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiles of the scene as files of 16 bits, in a class folder."""
    folder = tmp_path_factory.mktemp("windows") / "tiles"
    (folder / "scene").mkdir(parents=True)
    with rasterio.open(scene) as source:
        for top in range(0, source.height, SIZE):
            for left in range(0, source.width, SIZE):
                window = Window(left, top, SIZE, SIZE)
                profile = source.profile | {"width": SIZE, "height": SIZE}
                profile["transform"] = source.window_transform(window)
                file = folder / "scene" / f"r{top:06}_c{left:06}.tif"
                with rasterio.open(file, "w", **profile) as target:
                    target.write(source.read(window=window))
    return folder


@pytest.fixture(scope="module")
def of_scene(scene: Path, tiny_run, tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    folder = tmp_path_factory.mktemp("gallery") / "g"
    main(["encode", str(tiny_run.folder), str(scene), "--output", str(folder), "--size", str(SIZE),
          "--bands", "5,3,2"])  # fmt: skip
    return Gallery.open(folder)


def distances(gallery: Gallery, files: list[Path], codes: np.ndarray) -> list[int]:
    """How many bits each code differs from that of the tile of the same name."""
    rows = [gallery.find_row(f"scene/{file.stem}") for file in files]
    return np.bitwise_count(codes ^ gallery.packed[rows]).sum(axis=1).tolist()


def chosen(windows: Path) -> list[Path]:
    files = sorted((windows / "scene").iterdir())
    return [files[row] for row in np.random.default_rng(1).choice(len(files), 20, replace=False)]


def test_windows_searched_as_files_have_the_code_of_their_tile(of_scene: Gallery, windows: Path):
    files = chosen(windows)
    codes = [Query.of_image(of_scene, file).packed(of_scene) for file in files]
    assert distances(of_scene, files, np.concatenate(codes)) == [0] * 20
    assert len(np.unique(of_scene.packed, axis=0)) > 5  # the codes do differ


def test_windows_searched_as_uploads_have_the_code_of_their_tile(of_scene: Gallery, windows: Path):
    files = chosen(windows)

    async def one_after_another() -> list:
        mine = UploadEncoder(of_scene.folder, of_scene.manifest.model.fingerprint)
        try:
            return [await mine.encode(file.read_bytes(), file.name) for file in files]
        finally:
            await mine.close()

    codes = [image.encodings.packed for image in run(one_after_another())]
    assert distances(of_scene, files, np.concatenate(codes)) == [0] * 20


def test_windows_added_as_scenes_have_the_code_of_their_tile(
    of_scene: Gallery, windows: Path, tmp_path: Path
):
    copy = shutil.copytree(of_scene.folder, tmp_path / "g")
    files = chosen(windows)
    more = tmp_path / "more"
    more.mkdir()
    for file in files:
        shutil.copy(file, more / f"again {file.name}")
    main(["gallery", "add", str(copy), str(more), "--size", str(SIZE)])
    grown = Gallery.open(copy)
    added = [grown.find_row(f"again {file.stem}/r000000_c000000") for file in files]
    assert distances(grown, files, grown.packed[added]) == [0] * 20
    assert grown.manifest.data.rendering == of_scene.manifest.data.rendering


def test_folder_zip_shards_and_scene_give_the_same_codes(
    net, of_scene: Gallery, scene: Path, windows: Path, tmp_path: Path
):
    tiles = TileDataset.open(windows, rendering=BANDS)
    members = {tile: tiles.read_bytes(row) for row, tile in enumerate(tiles.items["id"])}
    make_tar(tmp_path / "tiles.tar", members)
    zipped = shutil.make_archive(str(tmp_path / "tiles"), "zip", windows)
    found = []
    for name, source in {"folder": windows, "zip": zipped, "tar": tmp_path / "tiles.tar"}.items():
        dataset = TileDataset.open(source, rendering=BANDS)
        assert dataset.rendering == tiles.rendering
        found.append(encode(net, dataset, tmp_path / name))
    for other in found[1:]:
        assert sorted(map(bytes, other.packed)) == sorted(map(bytes, found[0].packed))
    how = of_scene.manifest.data.rendering
    same = encode(net, TileDataset.open(windows, rendering=how), tmp_path / "same")
    assert sorted(map(bytes, same.packed)) == sorted(map(bytes, of_scene.packed))


def test_windows_find_themselves_among_tiles_that_were_cut_before(
    scene: Path, windows: Path, tiny_run, tmp_path: Path
):
    """The tiles have 8 bits; scene.json beside them says how they came to be."""
    main(["data", "tiles", str(scene), "--output", str(tmp_path / "t"), "--size", str(SIZE),
          "--bands", "5,3,2"])  # fmt: skip
    main(["encode", str(tiny_run.folder), str(tmp_path / "t"), "--output", str(tmp_path / "g")])
    gallery = Gallery.open(tmp_path / "g")
    for file in chosen(windows)[:2]:
        code = Query.of_image(gallery, file).packed(gallery)
        row = gallery.find_row(f"scene/{file.name}")
        assert np.array_equal(code, gallery.packed[[row]])


def test_run_remembers_how_its_tiles_were_rendered(windows: Path, tmp_path: Path):
    for number, file in enumerate(sorted((windows / "scene").iterdir())):
        place = tmp_path / "data" / ("one", "two", "three")[number % 3]
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    small = ["--image-size", "32", "--epochs", "1", "--cached-views", "2", "--bits", "16"]
    main(["train", "--data", str(tmp_path / "data"), "--output", str(tmp_path / "run"),
          "--bands", "5,3,2", "--stretch", "0,6000", *small])  # fmt: skip
    trained = Run.open(tmp_path / "run")
    expected = Rendering((5, 3, 2), 6, ((0, 6000),))
    assert trained.rendering == trained.split().dataset.rendering == expected
    main(["encode", str(tmp_path / "run"), "--output", str(tmp_path / "g")])
    assert Gallery.open(tmp_path / "g").manifest.data.rendering == expected
    other = trained.dataset(str(windows))
    assert other.rendering == expected
    assert (
        trained.dataset(str(windows), rendering=Rendering(stretch=((0, 9),))).rendering != expected
    )


def test_another_stretch_is_another_image_and_no_cache_answers_for_it(net, windows: Path):
    found = []
    for high in (4000, 9000):
        dataset = TileDataset.open(windows, rendering=Rendering(stretch=((0, high),)))
        pixels = decoded_tiles(dataset, SIZE, progress=False)
        found.append((np.array(pixels), encode_dataset(net, dataset, progress=False).relaxed))
    assert not np.array_equal(found[0][0], found[1][0])
    assert not np.array_equal(found[0][1], found[1][1])


def test_galleries_of_two_stretches_are_not_mixed(
    net, of_scene: Gallery, windows: Path, dataset: TileDataset, tmp_path: Path
):
    how = Rendering((5, 3, 2), 6, ((0, 6000),))
    other = encode(net, TileDataset.open(windows, rendering=how), tmp_path / "other")
    with refused(names=("0 to 6000", "--stretch")):
        merge_galleries([of_scene.folder, other.folder], tmp_path / "both")
    tiles = TileDataset.open(windows, rendering=Rendering((5, 3, 2), stretch=((0, 9000),)))
    with refused(names=("0 to 6000", "--stretch")):
        add_dataset(net, tiles, other.folder, progress=False)
    plain = encode(net, dataset, tmp_path / "plain")
    assert plain.manifest.data.rendering == AS_IS
    both = merge_galleries([plain.folder, other.folder], tmp_path / "both")
    assert both.manifest.data.rendering == how


def test_scenes_share_one_stretch(scene: Path, tmp_path: Path):
    """Else equal values would look different from scene to scene."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    shutil.copy(scene, folder / "a.tif")
    with rasterio.open(scene) as source:
        values, profile = source.read(), source.profile
    with rasterio.open(folder / "b.tif", "w", **profile) as target:
        target.write(np.where(values, values + 2000, 0).astype(np.uint16))
    dataset = TileDataset.open(folder, tiling=TilingOptions(SIZE), rendering=BANDS)
    known = np.concatenate([values[4][values[4] > 0], values[4][values[4] > 0] + 2000])
    assert dataset.rendering.stretch[0] == pytest.approx(np.percentile(known, (2, 98)), rel=0.01)
    dark, bright = (np.asarray(dataset.read(row)).mean() for row in (20, 50))
    assert bright > dark + 50


def test_a_gallery_of_scenes_keeps_their_overviews(of_scene: Gallery, scene: Path, tmp_path: Path):
    (found,) = of_scene.backgrounds
    west, south, east, north = found.bounds
    assert found.scene == "scene.tif" and of_scene.items["longitude"].between(west, east).all()
    assert of_scene.items["latitude"].between(south, north).all()
    copy = shutil.copytree(of_scene.folder, tmp_path / "g")
    second = tmp_path / "second.tif"
    shutil.copy(scene, second)
    main(["gallery", "add", str(copy), str(second), "--size", str(SIZE)])
    assert [one.scene for one in Gallery.open(copy).backgrounds] == ["scene.tif", "second.tif"]
