"""Small files in the layouts in which authors publish data sets, and a server for them."""

import hashlib
import io
import struct
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rasterio
from make_scenes import tile
from rasterio.transform import from_origin

from rsh.data import catalog
from rsh.data.catalog_entry import CatalogEntry, RemoteFile

EUROSAT_MS = "ds/images/remote_sensing/otherDatasets/sentinel_2/tif"  # folder in its zip
# Digital numbers that no two bands share, B8A last, as its files have them.
LEVELS = (1350, 1120, 1040, 950, 1200, 2000, 2370, 2300, 730, 12, 1820, 1120, 2600)


@contextmanager
def serve_files(files: Mapping[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """Serve files by their names; yield the address and the names that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = PurePosixPath(self.path.partition("?")[0]).name
            asked.append(name)
            start = int(self.headers.get("Range", "bytes=0-")[6:].rstrip("-"))
            body = files[name][start:] if name in files else b""
            self.send_response(206 if body else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}", asked
        finally:
            http.shutdown()
            thread.join()


def offer(
    entry: CatalogEntry, url: str, files: Mapping[str, bytes], patch: pytest.MonkeyPatch, **changes
) -> CatalogEntry:
    """Let the server's files be those of a data set, in the same order, with fewer tiles."""
    remote = tuple(
        RemoteFile(f"{url}/{name}", f"sha256:{hashlib.sha256(content).hexdigest()}", len(content))
        for name, content in files.items()
    )
    small = replace(entry, files=remote, **changes)
    patch.setitem(catalog.CATALOG, entry.name, small)
    return small


def raster(values: np.ndarray, *, x: float = 500_000, y: float = 5_400_000, size: float = 10):
    """Return a GeoTIFF without names of bands."""
    count, height, width = values.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width}
    profile |= {"dtype": values.dtype, "crs": "EPSG:32633"}
    with rasterio.MemoryFile() as file:
        with file.open(**profile, transform=from_origin(x, y, size, size)) as tile:
            tile.write(values)
        return file.read()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Pack files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return stream.getvalue()


def eurosat_ms(classes: tuple[str, ...], each: int, *, bands: int = 13) -> bytes:
    """Pack tiles as EuroSATallBands.zip has them: 13 bands of digital numbers without names."""
    draw, files = np.random.default_rng(0), {}
    for name in classes:
        for number in range(1, each + 1):
            noise = draw.integers(0, 9, (13, 16, 16))
            values = (np.array(LEVELS)[:, None, None] + noise)[:bands].astype(np.uint16)
            files[f"{EUROSAT_MS}/{name}/{name}_{number}.tif"] = raster(values)
    return zipped(files)


def zip_of_classes(classes: Mapping[str, int], wrap: str, name: str, suffix: str) -> bytes:
    """Pack images in class folders.

    Args:
        classes: number of images of each.
        wrap: folder around all classes.
        name: of an image, such as "{}_{}", of class and number.
        suffix: of the images.
    """
    files = {}
    for at, (folder, count) in enumerate(classes.items()):
        for number in range(1, count + 1):
            path = f"{wrap}{folder}/{name.format(folder.lower(), number)}{suffix}"
            files[path] = image(1000 * at + number, suffix)
    return zipped(files)


def image(seed: int, suffix: str) -> bytes:
    stream = io.BytesIO()
    tile(seed).save(stream, {".tif": "TIFF", ".jpg": "JPEG"}[suffix])
    return stream.getvalue()


def label_table(
    rows: Mapping[str, tuple[str, ...]], labels: tuple[str, ...], *, head: str, separator: str
) -> bytes:
    """Write labels of images as columns of 0 and 1."""
    lines = [separator.join((head, *labels))]
    for name, has in rows.items():
        lines.append(separator.join((name, *(str(int(label in has)) for label in labels))))
    return "".join(f"{line}\r\n" for line in lines).encode()


def rar(files: Mapping[str, bytes]) -> bytes:
    """Pack files as RAR 2.0, without compression.

    Source: https://www.rarlab.com/technote.htm of version 4, as libarchive reads it
    """

    def block(kind: int, flags: int, rest: bytes) -> bytes:
        head = struct.pack("<BHH", kind, flags, 7 + len(rest)) + rest
        return struct.pack("<H", zlib.crc32(head) & 0xFFFF) + head

    packed = b"Rar!\x1a\x07\x00" + block(0x73, 0, bytes(6))
    for name, content in files.items():
        size, path = len(content), name.encode()
        rest = struct.pack(
            "<IIBIIBBHI", size, size, 3, zlib.crc32(content), 0, 20, 0x30, len(path), 0o100644
        )
        packed += block(0x74, 0x8000, rest + path) + content
    return packed + block(0x7B, 0x4000, b"")


# Stands in for `bsdtar -xf FILE -C FOLDER` where no program unpacks RAR.
UNPACK = """#!{python}
import pathlib, struct, sys
_, _, file, _, folder = sys.argv
content, at = pathlib.Path(file).read_bytes(), 7
if content[:4] != b"Rar!":
    sys.exit("bsdtar: Error opening archive: Unrecognized archive format")
while content[at + 2] != 0x7B:
    kind, _, length = struct.unpack_from("<BHH", content, at + 2)
    size = 0
    if kind == 0x74:
        size, _, _, _, _, _, _, named = struct.unpack_from("<IIBIIBBH", content, at + 7)
        path = pathlib.Path(folder, content[at + 32 : at + 32 + named].decode())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content[at + length : at + length + size])
    at += length + size
"""


SIDES = {"B01": 20, "B09": 20} | dict.fromkeys(("B02", "B03", "B04", "B08"), 120)  # others: 60


def patch_files(patch: str, seed: int, *, lost: str = "") -> dict[str, bytes]:
    """Return the one-band GeoTIFFs of a patch of BigEarthNet v2, by their paths in the tar."""
    draw, files = np.random.default_rng(seed), {}
    acquisition, column, row = patch.rsplit("_", 2)
    for at, band in enumerate("B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B11 B12".split()):
        side = SIDES.get(band, 60)
        values = draw.integers(200 * (at + 1), 200 * (at + 1) + 99, (1, side, side), np.uint16)
        where = {"x": 300_000 + 1200 * int(column), "y": 5_400_000 - 1200 * int(row)}
        path = f"BigEarthNet-S2/{acquisition}/{patch}/{patch}_{band}.tif"
        files[path] = raster(values, **where, size=1200 / side)
    files.pop(next((path for path in files if lost and lost in path), ""), None)
    return files


def tar(files: Mapping[str, bytes], compression: str = "zstd") -> bytes:
    """Pack files as a compressed tar, with its folders."""
    stream, seen = pa.BufferOutputStream(), set()
    packed = pa.CompressedOutputStream(stream, compression)
    with tarfile.open(fileobj=packed, mode="w|") as archive:
        for path, content in files.items():
            for folder in reversed(PurePosixPath(path).parents[:-1]):
                if folder not in seen:
                    info = tarfile.TarInfo(str(folder))
                    info.type = tarfile.DIRTYPE
                    archive.addfile(info)
                    seen.add(folder)
            info = tarfile.TarInfo(path)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    packed.close()
    return stream.getvalue().to_pybytes()


def patch_table(rows: list[tuple[str, list[str], str]], **columns: list) -> bytes:
    """Write metadata.parquet of BigEarthNet v2: patches, their labels, and the split."""
    patches, labels, split = zip(*rows, strict=True)
    table = {"patch_id": patches, "labels": labels, "split": split}
    table |= {"country": ["Austria"] * len(rows), "s1_name": ["S1A"] * len(rows)}
    table |= {"s2v1_name": patches, "contains_seasonal_snow": [False] * len(rows)}
    stream = io.BytesIO()
    pq.write_table(pa.table(table | columns), stream)
    return stream.getvalue()
