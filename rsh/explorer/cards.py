"""Tiles as cards: the ranked answer, and in small the tiles to choose a query from."""

from collections import Counter
from typing import Any

import anywidget
import traitlets

from rsh.explorer.bundle import bundle
from rsh.explorer.state import Answer, ExplorerState, Hit
from rsh.explorer.tiles import code_of, describe, plural


class Cards(anywidget.AnyWidget):
    """A grid of tiles that sends {"kind": "choose", "row": row} when one is picked.

    Attributes:
        page: name of the page's channel, so that two pages in one notebook keep apart.
        compact: small thumbnails without words.
        view: heading, summary, note, num_bits, num_classes, query_code, and cards, a list of
            `describe` with alt and, for hits, rank, distance, relevant, tie, and how many are
            tied at that distance among the cards and in the gallery.
    """

    _esm = bundle("cards.js")
    page = traitlets.Unicode().tag(sync=True)
    compact = traitlets.Bool(False).tag(sync=True)
    view = traitlets.Dict().tag(sync=True)


def answer_view(state: ExplorerState, answer: Answer) -> dict[str, Any]:
    """Return the `Cards.view` of an answer."""
    per_distance = state.histogram().sum(axis=0)  # those beyond the last card included
    shown = Counter(hit.distance for hit in answer.hits)
    return {
        "heading": heading(state, answer),
        "summary": summary(state, answer),
        "note": note(state, answer),
        "num_bits": state.gallery.num_bits,
        "num_classes": len(state.gallery.classes),
        "query_code": code_of(state.gallery, answer.query),
        "cards": [
            _card(state, hit) | {"tied_shown": shown[d], "tied": int(per_distance[d])}
            for hit in answer.hits
            for d in [hit.distance]
        ],
    }


def chooser_view(state: ExplorerState, name: str) -> dict[str, Any]:
    """Return the `Cards.view` of the tiles of one class."""
    cards = []
    for number, row in enumerate(state.tiles_of(name), start=1):
        card = describe(state.gallery, row)
        marks = [card["split"], "the current query" if row == state.query else ""]
        words = [f"tile {number}", card["name"], card["place"], *marks]
        card |= {"alt": ", ".join(filter(None, words)), "current": row == state.query}
        cards.append(card)
    return {"cards": cards}


def heading(state: ExplorerState, answer: Answer) -> str:
    """Say what is shown: "The 20 nearest tiles"."""
    if not answer.hits:
        return (
            f"No tile within {plural(state.radius, 'bit')}" if state.mode == "radius" else "No tile"
        )
    if state.mode == "top_k":
        return "The nearest tile" if answer.total == 1 else f"The {answer.total} nearest tiles"
    return f"{plural(answer.total, 'tile')} within {plural(state.radius, 'bit')}"


def summary(state: ExplorerState, answer: Answer) -> str:
    """Say how good the answer is, in one sentence with the exact term."""
    if answer.precision is None:
        distances = state.histogram().sum(axis=0).nonzero()[0]
        if state.mode == "radius" and len(distances):
            nearest = plural(int(distances[0]), "bit")
            return f"The nearest tile is {nearest} away: widen the radius."
        return "There is no other tile to find in this gallery."
    shown, farthest = len(answer.hits), plural(answer.hits[-1].distance, "bit")
    ties = plural(answer.num_ties, "tie group") if answer.num_ties else "no ties"
    same = "is" if answer.num_relevant == 1 else "are"
    return (
        f"{answer.num_relevant} of {shown} {same} the same class "
        f"(precision@{shown} = {answer.precision:.2f}); "
        f"the farthest is {farthest} away; {ties}."
    )


def note(state: ExplorerState, answer: Answer) -> str:
    """Say what "right" means, and what is not shown."""
    if not answer.hits:
        return ""
    text = "✓ has the same class label as the query, ✗ another. Choose any tile to search with it."
    if answer.total > len(answer.hits):
        text = f"The first {len(answer.hits)} of {answer.total:,} are shown. {text}"
    return text


def _card(state: ExplorerState, hit: Hit) -> dict[str, Any]:
    distance = plural(hit.distance, "bit")
    card = describe(state.gallery, hit.row)
    same = "same class" if hit.relevant else "another class"
    return card | {
        "alt": f"rank {hit.rank}, {card['name']}, {distance} away, {same}",
        "rank": hit.rank,
        "distance": hit.distance,
        "relevant": hit.relevant,
        "tie": hit.tie,
    }
