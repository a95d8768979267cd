"""Answers the messages of a dashboard's kernel with original images: see `worker`.

A message holds the id of a tile, what a table names as its image, its thumbnail, the composite that
this shows, and whether the reply must be exact. The reply is the original, as PNG then and else as
JPEG, with its size in pixels; or nothing where there is none.
"""

from pathlib import Path

from rsh.data.images import to_png
from rsh.data.originals import LONGEST_SIDE, Originals
from rsh.explorer.uploads.confinement import confine_calls, log
from rsh.explorer.uploads.messages import Message
from rsh.explorer.uploads.serving import answer_messages
from rsh.gallery.manifest import read_manifest


def serve(folder: Path) -> None:
    """Answer messages until the connection closes or is idle for too long.

    Args:
        folder: of the gallery.
    """
    import rasterio  # before the system refuses what its libraries may need while they are loaded

    assert rasterio.__version__
    data = read_manifest(folder).data
    renderings = {each.name: each.rendering for each in data.composites}
    originals = {
        name: Originals(data.sources_showing(rendering))
        for name, rendering in {"": data.rendering, **renderings}.items()
    }
    if not confine_calls():
        log("the reader of originals can start programs and open connections: no seccomp here")

    def answer(message: Message) -> Message:
        head, thumbnail = message
        reader = originals[str(head["composite"])]
        found = reader.find(str(head["tile"]), thumbnail, image=str(head["image"]))
        if found is None:
            return {}, b""
        size = {"width": found.image.width, "height": found.image.height}
        if head["exact"]:
            return size, to_png(found.image, side=LONGEST_SIDE)
        return size, found.as_jpeg().jpeg

    answer_messages(answer)
