import hashlib
import io
import zipfile
from dataclasses import replace

import pytest
from make_scenes import tile

from robustness.faults.http_server import Server
from rsh.data import catalog
from rsh.data.catalog import UCMERCED
from rsh.data.catalog_entry import CatalogEntry, RemoteFile

EACH = 2  # tiles of each of the 21 classes


def archive(*, count: int = EACH, extra: tuple[str, ...] = ()) -> bytes:
    """Pack tiles as UC Merced has them."""
    stream, image = io.BytesIO(), io.BytesIO()
    tile(0).save(image, "TIFF")
    names = [f"{name}/{name}{number:02}.tif" for name in UCMERCED.counts for number in range(count)]
    with zipfile.ZipFile(stream, "w") as packed:
        packed.writestr("UCMerced_LandUse/readme.txt", "See the paper.")
        for name in (*(f"UCMerced_LandUse/Images/{name}" for name in names), *extra):
            packed.writestr(name, image.getvalue())
    return stream.getvalue()


def publish(server: Server, monkeypatch: pytest.MonkeyPatch) -> CatalogEntry:
    """Let the server's file be UC Merced, with fewer tiles."""
    small = replace(
        UCMERCED,
        files=(RemoteFile(server.url, f"sha256:{hashlib.sha256(server.content).hexdigest()}"),),
        counts=dict.fromkeys(UCMERCED.counts, EACH),
    )
    monkeypatch.setitem(catalog.CATALOG, "ucmerced", small)
    return small
