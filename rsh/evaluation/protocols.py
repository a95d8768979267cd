"""Evaluation protocols: which tiles are queries, which are searched, how mAP is normalized.

The mAP of one network differs by one to three points between protocols, so a metric is
meaningless without its protocol.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rsh.errors import InputError

if TYPE_CHECKING:
    from rsh.metrics.ranking import Denominator  # numpy

ALL = ("train", "val", "query")


@dataclass(frozen=True)
class Protocol:
    """One way to measure retrieval.

    Attributes:
        name: of the protocol.
        query: splits whose tiles are queries.
        gallery: splits whose tiles are searched.
        without_self: whether a query is excluded from its own gallery.
        top_k: rank cutoff; None takes the whole ranking.
        denominator: divisor of the sum of precisions: "relevant" tiles in the gallery, at most
            top_k; "top_k" itself; or the "hits" among the first top_k.
        about: description and papers that use it, one sentence.
    """

    name: str
    query: tuple[str, ...]
    gallery: tuple[str, ...]
    without_self: bool
    top_k: int | None
    denominator: "Denominator"
    about: str

    @property
    def metric(self) -> str:
        """Name of its mAP, such as "mAP@20 / hits"."""
        cut = f"mAP@{self.top_k or 'ALL'}"
        return cut if self.denominator == "relevant" else f"{cut} / {self.divisor}"

    @property
    def divisor(self) -> str:
        """Divisor of the sum of precisions, in a word."""
        return str(self.top_k) if self.denominator == "top_k" else self.denominator


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "disjoint", ("query",), ("train", "val"), False, None, "relevant",
            "Held-out queries search train and val: the default of rsh, and DHCNN and DGSSH.",
        ),
        Protocol(
            "leave-one-out", ("query",), ("query",), True, None, "relevant",
            "Each held-out query searches the other held-out queries, never itself.",
        ),
        Protocol(
            "query-vs-all", ("query",), ALL, False, None, "relevant",
            "Held-out queries search all tiles, themselves included: SCFR and ERVD.",
        ),
        Protocol(
            "all-vs-all", ALL, ALL, False, 20, "top_k",
            "All tiles, training tiles too, search all tiles, themselves included: FAH lineage.",
        ),
        Protocol(
            "query-vs-query@20", ("query",), ("query",), False, 20, "hits",
            "Held-out queries search each other, AP divided by hits: MiLaN, DeepHash-pytorch.",
        ),
    )
}  # fmt: skip
DISJOINT = PROTOCOLS["disjoint"]


def find_protocol(name: str) -> Protocol:
    """Return the protocol of this name.

    Raises:
        InputError: there is no such protocol.
    """
    if name not in PROTOCOLS:
        raise InputError(f"choose one of {', '.join(PROTOCOLS)}", parameter="protocol", value=name)
    return PROTOCOLS[name]
