"""The page's state in its address, so that a link opens it again.

    ?gallery=bluemarble-32&q=coast/017.jpg&k=20
    ?q=coast/017.jpg&k=20&r=3&order=features&where=class=coast,forest&like=coast/040.jpg

Only these names are read, each is checked like what a person types, and nothing of it is run.
"""

from collections.abc import Sequence
from urllib.parse import parse_qs, urlencode

from rsh.errors import InputError
from rsh.explorer.question import Question
from rsh.explorer.state import ExplorerState
from rsh.gallery.filters import Filter
from rsh.gallery.gallery import Gallery

NAMES = ("gallery", "q", "k", "r", "order", "where", "like", "unlike")
SAFE = "/:,="  # characters that stay as they are, so that a link can be read
MOST = 200  # fields
LONGEST = 8000  # characters: what browsers and servers agree on


def write_address(state: ExplorerState, *, gallery: str = "") -> str:
    """Return the query string of a state; an image of one's own is in none.

    Args:
        state: what is shown.
        gallery: which of several galleries it is.
    """
    ids, way, question = state.gallery.items["id"], state.way, state.question
    pairs = [("gallery", gallery)] if gallery else []
    if question.row is not None:
        pairs.append(("q", ids.iloc[question.row]))
    pairs.append(("k", str(way.top_k)))
    if way.mode == "radius":
        pairs.append(("r", str(way.radius)))
    if way.order != "bits":
        pairs.append(("order", way.order))
    pairs += [("where", str(condition)) for condition in way.where.conditions]
    if question.row is not None:
        pairs += [("like", ids.iloc[row]) for row in question.like]
        pairs += [("unlike", ids.iloc[row]) for row in question.unlike]
    return "?" + urlencode(pairs, safe=SAFE)


def carried_over(state: ExplorerState, gallery: Gallery) -> str:
    """Return the query string of the same tile in another gallery; of nothing, if it has none."""
    if state.query is None:
        return ""
    tile = state.gallery.items["id"].iloc[state.query]
    known = bool((gallery.items["id"] == tile).any())
    return "?" + urlencode({"q": tile, "k": state.way.top_k}, safe=SAFE) if known else ""


def gallery_in(address: str) -> str:
    """Return which gallery an address names, "" for none.

    Raises:
        InputError: see `read_address`.
    """
    return _one(_parse(address), "gallery", "")


def read_address(address: str, state: ExplorerState) -> None:
    """Bring a state to what an address says; what it does not say stays as it is.

    Raises:
        InputError: a name or value that makes no sense; the state is as before.
    """
    found = _parse(address)
    way = state.way
    mode = "radius" if "r" in found else "top_k" if "k" in found else way.mode
    where = Filter.read(found["where"]) if "where" in found else way.where
    question = state.question
    for tile in found.get("q", [])[-1:]:
        question = Question(_row(state, "q", tile))
    for sign in ("like", "unlike"):
        for tile in found.get(sign, []):
            question = question.mark(_row(state, sign, tile), sign)
    top_k, radius = _number(found, "k", way.top_k), _number(found, "r", way.radius)
    try:
        state.filter_by(where)
        state.search_by(mode, top_k=top_k, radius=radius, order=_one(found, "order", way.order))
    except InputError:
        state.way = way
        raise
    state.ask(question)


def _parse(address: str) -> dict[str, list[str]]:
    if len(address) > LONGEST:
        raise InputError(f"the link is {len(address)} characters long: at most {LONGEST} are read")
    try:
        found = parse_qs(address.removeprefix("?"), max_num_fields=MOST)
    except ValueError:
        raise InputError(f"the link says more than {MOST} things: shorten it") from None
    return {name: values for name, values in found.items() if name in NAMES}


def _one(found: dict[str, list[str]], name: str, default: str) -> str:
    values: Sequence[str] = found.get(name, [default])
    return values[-1]


def _number(found: dict[str, list[str]], name: str, default: int) -> int:
    text = _one(found, name, str(default))
    if not text.isascii() or not text.isdigit():
        raise InputError(f"the link says {name}={text}: a whole number is needed")
    return int(text[:9])


def _row(state: ExplorerState, name: str, tile: str) -> int:
    if not (state.gallery.items["id"] == tile).any():
        raise InputError(f"the link says {name}={tile}: this gallery holds no such tile")
    return state.row_of(tile)
