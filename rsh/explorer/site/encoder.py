"""What a site needs to encode visitors' images: the network of its gallery, and what runs it."""

import gzip
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rsh.encoding.query import load_network
from rsh.errors import InputError
from rsh.explorer.site.runtime import read_runtime
from rsh.gallery.gallery import Gallery
from rsh.models.onnx import FILE, find_onnx_encoder


def read_encoder(gallery: Gallery, *, run: Path | None, runtime: Path | None) -> dict[str, bytes]:
    """Return the files of an encoder by their names.

    The network is the ONNX file in the run folder; if there is none that fits, it is exported.

    Args:
        gallery: an opened gallery.
        run: run folder of its network, if it has moved.
        runtime: where ONNX Runtime Web is, see `read_runtime`.

    Raises:
        InputError: the gallery has no network for images, or this or the runtime is not there.
    """
    model = gallery.manifest.model
    if model.vector_dim:
        raise InputError(f"{gallery.folder} was made from embeddings, so its site takes no images")
    if gallery.learned_head:
        raise InputError(
            f"{gallery.folder} has learned from labels, so its site takes no images: publish the "
            "gallery that it was made of, or leave out --own-images"
        )
    script, machine = read_runtime(runtime)
    found = find_onnx_encoder(run or model.run, model.fingerprint)
    network = Path(run or model.run, FILE).read_bytes() if found else _export(gallery, run)
    return {
        "encoder.onnx": network,
        "runtime.js": script,
        "runtime.bin": gzip.compress(machine, mtime=0),
    }


def _export(gallery: Gallery, run: Path | None) -> bytes:
    from rsh.models.onnx_export import export  # torch

    print("exporting the network ...", file=sys.stderr)
    with TemporaryDirectory() as folder:
        return export(load_network(gallery, run), Path(folder, FILE)).read_bytes()
