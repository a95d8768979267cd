import csv
import hashlib
import importlib.util
import io
import sys
import zipfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

DATA = Path(__file__).resolve().parents[2] / "data"
SAMPLE = DATA / "bluemarble.zip"
EARTH = DATA.parent / "rsh" / "assets" / "earth.jpg"
ROWS = 360  # two pixels a degree: a small globe


def load_script():
    spec = importlib.util.spec_from_file_location("build_bluemarble", DATA / "build_bluemarble.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their own module up
    spec.loader.exec_module(module)
    return module


bluemarble = load_script()


def shares(**parts):
    """IGBP fractions, given as cover_9=0.7."""
    result = np.zeros(17)
    for name, part in parts.items():
        result[int(name.removeprefix("cover_"))] = part
    return result


def noise(rows=ROWS):
    generator = np.random.default_rng(0)
    return Image.fromarray(generator.integers(0, 256, (rows, 2 * rows, 3), dtype=np.uint8))


@pytest.mark.parametrize(("rows", "height"), [(2700, 36), (2700, 48), (ROWS, 5), (ROWS, 20)])
def test_windows_stay_inside_one_block_and_the_image(rows, height):
    side = rows // 18
    found = list(bluemarble.windows(rows, height=height))
    assert found
    for window in found:
        right, bottom = window.left + window.width - 1, window.top + window.height - 1
        assert window.left // side == right // side
        assert window.top // side == bottom // side
        assert 0 <= window.left and right < 2 * rows
        assert window.height == height


def test_windows_reach_both_edges_of_a_block_and_leave_no_gap():
    for size in (1, 7, 36, 75, 149, 150):
        starts = bluemarble.starts(150, size)
        assert starts[0] == 0
        assert starts[-1] == 150 - size
        assert all(0 < b - a <= size for a, b in pairwise(starts))


def test_windows_widen_with_latitude():
    widths = {round(w.latitude): w.width for w in bluemarble.windows(2700) if w.height == 36}
    for latitude, width in widths.items():
        assert width == pytest.approx(36 / np.cos(np.radians(latitude)), rel=0.035)
    assert min(widths.values()) == 36
    assert max(abs(latitude) for latitude in widths) <= bluemarble.MAX_LATITUDE


@pytest.mark.parametrize(
    ("box", "longitude", "latitude", "block"),
    [
        ((0, 0, 4, 4), -179.0, 89.0, "n80w180"),
        ((360, 176, 4, 4), 1.0, 1.0, "n00e000"),
        ((356, 180, 4, 4), -1.0, -1.0, "s10w010"),
        ((716, 356, 4, 4), 179.0, -89.0, "s90e170"),
    ],
)
def test_center_and_block_of_a_window(box, longitude, latitude, block):
    window = bluemarble.Window(*box, scale=2)
    assert (window.longitude, window.latitude, window.block) == (longitude, latitude, block)


def test_cover_shares_finds_the_window_in_a_finer_raster():
    land_cover = np.zeros((3 * ROWS, 6 * ROWS), np.uint8)
    land_cover[30:60, 60:75] = 9  # rows 10 to 20 and columns 20 to 25 of the tile_image
    found = bluemarble.cover_shares(land_cover, bluemarble.Window(20, 10, 10, 10, scale=2))
    assert found == pytest.approx(shares(cover_0=0.5, cover_9=0.5))


@pytest.mark.parametrize(
    ("parts", "latitude", "name"),
    [
        ({"cover_16": 0.8, "cover_10": 0.2}, 20, "barren"),
        ({"cover_16": 0.6, "cover_10": 0.4}, 20, None),  # no cover clearly leads
        ({"cover_0": 0.2, "cover_16": 0.6, "cover_10": 0.2}, 20, "barren"),  # 75 % of the land
        ({"cover_0": 0.25, "cover_16": 0.75}, 20, "coast"),
        ({"cover_0": 0.75, "cover_16": 0.25}, 20, "coast"),
        ({"cover_0": 0.8, "cover_16": 0.2}, 20, None),  # open sea
        ({"cover_0": 1.0}, 0, None),
        ({"cover_7": 1.0}, -25, "open_shrubland"),
        ({"cover_7": 1.0}, 68, "tundra"),
        ({"cover_8": 0.5, "cover_9": 0.5}, -15, "savanna"),
        ({"cover_8": 0.5, "cover_9": 0.5}, 60, "boreal_forest"),
        ({"cover_8": 0.5, "cover_9": 0.5}, 35, None),
        ({"cover_12": 1.0}, 45, None),  # cropland looks like grassland at this scale
        ({"cover_15": 0.9, "cover_16": 0.1}, -70, "snow_and_ice"),
    ],
)
def test_class_of(parts, latitude, name):
    assert bluemarble.class_of(shares(**parts), latitude) == name


def test_labels_are_all_covers_of_fifteen_percent_of_a_window():
    found = bluemarble.labels_of(shares(cover_16=0.15, cover_0=0.149, cover_7=0.701))
    assert found == ["open_shrubland", "barren"]
    assert bluemarble.labels_of(np.full(17, 1 / 17)) == []
    assert len(bluemarble.IGBP) == 17 and bluemarble.IGBP[9] == "savanna"


def test_pick_takes_blocks_in_turn_and_the_strongest_first():
    desert = [bluemarble.Window(left, 0, 4, 4, scale=2) for left in (0, 4, 8)]
    island = bluemarble.Window(100, 100, 4, 4, scale=2)
    contrasts = {desert[0]: 5.0, desert[1]: 9.0, desert[2]: 7.0, island: 4.0}
    assert bluemarble.pick(contrasts, most=2) == [desert[1], island]
    assert bluemarble.pick(contrasts, most=3) == [desert[1], island, desert[2]]
    assert len(bluemarble.pick(contrasts, most=10)) == 4


def test_choose_drops_blank_tiles_and_names_the_rest():
    land_cover = np.full((ROWS, 2 * ROWS), 16, np.uint8)
    land_cover[: ROWS // 2] = 10  # the north is grass
    tile_image = np.asarray(noise(900)).copy()
    tile_image[:, 900:] = 128  # the eastern half is blank
    chosen = bluemarble.choose(Image.fromarray(tile_image), land_cover)
    assert list(chosen) == ["barren", "grassland"]
    assert all(window.longitude < 0 for found in chosen.values() for window in found)
    assert all(window.latitude > 0 for window in chosen["grassland"])


def test_render_keeps_colors_and_stretches_relief():
    ramp = np.linspace(118, 138, 80).astype(np.uint8)
    tile_image = np.zeros((ROWS, 2 * ROWS, 3), np.uint8)
    tile_image[:80, :80] = ramp[:, None]
    window = bluemarble.Window(0, 0, 80, 80, scale=2)
    plain = np.asarray(window.cut(Image.fromarray(tile_image), bluemarble.TILE), float)
    tile = np.asarray(bluemarble.render(Image.fromarray(tile_image), window), float)
    assert tile.shape == (bluemarble.TILE, bluemarble.TILE, 3)
    assert tile.std() > plain.std()
    assert (tile[..., 0] == tile[..., 1]).all()  # gray stays gray
    assert (tile[..., 1] == tile[..., 2]).all()


def test_write_zip_is_the_same_in_any_order_and_at_any_time(tmp_path):
    one, two = tmp_path / "one.zip", tmp_path / "two.zip"
    content = {"b/1.jpg": b"one", "a/2.jpg": b"two", "items.csv": b"path\n"}
    first = bluemarble.write_zip(one, content)
    second = bluemarble.write_zip(two, dict(reversed(content.items())))
    assert one.read_bytes() == two.read_bytes()
    assert first == second == hashlib.sha256(one.read_bytes()).hexdigest()
    with zipfile.ZipFile(one) as archive:
        assert archive.namelist() == sorted(content)
        assert archive.read("a/2.jpg") == b"two"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["one.zip", "two.zip"]


def test_members_have_unique_paths_and_a_table():
    twice = [bluemarble.Window(left, 20, 8, 8, scale=20) for left in (40, 44)]  # one degree
    land_cover = np.full((3600, 7200), 10, np.uint8)  # 20 pixels a degree, like the windows
    land_cover[:, :42] = 16  # a quarter of the first window, which begins at column 40
    classes = {"barren": twice[:1], "coast": twice[1:]}
    content = dict(bluemarble.members(noise(), land_cover, classes))
    table = list(csv.DictReader(io.StringIO(content["items.csv"].decode())))
    assert [row["path"] for row in table] == ["barren/n88w178_1.jpg", "coast/n88w178_2.jpg"]
    assert table[0]["longitude"] == "-177.800"
    assert table[0]["latitude"] == "88.800"
    assert [row["labels"] for row in table] == ["grassland;barren", "grassland"]
    assert set(content) == {"items.csv", *(row["path"] for row in table)}


def test_read_refuses_another_raster(tmp_path):
    source = ("some-package==1.0", "raster.png", "0" * 64)
    with pytest.raises(SystemExit, match=r"no some_package-1\.0"):
        bluemarble.read(tmp_path, source)
    with zipfile.ZipFile(tmp_path / "some_package-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("raster.png", b"not the pinned one")
    with pytest.raises(SystemExit, match="sha256"):
        bluemarble.read(tmp_path, source)


def test_map_is_small_and_muted():
    drawn = bluemarble.draw_map(Image.new("RGB", (200, 100), (255, 255, 255)))
    image = Image.open(io.BytesIO(drawn))
    assert image.size == (1440, 720)
    assert max(image.getextrema()[0]) < 200


@pytest.fixture(scope="module")
def sample():
    with zipfile.ZipFile(SAMPLE) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    return content, list(csv.DictReader(io.StringIO(content["items.csv"].decode())))


def test_committed_sample_is_the_documented_one(sample):
    _, table = sample
    readme = (DATA / "README.md").read_text()
    assert hashlib.sha256(SAMPLE.read_bytes()).hexdigest() in readme
    counts = Counter(row["class"] for row in table)
    labels = Counter(label for row in table for label in row["labels"].split(";"))
    for name, count in [*counts.items(), *labels.items()]:
        assert f"| `{name}` | {count} |" in readme
    assert set(labels) < set(bluemarble.IGBP)
    assert SAMPLE.stat().st_size <= 10_000_000
    assert len(counts) >= 8
    assert min(counts.values()) >= 90
    assert len(table) >= 1500


def test_committed_table_lists_exactly_the_tiles(sample):
    content, table = sample
    assert list(table[0]) == ["path", "class", "longitude", "latitude", "block", "labels"]
    assert {row["path"] for row in table} == set(content) - {"items.csv"}
    assert len({row["path"] for row in table}) == len(table)
    assert all(row["path"].split("/")[0] == row["class"] for row in table)


def test_committed_windows_lie_in_the_block_the_table_names(sample):
    _, table = sample
    grid = {
        (f"{window.longitude:.3f}", f"{window.latitude:.3f}"): window.block
        for window in bluemarble.windows(2700)
    }
    for row in table:
        assert -180 <= float(row["longitude"]) <= 180
        assert -90 <= float(row["latitude"]) <= 90
        assert grid[row["longitude"], row["latitude"]] == row["block"]
    assert len({(row["longitude"], row["latitude"]) for row in table}) == len(table)


def test_committed_tiles_decode(sample):
    content, table = sample
    for row in table:
        image = Image.open(io.BytesIO(content[row["path"]]))
        image.load()
        assert (image.format, image.mode) == ("JPEG", "RGB")
        assert image.size == (bluemarble.TILE, bluemarble.TILE)


def test_committed_map_covers_the_globe():
    assert EARTH.stat().st_size <= 160_000
    assert Image.open(EARTH).size == (1440, 720)
