"""Search with a tile by its name, with an image of the visitor, or with words."""

import traitlets

from rsh.explorer.panels.panel import Panel
from rsh.explorer.state import ExplorerState
from rsh.explorer.uploads.client import MAX_BYTES
from rsh.gallery.gallery import Gallery


class UploadPanel(Panel, script="upload.js", style="upload.css"):
    """A search field, a place to drop an image on, and a field for words.

    Sends {"kind": "find", "text"}; {"kind": "words", "text"}; {"kind": "prepare"} when an image may
    soon come; {"kind": "image", "name"} with the file's bytes; and {"kind": "too large", "name",
    "size"} for a file that it does not send.

    Attributes:
        found: what a search for a name found, in words, or "".
        typed: the text of the field; a trait, so that only its newest value waits while Python is
            busy.
        matching: ids of some tiles that contain it.
        limit: the most bytes a file may have.
        working: progress with an image or with words, or "".
        images: whether the page takes images; that of a gallery of embeddings does not.
        about: where images go, and what the first one costs, in words, or why the page takes none;
            or "".
        about_words: what words find, in a sentence; "" if the page does not take any.
    """

    typed = traitlets.Unicode().tag(sync=True)
    found = traitlets.Unicode().tag(sync=True)
    matching = traitlets.List(traitlets.Unicode()).tag(sync=True)
    limit = traitlets.Int(MAX_BYTES).tag(sync=True)
    images = traitlets.Bool(True).tag(sync=True)
    about = traitlets.Unicode().tag(sync=True)
    about_words = traitlets.Unicode().tag(sync=True)
    working = traitlets.Unicode().tag(sync=True)


def about_images(gallery: Gallery) -> str:
    """Return what an image must hold, if it is no image of red, green and blue."""
    model = gallery.manifest.model
    if not model.bands:
        return ""
    return f"It must be a raster with the bands {model.sees.described()}."


def about_words(gallery: Gallery) -> str:
    """Return what words find in a gallery of a backbone with a text tower."""
    return (
        f"The text tower of {gallery.manifest.model.backbone} reads them. The codes were trained "
        "on images, so words find less surely than an image does."
    )


def found_words(state: ExplorerState, text: str) -> str:
    """Return how many ids contain a text of which the first one is shown; "" if it is the only one.

    Args:
        state: what is shown.
        text: as it was typed.
    """
    many = state.count_matching(text)
    return f"{many:,} ids contain it; this is the first." if many > 1 else ""
