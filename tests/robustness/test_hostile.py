"""Files that were made to do harm are refused in a sentence: nothing runs, grows or gets out."""

import io
import os
import struct
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
import rasterio
from make_hostile import (
    huge_headers,
    lying_zip,
    overlapping_zip,
    tar_member,
)
from make_raster import EAST, NORTH, UTM, make_raster, noise
from make_scenes import make, tile
from make_shards import png
from PIL import EpsImagePlugin, Image
from PIL.GifImagePlugin import GifImageFile
from rasterio.transform import from_origin
from refusals import refused

from robustness.faults.http_server import serve
from rsh.data.images import MAX_PIXELS, read_image, read_thumbnail
from rsh.data.tile_grid import TilingOptions
from rsh.data.tiles import TileDataset
from rsh.errors import InputError, RshWarning

# What reads the largest image in a process of its own, and tells its peak, kilobytes.
READ = """
import sys, warnings
from rsh.data.images import read_image
warnings.simplefilter("ignore")
read_image(sys.argv[1])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.parametrize("side", [10_000, 16_000, 2**24 - 1])
@pytest.mark.parametrize("kind", huge_headers(16))
def test_header_that_claims_a_scene_is_refused(kind: str, side: int):
    with refused(names="x"):
        read_image(io.BytesIO(huge_headers(side)[kind]), name="x")


@pytest.mark.parametrize("side", [8000, 16_000, 65_535])
def test_thumbnail_that_claims_a_scene_is_refused(side: int):
    with refused():
        read_thumbnail(huge_headers(side)["ppm"])


@pytest.mark.parametrize("mode", ["RGBA", "F"])
def test_largest_image_stays_within_a_gigabyte(tmp_path: Path, mode: str):
    if not Path("/proc/self/status").exists():
        pytest.skip("no peak of memory to be read")
    side = int(MAX_PIXELS**0.5)
    options = {"compress_level": 1} if mode == "RGBA" else {"compression": "tiff_lzw"}
    file = tmp_path / ("x.png" if mode == "RGBA" else "x.tif")
    Image.new(mode, (side, side), 7).save(file, **options)
    done = subprocess.run(
        [sys.executable, "-c", READ, file], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 1_000_000


def test_many_frames_cost_no_more_than_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    frames = [tile(n).convert("P") for n in range(2)] * 500
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    looked_at, seek = [], GifImageFile.seek
    monkeypatch.setattr(
        GifImageFile, "seek", lambda file, frame: looked_at.append(frame) or seek(file, frame)
    )
    with pytest.warns(RshWarning, match="not RGB"):
        assert read_image(tmp_path / "x.gif").size == (16, 16)
    assert max(looked_at, default=0) <= 1


def test_no_program_is_run_for_a_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Pillow hands PostScript, whatever the file is called, to Ghostscript."""
    ran = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *parts: ran.append(parts))
    monkeypatch.setattr(subprocess, "Popen", lambda *parts, **options: ran.append(parts))
    Image.new("RGB", (16, 16)).save(tmp_path / "x.eps")
    with refused(names="x.jpg"):
        read_image((tmp_path / "x.eps").rename(tmp_path / "x.jpg"))
    assert not ran


def test_zip_that_lies_about_a_size_is_unpacked_no_further(tmp_path: Path):
    file = lying_zip(tmp_path / "x.zip", "coast/0.png", size=200_000_000, says=1000)
    dataset = TileDataset.open(file)
    tracemalloc.start()
    with refused(names="x.zip"):
        dataset.read_bytes(0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_packed_by_what_a_few_bytes_can_be_gigabytes_of_is_refused(tmp_path: Path, method):
    with zipfile.ZipFile(tmp_path / "x.zip", "w", method) as archive:
        archive.writestr("coast/0.png", png(0))
    with refused(names="x.zip"):
        TileDataset.open(tmp_path / "x.zip").read_bytes(0)


def test_entries_that_share_their_bytes_are_read_one_by_one_or_refused(tmp_path: Path):
    file = overlapping_zip(tmp_path / "x.zip", "coast/0.png", png(0), entries=9)
    dataset = TileDataset.open(file)
    for row in range(len(dataset)):
        try:
            assert dataset.read_bytes(row) == png(0)
        except InputError as error:
            assert "cannot be read" in str(error)


def test_what_is_packed_under_the_name_of_a_image_is_not_followed(tmp_path: Path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("coast/0.png", png(0))
    link = zipfile.ZipInfo("coast/1.png")
    link.external_attr = 0o120777 << 16  # a symbolic link, as Info-ZIP packs it
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("coast/0.jpg", inner.getvalue())
        archive.writestr(link, "/etc/passwd")
    dataset = TileDataset.open(tmp_path / "x.zip")
    for row in range(2):
        with refused(names=dataset.items["id"][row]):
            dataset.read(row)


KINDS = [tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]


@pytest.mark.parametrize("to", ["/etc/passwd", "../../etc/passwd", "3.png"])
def test_links_and_devices_in_a_tar_are_passed_over(tmp_path: Path, to: str):
    links = [tar_member(f"{n}/x.png", kind, to=to) for n, kind in enumerate(KINDS)]
    image = io.BytesIO()
    with tarfile.open(fileobj=image, mode="w") as tar:
        member = tarfile.TarInfo("9/x.png")
        member.size = len(png(0))
        tar.addfile(member, io.BytesIO(png(0)))
    (tmp_path / "x.tar").write_bytes(b"".join(links) + image.getvalue())
    assert TileDataset.open(tmp_path / "x.tar").items["id"].tolist() == ["9/x"]


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("size", [-1, -512, -1024, 2**40, 2**62, 2**70])
def test_tar_with_a_size_that_cannot_be_is_refused(tmp_path: Path, kind: bytes, size: int):
    content = tar_member("1.png") + tar_member("2.png", kind, size=size) + bytes(2048)
    (tmp_path / "x.tar").write_bytes(content)
    with refused(names="x.tar"):
        TileDataset.open(tmp_path / "x.tar").fingerprint  # noqa: B018


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_tar_of_headers_of_headers_is_refused(tmp_path: Path, kind: bytes):
    (tmp_path / "x.tar").write_bytes(tar_member("1.png", kind) * 5000 + bytes(1024))
    with refused(names="x.tar"):
        TileDataset.open(tmp_path / "x.tar")


def test_links_in_a_data_folder_are_followed_as_its_owner_would(tmp_path: Path):
    """A folder of links is how many people take a part of their tiles."""
    data, elsewhere = make(tmp_path / "data"), make(tmp_path / "else", classes=("ice",))
    (data / "ice").symlink_to(elsewhere / "ice")
    (data / "coast" / "far.png").symlink_to(elsewhere / "ice" / "0.png")
    (data / "coast" / "gone.png").symlink_to(tmp_path / "gone")
    (data / "coast" / "ring.png").symlink_to(data / "coast" / "ring.png")
    (data / "coast" / "zero.png").symlink_to("/dev/zero")
    (data / "coast" / "secret.png").symlink_to("/etc/passwd")
    dataset = TileDataset.open(data)
    assert set(dataset.items["id"]) >= {"ice/0.png", "coast/far.png"}
    assert not set(dataset.items["id"]) & {f"coast/{x}.png" for x in ("gone", "ring", "zero")}
    row = dataset.items["id"].tolist().index("coast/secret.png")
    with refused(names="coast/secret.png"):
        dataset.read(row)


@pytest.mark.parametrize("kind", ["pipe", "/dev/zero"])
def test_table_of_places_that_never_ends_is_not_read(tmp_path: Path, kind: str):
    data = make(tmp_path / "data")
    if kind == "pipe":
        os.mkfifo(data / "items.csv")
    else:
        (data / "items.csv").symlink_to(kind)
    with refused(names="items.csv"):
        TileDataset.open(data)


def test_zip_that_says_it_is_one_of_several_is_refused(tmp_path: Path):
    """Fuzzing found it: even to ask whether a file is a zip may raise."""
    file = tmp_path / "x.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("coast/0.png", png(0))
    content = file.read_bytes()
    end = content.index(b"PK\5\6")
    several = struct.pack("<4sIQI", b"PK\6\7", 1, 0, 2)
    file.write_bytes(content[:end] + several + content[end:])
    with refused(names="x.zip"):
        TileDataset.open(file)


def test_words_of_a_tile_that_are_cut_short_are_named(tmp_path: Path):
    """Fuzzing found it: tarfile raises when it reads, not only when it looks for the next."""
    (tmp_path / "x.tar").write_bytes(tar_member("1.json", size=600) + b"{}")
    with refused(names="1.json"):
        TileDataset.open(tmp_path / "x.tar")


@pytest.mark.parametrize("name", [".", "./", "a/.", "./.json"])
def test_tar_with_a_file_that_has_no_name_is_read(tmp_path: Path, name: str):
    """Fuzzing found it: the name of a path that is a dot is empty."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        member = tarfile.TarInfo("1.png")
        member.size = len(png(0))
        tar.addfile(member, io.BytesIO(png(0)))
    (tmp_path / "x.tar").write_bytes(tar_member(name) + whole.getvalue())
    assert TileDataset.open(tmp_path / "x.tar").items["id"].tolist() == ["1"]


def test_scene_whose_coordinates_lead_nowhere_is_named(tmp_path: Path):
    """Fuzzing found it: PROJ cannot bring every place to degrees."""
    place = from_origin(1e15, 1e15, 1e9, 1e9)
    file = make_raster(tmp_path / "x.tif", noise(64, 64), transform=place)
    with refused(names="x.tif"):
        TileDataset.open(file, tiling=TilingOptions(size=32))


def test_scene_whose_coordinate_system_has_a_name_that_is_no_text_is_named(tmp_path: Path):
    """Fuzzing found it: rasterio takes the name for UTF-8, whatever it is."""
    file = make_raster(tmp_path / "x.tif", noise(64, 64), crs='LOCAL_CS["MARK",UNIT["meter",1]]')
    file.write_bytes(file.read_bytes().replace(b"MARK", b"M\xe0RK"))
    with refused(names=("x.tif", "utf-8")):
        TileDataset.open(file, tiling=TilingOptions(size=32))


VRT = """<VRTDataset rasterXSize="64" rasterYSize="64"><SRS>EPSG:32633</SRS>
<GeoTransform>500000,10,0,5000000,0,-10</GeoTransform><VRTRasterBand dataType="Byte" band="1">
<SimpleSource><SourceFilename relativeToVRT="{near:d}">{source}</SourceFilename>
<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"""


@pytest.mark.parametrize("prefix", ["", "/vsicurl/"])
def test_scene_fetches_nothing(tmp_path: Path, prefix: str):
    near = make_raster(tmp_path / "near.tif", noise(64, 64))
    with serve(near.read_bytes()) as server:
        far = VRT.format(near=False, source=f"{prefix}{server.url}")
        (tmp_path / "far.vrt").write_text(far)
        (tmp_path / "far.tif").write_text(far)
        with refused(names="far.tif"):
            TileDataset.open(tmp_path / "far.tif", tiling=TilingOptions(size=32))
        with refused(names="far.vrt"):
            TileDataset.open(tmp_path / "far.vrt", tiling=TilingOptions(size=32)).read(0)
        assert not server.asked
    (tmp_path / "near.vrt").write_text(VRT.format(near=True, source="near.tif"))
    assert TileDataset.open(tmp_path / "near.vrt", tiling=TilingOptions(size=32)).read(0).size == (
        32,
        32,
    )


def test_scene_that_claims_any_size_is_not_listed(tmp_path: Path):
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "crs": UTM, "tiled": True}
    profile |= {"transform": from_origin(EAST, NORTH, 1, 1), "SPARSE_OK": True, "BIGTIFF": "YES"}
    with rasterio.open(tmp_path / "x.tif", "w", width=2**17, height=2**17, **profile):
        pass  # of a file without a pixel, all are zero
    with refused("stride", names=("16,777,216", "1,000,000")):
        TileDataset.open(tmp_path / "x.tif", tiling=TilingOptions(size=32))
    blocks = {"blockxsize": 2**15, "blockysize": 2**15}
    with rasterio.open(tmp_path / "y.tif", "w", width=2**16, height=2**16, **profile, **blocks):
        pass
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 50_000_000
    with refused(names=1073):
        TileDataset.open(tmp_path / "y.tif", tiling=TilingOptions(size=256))
