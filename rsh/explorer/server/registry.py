"""The galleries that a dashboard shows, by name; links can open no others."""

import os
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.learning.output import learned_from

DEFAULT = Path("galleries/bluemarble-64")
VARIABLE = "RSH_GALLERY"


class Registry:
    """Gallery folders, each opened on first use.

    Attributes:
        folders: by name; the dashboard opens the first one by default.
    """

    def __init__(self, folders: Sequence[Path], *, learned: bool = False) -> None:
        """Register folders.

        Args:
            folders: of the galleries.
            learned: whether to show what visitors learn from these, too, at any time: see
                `rsh.learning.output`.

        Raises:
            InputError: two folders have the same name.
        """
        self.folders = {folder.resolve().name: folder for folder in folders}
        if len(self.folders) < len(folders):
            names = [folder.resolve().name for folder in folders]
            duplicate = next(name for name in names if names.count(name) > 1)
            raise InputError(f"two galleries are called {duplicate}: rename or omit one of them")
        self._learned = learned
        self.open = cache(self._open)

    @classmethod
    def find(cls, gallery: str | Path | None = None, *, learned: bool = False) -> "Registry":
        """Return the galleries to show: the argument, RSH_GALLERY, or the sample's gallery.

        RSH_GALLERY may name several folders, one a line: names of folders may hold colons.
        """
        if gallery:
            return cls([Path(gallery)], learned=learned)
        if named := os.environ.get(VARIABLE):
            return cls([Path(name) for name in named.splitlines()], learned=learned)
        here = [DEFAULT, Path(str(files("rsh"))).parent / DEFAULT]
        found = next((folder for folder in here if folder.exists()), DEFAULT)
        return cls([found], learned=learned)

    @property
    def names(self) -> list[str]:
        """Names of the galleries there are now."""
        if self._learned:
            for folder in list(self.folders.values()):
                for learned in learned_from(folder):
                    self.folders.setdefault(learned.name, learned)
        return list(self.folders)

    def add(self, folder: Path) -> str:
        """Take a gallery in that was made or changed just now, and return its name."""
        name = folder.resolve().name
        self.folders[name] = folder
        self.open.cache_clear()
        return name

    def without_folders(self, message: str) -> str:
        """Return a message with folders replaced by gallery names, to hide paths from visitors."""
        for name, folder in self.folders.items():
            message = message.replace(str(folder), name)
        return message

    def _open(self, name: str) -> Gallery:
        """Open a gallery.

        Raises:
            InputError: no gallery has this name, or it cannot be opened.
        """
        if name not in self.names:
            raise InputError(f"no gallery {name!r} is shown here: choose {' or '.join(self.names)}")
        return Gallery.open(self.folders[name], in_place=True)
