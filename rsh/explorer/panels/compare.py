"""Compare the results of a query with another gallery, or with features in place of codes."""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import traitlets

from rsh.analysis.compare_rankings import By, RankingPair, Side, SideResult
from rsh.errors import InputError
from rsh.explorer.panels.panel import Panel
from rsh.explorer.panels.tiles import describe, tile_card
from rsh.explorer.server.registry import Registry
from rsh.explorer.state import ExplorerState
from rsh.gallery.gallery import Gallery
from rsh.metrics.overlap import Overlap
from rsh.text import plural

MEASURES: dict[By, str] = {"bits": "{} bits", "features": "unquantized features"}


class ComparePanel(Panel, script="compare.js", style="compare.css"):
    """A choice of what to compare with, and both results beside each other.

    Sends {"kind": "choose", "row"} for a tile of this gallery.

    Attributes:
        choices: name and words of each side that can be compared with.
        chosen: name of the one that is, or ""; the browser sets it.
        labeled: whether any tile has a label.
        view: note, in words; sides, each with title, figures, cards, and mine, whether its rows
            are those of this gallery; empty while none is chosen.
    """

    choices: traitlets.List[Any] = traitlets.List().tag(sync=True)
    chosen = traitlets.Unicode().tag(sync=True)
    labeled = traitlets.Bool(True).tag(sync=True)


class OtherSide(NamedTuple):
    """What results can be compared with.

    Attributes:
        name: of another gallery, or "" for the one that is shown.
        by: what that side compares.
    """

    name: str
    by: By

    @property
    def words(self) -> str:
        """The side in words; the bits of another gallery are known once it is open."""
        if not self.name:
            return MEASURES[self.by]
        return f"{self.name}, {'bits' if self.by == 'bits' else MEASURES[self.by]}"


def list_sides(others: Sequence[str]) -> dict[str, OtherSide]:
    """Return what results can be compared with by its name in links; `others` are galleries."""
    sides = {"features": OtherSide("", "features")}
    for other in others:
        for by in MEASURES:
            sides[f"{other}/{by}"] = OtherSide(other, by)
    return sides


def others_than(site: Registry, name: str) -> list[str]:
    """Return the galleries besides one; none if that has no name."""
    return [other for other in site.names if other != name] if name else []


class Comparison:
    """The other sides; opened galleries and the tiles they share are kept.

    Attributes:
        sides: each other side, by its name.
    """

    def __init__(self, gallery: Gallery, site: Registry, name: str) -> None:
        """Offer the features of a gallery, and the other galleries.

        Args:
            gallery: what is shown.
            site: the galleries there are.
            name: what this one is called there.
        """
        self._gallery, self._site = gallery, site
        self.sides = list_sides(others_than(site, name))
        self._pair = cache(self._open_pair)

    @property
    def choices(self) -> list[list[str]]:
        """Name and words of each side."""
        return [[key, side.words] for key, side in self.sides.items()]

    def view(self, state: ExplorerState, chosen: str) -> dict[str, Any]:
        """Return the `ComparePanel.view` of a state; nothing if nothing is chosen.

        If the sides cannot be compared, the note says why: another gallery may lack the query.
        """
        if chosen not in self.sides:
            return {}
        try:
            return self._compared(state, chosen)
        except InputError as error:
            return {"note": self._site.without_folders(str(error)), "sides": []}

    def _compared(self, state: ExplorerState, chosen: str) -> dict[str, Any]:
        if state.query.row is None:
            what = "words" if state.query.is_text else "your own image"
            raise InputError(f"Only a tile of the gallery can be compared, not {what}.")
        if state.query.has_feedback or state.settings.filter:
            raise InputError("Only the query alone can be compared: clear feedback and filters.")
        pair = self._pair(chosen, state.settings.include_held_out)
        can = [len(side.searchable) - 1 for side in (pair.left, pair.right)]
        top_k = max(min(state.settings.top_k, *can), 1)
        found = pair.compare(state.query.name(self._gallery), top_k=top_k)
        name, by = self.sides[chosen]
        # Five bits of 64 are nearer than five of 32: each side says how many it has.
        theirs = MEASURES[by].format(pair.right.gallery.num_bits)
        ours = MEASURES["bits"].format(self._gallery.num_bits)
        titles = (ours, f"{name}, {theirs}" if name else theirs)
        sides = zip(titles, (pair.left, pair.right), (found.left, found.right), strict=True)
        return {
            "note": _note(found.overlap, found.shared),
            "sides": [
                _side(title, side, result, top_k) | {"mine": side.gallery is self._gallery}
                for title, side, result in sides
            ],
        }

    def _open_pair(self, chosen: str, include_held_out: bool) -> RankingPair:
        name, by = self.sides[chosen]
        other = self._site.open(name) if name else self._gallery
        left = Side(self._gallery, include_held_out=include_held_out)
        return RankingPair(left, Side(other, by, include_held_out))


def _note(overlap: Overlap | None, shared: int) -> str:
    if overlap is None:
        return "The two galleries have no tile in common."
    depth = overlap.depth
    low, high = round(overlap.least * depth), round(overlap.most * depth)
    mean, of_ties, both = f"{low}", "", "both"
    if low < high:
        mean, both = f"{overlap.expected * depth:.1f}", "both in some order of ties"
        of_ties = f" (mean over the order of ties, {low} to {high})"
    return (
        f"{mean} of the top {depth} are shared{of_ties}: "
        f"overlap@{depth} = {overlap.expected:.2f}. Both can retrieve {plural(shared, 'tile')}. "
        f"Dimmed: found by {both}."
    )


def _side(title: str, side: Side, result: SideResult, top_k: int) -> dict[str, Any]:
    average = result.average_precision
    judged = int(result.judged.sum())
    label = side.gallery.relevance.label
    among = "" if judged == top_k else f" of the tiles with a {label}"
    metrics = []
    if result.precision is not None:
        metrics.append(f"precision@{judged}{among} = {result.precision:.2f}")
    if average is not None:
        metrics.append(f"average precision = {average:.2f}")
    metrics.append(f"{int(result.only_here.sum())} only here")
    places = range(len(result.rows))
    cards = [_card(side, result, place) for place in places]
    return {"title": title, "figures": metrics, "cards": cards}


def _card(side: Side, result: SideResult, place: int) -> dict[str, Any]:
    only = bool(result.only_here[place])
    relevant = bool(result.relevant[place]) if result.judged[place] else None
    said = side.gallery.relevance
    same = {True: said.same, False: said.other, None: ""}[relevant]
    far = plural(int(result.distances[place]), "bit")
    if result.scores is not None:
        far = f"cos {result.scores[place]:.2f}"
    words = (far, same, "only here" if only else "")
    return tile_card(
        describe(side.gallery, int(result.rows[place])),
        *words,
        before=f"rank {place + 1}",
        rank=place + 1,
        far=far,
        relevant=relevant,
        only=only,
    )
