"""Which tiles ask, which can be found, and what the mAP is divided by: one name for each habit.

One network moves by one to three points between these, so a figure means nothing without its
protocol. Nothing here imports more than the standard library.
"""

from dataclasses import dataclass

from rsh.errors import InputError
from rsh.metrics.ranking import Denominator

EVERY = ("train", "val", "query")


@dataclass(frozen=True)
class Protocol:
    """One way to measure retrieval.

    Attributes:
        name: what to call it.
        query: splits whose tiles ask.
        gallery: splits whose tiles can be found.
        without_self: whether a query is left out of its own gallery.
        top_k: only so many ranks count; None takes the whole ranking.
        denominator: what the sum of precisions is divided by: "relevant" tiles in the gallery, at
            most top_k; "top_k" itself; or the "hits" among the first top_k.
        about: what it is and who uses it, one sentence.
    """

    name: str
    query: tuple[str, ...]
    gallery: tuple[str, ...]
    without_self: bool
    top_k: int | None
    denominator: Denominator
    about: str

    @property
    def figure(self) -> str:
        """What its mAP is called, such as "mAP@20 / hits"."""
        cut = f"mAP@{self.top_k or 'ALL'}"
        return cut if self.denominator == "relevant" else f"{cut} / {self.divisor}"

    @property
    def divisor(self) -> str:
        """What the sum of precisions is divided by, in a word."""
        return str(self.top_k) if self.denominator == "top_k" else self.denominator


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "disjoint", ("query",), ("train", "val"), False, None, "relevant",
            "Unseen queries, the gallery is train and val: ours, and that of DHCNN and DGSSH.",
        ),
        Protocol(
            "leave-one-out", ("query",), ("query",), True, None, "relevant",
            "Each unseen query searches the other unseen queries, never itself.",
        ),
        Protocol(
            "whole", ("query",), EVERY, False, None, "relevant",
            "Unseen queries search all tiles and find themselves, too: SCFR and ERVD.",
        ),
        Protocol(
            "everything", EVERY, EVERY, False, 20, "top_k",
            "All tiles, trained on or not, search all tiles and find themselves: the FAH lineage.",
        ),
        Protocol(
            "hits@20", ("query",), ("query",), False, 20, "hits",
            "Unseen queries search themselves, divided by what was found: MiLaN, DeepHash-pytorch.",
        ),
    )
}  # fmt: skip
DISJOINT = PROTOCOLS["disjoint"]


def find_protocol(name: str) -> Protocol:
    """Return the protocol of this name.

    Raises:
        InputError: there is none.
    """
    if name not in PROTOCOLS:
        raise InputError(f"choose one of {', '.join(PROTOCOLS)}", parameter="protocol", value=name)
    return PROTOCOLS[name]
