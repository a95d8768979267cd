"""The galleries that one page may show, by name: nothing else can be named by a link."""

import os
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from rsh.errors import InputError
from rsh.gallery.gallery import Gallery

DEFAULT = Path("galleries/bluemarble-32")
VARIABLE = "RSH_GALLERY"


class Registry:
    """Gallery folders, each opened when it is first asked for.

    Attributes:
        folders: by the name of the folder, the first is where a visitor begins.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        """Show these folders.

        Raises:
            InputError: two folders have one name.
        """
        self.folders = {folder.resolve().name: folder for folder in folders}
        if len(self.folders) < len(folders):
            names = [folder.resolve().name for folder in folders]
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(f"two galleries are called {twice}: rename a folder, or leave one out")
        self.open = cache(self._open)

    @classmethod
    def find(cls, gallery: str | Path | None = None) -> "Registry":
        """Return what is to be shown: the argument, RSH_GALLERY, or the sample's gallery.

        RSH_GALLERY may name several folders, separated as in PATH.
        """
        if gallery:
            return cls([Path(gallery)])
        if named := os.environ.get(VARIABLE):
            return cls([Path(name) for name in named.split(os.pathsep)])
        here = [DEFAULT, Path(str(files("rsh"))).parent / DEFAULT]
        return cls([next((folder for folder in here if folder.exists()), DEFAULT)])

    @property
    def names(self) -> list[str]:
        """What the galleries are called."""
        return list(self.folders)

    def without_folders(self, message: str) -> str:
        """Call galleries by name where a message names their folders, which are no visitor's."""
        for name, folder in self.folders.items():
            message = message.replace(str(folder), name)
        return message

    def _open(self, name: str) -> Gallery:
        """Open a gallery, once.

        Raises:
            InputError: there is none of this name, or it cannot be opened.
        """
        if name not in self.folders:
            raise InputError(f"no gallery {name!r} is shown here: choose {' or '.join(self.names)}")
        return Gallery.open(self.folders[name])
