"""The process that reads and encodes the images of one visitor: see `client`.

    python -m rsh.explorer.uploads.worker GALLERY

It answers each message with one: an image with its codes, what its parts are worth to them, or
the sentence that says what is wrong; and nothing once the network is loaded, if no more is wanted.
Only here are torch or ONNX Runtime imported and strange files decoded, so that neither their memory
nor their faults are the page's. It ends when nobody has asked for a while, or nobody is left.
"""

import io
import os
import select
import sys
import warnings
from typing import Any

import numpy as np

from rsh.analysis.occlusion import Encode, occlude
from rsh.data.images import read_image, to_jpeg
from rsh.encoding.query import open_query_encoder
from rsh.errors import InputError
from rsh.explorer.uploads.messages import packed_message, read_message
from rsh.gallery.gallery import Gallery
from rsh.gallery.segment import THUMB_SIDE

REST = 300  # seconds without an image after which the memory is given back


def main(folder: str) -> None:
    """Answer until nobody asks."""
    warnings.simplefilter("ignore")  # how an image was converted; the answer is shown all the same
    source = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever libraries print must not stand between two messages
    encode: Encode | None = None
    while select.select([source], [], [], REST)[0]:
        try:
            head, body = read_message(source)
        except EOFError:
            return
        try:
            encode = encode or open_query_encoder(Gallery.open(folder))
            answers.write(_answer(encode, head, body))
        except InputError as error:
            answers.write(packed_message({"error": str(error)}))
        answers.flush()


def _answer(encode: Encode, head: dict[str, Any], body: bytes) -> bytes:
    if head["want"] == "nothing":
        return packed_message({})
    image = read_image(io.BytesIO(body), name=str(head["name"]))
    stream = io.BytesIO()
    if head["want"] == "parts":
        found = occlude(image, encode)
        arrays = {"evidence": found.evidence, "flips": found.flips, **found.untouched._asdict()}
    else:
        thumbnail = np.frombuffer(to_jpeg(image, side=2 * THUMB_SIDE), dtype=np.uint8)
        arrays = {"thumb": thumbnail, **encode([image])._asdict()}
    np.savez(stream, **arrays)
    return packed_message({}, stream.getvalue())


if __name__ == "__main__":
    main(sys.argv[1])
