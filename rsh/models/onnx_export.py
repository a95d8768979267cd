"""Export of a trained network to ONNX, for encoding without torch."""

import json
from pathlib import Path

import torch
from torch import Tensor, nn

from rsh.errors import InputError
from rsh.io.files import atomic_write, check_writable
from rsh.models.hashnet import HashNet, fingerprint
from rsh.models.onnx import ABOUT, INPUT, NO_SUM, OUTPUTS, SUM, with_checksum
from rsh.text import install_hint


class _Encode(nn.Module):
    """`HashNet.encode` as a module, for the export."""

    def __init__(self, net: HashNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, tiles: Tensor) -> tuple[Tensor, Tensor]:
        features, relaxed = self.net.encode(tiles)
        return features, relaxed


def export(net: HashNet, file: str | Path) -> Path:
    """Write a network as ONNX, with views, averaging and rounding.

    Its input is "tiles", (n, 3, image_size, image_size) uint8; its outputs are "feature", (n, d),
    and "relaxed", (n, num_bits), whose signs are the codes. Its metadata "rsh" holds settings and
    fingerprint of the network.

    Args:
        net: a trained network.
        file: path; an existing file is replaced.

    Returns:
        The file.

    Raises:
        InputError: the file cannot be written, or onnxscript is not installed.
    """
    file = Path(file)
    check_writable(file.absolute().parent)
    try:
        import onnxscript  # noqa: F401  torch needs it, and would say so at length
    except ImportError:
        raise InputError(install_hint("onnxscript", "onnx")) from None
    side = net.image_size
    example = torch.zeros(2, 3, side, side, dtype=torch.uint8)
    program = torch.onnx.export(
        _Encode(net).eval(),
        (example,),
        input_names=[INPUT],
        output_names=list(OUTPUTS),
        dynamic_shapes={INPUT: {0: torch.export.Dim("n")}},
        dynamo=True,
        verbose=False,
    )
    assert program is not None  # without a file to write, torch returns the program
    model = program.model_proto
    metadata = {ABOUT: json.dumps(net.settings | {"fingerprint": fingerprint(net)}), SUM: NO_SUM}
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    with atomic_write(file) as stream:
        stream.write(with_checksum(model.SerializeToString()))
    return file
