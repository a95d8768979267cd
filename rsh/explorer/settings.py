"""What the owner of a page allows its visitors: from the server to the kernels."""

import json
import os
from dataclasses import asdict, dataclass, fields
from typing import get_args

from rsh.config import LabelsKept
from rsh.errors import InputError

VARIABLE = "RSH_PAGE"  # in which the server tells the kernels


@dataclass(frozen=True)
class PageSettings:
    """What visitors may do.

    Attributes:
        labels: where labels and sets are kept: "gallery", for everybody; "visitor", in each
            visitor's browser; or "none", until the page is closed.
        learn: whether visitors may train codes from labels, which makes new galleries.
        originals: whether the page shows original images, where it finds them.
    """

    labels: LabelsKept = "gallery"
    learn: bool = True
    originals: bool = True

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
    ) -> "PageSettings":
        """Return what an owner has chosen; what is left open is safe where others may come.

        Args:
            shared: whether others than the owner can come: see `Access.is_shared`.
            labels: by default "gallery", or "visitor" on a shared page.
            learn: by default yes, or no on a shared page.
            originals: likewise.
        """
        return cls(
            labels=labels or ("visitor" if shared else "gallery"),
            learn=not shared if learn is None else learn,
            originals=not shared if originals is None else originals,
        )

    @classmethod
    def read(cls) -> "PageSettings":
        """Return what the server of this kernel says; without a server everything is allowed."""
        given = json.loads(os.environ.get(VARIABLE, "{}"))
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in given.items() if name in known})

    def write(self) -> None:
        """Tell the kernels that start from now on."""
        os.environ[VARIABLE] = json.dumps(asdict(self))


DEFAULTS = PageSettings()
