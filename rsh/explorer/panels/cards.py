"""The results of a search as cards, with heading, summary and note."""

from collections import Counter
from typing import Any

from rsh.explorer.panels.panel import Panel
from rsh.explorer.panels.tiles import describe, tile_card
from rsh.search.nearest import rerank_depth
from rsh.search.results import Hit, SearchResult
from rsh.text import humanize, plural

MAX_CARDS = 200  # a radius may hold the whole gallery; few people read further than this
SEEN = "The model was trained on this tile, so the results look better than they are."


class CardsPanel(Panel, script="cards.js"):
    """A grid of tiles that sends {"kind": "choose", "row"} and {"kind": "mark", "row", "sign"}.

    Attributes:
        view: heading, summary, note, num_bits, num_classes, query_code, and cards, a list of
            `describe` with alt, rank, distance, relevant (or None), tie, score (or None), and the
            size of its tie group among the cards and in the gallery (None if ordered by scores).
    """


def cards_view(result: SearchResult) -> dict[str, Any]:
    """Return the `CardsPanel.view` of a result."""
    per_distance = result.counts.items[0]  # those beyond the last card included
    hits = result.take(slice(MAX_CARDS)).hits
    shown = Counter(hit.tie for hit in hits)
    return {
        "heading": heading(result),
        "summary": summary(result),
        "note": note(result),
        "num_bits": result.gallery.num_bits,
        "num_classes": len(result.gallery.classes),
        "query_code": result.code,
        "cards": [
            _card(result, hit)
            | {
                "tied_shown": shown[hit.tie],
                "tied": int(per_distance[hit.distance]) if hit.score is None else None,
            }
            for hit in hits
        ],
    }


def heading(result: SearchResult) -> str:
    """Return what is shown: "The 20 nearest tiles", with the filter."""
    options, total = result.options, len(result)
    where = f" with {options.filter}" if options.filter else ""
    if result.order == "feedback":
        return f"The {plural(total, 'tile')} most similar to your feedback{where}"
    within = "" if options.radius is None else f" within {plural(options.radius, 'bit')}"
    if not total:
        return f"No tile{within}{where}"
    reranked = result.order != "bits"
    if within:
        first = ", most similar first" if reranked else ""
        return f"{plural(total, 'tile')}{within}{where}{first}"
    if reranked:
        depth = rerank_depth(result.gallery, result.query, options)
        if depth > total:
            return f"The {total} most similar of the {depth} nearest tiles{where}"
    return f"The nearest tile{where}" if total == 1 else f"The {total} nearest tiles{where}"


def summary(result: SearchResult) -> str:
    """Return how good all results are, with the exact term."""
    radius, row = result.options.radius, result.query.row
    if len(result):
        if row is None:
            return _classes(result)
        words = _judged(result, "precision" if radius is not None else "")
        return f"{words} {SEEN}" if result.gallery.items["split"].iloc[row] == "train" else words
    distances = result.counts.items[0].nonzero()[0]
    if radius is not None and len(distances):
        nearest = plural(int(distances[0]), "bit")
        return f"The nearest tile is {nearest} away. Increase the radius."
    return "There is no other tile to search in this gallery."


def _classes(result: SearchResult) -> str:
    """Count the classes of the tiles shown, as that of the image itself is unknown."""
    shown = result.take(slice(MAX_CARDS))
    names = Counter(humanize(hit.class_name) for hit in shown)
    most = ", ".join(f"{count} {name}" for name, count in names.most_common(3))
    more = f" and {plural(len(names) - 3, 'other class')}" if len(names) > 3 else ""
    text = f"Of the {plural(len(shown), 'tile')} shown: {most}{more}."
    return text if result.order != "bits" else f"{text} {_reach(result)}."


def _reach(result: SearchResult) -> str:
    """Return the distance of the last tile, and how many tie there."""
    far = plural(result.farthest, "bit")
    if result.cutoff_ties is None:
        return f"The farthest is {far} away"
    tied, places = result.cutoff_ties
    last = f"the last {places} places" if places > 1 else "the last place"
    return f"At {far}, {tied:,} tiles tie for {last}"


def _judged(result: SearchResult, term: str) -> str:
    total = len(result)
    have = "has" if result.num_relevant == 1 else "have"
    right = f"{result.num_relevant:,} of {total:,} {have} the query's class"
    precision = f"{term or f'precision@{total}'} = {result.precision:.2f}"
    if result.order != "bits":
        by_bits = f"by bits alone it is {result.precision_by_bits:.2f}"
        return f"{right}: {precision}; {'the same by bits alone' if term else by_bits}."
    if result.cutoff_ties is None:
        return f"{right}: {precision}. {_reach(result)}."
    return f"{right}. {_reach(result)}. Averaged over tie orders: {precision}."


def note(result: SearchResult) -> str:
    """Return what "right" means, and what is not shown."""
    if not len(result):
        return ""
    steer = "its + and \N{MINUS SIGN} buttons refine the results"
    text = f"Click a tile to search with it; {steer}."
    if result.query.row is not None:
        text = f"✓ marks the query's class, ✗ another class. {text}"
    if len(result) > MAX_CARDS:
        text = f"The first {MAX_CARDS} of {len(result):,} are shown. {text}"
    return text


def _card(result: SearchResult, hit: Hit) -> dict[str, Any]:
    distance = f"{plural(hit.distance, 'bit')} away"
    score = "" if hit.score is None else f"score {hit.score:.2f}"
    same = {True: "same class", False: "another class", None: ""}[hit.relevant]
    names = ("rank", "distance", "relevant", "tie", "score")
    return tile_card(
        describe(result.gallery, hit.row),
        *(distance, score, same),
        before=f"rank {hit.rank}",
        **{name: getattr(hit, name) for name in names},
    )
