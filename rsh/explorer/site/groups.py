"""Writes what a site says of groups of the hash space."""

from pathlib import Path
from typing import Any

from rsh.explorer.panels.groups import (
    CHANGED,
    LABEL,
    find_unusual,
    group_in_words,
    groups_in_words,
    unusual_in_words,
)
from rsh.gallery.gallery import Gallery
from rsh.io.files import write_json


def write_groups(gallery: Gallery, folder: Path) -> None:
    """Write words and rows of all groups into a folder, see `rsh.explorer.site.layout`."""
    said: dict[str, Any] = {"note": groups_in_words(gallery), "label": LABEL, "changed": CHANGED}
    groups = gallery.groups
    said["unusual"] = None if groups is None else unusual_in_words(find_unusual(gallery))
    said["groups"] = []
    if groups is not None:
        with (folder / "groups.bin").open("wb") as file:
            for group in groups:
                said["groups"].append(group_in_words(group) | {"size": len(group)})
                file.write(group.rows.astype("<u4").tobytes())
    write_json(folder / "groups.json", said)
