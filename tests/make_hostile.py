"""Files that were made to do harm, each as small as it can be."""

import hashlib
import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from rsh.codes.order import id_hashes
from rsh.gallery.columns import TEXT, write_columns
from rsh.gallery.gallery import Gallery
from rsh.gallery.manifest import with_checksum as with_checksum

SEGMENT = "000001-0"


class Evil:
    """Unpickled, it makes a folder."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return Path.mkdir, (self.marker,)


def huge_headers(side: int) -> dict[str, bytes]:
    """A header of each kind that claims so many pixels a side, and next to nothing behind it."""
    least = min(side, 0xFFFF)
    tags = [(256, side), (257, side), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (279, 64)]
    tiff = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    canvas = b"\0" * 4 + (side - 1).to_bytes(3, "little") * 2
    webp = b"WEBPVP8X" + struct.pack("<I", 10) + canvas
    return {
        "gif": b"GIF89a" + struct.pack("<HHBBB", least, least, 0, 0, 0) + b",",
        "bmp": b"BM" + struct.pack("<IIIIiiHHIIIIII", 99, 0, 54, 40, side, side, 1, 24, *(0,) * 6),
        "tif": b"II*\0" + struct.pack("<IH", 8, len(tags)) + tiff + b"\0" * 4,
        "webp": b"RIFF" + struct.pack("<I", len(webp)) + webp,
        "ppm": b"P6 %d %d 255\n" % (side, side),
    }


def lying_zip(file: Path, name: str, *, size: int, says: int) -> Path:
    """Pack zeros into a zip that says of them that they are fewer."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, bytes(size))
    true, told = struct.pack("<I", size), struct.pack("<I", says)
    file.write_bytes(file.read_bytes().replace(true, told))
    return file


def overlapping_zip(file: Path, name: str, content: bytes, *, entries: int) -> Path:
    """Write a table of contents whose entries all lie at one place."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, content)
    whole = stream.getvalue()
    start = whole.index(b"PK\x01\x02")
    head, entry = whole[:start], whole[start : whole.index(b"PK\x05\x06")]
    names = [name.replace("0", f"{number}", 1).encode() for number in range(entries)]
    table = b"".join(entry.replace(name.encode(), other) for other in names)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, entries, entries, len(table), len(head), 0)
    file.write_bytes(head + table + end)
    return file


def tar_member(name: str, kind: bytes = tarfile.REGTYPE, *, size: int = 0, to: str = "") -> bytes:
    """Return the header of a member, which may have a size that no packer would write."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, to
    block = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = size.to_bytes(12, "big", signed=True) if size else block[124:136]
    block[124] |= 0x80 if size else 0
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def sealed(gallery: Path, name: str, content: bytes) -> Path:
    """Replace a file of a gallery, and note its size and checksum in the head, as they would."""
    file, head_file = gallery / SEGMENT / name, gallery / "gallery.json"
    file.write_bytes(content)
    head = json.loads(head_file.read_text())
    note = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    head["segments"][0]["files"][name] = note
    head_file.write_text(json.dumps(with_checksum(head)))
    return gallery


def npy(array: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def table(gallery: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> bytes:
    """Return the table of a gallery, changed, as `arrow` does."""
    return arrow(change(Gallery.open(gallery).items))


def arrow(frame: pd.DataFrame) -> bytes:
    """Return a table as an Arrow file, whatever it holds; texts are as galleries have them."""
    stream = io.BytesIO()
    columns = {name: pa.array(frame[name], from_pandas=True) for name in frame}
    texts = {name: each.cast(TEXT) for name, each in columns.items() if each.type == pa.string()}
    write_columns(stream, columns | texts)
    return stream.getvalue()


def sealed_table(gallery: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Path:
    """Replace the table of a gallery, and the hashes of its ids where they are texts."""
    changed = change(Gallery.open(gallery).items)
    ids = changed["id"].tolist()
    if all(isinstance(tile, str) for tile in ids):
        sealed(gallery, "hashes.npy", npy(id_hashes(ids)))
    return sealed(gallery, "items.arrow", arrow(changed))
