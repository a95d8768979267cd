"""What the owner of a page has chosen: from the server to the kernels."""

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import get_args

from rsh.config import LabelsKept
from rsh.errors import InputError

VARIABLE = "RSH_PAGE"  # in which the server tells the kernels


@dataclass(frozen=True)
class PageSettings:
    """What visitors may do, and where things are.

    Attributes:
        labels: where labels and sets are kept: "gallery", for everybody; "visitor", in each
            visitor's browser; or "none", until the page is closed.
        learn: whether visitors may train codes from labels, which makes new galleries.
        originals: whether the page shows original images, where it finds them.
        start: folder that snippets for visitors are to be run in; "" if visitors must not see
            where galleries lie.
        run: run folder for the galleries whose own run is gone; "" for none.
    """

    labels: LabelsKept = "gallery"
    learn: bool = True
    originals: bool = True
    start: str = "."
    run: str = ""

    def __post_init__(self) -> None:
        if self.labels not in get_args(LabelsKept):
            raise InputError(
                f"choose one of {', '.join(get_args(LabelsKept))}",
                parameter="labels",
                value=self.labels,
            )

    @classmethod
    def choose(
        cls,
        *,
        shared: bool,
        labels: LabelsKept | None = None,
        learn: bool | None = None,
        originals: bool | None = None,
        run: Path | None = None,
    ) -> "PageSettings":
        """Return what an owner has chosen; what is left open is safe where others may come.

        Args:
            shared: whether others than the owner can come: see `Access.is_shared`.
            labels: by default "gallery", or "visitor" on a shared page.
            learn: by default yes, or no on a shared page.
            originals: likewise.
            run: run folder for the galleries whose own run is gone.
        """
        return cls(
            labels=labels or ("visitor" if shared else "gallery"),
            learn=not shared if learn is None else learn,
            originals=not shared if originals is None else originals,
            start="" if shared else ".",
            run=str(run or ""),
        )

    @classmethod
    def read(cls) -> "PageSettings":
        """Return what the server of this kernel says; without a server everything is allowed."""
        given = json.loads(os.environ.get(VARIABLE, "{}"))
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in given.items() if name in known})

    def write(self) -> None:
        """Tell the kernels that start from now on, whose working folder is another one."""
        folders = {"start": self.start, "run": self.run}
        whole = {name: str(Path(path).resolve()) for name, path in folders.items() if path}
        os.environ[VARIABLE] = json.dumps(asdict(self) | whole)

    def seen_from_start(self, folder: Path) -> str:
        """Return the path of a folder for a reader at `start`; "" if it must not be seen."""
        if not self.start:
            return ""
        whole, start = folder.resolve(), Path(self.start).resolve()
        return str(whole.relative_to(start) if whole.is_relative_to(start) else whole)


DEFAULTS = PageSettings()
