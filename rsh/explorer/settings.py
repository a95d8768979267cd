"""What the owner of a page allows its visitors: from the server to the kernels."""

import json
import os
from dataclasses import asdict, dataclass, fields
from typing import Literal, get_args

from rsh.errors import InputError

VARIABLE = "RSH_PAGE"  # in which the server tells the kernels
LabelsKept = Literal["gallery", "visitor", "none"]


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
    def read(cls) -> "PageSettings":
        """Return what the server of this kernel says; without a server everything is allowed."""
        given = json.loads(os.environ.get(VARIABLE, "{}"))
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in given.items() if name in known})

    def write(self) -> None:
        """Tell the kernels that start from now on."""
        os.environ[VARIABLE] = json.dumps(asdict(self))


DEFAULTS = PageSettings()
