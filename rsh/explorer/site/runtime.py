"""ONNX Runtime Web, which encodes visitors' images in a site; it is too large for this repository.

For another version, change VERSION and SHA256 here, and the version in package.json.
"""

import hashlib
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from rsh.errors import InputError

VERSION = "1.30.0"
SCRIPT, MACHINE = "dist/ort.wasm.bundle.min.mjs", "dist/ort-wasm-simd-threaded.wasm"
SHA256 = {
    SCRIPT: "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    MACHINE: "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
PLACES = (Path(f"onnxruntime-web-{VERSION}.tgz"), Path("node_modules/onnxruntime-web"))
HINT = f"get it with `npm pack onnxruntime-web@{VERSION}`"


class Runtime(NamedTuple):
    """The script, and the WebAssembly that it runs."""

    script: bytes
    machine: bytes


def read_runtime(place: Path | None = None) -> Runtime:
    """Read ONNX Runtime Web.

    Args:
        place: the file that `npm pack` writes, or the folder of the package; by default the one of
            PLACES that is there.

    Raises:
        InputError: it is nowhere, or another version.
    """
    place = place or next(filter(Path.exists, PLACES), None)
    if place is None:
        raise InputError(
            f"own images need ONNX Runtime Web {VERSION}, which is not in this folder: {HINT}"
        )
    if not place.exists():
        raise InputError(
            f"there is no such file or folder: {HINT}", parameter="runtime", value=place
        )
    contents = _read_folder(place) if place.is_dir() else _read_package(place)
    for name, content in contents.items():
        if hashlib.sha256(content).hexdigest() != SHA256[name]:
            raise _other_version(place, f"its {name} is another")
    return Runtime(contents[SCRIPT], contents[MACHINE])


def _read_folder(folder: Path) -> dict[str, bytes]:
    return _read_all(folder, lambda name: folder.joinpath(name).read_bytes())


def _read_package(file: Path) -> dict[str, bytes]:
    def read(name: str) -> bytes:
        stream = package.extractfile(f"package/{name}")
        return stream.read() if stream else b""

    try:
        with tarfile.open(file, "r:gz") as package:
            return _read_all(file, read)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise _other_version(file, f"it cannot be read, {error}") from None


def _read_all(place: Path, read: Callable[[str], bytes]) -> dict[str, bytes]:
    try:
        return {name: read(name) for name in SHA256}
    except (FileNotFoundError, KeyError):
        raise _other_version(place, f"it lacks {' or '.join(SHA256)}") from None


def _other_version(place: Path, reason: str) -> InputError:
    return InputError(
        f"this is not ONNX Runtime Web {VERSION} ({reason}): {HINT}",
        parameter="runtime",
        value=place,
    )
