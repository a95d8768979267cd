"""The answer: ranked tiles as cards, and what to think of them."""

from collections import Counter
from typing import Any

import anywidget
import traitlets

from rsh.explorer.bundle import bundle
from rsh.explorer.state import ExplorerState, RankedTile, Ranking
from rsh.explorer.tiles import code_of, describe, plural

SEEN = "The model trained on this tile, which flatters the answer."


class Cards(anywidget.AnyWidget):
    """A grid of tiles that sends {"kind": "choose", "row": row} when one is picked.

    Attributes:
        page: name of the page's channel, so that two pages in one notebook keep apart.
        view: heading, summary, note, num_bits, num_classes, query_code, and cards, a list of
            `describe` with alt, rank, distance, relevant, tie, score (or None), and how many
            are tied there among the cards and in the gallery (None where scores order them).
    """

    _esm = bundle("cards.js")
    page = traitlets.Unicode().tag(sync=True)
    view = traitlets.Dict().tag(sync=True)


def answer_view(state: ExplorerState, ranking: Ranking) -> dict[str, Any]:
    """Return the `Cards.view` of a ranking."""
    per_distance = ranking.counts.items[0]  # those beyond the last card included
    shown = Counter(hit.tie for hit in ranking.hits)
    return {
        "heading": heading(state, ranking),
        "summary": summary(state, ranking),
        "note": note(ranking),
        "num_bits": state.gallery.num_bits,
        "num_classes": len(state.gallery.classes),
        "query_code": code_of(state.gallery, ranking.query),
        "cards": [
            _card(state, hit)
            | {
                "tied_shown": shown[hit.tie],
                "tied": int(per_distance[hit.distance]) if hit.score is None else None,
            }
            for hit in ranking.hits
        ],
    }


def heading(state: ExplorerState, ranking: Ranking) -> str:
    """Say what is shown: "The 20 nearest tiles"."""
    within = f"within {plural(state.radius, 'bit')}" if state.mode == "radius" else ""
    if not ranking.total:
        return f"No tile {within}".strip()
    again = ranking.order != "bits"
    if within:
        first = ", the most alike first" if again else ""
        return f"{plural(ranking.total, 'tile')} {within}{first}"
    if again and state.pool > ranking.total:
        return f"The {ranking.total} most alike of the {state.pool} nearest tiles"
    return "The nearest tile" if ranking.total == 1 else f"The {ranking.total} nearest tiles"


def summary(state: ExplorerState, ranking: Ranking) -> str:
    """Say how good the answer is, over all that was found, with the exact term."""
    if ranking.total:
        words = _judged(ranking, "precision" if state.mode == "radius" else "")
        return f"{words} {SEEN}" if state.query_was_trained_on else words
    distances = ranking.counts.items[0].nonzero()[0]
    if state.mode == "radius" and len(distances):
        nearest = plural(int(distances[0]), "bit")
        return f"The nearest tile is {nearest} away: widen the radius."
    return "There is no other tile to find in this gallery."


def _judged(ranking: Ranking, term: str) -> str:
    total, far = ranking.total, plural(ranking.farthest, "bit")
    have = "has" if ranking.num_relevant == 1 else "have"
    right = f"{ranking.num_relevant:,} of {total:,} {have} the query's class"
    precision = f"{term or f'precision@{total}'} = {ranking.precision:.2f}"
    if ranking.order != "bits":
        by_bits = f"by bits alone it is {ranking.precision_by_bits:.2f}"
        return f"{right}: {precision}; {'the same by bits alone' if term else by_bits}."
    if ranking.cut is None:
        return f"{right}: {precision}. The farthest is {far} away."
    tied, places = ranking.cut
    last = f"the last {places} places" if places > 1 else "the last place"
    return f"{right}. At {far}, {tied:,} tiles tie for {last}: over all their orders, {precision}."


def note(ranking: Ranking) -> str:
    """Say what "right" means, and what is not shown."""
    if not ranking.hits:
        return ""
    text = "✓ has the same class label as the query, ✗ another. Choose any tile to search with it."
    if ranking.total > len(ranking.hits):
        text = f"The first {len(ranking.hits)} of {ranking.total:,} are shown. {text}"
    return text


def _card(state: ExplorerState, hit: RankedTile) -> dict[str, Any]:
    distance = f"{plural(hit.distance, 'bit')} away"
    score = "" if hit.score is None else f", score {hit.score:.2f}"
    card = describe(state.gallery, hit.row)
    same = "same class" if hit.relevant else "another class"
    return card | {
        "alt": f"rank {hit.rank}, {card['name']}, {distance}{score}, {same}",
        "rank": hit.rank,
        "distance": hit.distance,
        "relevant": hit.relevant,
        "tie": hit.tie,
        "score": hit.score,
    }
