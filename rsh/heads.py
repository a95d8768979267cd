"""gallery.json, the head of a gallery: what the folder holds, and whether it is as it was."""

from pathlib import Path
from typing import Any

from rsh.errors import InputError
from rsh.files import check_object, read_json, sha256, way_back

FORMAT = 1
FILES = ("codes.npy", "features.npy", "items.parquet", "thumbs.bin", "thumbs.npy")
PROJECTION = "projection.parquet"
KINDS = {
    "name": str,
    "num_bits": int,
    "num_items": int,
    "model": dict,
    "data": dict,
    "files": dict,
}


def read_head(folder: Path) -> dict[str, Any]:
    """Read gallery.json and check that each file is as it was written.

    A checksum of a projection that is not there says that `rsh project` was killed before its last
    step, and does no harm.

    Raises:
        InputError: no gallery, a newer format, or a file that is missing, cut or altered.
    """
    file = folder / "gallery.json"
    head = read_json(file, what="gallery")
    if head.get("format") != FORMAT:
        raise InputError(
            f"{folder} has gallery format {head.get('format')}, this rsh reads {FORMAT}: "
            "make it again with `rsh encode`"
        )
    check_object(head, KINDS, where=str(file), what="gallery")
    names = [*FILES, *([PROJECTION] if (folder / PROJECTION).exists() else [])]
    where = f"'files' in {file}"
    check_object(head["files"], dict.fromkeys(names, str), where=where, what="gallery")
    for name in names:
        part = folder / name
        if not part.is_file() or sha256(part) != head["files"][name]:
            state = "was altered or cut short" if part.is_file() else "is missing"
            raise InputError(f"{part} {state}: {way_back('gallery')}")
    return head
