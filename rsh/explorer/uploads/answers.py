"""Answers the messages of a dashboard's kernel with encoded images: see `worker`.

It answers each message with one message: a thumbnail and the encodings, with notes on how the image
was converted, an occlusion map, an error, or an empty message once the network is loaded. It ends
after a time without messages, or when the other side closes the connection.
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
from rsh.data.rendering import Rendering
from rsh.encoding.query import open_query_encoder
from rsh.errors import InputError, RshWarning
from rsh.explorer.uploads.confinement import confine_calls, log
from rsh.explorer.uploads.messages import packed_message, read_message
from rsh.gallery.gallery import Gallery
from rsh.gallery.segment import THUMB_SIDE

IDLE_TIMEOUT = 300  # seconds without a message


def serve(folder: str, fingerprint: str) -> None:
    """Answer messages until the connection closes or is idle for too long.

    Args:
        folder: of the gallery.
        fingerprint: of its network and learned head when the page was opened.
    """
    source = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output of libraries must not mix with messages
    encoder: tuple[Encode, Rendering] | None = None
    while select.select([source], [], [], IDLE_TIMEOUT)[0]:
        try:
            head, body = read_message(source)
        except EOFError:
            return
        try:
            encoder = encoder or _open_encoder(folder, fingerprint)
            answers.write(_answer(*encoder, head, body))
        except InputError as error:
            answers.write(packed_message({"error": str(error)}))
        except MemoryError:
            answers.write(packed_message({"error": "the image takes more memory than there is"}))
        answers.flush()


def _open_encoder(folder: str, fingerprint: str) -> tuple[Encode, Rendering]:
    gallery = Gallery.open(folder)
    if gallery.manifest.encoder != fingerprint:
        raise InputError("this gallery has changed since the page was opened: reload the page")
    encode = open_query_encoder(gallery)
    if not confine_calls():
        log("the encoder can start programs and open connections: this system has no seccomp")
    return encode, gallery.manifest.data.rendering


def _answer(encode: Encode, rendering: Rendering, head: dict[str, Any], body: bytes) -> bytes:
    if head["want"] == "nothing":
        return packed_message({})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RshWarning)
        image = read_image(io.BytesIO(body), name=str(head["name"]), rendering=rendering)
    notes = [str(note.message) for note in caught if issubclass(note.category, RshWarning)]
    stream = io.BytesIO()
    if head["want"] == "parts":
        found = occlude(image, encode)
        arrays = {"evidence": found.evidence, "flips": found.flips, **found.untouched._asdict()}
    else:
        thumbnail = np.frombuffer(to_jpeg(image, side=2 * THUMB_SIDE), dtype=np.uint8)
        arrays = {"thumb": thumbnail, **encode([image])._asdict()}
    np.savez(stream, **arrays)
    return packed_message({"notes": notes}, stream.getvalue())
