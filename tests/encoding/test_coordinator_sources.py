"""Shards and scenes stream into a gallery, and tiles of the training keep their splits."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from make_encode import content, encode, same
from make_raster import make_raster, noise
from make_shards import make_tar

from rsh.cli.main import main
from rsh.data.tiles import TileDataset
from rsh.gallery.gallery import Gallery


def test_shards_stream_to_the_gallery_of_their_folder(net, dataset, tmp_path):
    members = {}
    for row, tile in enumerate(dataset.items["id"]):
        members[tile] = dataset.read_bytes(row)
    for number in range(3):
        part = dict(list(members.items())[number::3])
        make_tar(tmp_path / f"s-{number}.tar", part)
    shards = encode(net, TileDataset.open(str(tmp_path / "s-{0..2}.tar")), tmp_path / "shards")
    folder = encode(net, dataset, tmp_path / "folder")
    suffix = Path(dataset.items["id"][0]).suffix
    found = {tile + suffix: told for tile, told in content(shards).items()}
    assert found.keys() == content(folder).keys()
    same(found, content(folder))
    classes = folder.items.set_index("id")["class"]
    assert all(
        classes[tile + suffix] == told for tile, told in shards.items[["id", "class"]].values
    )


def test_scene_streams_without_tiles_and_without_its_empty_ones(tiny_run, tmp_path, capsys):
    values = noise(96, 160, bands=4, dtype=np.uint16)
    values[:, :32, :64] = 0
    scene = make_raster(tmp_path / "scene.tif", values, nodata=0)
    cut = ["--size", "32", "--bands", "4,3,2", "--stretch", "0,255"]
    command = ["encode", str(tiny_run.folder), "--output"]
    main([*command, str(tmp_path / "streamed"), str(scene), *cut])
    assert "left out: 2 tiles without data" in capsys.readouterr().err
    main(["data", "tiles", str(scene), "--output", str(tmp_path / "tiles"), *cut])
    main([*command, str(tmp_path / "written"), str(tmp_path / "tiles")])
    streamed, written = (Gallery.open(tmp_path / name) for name in ("streamed", "written"))
    assert len(streamed) == 13
    places = ["class", "longitude", "latitude", "block", "footprint"]
    one, other = (each.items.set_index("id").sort_index() for each in (streamed, written))
    other.index = other.index.str.removesuffix(".tif")
    assert one[places].equals(other.sort_index()[places])


@pytest.mark.parametrize("option", ["--size", "--bands"])
def test_flags_of_scenes_are_for_scenes(option, tiny_run, tmp_path, capsys):
    for data in ([], [str(tiny_run.data)]):
        with pytest.raises(SystemExit):
            main(["encode", str(tiny_run.folder), *data, option, "3"])
        assert option in capsys.readouterr().err


def test_training_data_with_unreadable_images_keeps_its_queries(tiny_data, tmp_path, capsys):
    data, run = shutil.copytree(tiny_data, tmp_path / "data"), tmp_path / "run"
    next((data / "coast").iterdir()).write_text("no image")
    flags = [str(data), "--skip-unreadable"]
    small = ["--image-size", "32", "--epochs", "2", "--cached-views", "2", "--bits", "16"]
    main(["train", "--data", *flags, *small, "--output", str(run)])
    main(["encode", str(run), *flags, "--output", str(tmp_path / "gallery")])
    assert (Gallery.open(tmp_path / "gallery").items["split"] == "query").any()
