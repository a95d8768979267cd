"""The answer: ranked tiles as cards, and what to think of them."""

from collections import Counter
from typing import Any

import anywidget
import traitlets

from rsh.explorer.bundle import bundle
from rsh.explorer.panels.tiles import describe, hex_of
from rsh.explorer.ranking import RankedTile, Ranking
from rsh.explorer.state import ExplorerState
from rsh.text import humanize, plural

SEEN = "The model trained on this tile, which flatters the answer."


class CardsPanel(anywidget.AnyWidget):
    """A grid of tiles that sends {"kind": "choose", "row"} and {"kind": "mark", "row", "sign"}.

    Attributes:
        page: name of the page's channel, so that two pages in one notebook keep apart.
        view: heading, summary, note, num_bits, num_classes, query_code, and cards, a list of
            `describe` with alt, rank, distance, relevant (or None), tie, score (or None), and how
            many are tied there among the cards and in the gallery (None where scores order them).
    """

    _esm = bundle("cards.js")
    page = traitlets.Unicode().tag(sync=True)
    view = traitlets.Dict().tag(sync=True)


def answer_view(state: ExplorerState, ranking: Ranking) -> dict[str, Any]:
    """Return the `Cards.view` of a ranking."""
    per_distance = ranking.counts.items[0]  # those beyond the last card included
    shown = Counter(hit.tie for hit in ranking.hits)
    gallery, question = state.gallery, ranking.question
    return {
        "heading": heading(state, ranking),
        "summary": summary(state, ranking),
        "note": note(ranking),
        "num_bits": gallery.num_bits,
        "num_classes": len(gallery.classes),
        "query_code": hex_of(question.packed(gallery), gallery.num_bits),
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
    """Say what is shown: "The 20 nearest tiles", with the conditions on them."""
    way, total = state.way, ranking.total
    where = f" where {way.where}" if way.where else ""
    if ranking.order == "marks":
        return f"The {plural(total, 'tile')} most like what you marked{where}"
    within = f" within {plural(way.radius, 'bit')}" if way.mode == "radius" else ""
    if not total:
        return f"No tile{within}{where}"
    again = ranking.order != "bits"
    if within:
        first = ", the most alike first" if again else ""
        return f"{plural(total, 'tile')}{within}{where}{first}"
    if again and state.pool > total:
        return f"The {total} most alike of the {state.pool} nearest tiles{where}"
    return f"The nearest tile{where}" if total == 1 else f"The {total} nearest tiles{where}"


def summary(state: ExplorerState, ranking: Ranking) -> str:
    """Say how good the answer is, over all that was found, with the exact term."""
    if ranking.total:
        if state.query is None:
            return _tally(state, ranking)
        words = _judged(ranking, "precision" if state.way.mode == "radius" else "")
        return f"{words} {SEEN}" if state.query_was_trained_on else words
    distances = ranking.counts.items[0].nonzero()[0]
    if state.way.mode == "radius" and len(distances):
        nearest = plural(int(distances[0]), "bit")
        return f"The nearest tile is {nearest} away: widen the radius."
    return "There is no other tile to find in this gallery."


def _tally(state: ExplorerState, ranking: Ranking) -> str:
    """Say of which classes the tiles shown are: nobody has said that of the image itself."""
    gallery = state.gallery
    names = Counter(humanize(gallery.items["class"].iloc[hit.row]) for hit in ranking.hits)
    most = ", ".join(f"{count} {name}" for name, count in names.most_common(3))
    more = f" and {plural(len(names) - 3, 'other class')}" if len(names) > 3 else ""
    shown = f"Of the {plural(len(ranking.hits), 'tile')} shown: {most}{more}."
    if ranking.order != "bits":
        return shown
    return f"{shown} {_reach(ranking)}."


def _reach(ranking: Ranking) -> str:
    """Say how far the answer goes, and how many tie at its end."""
    far = plural(ranking.farthest, "bit")
    if ranking.cut is None:
        return f"The farthest is {far} away"
    tied, places = ranking.cut
    last = f"the last {places} places" if places > 1 else "the last place"
    return f"At {far}, {tied:,} tiles tie for {last}"


def _judged(ranking: Ranking, term: str) -> str:
    total = ranking.total
    have = "has" if ranking.num_relevant == 1 else "have"
    right = f"{ranking.num_relevant:,} of {total:,} {have} the query's class"
    precision = f"{term or f'precision@{total}'} = {ranking.precision:.2f}"
    if ranking.order != "bits":
        by_bits = f"by bits alone it is {ranking.precision_by_bits:.2f}"
        whole = term and ranking.order != "marks"
        return f"{right}: {precision}; {'the same by bits alone' if whole else by_bits}."
    if ranking.cut is None:
        return f"{right}: {precision}. {_reach(ranking)}."
    return f"{right}. {_reach(ranking)}: over all their orders, {precision}."


def note(ranking: Ranking) -> str:
    """Say what "right" means, and what is not shown."""
    if not ranking.hits:
        return ""
    steer = "the buttons + and \N{MINUS SIGN} on it steer the search"
    text = f"Choose any tile to search with it; {steer}."
    if ranking.question.row is not None:
        text = f"✓ has the same class label as the query, ✗ another. {text}"
    if ranking.total > len(ranking.hits):
        text = f"The first {len(ranking.hits)} of {ranking.total:,} are shown. {text}"
    return text


def _card(state: ExplorerState, hit: RankedTile) -> dict[str, Any]:
    distance = f"{plural(hit.distance, 'bit')} away"
    score = "" if hit.score is None else f", score {hit.score:.2f}"
    card = describe(state.gallery, hit.row)
    same = {True: ", same class", False: ", another class", None: ""}[hit.relevant]
    return card | {
        "alt": f"rank {hit.rank}, {card['name']}, {distance}{score}{same}",
        "rank": hit.rank,
        "distance": hit.distance,
        "relevant": hit.relevant,
        "tie": hit.tie,
        "score": hit.score,
    }
