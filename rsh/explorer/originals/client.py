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
ImageKind = Literal["original", "preview", "thumbnail", "drawing", "upload", "upload thumbnail"]


class Enlarged(NamedTuple):
    """A tile or a visitor's image as sharp as it is known.

    Attributes:
        content: the image, JPEG or PNG.
        kind: what it is.
        width: of the image, pixels; of an original, before it was shrunk to fit a screen.
        height: likewise.
    """

    content: bytes
    kind: ImageKind
    width: int
    height: int

    @classmethod
    def measure(cls, content: bytes, kind: ImageKind) -> "Enlarged":
        """Return an image with the size that it has."""
        with Image.open(io.BytesIO(content)) as image:
            return cls(content, kind, *image.size)


class Enlarger:
    """Enlarges tiles one at a time; originals come from a process that starts with the first one.

    The page never gets a path: a tile is named by its row.

    Attributes:
        worker: the process.
        reads_originals: whether it looks for originals.
    """

    def __init__(self, gallery: Gallery, *, originals: bool) -> None:
        """Enlarge the tiles of a gallery.

        Args:
            gallery: an opened gallery.
            originals: whether visitors may see originals; without them previews are shown.
        """
        self._gallery = gallery
        self.reads_originals = originals and bool(gallery.manifest.data.sources)
        self.worker = WorkerProcess("rsh.explorer.originals.worker", str(gallery.folder))
        self._turn = asyncio.Lock()
        self._newest: object = None

    def stored(self, row: int) -> Enlarged:
        """Return what the gallery holds of a tile: its preview, else its thumbnail.

        Raises:
            InputError: the gallery has no such row.
        """
        check_row(self._gallery, row)
        if preview := self._gallery.preview(row):
            return Enlarged.measure(preview, "preview")
        is_image = bool(self._gallery.stored_thumbnail(row))
        return Enlarged.measure(
            self._gallery.thumbnail(row), "thumbnail" if is_image else "drawing"
        )

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
        async with self._turn:
            if self._newest is not mine:
                raise Superseded
            found = await self._original(row, exact=False)
        if self._newest is not mine:
            raise Superseded
        return found or self.stored(row)

    async def load_exact(self, row: int) -> Enlarged:
        """Return the same to be encoded: an original as PNG, with the pixels that it has.

        Raises:
            InputError: the gallery has no such row.
        """
        check_row(self._gallery, row)
        async with self._turn:
            found = await self._original(row, exact=True)
        return found or self.stored(row)

    async def close(self) -> None:
        """End the process, if it is running."""
        await self.worker.close()

    async def _original(self, row: int, *, exact: bool) -> Enlarged | None:
        """Return the original of a tile; None if there is none, or it cannot be read in time."""
        thumbnail = self._gallery.stored_thumbnail(row)
        if not (self.reads_originals and thumbnail):
            return None
        head = {
            "tile": self._gallery.ids[row],
            "image": self._gallery.image_name(row),
            "exact": exact,
            "composite": self._gallery.composite_name,
        }
        try:
            size, content = await self.worker.ask((head, thumbnail), timeout=TIMEOUT)
        except (EOFError, ConnectionError):  # it has ended: the next tile starts another
            return None
        except TimeoutError:  # an archive of which not even the list is read in time
            self.reads_originals = False
            return None
        if not content:
            return None
        return Enlarged(content, "original", int(size["width"]), int(size["height"]))
