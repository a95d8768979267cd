"""The results of a search as cards, with heading, summary and note."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import traitlets

from rsh.explorer.panels.panel import Panel
from rsh.explorer.panels.tiles import describe, tile_card
from rsh.search.results import Hit, SearchResult
from rsh.text import humanize, plural

MAX_CARDS = 200  # a radius may hold the whole gallery; few people read further than this
SEEN = "The model was trained on this tile, so the results look better than they are."


class CardsPanel(Panel, script="cards.js"):
    """A grid of tiles.

    Sends {"kind": "choose", "row"}, {"kind": "mark", "row", "sign"} and {"kind": "select results"}.

    Attributes:
        view: heading, summary, note, num_bits, class_bits, those that are no look bits,
            num_classes, relevance, words from `RelevanceWords`, images, whether any tile has one,
            query_code, and cards, a list of `describe` with alt, rank, distance, relevant (or
            None), tie, score (or None), and the size of its tie group among the cards and in the
            gallery.
        stacked: whether cards of equal codes are stacked; both sides set it.
        composites: ways to show bands, see `Gallery.describe_composites`; none of images.
        composite: name of the one that is shown; both sides set it.
        brightness: how many times as bright images are drawn; both sides set it.
    """

    stacked = traitlets.Bool(False).tag(sync=True)
    composites = traitlets.List[Any]().tag(sync=True)
    composite = traitlets.Unicode("").tag(sync=True)
    brightness = traitlets.Float(1.0).tag(sync=True)


def cards_view(result: SearchResult, kept: tuple[float, int] | None = None) -> dict[str, Any]:
    """Return the `CardsPanel.view` of a result.

    Args:
        result: of the search.
        kept: from `rsh.search.nearest.neighbors_kept`.
    """
    hits = shown_hits(result)
    shown, tied = Counter(hit.tie for hit in hits), _tied(result)
    return {
        "heading": heading(result),
        "summary": " ".join(filter(None, (summary(result), kept_words(kept) if hits else ""))),
        "note": note(result),
        "num_bits": result.gallery.num_bits,
        "num_classes": len(result.gallery.classes),
        "relevance": result.gallery.relevance._asdict(),
        "images": result.gallery.has_images,
        "query_code": result.code,
        "class_bits": result.gallery.num_bits - result.gallery.look_bits,
        "cards": [
            _card(result, hit)
            | {
                "tied_shown": shown[hit.tie],
                "tied": tied[hit.distance if hit.score is None else hit.score],
            }
            for hit in hits
        ],
    }


def shown_hits(result: SearchResult) -> list[Hit]:
    """Return the tiles shown."""
    return result.take(slice(MAX_CARDS)).hits


def _tied(result: SearchResult) -> Mapping[float, int]:
    """Return how many tiles have a distance or a score, those beyond the last card included."""
    if result.scored is None:
        return dict(enumerate(result.counts.items[0].tolist()))
    return Counter(result.scored[1].tolist())


def heading(result: SearchResult) -> str:
    """Return what is shown: "The 20 nearest tiles", with the filter."""
    options, total = result.options, len(result)
    where = f" with {options.filter.title}" if options.filter else ""
    if result.order == "feedback":
        return f"The {plural(total, 'tile')} most similar to your feedback{where}"
    within = "" if options.radius is None else f" within {plural(options.radius, 'bit')}"
    if not total:
        return f"No tile{within}{where}"
    reranked = result.order != "bits"
    if within:
        first = ", most similar first" if reranked else ""
        return f"{plural(total, 'tile')}{within}{where}{first}"
    if reranked and result.pool > total:
        most = "most similar" if total == 1 else f"{total} most similar"
        return f"The {most} of the {result.pool:,} nearest tiles{where}"
    return f"The nearest tile{where}" if total == 1 else f"The {total} nearest tiles{where}"


def summary(result: SearchResult) -> str:
    """Return how good all results are, with the exact term; where that is known."""
    radius, row = result.options.radius, result.query.row
    if len(result):
        words = ""
        if result.class_left_out:
            words = f"{result.left_out[0].upper()}{result.left_out[1:]}. {_labels(result)}"
        elif result.relevant is not None:
            words = _judged(result, "precision" if radius is not None else "")
        seen = row is not None and result.gallery.split_name(row) == "train"
        return " ".join(filter(None, (words or _labels(result), SEEN if seen else "")))
    distances = result.counts.items[0].nonzero()[0]
    if radius is not None and len(distances):
        nearest = plural(int(distances[0]), "bit")
        return f"The nearest tile is {nearest} away. Increase the radius."
    return "There is no other tile to search in this gallery."


def kept_words(kept: tuple[float, int] | None) -> str:
    """Return what the code keeps of the nearest tiles by features."""
    if kept is None:
        return ""
    expected, count = kept
    near = f"Neighbors kept: of the query's {plural(count, 'nearest tile')} by features"
    if expected.is_integer():
        are = "is" if expected == 1 else "are"
        return f"{near}, {expected:.0f} {are} among the first {count} by code."
    return (
        f"{near}, about {expected:.1f} are among the first {count} by code "
        "(mean over the order of ties)."
    )


def _labels(result: SearchResult) -> str:
    """Count the labels of the tiles shown, as the query itself has none."""
    gallery, rows = result.gallery, result.rows[:MAX_CARDS].tolist()
    shown, label = [gallery.list_labels(row) for row in rows], gallery.relevance.label
    names = Counter(name for labels in shown for name in labels)
    counts = [f"{count} {humanize(name)}" for name, count in names.most_common(3)]
    counts += [plural(len(names) - 3, f"other {label}")] if len(names) > 3 else []
    unknown = sum(not labels for labels in shown)
    counts += [f"{unknown} without a {label}"] if unknown else []
    text = f"Of the {plural(len(shown), 'tile')} shown: {_joined(counts)}." if names else ""
    reach = f"{_reach(result)}." if result.order == "bits" else ""
    return " ".join(filter(None, (text, reach)))


def _joined(words: list[str]) -> str:
    """Return "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _reach(result: SearchResult) -> str:
    """Return the distance of the last tile, and how many tie there, or at its score."""
    far = plural(result.farthest, "bit")
    if result.cutoff_ties is None:
        return f"The {'tile' if len(result) == 1 else 'farthest'} is {far} away"
    tied, places = result.cutoff_ties
    last = f"the last {places} places" if places > 1 else "the last place"
    last = "the only place" if len(result) == 1 else last
    at = f"At {far}" if result.scores is None else "At the last score"
    return f"{at}, {tied:,} tiles tie for {last}"


def _judged(result: SearchResult, term: str) -> str:
    judged, words = result.num_judged, result.gallery.relevance
    if result.precision is None:
        reach = f" {_reach(result)}." if result.order == "bits" else ""
        return f"No tile found has a {words.label}.{reach}"
    have = words.has if result.num_relevant == 1 else words.have
    with_label = f"the {plural(judged, 'tile')} with a {words.label}"
    among = f"{judged:,}" if judged == len(result) else with_label
    right = f"{result.num_relevant:,} of {among} {have}"
    precision = f"{term or f'precision@{judged}'} = {result.precision:.2f}"
    if result.order != "bits":
        by_bits = f"by Hamming distance alone it is {result.precision_by_bits:.2f}"
        by_bits = "the same by Hamming distance alone" if term else by_bits
        if result.cutoff_ties is None:
            return f"{right}: {precision}; {by_bits}."
        return f"{right}. {_reach(result)}. Averaged over tie orders: {precision}; {by_bits}."
    if result.cutoff_ties is None:
        return f"{right}: {precision}. {_reach(result)}."
    return f"{right}. {_reach(result)}. Averaged over tie orders: {precision}."


def note(result: SearchResult) -> str:
    """Return what "right" means, and what is not shown."""
    if not len(result):
        return ""
    steer = "its + and \N{MINUS SIGN} buttons refine the results"
    text = f"Click a tile to search with it; {steer}."
    if result.num_judged:
        words = result.gallery.relevance
        none = "" if result.num_judged == len(result) else f", no mark {words.unknown}"
        text = f"{words.marks}{none}. {text}"
    if len(result) > MAX_CARDS:
        text = f"The first {MAX_CARDS} of {len(result):,} are shown. {text}"
    return text


def _card(result: SearchResult, hit: Hit) -> dict[str, Any]:
    distance = f"{plural(hit.distance, 'bit')} away"
    score = "" if hit.score is None else f"score {hit.score:.2f}"
    words = result.gallery.relevance
    same = {True: words.same, False: words.other, None: ""}[hit.relevant]
    names = ("rank", "distance", "relevant", "tie", "score")
    return tile_card(
        describe(result.gallery, hit.row),
        *(distance, score, same),
        before=f"rank {hit.rank}",
        **{name: getattr(hit, name) for name in names},
    )
