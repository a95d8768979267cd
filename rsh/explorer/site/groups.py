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


def write_groups(gallery: Gallery, folder: Path) -> list[int]:
    """Write words and rows of all groups into a folder, see `rsh.explorer.site.layout`.

    Returns:
        The rows of the tiles that are shown: the most unusual ones, then typical ones.
    """
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
    unusual = [row for row, _ in said["unusual"]["tiles"]] if said["unusual"] else []
    return unusual + [row for group in said["groups"] for row in group["typical"]]
