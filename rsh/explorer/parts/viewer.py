"""The part of the page that shows one tile large, and searches with a part of it."""

from collections.abc import Awaitable, Callable
from typing import Any

from rsh.explorer.alerts import explain
from rsh.explorer.originals.sharpest import Sharpest
from rsh.explorer.panels.tiles import describe, describe_query
from rsh.explorer.panels.viewer import ViewerPanel, large_view
from rsh.explorer.parts.part import Page, Part
from rsh.explorer.uploads.client import Superseded, start_soon
from rsh.explorer.uploads.crop import crop
from rsh.gallery.ids import NO_ROW

TakeImage = Callable[[bytes, str], Awaitable[None]]


class ViewerPart(Part):
    """The dialog with a tile, or the image that a visitor gave."""

    def __init__(
        self, page: Page, channel: str, sharpest: Sharpest, take_image: TakeImage, *, parts: bool
    ) -> None:
        """Show nothing yet.

        Args:
            page: the page.
            channel: its name, which all its panels share.
            sharpest: finds the images.
            take_image: encodes an image of a name and searches with it.
            parts: whether a part of an image can be the query.
        """
        self.panel = ViewerPanel(page=channel, parts=parts)
        self._sharpest, self._take_image = sharpest, take_image
        super().__init__(page, [self.panel])

    def receive(self, panel: Any, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """Enlarge a tile, or search with a part of it."""
        match content:
            case {"kind": "enlarge", "row": int(row)}:
                start_soon(self.enlarge(row))
            case {"kind": "part", "row": int(row), "box": list(box)}:
                start_soon(self.take_part(row, [float(side) for side in box]))

    async def enlarge(self, row: int) -> None:
        """Show what is stored of a tile at once, and then a sharper image if there is one."""
        gallery, query = self.page.state.gallery, self.page.state.query
        try:
            stored = self._sharpest.stored(row, query)
            tile = describe_query(gallery, query) if row == NO_ROW else describe(gallery, row)
            looks_further = self._sharpest.looks_further(row, query)
            self.panel.show(large_view(gallery, tile, stored, pending=looks_further), stored)
            if looks_further:
                found = await self._sharpest.shown(row, query)
                self.panel.show(large_view(gallery, tile, found), found)
        except Superseded:
            return
        except Exception as error:
            self.page.alert(explain(error))

    async def take_part(self, row: int, box: list[float]) -> None:
        """Search with a part of a tile, cut out of the sharpest image."""
        gallery, query = self.page.state.gallery, self.page.state.query
        try:
            found = await self._sharpest.exact(row, query)
            part = crop(found.content, box)
            tile = describe_query(gallery, query) if row == NO_ROW else describe(gallery, row)
        except Superseded:
            return
        except Exception as error:
            self.panel.send({"kind": "part", "row": row, "problem": self.page.explained(error)})
            return
        self.panel.send({"kind": "part", "row": row, "problem": ""})
        await self._take_image(part, f"part of {tile['name']}")
