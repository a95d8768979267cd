"""Export to ONNX: a network, for encoding without torch, or a backbone that is applied faster."""

import io
import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rsh.errors import InputError
from rsh.io.files import atomic_write, check_writable
from rsh.models.hashnet import HashNet, fingerprint
from rsh.models.onnx import ABOUT, INPUT, NO_SUM, OUTPUTS, SUM, import_onnxruntime, with_checksum
from rsh.text import first_sentence, install_hint

# Largest difference from torch's features, relative to the largest feature; 4e-6 was measured.
MAX_DIFFERENCE = 1e-4


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

    Its input is "tiles", as `HashNet.encode` takes them; its outputs are "feature", (n, d),
    and "relaxed", (n, num_bits), whose signs are the codes. Its metadata "rsh" holds settings and
    fingerprint of the network.

    Args:
        net: a trained network.
        file: path; an existing file is replaced.

    Returns:
        The file.

    Raises:
        InputError: the network takes embeddings, the file cannot be written, or onnxscript is not
            installed.
    """
    if not net.takes_images:
        raise InputError(
            "a network for embeddings encodes without ONNX: there is nothing to export"
        )
    file = Path(file)
    check_writable(file.absolute().parent)
    side, kind = net.image_size, torch.float16 if net.bands else torch.uint8
    example = torch.zeros(2, net.bands.channels, side, side, dtype=kind)
    model = _to_onnx(_Encode(net), example, INPUT, OUTPUTS)
    metadata = {ABOUT: json.dumps(net.settings | {"fingerprint": fingerprint(net)}), SUM: NO_SUM}
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    with atomic_write(file) as stream:
        stream.write(with_checksum(model.SerializeToString()))
    return file


def load_onnx_backbone(net: HashNet) -> Callable[[Tensor], Tensor]:
    """Return the backbone of a network in ONNX Runtime, which takes half of torch's time on a CPU.

    Args:
        net: its backbone is traced, which takes half a second, and compared with the original on
            images that were not traced.

    Returns:
        A function from normalized images, (n, 3, image_size, image_size) float, to features,
        (n, num_features). It uses the calling thread alone, and several threads may call it.

    Raises:
        InputError: the backbone cannot be exported, its features differ from torch's, or a library
            is not installed.
    """
    shape = (13, net.bands.channels, net.image_size, net.image_size)
    images = torch.rand(shape, generator=torch.Generator())
    images = net.backbone.normalize(images)
    example, others = images[:8], images[8:]
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the exporter, about itself
            expected = net.backbone.eval()(others)
            session = onnxruntime.InferenceSession(
                _trace(net.backbone, example), options, providers=["CPUExecutionProvider"]
            )
    except Exception as error:  # exporter and runtime raise errors of many types
        raise InputError(f"the backbone has no ONNX form ({first_sentence(error)})") from error

    def apply(images: Tensor) -> Tensor:
        (features,) = session.run(None, {INPUT: images.contiguous().numpy()})
        return torch.from_numpy(features)

    difference = float((apply(others) - expected).abs().max() / expected.abs().max())
    if not difference <= MAX_DIFFERENCE:
        raise InputError(
            f"the backbone's features differ from those of its ONNX form by {difference:.1e} of "
            "the largest"
        )
    return apply


def _trace(backbone: nn.Module, example: Tensor) -> bytes:
    """Return a backbone as an ONNX model for any number of rows, as what it does to an example.

    The exporter of `_to_onnx` takes ten seconds for the same. It does not fix what depends on the
    example, which a comparison with other images finds here.
    """
    stream = io.BytesIO()
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # one operation, which ONNX does not have
    try:
        torch.onnx.export(
            backbone,
            (example,),
            stream,  # type: ignore[arg-type]
            input_names=[INPUT],
            output_names=[OUTPUTS[0]],
            dynamic_axes={INPUT: {0: "n"}, OUTPUTS[0]: {0: "n"}},
            dynamo=False,
        )
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
    return stream.getvalue()


def _to_onnx(module: nn.Module, example: Tensor, name: str, outputs: Sequence[str]) -> Any:
    """Return a module as an ONNX model for any number of rows."""
    try:
        import onnxscript  # noqa: F401  torch needs it, and would say so at length
    except ImportError:
        raise InputError(install_hint("onnxscript", "onnx")) from None
    program = torch.onnx.export(
        module.eval(),
        (example,),
        input_names=[name],
        output_names=list(outputs),
        dynamic_shapes=({0: torch.export.Dim("n")},),
        dynamo=True,
        verbose=False,
    )
    assert program is not None  # without a file to write, torch returns the program
    return program.model_proto
