"""Asking with what is not in sight: a tile by its name, or an image of one's own."""

from typing import Any

import anywidget
import traitlets

from rsh.explorer.bundle import bundle, stylesheet
from rsh.explorer.uploads.client import MAX_BYTES


class UploadPanel(anywidget.AnyWidget):
    """A search field, and a place to drop an image on.

    Sends {"kind": "find", "text"}; {"kind": "prepare"} when an image may soon come; {"kind":
    "image", "name"} with the file's bytes; and {"kind": "too large", "name", "size"} for a file
    that it does not send.

    Attributes:
        page: name of the page's channel.
        typed: what stands in the field; a trait, so that while Python is at work only the newest
            waits.
        matching: ids of some tiles that hold it.
        limit: the most bytes a file may have.
        working: what is being done with an image, or "".
    """

    _esm = bundle("upload.js")
    _css = stylesheet("upload.css")
    page = traitlets.Unicode().tag(sync=True)
    typed = traitlets.Unicode().tag(sync=True)
    matching = traitlets.List(traitlets.Unicode()).tag(sync=True)
    limit = traitlets.Int(MAX_BYTES).tag(sync=True)
    working = traitlets.Unicode().tag(sync=True)

    def on_typed(self, act: Any) -> None:
        """Call `act` when something was typed."""
        self.observe(act, names="typed")
