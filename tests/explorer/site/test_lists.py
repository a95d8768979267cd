import json
from pathlib import Path

import numpy as np
import pytest
from make_gallery import tiny_gallery

from rsh.cli.main import main
from rsh.codes.order import hash_order
from rsh.errors import InputError
from rsh.explorer.site.build import build_site
from rsh.explorer.site.checksums import check_site
from rsh.explorer.site.layout import PACK
from rsh.explorer.site.lists import TARGET_RECALL
from rsh.gallery.gallery import Gallery
from rsh.index.ivf import RECALL_QUERIES


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    folder = tmp_path_factory.mktemp("lists") / "g"
    return tiny_gallery(folder, num_tiles=700, num_bits=20, rename={"coast": ""})


@pytest.fixture(scope="module")
def site(gallery: Gallery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "s"
    build_site(gallery, folder, exact_up_to=699)
    check_site(folder)
    return folder


def test_files_that_need_all_tiles_are_absent(gallery: Gallery, site: Path, tmp_path: Path) -> None:
    names = {file.name for file in (site / "data").iterdir()}
    exact = ("codes", "labels", "splits", "order", "planes", "positions")
    assert not names & {"items.parquet", "earth.jpg", *(f"{name}.bin" for name in exact)}
    assert "explained.json" in names
    manifest = json.loads((site / "site.json").read_text())
    assert (manifest["planes"], manifest["columns"], manifest["ways"]) == ({}, [], [])
    assert (manifest["scenes"], manifest["reach"], manifest["choices"]) == ([], [], [])
    build_site(gallery, tmp_path / "s", exact_up_to=700)
    assert (tmp_path / "s" / "data" / "codes.bin").exists()
    assert json.loads((tmp_path / "s" / "site.json").read_text())["lists"] is None


def numbers_of_lists(site: Path) -> tuple[np.ndarray, np.ndarray]:
    numbers = np.fromfile(site / "data" / "lists.bin", "<u4").astype(int)
    size = (len(numbers) - 1) // 2
    return numbers[: size + 1], numbers[size + 1 :]


def test_each_tile_is_in_the_list_of_a_nearest_center(gallery: Gallery, site: Path) -> None:
    centers = np.fromfile(site / "data" / "centers.bin", np.uint8).reshape(-1, 4)
    starts, held_out = numbers_of_lists(site)
    assert len(centers) == len(starts) - 1 == len(held_out) > 5
    places = np.concatenate(
        [np.fromfile(site / "data" / f"order-{number}.bin", "<u4") for number in range(1)]
    )
    few = len(gallery.classes) < 256
    seen = []
    for number, center in enumerate(centers):
        content = (site / "data" / f"list-{number}.bin").read_bytes()
        size = starts[number + 1] - starts[number]
        assert few and len(content) == size * (4 + 4 + 1 + 1)
        rows = np.frombuffer(content, "<u4", size).astype(int)
        codes = np.frombuffer(content, np.uint8, 4 * size, 4 * size).reshape(-1, 4)
        assert np.array_equal(codes[:, :3], gallery.packed[rows]) and not codes[:, 3].any()
        labels = np.frombuffer(content, np.uint8, size, 8 * size).astype(int)
        labels[labels == len(gallery.classes)] = -1
        assert np.array_equal(labels, gallery.labels[rows])
        splits = json.loads((site / "site.json").read_text())["splits"]
        stored = [splits[split] for split in np.frombuffer(content, np.uint8, size, 9 * size)]
        assert stored == gallery.items["split"].iloc[rows].tolist()
        assert held_out[number] == stored.count("query")
        assert np.array_equal(places[rows], np.arange(starts[number], starts[number + 1]))
        own = np.unpackbits(codes ^ center, axis=1).sum(axis=1)
        every = [np.unpackbits(codes ^ other, axis=1).sum(axis=1) for other in centers]
        assert np.array_equal(own, np.min(every, axis=0))
        seen += rows.tolist()
    assert sorted(seen) == list(range(len(gallery)))


def test_words_hold_all_columns_and_ids_are_in_the_order_of_their_hashes(
    gallery: Gallery, site: Path
) -> None:
    ids = np.fromfile(site / "data" / "ids-0.bin", "<u4")
    assert np.array_equal(ids, hash_order(gallery.ids))
    places = np.fromfile(site / "data" / "order-0.bin", "<u4").tolist()
    for row in range(0, len(gallery), 50):
        content = (site / "data" / f"tiles-{places[row] // PACK}.bin").read_bytes()
        start = np.frombuffer(content, "<u4", PACK)[places[row] % PACK]
        size = int.from_bytes(content[start : start + 4], "little")
        words = json.loads(content[start + 4 : start + 4 + size])
        tile, longitude, latitude, footprint, columns, *_ = words
        item = gallery.items.iloc[row]
        assert (tile, longitude, latitude) == tuple(item[["id", "longitude", "latitude"]])
        assert footprint is None
        assert columns["id"] == tile and columns["split"] == item["split"]


def test_recall_is_that_of_a_slow_loop(gallery: Gallery, site: Path) -> None:
    stated = json.loads((site / "site.json").read_text())["lists"]
    centers = np.fromfile(site / "data" / "centers.bin", np.uint8).reshape(-1, 4)[:, :3]
    places = np.fromfile(site / "data" / "order-0.bin", "<u4").astype(int)
    starts, _ = numbers_of_lists(site)
    lists = np.searchsorted(starts, places, side="right") - 1
    bits = np.unpackbits(gallery.packed, axis=1)
    recalls: dict[int, list[float]] = {probes: [] for probes in range(1, len(centers) + 1)}
    for row in np.linspace(0, len(gallery) - 1, RECALL_QUERIES).astype(int):
        away = (bits != bits[row]).sum(axis=1)
        others = [other for other in gallery.searchable.tolist() if other != row]
        farthest = sorted(away[others])[19]
        order = sorted(
            range(len(centers)),
            key=lambda number: ((np.unpackbits(centers[number]) != bits[row]).sum(), number),
        )
        for probes, found in recalls.items():
            read = probes
            while sum(np.isin(lists[gallery.searchable], order[:read])) < 21:
                read += 1
            held = [other for other in others if lists[other] in order[:read]]
            found.append(min(sum(away[held] <= farthest), 20) / 20)
    means = {probes: np.mean(found) for probes, found in recalls.items()}
    reached = [probes for probes, recall in means.items() if recall >= TARGET_RECALL]
    assert stated["nprobe"] == reached[0] and stated["recall_at"] == 20
    assert stated["recall"] == pytest.approx(means[reached[0]])


def test_command_chooses_lists(
    gallery: Gallery, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = str(tmp_path / "s")
    main(["site", str(gallery.folder), "--output", output, "--exact-up-to", "100"])
    assert "approximate: recall@20 = " in capsys.readouterr().out
    main(["site", output, "--check"])


def test_galleries_are_not_compared_in_lists(gallery: Gallery, tmp_path: Path) -> None:
    for refused in ({"exact_up_to": 699, "compare": [gallery]}, {"exact_up_to": -1}):
        with pytest.raises(InputError, match=r"compare=.* --exact-up-to|exact_up_to=-1"):
            build_site(gallery, tmp_path / "s", **refused)
    assert not (tmp_path / "s").exists()


def test_bars_count_tiles_and_bits(
    gallery: Gallery, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build_site(gallery, tmp_path / "s", exact_up_to=100, progress=False)
    assert not capsys.readouterr().err
    build_site(gallery, tmp_path / "s", exact_up_to=100)
    shown = capsys.readouterr().err
    assert "tiles: 100%" in shown and "700/700" in shown and "20/20" in shown
