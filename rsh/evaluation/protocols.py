"""Evaluation protocols: which tiles are queries, which are searched, how mAP is normalized.

The mAP of one network differs by points between protocols, so a metric is meaningless without its
protocol. Those of papers are named after the code that was released with them, and follow what that
code does:

    ahcl            https://github.com/weiweisong415/Demo_AHCL_for_TGRS2022, calc_hr.py;
                    https://github.com/QinLab-WFU/DNtH, evaluate.py
    dhcl            https://github.com/Liuzt1999/DHCL, utils.py, evaluate_hamming2
    ervd            https://github.com/milkyfun0/ERVD, utils.py, validate_on_tensor
    fah             https://github.com/smallsmallflypigtang/
                    Deep-Hash-learning-for-Remote-Sensing-Image-Retrieval, evaluate/map.py
    all-vs-all@20   the same, Metric/mAP.py and validateMAP.py
    milan           https://github.com/MLEnthusiast/MHCLN, UCMD/eval.py

`seen` and `unseen` need a split that leaves classes out, see `rsh.data.splits.draw_unseen`.

Source: of unseen classes, Sablayrolles et al. 2017, https://arxiv.org/abs/1609.06753
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rsh.errors import InputError

if TYPE_CHECKING:
    from rsh.config import Ties
    from rsh.metrics.ranking import Denominator  # numpy

UNSEEN = "unseen"  # split of the classes that are not learned
ALL = ("train", "val", "query")
HELD_OUT, LEARNED = ("query",), ("train", "val")


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
            top_k; "top_k" itself; or the "hits" among the first top_k. "any" is no average
            precision: a query scores 1 if any of top_k tiles after the first one is relevant.
        ties: order of tied tiles, as in `scoring.average_precisions`.
        over_queries: "mean"; the mean over queries whose figure is not 0 ("nonzero"); or "running",
            the mean of the figures times that of all queries so far.
        best_epoch: whether papers that use it report the epoch with the best figure on the queries.
        about: description and papers that use it, one sentence.
    """

    name: str
    query: tuple[str, ...]
    gallery: tuple[str, ...]
    without_self: bool
    top_k: int | None
    denominator: "Denominator | Literal['any']"
    ties: "Ties"
    over_queries: Literal["mean", "nonzero", "running"]
    best_epoch: bool
    about: str

    @property
    def needs_unseen(self) -> bool:
        """Whether some classes must not have been learned."""
        return UNSEEN in self.gallery

    @property
    def metric(self) -> str:
        """Name of its figure, such as "mAP@20 / hits"."""
        if self.denominator == "any":
            return f"any hit@{self.top_k}, {self.over_queries}"
        cut = f"mAP@{self.top_k or 'ALL'}"
        named = cut if self.denominator == "relevant" else f"{cut} / {self.divisor}"
        return named if self.over_queries == "mean" else f"{named}, {self.over_queries}"

    @property
    def divisor(self) -> str:
        """Divisor of the sum of precisions, in a word."""
        return str(self.top_k) if self.denominator == "top_k" else self.denominator

    @property
    def warnings(self) -> list[str]:
        """What makes its figure too high, a sentence each."""
        found = []
        if set(self.query) & set(LEARNED):
            found.append("queries are tiles that the network has learned from")
        if set(self.query) & set(self.gallery) and not self.without_self:
            found.append("queries find themselves")
        if self.denominator == "any":
            found.append("one relevant tile is as good as twenty")
        if self.denominator == "hits":
            found.append("a query that finds few relevant tiles loses nothing")
        if self.over_queries == "nonzero":
            found.append("queries that find nothing are left out")
        if self.best_epoch:
            found.append("published figures are of the epoch with the best figure on the queries")
        return found


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "disjoint", HELD_OUT, LEARNED, False, None, "relevant", "average", "mean", False,
            "Held-out queries search train and val, ties averaged: the default of rsh.",
        ),
        Protocol(
            "ahcl", HELD_OUT, LEARNED, False, None, "relevant", "argsort", "mean", False,
            "Held-out queries search train and val, ties in the order of rows: AHCL and DNtH.",
        ),
        Protocol(
            "dhcl", HELD_OUT, HELD_OUT, False, 20, "any", "average", "running", True,
            "Held-out queries search each other, the first result is dropped, and any hit among "
            "the next 20 counts: what DHCL's released code calls MAP@20.",
        ),
        Protocol(
            "ervd", HELD_OUT, ALL, False, None, "relevant", "argsort", "nonzero", True,
            "Held-out queries search all tiles, themselves included: ERVD and SCFR.",
        ),
        Protocol(
            "fah", ALL, ALL, False, 60, "top_k", "argsort", "mean", False,
            "All tiles, training tiles too, search all tiles, themselves included, 60 ranks: FAH.",
        ),
        Protocol(
            "all-vs-all@20", ALL, ALL, False, 20, "top_k", "average", "mean", False,
            "As fah, 20 ranks and ties averaged: later code of FAH, but for the order of ties.",
        ),
        Protocol(
            "milan", HELD_OUT, HELD_OUT, True, 20, "hits", "argsort", "mean", False,
            "Held-out queries search each other, AP divided by hits: MHCLN and MiLaN.",
        ),
        Protocol(
            "seen", HELD_OUT, (*LEARNED, UNSEEN), False, None, "relevant", "average", "mean", False,
            "As disjoint, in a gallery that also holds classes that were not learned.",
        ),
        Protocol(
            "unseen", (UNSEEN,), (*LEARNED, UNSEEN), True, None, "relevant", "average", "mean",
            False, "Tiles of classes that were not learned search all others, as in DSH_Analysis.",
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
