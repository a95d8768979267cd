"""Search with a tile by its name, or with an image of the visitor."""

import traitlets

from rsh.explorer.panels.panel import Panel
from rsh.explorer.uploads.client import MAX_BYTES


class UploadPanel(Panel, script="upload.js", style="upload.css"):
    """A search field, and a place to drop an image on.

    Sends {"kind": "find", "text"}; {"kind": "prepare"} when an image may soon come; {"kind":
    "image", "name"} with the file's bytes; and {"kind": "too large", "name", "size"} for a file
    that it does not send.

    Attributes:
        typed: the text of the field; a trait, so that only its newest value waits while Python is
            busy.
        matching: ids of some tiles that contain it.
        limit: the most bytes a file may have.
        working: progress with an image, or "".
        images: whether the gallery takes images; one of embeddings does not.
    """

    typed = traitlets.Unicode().tag(sync=True)
    matching = traitlets.List(traitlets.Unicode()).tag(sync=True)
    limit = traitlets.Int(MAX_BYTES).tag(sync=True)
    images = traitlets.Bool(True).tag(sync=True)
    working = traitlets.Unicode().tag(sync=True)
