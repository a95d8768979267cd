"""Images that a table names beside embeddings: files next to the table, or addresses."""

import io
from pathlib import Path

import requests
from PIL import Image

from rsh.data.images import read_image
from rsh.data.sources.base import file_stamp
from rsh.errors import InputError

MAX_BYTES = 20_000_000  # of an image
TIMEOUT = 10  # seconds without an answer
SCHEMES = ("http://", "https://")


def image_stamp(name: str, folder: Path, *, fetch: bool) -> str:
    """Return a text that changes with what `read_linked_image` returns, as far as one can tell."""
    if name.lower().startswith(SCHEMES):
        return name if fetch else ""
    file = _find(name, folder)
    return f"{name} {file_stamp(file)}" if file else ""


def read_linked_image(name: str, folder: Path, *, fetch: bool) -> Image.Image | None:
    """Return an image; None if there is none that can be read.

    Args:
        name: path below the folder, or address.
        folder: that of the table. Files elsewhere are not read, since a table may come from
            anybody, and a gallery may be published.
        fetch: download what an address names.
    """
    try:
        if name.lower().startswith(SCHEMES):
            content = _download(name) if fetch else b""
        else:
            file = _find(name, folder)
            content = file.read_bytes() if file else b""
        return read_image(io.BytesIO(content), name=name) if content else None
    except (InputError, OSError, ValueError):  # that of requests is an OSError
        return None


def _find(name: str, folder: Path) -> Path | None:
    """Return the file of this name below a folder, if there is one."""
    try:
        file = (folder / name).resolve()
        inside = file.is_relative_to(folder.resolve()) and file.is_file()
    except (OSError, ValueError):  # no name that a file can have
        return None
    return file if name and inside else None


def _download(address: str) -> bytes:
    with requests.get(address, stream=True, timeout=TIMEOUT) as response:
        response.raise_for_status()
        content = b""
        for part in response.iter_content(1 << 16):
            content += part
            if len(content) > MAX_BYTES:
                return b""
    return content
