"""Answers the messages of a dashboard's kernel with encoded words: see `text_worker`."""

import io

import numpy as np

from rsh.encoding.text import TextEncoder, open_text_encoder
from rsh.errors import InputError
from rsh.explorer.uploads.confinement import confine_calls, log
from rsh.explorer.uploads.messages import Message
from rsh.explorer.uploads.serving import answer_messages
from rsh.gallery.gallery import Gallery


def serve(folder: str, fingerprint: str, run: str) -> None:
    """Answer messages until the connection closes or is idle for too long.

    Args:
        folder: of the gallery.
        fingerprint: of its network and learned head when the page was opened.
        run: run folder of its network; "" if it is gone.
    """
    encode: TextEncoder | None = None

    def answer(message: Message) -> Message:
        nonlocal encode
        encode = encode or _open_encoder(folder, fingerprint, run)
        stream = io.BytesIO()
        np.savez(stream, **encode([message[1].decode()])._asdict())
        return {}, stream.getvalue()

    answer_messages(answer)


def _open_encoder(folder: str, fingerprint: str, run: str) -> TextEncoder:
    gallery = Gallery.open(folder)
    if gallery.manifest.encoder != fingerprint:
        raise InputError("this gallery has changed since the page was opened: reload the page")
    encode = open_text_encoder(gallery, run=run or None)
    if not confine_calls():
        log("the encoder can start programs and open connections: this system has no seccomp")
    return encode
