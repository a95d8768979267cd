"""Answers the messages of a dashboard's kernel with encoded images: see `worker`.

The answer is a thumbnail and the encodings, with notes on how the image was converted, an occlusion
map, the image itself, or an empty message once the network is loaded.
"""

import io
import warnings
from pathlib import Path

import numpy as np

from rsh.analysis.occlusion import occlude
from rsh.data.images import to_jpeg
from rsh.data.originals import LONGEST_SIDE
from rsh.encoding.query import QueryEncoder, draw_query, open_query_encoder
from rsh.errors import InputError, RshWarning
from rsh.explorer.uploads.confinement import confine_calls, log
from rsh.explorer.uploads.messages import THUMB, Message
from rsh.explorer.uploads.serving import answer_messages
from rsh.gallery.gallery import Gallery
from rsh.gallery.segment import THUMB_SIDE


def serve(folder: str, fingerprint: str, run: str) -> None:
    """Answer messages until the connection closes or is idle for too long.

    Args:
        folder: of the gallery.
        fingerprint: of its network and learned head when the page was opened.
        run: run folder of its network; "" if it is gone.
    """
    encoder: tuple[QueryEncoder, Gallery] | None = None

    def answer(message: Message) -> Message:
        nonlocal encoder
        encoder = encoder or _open_encoder(folder, fingerprint, run)
        return _answer(*encoder, message)

    answer_messages(answer)


def _open_encoder(folder: str, fingerprint: str, run: str) -> tuple[QueryEncoder, Gallery]:
    gallery = Gallery.open(folder)
    if gallery.manifest.encoder != fingerprint:
        raise InputError("this gallery has changed since the page was opened: reload the page")
    if not run and gallery.manifest.model.run and not gallery.manifest.model.vector_dim:
        raise InputError(
            f"the run that made {gallery.name} is gone, so no image can be encoded: the owner "
            "of this page can name its new place, with `rsh dashboard GALLERY --run RUN`"
        )
    try:
        encode = open_query_encoder(gallery, run=run or None)
    except InputError as error:  # visitors need not know where the owner's runs are
        if not run:
            raise
        raise InputError(str(error).replace(f"{Path(run).parent}/", "")) from None
    if not confine_calls():
        log("the encoder can start programs and open connections: this system has no seccomp")
    return encode, gallery


def _answer(encode: QueryEncoder, gallery: Gallery, message: Message) -> Message:
    head, body = message
    if head["want"] == "nothing":
        return {}, b""
    bands = gallery.manifest.model.sees
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RshWarning)
        only = None if head["want"] == "codes" else str(head["composite"])
        drawn = draw_query(gallery, io.BytesIO(body), name=str(head["name"]), only=only)
    image = drawn.get(only or "", drawn[""])
    notes = [str(note.message) for note in caught if issubclass(note.category, RshWarning)]
    stream = io.BytesIO()
    if head["want"] == "parts":
        if bands:
            raise InputError(
                f"the network takes {bands.described()}, of which no part can be covered here: "
                "choose another explanation"
            )
        found = occlude(image, encode)
        arrays = {"evidence": found.evidence, "flips": found.flips, **found.untouched._asdict()}
    elif head["want"] == "image":
        jpeg = to_jpeg(image, side=LONGEST_SIDE, detailed=True)
        arrays = {"image": np.frombuffer(jpeg, dtype=np.uint8)}
    else:
        arrays = encode([io.BytesIO(body) if bands else image])._asdict()
        for name, each in drawn.items():
            jpeg = to_jpeg(each, side=2 * THUMB_SIDE)
            arrays[THUMB + name] = np.frombuffer(jpeg, dtype=np.uint8)
    np.savez(stream, **arrays)
    return {"notes": notes}, stream.getvalue()
