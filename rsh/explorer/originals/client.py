"""Enlarges tiles: the original image where the gallery knows it, else what the gallery holds."""

import asyncio
import io
from typing import Literal, NamedTuple

from PIL import Image

from rsh.explorer.uploads.client import Superseded
from rsh.explorer.uploads.process import WorkerProcess
from rsh.gallery.gallery import Gallery
from rsh.search.query import check_row

TIMEOUT = 30.0  # seconds; the first original includes the start of the process
ImageKind = Literal["original", "preview", "thumbnail"]


class Enlarged(NamedTuple):
    """A tile as sharp as it is known.

    Attributes:
        jpeg: the image.
        kind: what it is.
        width: of the JPEG, pixels.
        height: of the JPEG, pixels.
    """

    jpeg: bytes
    kind: ImageKind
    width: int
    height: int


class Enlarger:
    """Enlarges tiles one at a time; originals come from a process that starts with the first one.

    The page never gets a path: a tile is named by its row.
    """

    def __init__(self, gallery: Gallery, *, originals: bool) -> None:
        """Enlarge the tiles of a gallery.

        Args:
            gallery: an opened gallery.
            originals: whether visitors may see originals; without them previews are shown.
        """
        self._gallery = gallery
        self._reads_originals = originals and bool(gallery.manifest.data.sources)
        self.worker = WorkerProcess("rsh.explorer.originals.worker", str(gallery.folder))
        self._turn = asyncio.Lock()
        self._newest: object = None

    async def enlarge(self, row: int) -> Enlarged:
        """Return a tile as its original, else as its preview, else as its thumbnail.

        Args:
            row: of the tile.

        Raises:
            InputError: the gallery has no such row.
            Superseded: another tile was asked for meanwhile; only that one counts.
        """
        check_row(self._gallery, row)
        self._newest = mine = object()
        jpeg = b""
        async with self._turn:
            if self._newest is mine:
                jpeg = await self._original(row)
        if self._newest is not mine:
            raise Superseded
        if jpeg:
            return _enlarged(jpeg, "original")
        if preview := self._gallery.preview(row):
            return _enlarged(preview, "preview")
        return _enlarged(self._gallery.thumbnail(row), "thumbnail")

    async def close(self) -> None:
        """End the process, if it is running."""
        await self.worker.close()

    async def _original(self, row: int) -> bytes:
        """Return the original of a tile; empty if there is none, or it cannot be read in time."""
        thumbnail = self._gallery.stored_thumbnail(row)
        if not (self._reads_originals and thumbnail):
            return b""
        head = {"tile": self._gallery.ids[row], "image": self._gallery.image_name(row)}
        try:
            _, jpeg = await self.worker.ask((head, thumbnail), timeout=TIMEOUT)
        except (EOFError, ConnectionError):  # it has ended: the next tile starts another
            return b""
        except TimeoutError:  # an archive of which not even the list is read in time
            self._reads_originals = False
            return b""
        return jpeg


def _enlarged(jpeg: bytes, kind: ImageKind) -> Enlarged:
    with Image.open(io.BytesIO(jpeg)) as image:
        return Enlarged(jpeg, kind, *image.size)
