"""Checksums as publishers state them: sha256, md5, or the id of a file in a Git repository."""

import hashlib
from pathlib import Path


def compute_digest(file: Path, algorithm: str) -> str:
    """Return the checksum of a file as hexadecimal digits.

    Args:
        file: its path.
        algorithm: "sha256", "md5", or "git" for the id of the content as a Git blob.
    """
    start = b"blob %d\0" % file.stat().st_size if algorithm == "git" else b""
    name = {"git": "sha1"}.get(algorithm, algorithm)
    found = hashlib.new(name, start, usedforsecurity=False)
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: found).hexdigest()
