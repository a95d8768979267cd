import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from make_gallery import tiny_gallery
from refusals import refused

import rsh.gallery.gallery
from rsh.cli.main import main
from rsh.data.sample import EARTH
from rsh.errors import InputError
from rsh.explorer.site.build import build_site
from rsh.explorer.site.checksums import check_site
from rsh.explorer.site.layout import PACK, SOFT_SCALE
from rsh.gallery.gallery import Gallery
from rsh.gallery.manifest import DataInfo, Manifest, ModelInfo
from rsh.gallery.unusual import most_unusual
from rsh.gallery.writer import write_gallery
from rsh.labels import UNLABELED


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    folder = tmp_path_factory.mktemp("site") / "g"
    return tiny_gallery(folder, num_tiles=90, num_bits=20, rename={"coast": ""})


@pytest.fixture
def site(gallery: Gallery, tmp_path: Path) -> Path:
    build_site(gallery, tmp_path / "site")
    return tmp_path / "site"


def test_files_hold_the_gallery(gallery: Gallery, site: Path) -> None:
    manifest = json.loads((site / "site.json").read_text())
    count, data = len(gallery), site / "data"
    assert (manifest["num_tiles"], manifest["classes"]) == (count, gallery.classes)
    codes = np.fromfile(data / "codes.bin", np.uint8).reshape(count, -1)
    assert codes.shape[1] == 4 and np.array_equal(codes[:, :3], gallery.packed)
    assert not codes[:, 3].any()
    labels = np.fromfile(data / "labels.bin", "u1").astype(int)
    known = np.where(labels == len(gallery.classes), UNLABELED, labels)
    assert np.array_equal(known, gallery.labels) and (known == UNLABELED).any()
    splits = np.array(manifest["splits"])[np.fromfile(data / "splits.bin", np.uint8)]
    assert splits.tolist() == gallery.items["split"].tolist()
    soft = np.fromfile(data / "soft-0.bin", np.int8).reshape(count, -1)
    assert np.allclose(soft / SOFT_SCALE, np.tanh(gallery.relaxed[:].astype(float)), atol=0.005)
    both = np.fromfile(data / "planes.bin", "<f4").reshape(2, count, 2)
    assert gallery.planes is not None
    assert np.array_equal(both[0], gallery.planes.feature)
    assert np.array_equal(both[1], gallery.planes.code)
    places = np.fromfile(data / "positions.bin", "<f4").reshape(count, 2)
    assert np.allclose(places, gallery.positions, atol=1e-5)


def test_tiles_lie_in_packs_in_the_order_of_their_codes(gallery: Gallery, site: Path) -> None:
    places = np.fromfile(site / "data" / "order.bin", "<u4")
    assert sorted(places.tolist()) == list(range(len(gallery)))
    codes = [gallery.packed[row].tobytes() for row in np.argsort(places)]
    assert codes == sorted(codes)
    for row, place in enumerate(places.tolist()):
        content = (site / "data" / f"tiles-{place // PACK}.bin").read_bytes()
        starts = np.frombuffer(content[: 4 * (PACK + 1)], "<u4")
        start, stop = starts[place % PACK : place % PACK + 2].tolist()
        size = int.from_bytes(content[start : start + 4], "little")
        words = json.loads(content[start + 4 : start + 4 + size])
        item = gallery.items.iloc[row]
        assert words == [item["id"], item["longitude"], item["latitude"], None, None, "", ""]
        assert content[start + 4 + size : stop] == gallery.thumbnail(row)
    table = pq.read_table(site / "data" / "items.parquet").to_pandas()
    assert table["id"].tolist() == gallery.items["id"].tolist()


def test_a_gallery_without_places_has_no_file_of_them(tmp_path: Path) -> None:
    plain = tiny_gallery(tmp_path / "g", num_tiles=30, coordinates=False, projection=False)
    build_site(plain, tmp_path / "s")
    names = {file.name for file in (tmp_path / "s" / "data").iterdir()}
    assert "positions.bin" not in names and "planes.bin" not in names
    build_site(plain, tmp_path / "lists", exact_up_to=10)
    for site, columns in (("s", False), ("lists", True)):
        pack = (tmp_path / site / "data" / "tiles-0.bin").read_bytes()
        start = 4 * (PACK + 1)
        size = int.from_bytes(pack[start : start + 4], "little")
        tile, *unknown, known, scene, date = json.loads(pack[start + 4 : start + 4 + size])
        assert tile in plain.ids and unknown == [None] * 3 and bool(known) == columns
        assert (scene, date) == ("", "")
    assert json.loads((tmp_path / "s" / "site.json").read_text())["planes"] == {}


def test_previews_and_the_earth_are_there_where_they_are_of_use(
    gallery: Gallery, site: Path, tmp_path: Path
) -> None:
    assert (site / "data" / "earth.jpg").read_bytes() == EARTH.read_bytes()
    assert not list(site.glob("data/previews-*"))
    previews = [b"preview %d" % row if row % 2 else b"" for row in range(len(gallery))]
    tiles = gallery.tiles()
    items = tiles.items.drop(columns=["longitude", "latitude"])
    manifest = Manifest("tiny", 20, ModelInfo(), DataInfo())
    larger = write_gallery(
        tmp_path / "larger", manifest, replace(tiles, items=items, previews=previews)
    )
    build_site(larger, tmp_path / "other")
    data = tmp_path / "other" / "data"
    assert not (data / "earth.jpg").exists()
    pack = (data / "previews-0.bin").read_bytes()
    starts = np.frombuffer(pack[: 4 * (PACK + 1)], "<u4").tolist()
    places = np.fromfile(data / "order.bin", "<u4").tolist()
    found = [pack[starts[place] : starts[place + 1]] for place in places]
    assert found == [larger.preview(row) or b"" for row in range(len(larger))]
    assert sorted(found) == sorted(previews)


def test_groups_are_written_with_what_is_said_of_them(
    gallery: Gallery, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = gallery.groups
    assert groups is not None and len(groups) > 1
    said = json.loads((site / "data" / "groups.json").read_text())
    rows = np.fromfile(site / "data" / "groups.bin", "<u4")
    ends = np.cumsum([one["size"] for one in said["groups"]])
    assert ends[-1] == len(rows)
    for group, one, found in zip(groups, said["groups"], np.split(rows, ends[:-1]), strict=True):
        assert found.tolist() == group.rows.tolist()
        assert one["key"] == group.key and one["typical"] == group.rows[:9].tolist()
        assert one["words"].startswith(f"{len(group)} tiles · on average {group.spread:.1f} bits")
    unusual = most_unusual(gallery, count=9)
    assert [row for row, _ in said["unusual"]["tiles"]] == unusual.rows.tolist()
    shown = [row for row, _ in said["unusual"]["tiles"]]
    shown += [row for one in said["groups"] for row in one["typical"]]
    pack = (site / "data" / "typical-0.bin").read_bytes()
    starts = np.frombuffer(pack[: 4 * (PACK + 1)], "<u4").tolist()
    for row, start, stop in zip(shown, starts, starts[1:], strict=False):
        size = int.from_bytes(pack[start : start + 4], "little")
        assert json.loads(pack[start + 4 : start + 4 + size])[0] == gallery.ids[row]
        assert pack[start + 4 + size : stop] == gallery.thumbnail(row)
    monkeypatch.setattr(rsh.gallery.gallery, "AT_ONCE", 10)
    build_site(unknown := Gallery.open(gallery.folder), tmp_path / "other")
    said = json.loads((tmp_path / "other" / "data" / "groups.json").read_text())
    assert unknown.groups is None and "run `rsh groups`" in said["note"]
    assert (said["unusual"], said["groups"]) == (None, [])
    assert not (tmp_path / "other" / "data" / "groups.bin").exists()


def test_a_site_replaces_a_site_and_nothing_else(gallery: Gallery, site: Path) -> None:
    (site / "data" / "left.bin").write_bytes(b"")
    build_site(gallery, site)
    assert not (site / "data" / "left.bin").exists()
    other = site.parent / "other"
    other.mkdir()
    build_site(gallery, other)  # an empty folder is no loss
    mine = site.parent / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("")
    with pytest.raises(InputError, match=r"it holds thesis\.tex, which is no part of a site"):
        build_site(gallery, mine)
    assert [file.name for file in mine.iterdir()] == ["thesis.tex"]


def test_nothing_but_a_site_is_replaced(
    gallery: Gallery, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_site(gallery, site)  # again
    (site / ".git").mkdir()
    with pytest.raises(InputError, match=r"it holds \.git, which is no part of a site"):
        build_site(gallery, site)
    (site / ".git").rmdir()
    monkeypatch.chdir(site)
    for place in (".", site):
        with pytest.raises(InputError, match="run this from outside"):
            build_site(gallery, place)
    monkeypatch.chdir(site.parent)
    with pytest.raises(InputError, match="this is a file: choose a folder"):
        build_site(gallery, site / "index.html")
    (site / "site.json").unlink()
    with pytest.raises(InputError, match=r"it holds no site\.json, so it may be no site"):
        build_site(gallery, site)
    assert (site / "index.html").is_file()


def test_check_names_what_is_harmed(site: Path) -> None:
    written = {file.name for file in site.rglob("*") if file.is_file()}
    assert check_site(site) == len([*filter(Path.is_file, site.rglob("*"))]) - 2
    assert {".nojekyll", "site.json", "hyparquet-license.txt", "rsh.js"} < written
    checksums = "data/soft-checksums-0.json"
    for name in ("rsh.js", "data/codes.bin", "data/tiles-0.bin", checksums):
        content = (site / name).read_bytes()
        (site / name).unlink()
        with pytest.raises(InputError, match=f"{name} is missing"):
            check_site(site)
        (site / name).write_bytes(content)
    for name in ("data/codes.bin", "data/soft-0.bin", checksums, "rsh.css", "worker.js"):
        content = (site / name).read_bytes()
        for harmed in (content[:-1], bytes([content[0] ^ 1]) + content[1:]):
            (site / name).write_bytes(harmed)
            with pytest.raises(InputError, match=f"{name} is cut or was altered"):
                check_site(site)
        (site / name).write_bytes(content)
    manifest = json.loads((site / "site.json").read_text())
    (site / "site.json").write_text(json.dumps(manifest | {"format": 0}))
    with pytest.raises(InputError, match="has site format 0"):
        check_site(site)
    with pytest.raises(InputError, match=r"site\.json"):
        check_site(site.parent)
    for files in ({}, {"rsh.js": manifest["files"]["rsh.js"]}):
        (site / "site.json").write_text(json.dumps(manifest | {"files": files}))
        with refused(names=("not named by", "data")):
            check_site(site)
    for files in (None, [], {"rsh.js": {}}, {"rsh.js": 3}):
        (site / "site.json").write_text(json.dumps(manifest | {"files": files}))
        with refused(names=(site / "site.json", "size and checksum")):
            check_site(site)
    (site / "site.json").write_text(json.dumps(manifest))
    (site / "data" / "old-7.bin").write_bytes(b"of a site before")
    with refused(names=site / "data" / "old-7.bin"):
        check_site(site)


def test_rsh_offers_it_and_leaves_slow_libraries_alone() -> None:
    code = "import sys, rsh; assert 'numpy' not in sys.modules; rsh.build_site\n"
    code += "print(rsh.build_site.__module__, {'torch', 'rasterio', 'shapely'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "rsh.explorer.site.build set()"


def test_command_writes_and_checks(
    gallery: Gallery, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["site", str(gallery.folder), "--output", str(tmp_path / "s")]
    main(words)
    assert f"{tmp_path / 's'}: 90 tiles" in capsys.readouterr().out
    main(["site", str(tmp_path / "s"), "--check"])
    assert "is whole: " in capsys.readouterr().out
    for flag in (["--own-images"], ["--compare", str(gallery.folder)]):
        with pytest.raises(SystemExit, match="2"):
            main(["site", str(tmp_path / "s"), "--check", *flag])
        assert "--check writes nothing" in capsys.readouterr().err
