"""Encoding without torch, by a network that `rsh export` wrote: what a page can afford."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rsh.codes.binary import binarize
from rsh.codes.encodings import Encodings
from rsh.data.decoded import DecodedTiles, decode_tile
from rsh.data.images import read_image
from rsh.errors import InputError
from rsh.text import first_sentence

if TYPE_CHECKING:
    from PIL import Image


FILE = "encoder.onnx"  # in a run folder
# What the file takes, what it gives, and where its metadata say of which network it is.
INPUT, OUTPUTS, ABOUT = "tiles", ("feature", "relaxed"), "rsh"
SUM = "rsh_sha256"  # of all of the file, with zeros in the place of the sum itself
SUM_IN_FILE = re.compile(SUM.encode() + rb"\x12\x40([0-9a-f]{64})")
NO_SUM = "0" * 64
AT_ONCE = 8  # tiles: 65 would hold 340 MB, and no sooner be done


class OnnxEncoder:
    """A network in an ONNX file.

    Attributes:
        settings: of the network, with its fingerprint.
    """

    def __init__(self, file: str | Path) -> None:
        """Open a file that `rsh export` wrote.

        Raises:
            InputError: it is none, or what reads ONNX is not installed.
        """
        try:
            import onnxruntime
        except ImportError:
            raise InputError("onnxruntime is not installed: pip install 'rsh[onnx]'") from None
        if not Path(file).is_file():
            raise InputError(f"{file} does not exist: make it with `rsh export`")
        content = Path(file).read_bytes()
        altered = InputError(f"{file} was altered: make it again with `rsh export`")
        summed = SUM_IN_FILE.search(content)
        if summed and with_checksum(content) != content:
            raise altered
        try:
            self._session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        except Exception as error:  # its own errors derive from nothing else
            raise InputError(
                f"{file} cannot be read ({first_sentence(error)}): make it again with `rsh export`"
            ) from None
        about = self._session.get_modelmeta().custom_metadata_map.get(ABOUT)
        if about is None:
            raise InputError(f"{file} was not written by rsh: make one with `rsh export`")
        if not summed:
            raise altered
        self.settings: dict[str, Any] = json.loads(about)

    def encode(self, images: "Sequence[str | Path | Image.Image]") -> Encodings:
        """Encode images, the codes equal to those of the network.

        Args:
            images: paths or opened images, of any size and mode.

        Raises:
            InputError: an image cannot be read.
        """
        side = self.settings["image_size"]
        return self.encode_tiles(
            np.stack([decode_tile(read_image(image), side) for image in images])
        )

    def encode_tiles(self, tiles: DecodedTiles) -> Encodings:
        """Encode packed tiles, (n, 3, image_size, image_size) uint8, n 1 or more."""
        parts = [
            self._session.run(OUTPUTS, {INPUT: np.asarray(tiles[start : start + AT_ONCE])})
            for start in range(0, len(tiles), AT_ONCE)
        ]
        features, relaxed = (np.concatenate(part) for part in zip(*parts, strict=True))
        return Encodings(binarize(relaxed), relaxed.astype(np.float16), features.astype(np.float16))


def with_checksum(content: bytes) -> bytes:
    """Return a network that has a place for a checksum with the right one in it.

    Args:
        content: of the file; without such a place it is returned as it is.
    """
    place = SUM_IN_FILE.search(content)
    if place is None:
        return content
    head, rest = content[: place.start(1)], content[place.end(1) :]
    digest = hashlib.sha256(head + NO_SUM.encode() + rest).hexdigest()
    return head + digest.encode() + rest


def find_onnx_encoder(
    model: Mapping[str, Any], run: str | Path | None = None
) -> OnnxEncoder | None:
    """Find the exported encoder of a gallery's model, if there is one and it can be used.

    Args:
        model: what gallery.json says of the model.
        run: its run folder, if it has moved since.

    Returns:
        None if the run has none, if it is of other weights, or if nothing here reads ONNX: torch
        can do the same, or says what is wrong.
    """
    noted = run or model.get("run")
    if not isinstance(noted, str | Path) or not noted or find_spec("onnxruntime") is None:
        return None
    file = Path(noted) / FILE
    if not file.is_file():
        return None
    encoder = OnnxEncoder(file)
    return encoder if encoder.settings["fingerprint"] == model.get("fingerprint") else None
