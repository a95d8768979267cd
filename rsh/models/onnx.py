"""Encoding without torch, by an exported ONNX network."""

import hashlib
import json
import os
import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rsh.codes.binary import binarize
from rsh.codes.encodings import Encodings
from rsh.data.decoded import DecodedTiles, decode_tile
from rsh.data.images import read_image
from rsh.errors import InputError
from rsh.text import first_sentence, install_hint

if TYPE_CHECKING:
    from PIL import Image


FILE = "encoder.onnx"  # in a run folder
# Names of input and outputs, and the metadata key of the network's settings.
INPUT, OUTPUTS, ABOUT = "tiles", ("feature", "relaxed"), "rsh"
SUM = "rsh_sha256"  # of the file with zeros in place of the checksum
SUM_IN_FILE = re.compile(SUM.encode() + rb"\x12\x40([0-9a-f]{64})")
NO_SUM = "0" * 64
BATCH_SIZE = 8  # tiles: 65 need 340 MB and are not faster


class OnnxEncoder:
    """A network in an ONNX file.

    Attributes:
        settings: settings of the network, with its fingerprint.
    """

    def __init__(self, file: str | Path) -> None:
        """Open a file that `rsh export-onnx` wrote.

        Raises:
            InputError: it is none, or what reads ONNX is not installed.
        """
        onnxruntime = import_onnxruntime()
        if not Path(file).is_file():
            raise InputError(f"{file} does not exist: make it with `rsh export-onnx`")
        content = Path(file).read_bytes()
        altered = InputError(f"{file} was altered: make it again with `rsh export-onnx`")
        place = SUM_IN_FILE.search(content)
        if place and place[1] != _checksum(content, place):
            raise altered
        try:
            self._session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        except Exception as error:  # its own errors derive from nothing else
            reason = first_sentence(error)
            raise InputError(
                f"{file} cannot be read ({reason}): make it again with `rsh export-onnx`"
            ) from None
        about = self._session.get_modelmeta().custom_metadata_map.get(ABOUT)
        if about is None:
            raise InputError(f"{file} was not written by rsh: make one with `rsh export-onnx`")
        if not place:
            raise altered
        self.settings: dict[str, Any] = json.loads(about)

    def encode(self, images: "Sequence[str | Path | Image.Image]") -> Encodings:
        """Return the encodings of images; the codes equal those of the torch network.

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
        """Return the encodings of decoded tiles, (n, 3, image_size, image_size) uint8, n >= 1."""
        parts = [
            self._session.run(OUTPUTS, {INPUT: np.asarray(tiles[start : start + BATCH_SIZE])})
            for start in range(0, len(tiles), BATCH_SIZE)
        ]
        features, relaxed = (np.concatenate(part) for part in zip(*parts, strict=True))
        return Encodings(binarize(relaxed), relaxed.astype(np.float16), features.astype(np.float16))


def import_onnxruntime() -> Any:
    """Return the module `onnxruntime`, which sends no usage data.

    Raises:
        InputError: it is not installed.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # ONNX Runtime reports to Microsoft
    try:
        import onnxruntime
    except ImportError:
        raise InputError(install_hint("onnxruntime", "onnx")) from None
    return onnxruntime


def with_checksum(content: bytes) -> bytes:
    """Return the content of an ONNX file with its checksum filled in.

    Args:
        content: of the file; without a field for the checksum it is returned unchanged.
    """
    place = SUM_IN_FILE.search(content)
    if place is None:
        return content
    return content[: place.start(1)] + _checksum(content, place) + content[place.end(1) :]


def _checksum(content: bytes, place: re.Match[bytes]) -> bytes:
    """Return the checksum of a file, as the hexadecimal digits that belong at its place."""
    blank = content[: place.start(1)] + NO_SUM.encode() + content[place.end(1) :]
    return hashlib.sha256(blank).hexdigest().encode()


def find_onnx_encoder(run: str | Path, fingerprint: str) -> OnnxEncoder | None:
    """Return the exported encoder of a gallery's model, if it exists and can be used.

    Args:
        run: run folder of the model; empty if it is not known.
        fingerprint: of the model's weights.

    Returns:
        None if the run has none, if its weights differ, or if onnxruntime is not installed; then
        use torch.
    """
    file = Path(run) / FILE
    if not run or not file.is_file() or find_spec("onnxruntime") is None:
        return None
    encoder = OnnxEncoder(file)
    return encoder if encoder.settings["fingerprint"] == fingerprint else None
