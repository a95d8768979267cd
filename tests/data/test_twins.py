"""Equal and nearly equal tiles are found, and stay on one side of a split."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_scenes import make, zipped
from PIL import Image

from rsh.data.tiles import TileDataset
from rsh.data.twins import join, join_pairs, look, near_pairs
from rsh.errors import RshWarning

COLUMN = st.lists(st.integers(0, 6), min_size=1, max_size=20)


@given(COLUMN, st.integers(0, 9))
def test_groups_are_those_of_a_slow_loop(column: list[int], seed: int):
    other = np.random.default_rng(seed).integers(0, 6, len(column)).tolist()
    groups = join(column, other)
    expected = list(range(len(column)))
    for _ in column:
        for one in range(len(column)):
            for two in range(len(column)):
                if column[one] == column[two] or other[one] == other[two]:
                    expected[one] = expected[two] = min(expected[one], expected[two])
    assert np.array_equal(groups[:, None] == groups, np.equal.outer(expected, expected))
    assert list(dict.fromkeys(groups.tolist())) == list(range(groups.max() + 1))


def test_pairs_join_their_groups():
    assert join_pairs(np.array([0, 0, 1, 2, 3]), [(1, 3), (3, 4)]).tolist() == [0, 0, 1, 0, 0]
    assert join_pairs(np.array([0, 1]), []).tolist() == [0, 1]


@pytest.fixture(scope="module")
def images() -> list[Image.Image]:
    sample = TileDataset.open("bluemarble")
    return [sample.read(row) for row in range(0, len(sample), 37)]


def compressed(image: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    return Image.open(stream).convert("RGB")


CHANGES = {
    "nothing": lambda image: image,
    "compression": compressed,
    "size": lambda image: image.resize((image.width * 2, image.height * 2)),
    "brightness": lambda image: Image.eval(image, lambda value: min(value + 6, 255)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_near_duplicates_are_found_and_no_others(images: list[Image.Image], change: str):
    copies = [CHANGES[change](image) for image in images]
    found = near_pairs(look([*images, *copies]))
    expected = {(row, row + len(images)) for row in range(len(images))}
    assert len(set(found) & expected) >= 0.95 * len(images)
    assert set(found) <= expected


def test_other_images_are_no_near_duplicates(images: list[Image.Image]):
    assert near_pairs(look(images)) == []
    turned = [image.transpose(Image.Transpose.ROTATE_90) for image in images]
    assert near_pairs(look([*images, *turned])) == []


def test_images_of_one_color_are_alike_only_in_that_color():
    plain = [Image.new("L", (32, 32), value) for value in (20, 24, 200)]
    assert near_pairs(look(plain)) == [(0, 1)]


def test_nothing_is_no_pair():
    assert near_pairs(look([])) == []


def test_equal_tiles_stay_on_one_side(tmp_path: Path):
    folder = make(tmp_path / "data", count=12)
    for number in range(6):
        shutil.copy(folder / "coast" / f"{number}.png", folder / "forest" / f"again {number}.png")
    for source in (folder, zipped(folder, tmp_path / "data.zip")):
        for seed in range(5):
            items = TileDataset.open(source).split(seed=seed).dataset.items.set_index("id")["split"]
            for number in range(6):
                again = items[f"forest/again {number}.png"]
                assert items[f"coast/{number}.png"] == again


def test_nearly_equal_tiles_stay_on_one_side_on_request(tmp_path: Path):
    sample, rows = TileDataset.open("bluemarble"), range(0, 800, 20)
    for number, row in enumerate(rows):
        place = tmp_path / "data" / ("one" if number % 2 else "two")
        place.mkdir(parents=True, exist_ok=True)
        sample.read(row).save(place / f"{number}.png")
        sample.read(row).save(place / f"{number} again.jpg", quality=90)
    for near in (False, True):
        split = TileDataset.open(tmp_path / "data").split(near_duplicates=near)
        items = split.dataset.items.set_index("id")["split"]
        stems = items.groupby([name.split(".")[0].removesuffix(" again") for name in items.index])
        apart = int((stems.nunique() > 1).sum())
        assert apart == 0 if near else apart > 3
        assert split.how["near_duplicates"] is near


@pytest.mark.parametrize("names", [("train", "test"), ("Train", "val", "test"), ("train", "valid")])
def test_folders_named_like_splits_are_the_split(tmp_path: Path, names: tuple[str, ...]):
    for number, name in enumerate(names):
        make(tmp_path / "data" / name, count=4 + number)
    for source in (tmp_path / "data", zipped(tmp_path / "data", tmp_path / "data.zip")):
        with pytest.warns(RshWarning, match="are taken for the split"):
            dataset = TileDataset.open(source)
        assert dataset.classes == ["coast", "forest"]
        items = dataset.split().dataset.items
        last = items["id"].str.startswith(names[-1])
        assert ((items["split"] == "query") == last).all()
        assert set(items["split"]) == {"train", "val", "query"} or names == ("train", "valid")
        by_class = dataset.split(by="class").dataset.items
        assert not ((by_class["split"] == "query") == last).all()


@pytest.mark.parametrize("names", [("train", "tram"), ("val", "test")])
def test_classes_that_are_called_like_a_split_stay_classes(tmp_path: Path, names: tuple[str, ...]):
    folder = make(tmp_path / "data", classes=names)
    assert TileDataset.open(folder).classes == sorted(names)


def test_split_of_items_csv_is_followed(tmp_path: Path):
    folder = make(tmp_path / "data", count=6)
    ids = TileDataset.open(folder).items["id"]
    words = [("train", "train", "train", "val", "test", "test")[row % 6] for row in range(len(ids))]
    rows = "".join(f"{tile},{word}\n" for tile, word in zip(ids, words, strict=True))
    (folder / "items.csv").write_text(f"path,split\n{rows}")
    items = TileDataset.open(folder).split().dataset.items
    assert items["split"].tolist() == [word.replace("test", "query") for word in words]
    (folder / "items.csv").write_text(f"path,split\n{rows.replace('val', 'fold 3')}")
    with pytest.warns(RshWarning, match="'fold 3': write train, val or test"):
        assert "given_split" not in TileDataset.open(folder).items
    every = "".join(f"{tile},train\n" for tile in ids)
    (folder / "items.csv").write_text(f"path,split\n{every}")
    with pytest.warns(RshWarning, match="it has one part"):
        assert "given_split" not in TileDataset.open(folder).items
