"""The sharpest image that there is of a tile, or of the image that a visitor gave."""

from rsh.explorer.originals.client import Enlarged, Enlarger
from rsh.explorer.uploads.client import UploadEncoder
from rsh.gallery.gallery import Gallery
from rsh.gallery.ids import NO_ROW
from rsh.search.query import Query, QueryImage


class Sharpest:
    """Finds images to show, to cut parts out of, and to explain codes by.

    Of a visitor's images it keeps the file of the last one; of earlier ones there are thumbnails.

    Attributes:
        enlarger: of tiles.
    """

    def __init__(self, gallery: Gallery, uploads: UploadEncoder, *, originals: bool) -> None:
        """Find the images of a gallery.

        Args:
            gallery: an opened gallery.
            uploads: the process that reads visitors' files.
            originals: whether visitors may see originals.
        """
        self.enlarger = Enlarger(gallery, originals=originals)
        self._gallery, self._uploads = gallery, uploads
        self._file: tuple[QueryImage, bytes] | None = None

    def keep_file(self, image: QueryImage, file: bytes) -> None:
        """Keep the file of the image that a visitor has just given."""
        self._file = image, file

    def stored(self, row: int, query: Query) -> Enlarged:
        """Return what is there at once.

        Args:
            row: of a tile, or NO_ROW for the query.
            query: an image, if there is no row.

        Raises:
            InputError: the gallery has no such row.
        """
        if row == NO_ROW and query.image:
            return Enlarged.measure(query.thumbnail(self._gallery), "upload thumbnail")
        return self.enlarger.stored(row)

    def looks_further(self, row: int, query: Query) -> bool:
        """Whether there may be a sharper image than the stored one."""
        return (
            self.enlarger.reads_originals if row != NO_ROW else self._find_file(query) is not None
        )

    async def shown(self, row: int, query: Query) -> Enlarged:
        """Return the sharpest image as JPEG, shrunk if it is larger than most screens.

        Args:
            row: of a tile, or NO_ROW for the query.
            query: an image, if there is no row.

        Raises:
            InputError: the gallery has no such row.
            Superseded: another image was asked for meanwhile.
        """
        if row != NO_ROW:
            return await self.enlarger.enlarge(row)
        if file := self._find_file(query):
            name, composite = query.name(self._gallery), self._gallery.composite_name
            jpeg = await self._uploads.enlarge(file, name, composite)
            return Enlarged.measure(jpeg, "upload")
        return self.stored(row, query)

    async def exact(self, row: int, query: Query) -> Enlarged:
        """Return the sharpest image to be cut, likewise; an original loses nothing."""
        if row != NO_ROW:
            return await self.enlarger.load_exact(row)
        return await self.shown(row, query)

    async def encoded(self, query: Query) -> Enlarged:
        """Return the image whose code is the query's, as far as it is there, to encode it again.

        Of a visitor's image it is the file itself, which the kernel must not open.
        """
        if query.row is not None:
            return await self.enlarger.load_exact(query.row)
        stored = self.stored(NO_ROW, query)
        file = self._find_file(query)
        return stored._replace(content=file, kind="upload") if file else stored

    def _find_file(self, query: Query) -> bytes | None:
        return self._file[1] if self._file and self._file[0] is query.image else None
