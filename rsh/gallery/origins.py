"""Where tiles come from: the scene or folder, and the date, as far as they tell tiles apart."""

import re
from functools import lru_cache
from posixpath import commonpath, dirname
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rsh.gallery.gallery import Gallery
from rsh.text import escape_control_chars

SCENE, DATE = "scene", "date"  # columns
SAMPLED = 2000  # tiles whose folders stand for those of all
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Origin(NamedTuple):
    """Where a tile comes from, readable.

    Attributes:
        scene: the raster that it was cut from, or in a gallery without labels its folder; "" if
            all tiles have the same.
        date: of the scene; "" if all tiles have the same, or it is unknown.
    """

    scene: str
    date: str


@lru_cache(4)
def open_origins(gallery: Gallery) -> "Origins":
    """Return the origins of a gallery, with what was found out of them before."""
    return Origins(gallery)


class Origins:
    """Reads where tiles come from on demand."""

    def __init__(self, gallery: Gallery) -> None:
        table = gallery.table
        self._table = table
        self._columns = [name for name in (SCENE, DATE) if name in table and table.varies(name)]
        self._shared: str | None = None  # of folders that tell tiles apart
        if not gallery.label_names and SCENE not in table:
            # in the order of hashed ids, so these are a random choice
            folders = {*map(dirname, table.texts("id", range(min(len(table), SAMPLED))))}
            if len(folders) > 1:
                self._shared = commonpath(folders) if all(folders) else ""

    def of(self, rows: ArrayLike) -> list[Origin]:
        """Return the origin of each of some tiles."""
        count = np.size(rows)
        texts = {name: self._table.texts(name, rows) for name in self._columns}
        if self._shared is not None:
            shared = self._shared and f"{self._shared}/"
            folders = map(dirname, self._table.texts("id", rows))
            texts[SCENE] = [folder.removeprefix(shared) for folder in folders]
        scenes, dates = (texts.get(name, [""] * count) for name in (SCENE, DATE))
        pairs = zip(scenes, map(_day, dates), strict=True)
        return [Origin(*map(escape_control_chars, pair)) for pair in pairs]


def _day(text: str) -> str:
    """Return the day of a time, and other texts as they are."""
    found = DAY.match(text)
    return found[0] if found else text
