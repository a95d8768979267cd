"""The part of the page that searches with words."""

from dataclasses import replace
from typing import Any

from rsh.errors import InputError
from rsh.explorer.panels.upload import UploadPanel, about_words
from rsh.explorer.parts.part import Page, Part
from rsh.explorer.uploads.client import Superseded, UploadEncoder, start_soon
from rsh.explorer.uploads.runs import choose_run
from rsh.gallery.gallery import Gallery
from rsh.models.pretrained import has_text_tower
from rsh.search.query import Query, QueryImage

READING = "Reading the words: the first time takes some seconds."


def takes_words(gallery: Gallery, run: str) -> bool:
    """Whether the backbone of a gallery has a text tower that fits.

    Args:
        gallery: what is shown.
        run: run folder of its network, if the one that the gallery names is gone; or "".
    """
    if not has_text_tower(gallery.manifest.model.backbone):
        return False
    from rsh.encoding.text import check_text_tower  # not when a page starts

    try:
        check_text_tower(gallery, run=choose_run(gallery.folder, run) or None)
    except InputError:
        return False
    return True


class WordsPart(Part):
    """Words as a query, encoded in the background."""

    def __init__(
        self, page: Page, panel: UploadPanel, uploads: UploadEncoder, *, run: str = ""
    ) -> None:
        """Let a panel take words if the gallery can be searched with them.

        Args:
            page: that it is a part of.
            panel: has the field.
            uploads: encodes the words.
            run: run folder of the network, if the one that the gallery names is gone.
        """
        super().__init__(page, [])
        self._panel, self._uploads = panel, uploads
        gallery = page.state.gallery
        page.state.takes_words = takes_words(gallery, run)
        panel.about_words = about_words(gallery) if page.state.takes_words else ""

    def receive(self, panel: Any, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """Search with the words of the field."""
        match content:
            case {"kind": "words", "text": str(text)}:
                start_soon(self.take(text))

    def refresh(self) -> None:
        """Search with the words of a link that was just followed, if it has any."""
        state = self.page.state
        if awaited := state.awaited:
            state.awaited = None
            start_soon(self.take(awaited.name(state.gallery), awaited))

    async def take(self, text: str, awaited: Query | None = None) -> None:
        """Encode words, then search with them, unless the query has changed.

        Args:
            text: the words.
            awaited: a query whose feedback belongs to them.
        """
        state, self._panel.working = self.page.state, READING
        before = state.query
        try:
            made = QueryImage.of_text(state.gallery, text, await self._uploads.encode_text(text))
            if state.query == before:
                query = replace(awaited, image=made) if awaited else Query(image=made)
                self.page.search_with(query)
            else:
                name = made.name
                self.page.alert(f"{name!r} was ready after you chose another query: search again")
        except Superseded:
            return
        except Exception as error:
            self.page.alert(self.page.explained(error))
        self._panel.working = ""
