"""The state of the dashboard in its address, so that a link opens it again.

    ?gallery=bluemarble-64&q=coast/017.jpg&k=20
    ?q=coast/017.jpg&k=20&r=3&order=features&where=class=coast,forest&like=coast/040.jpg
    ?q=coast/017.jpg&k=20&include_held_out=yes&stack=yes

Only these names are read. Each value is checked like typed input, and nothing is executed.
"""

from typing import Any
from urllib.parse import parse_qs, urlencode

from rsh.errors import InputError
from rsh.explorer.state import ExplorerState
from rsh.gallery.filters import NO_FILTER, Filter
from rsh.gallery.gallery import Gallery
from rsh.search.query import Query, Sign

# As the browser and links name them.
SIGNS: dict[str, Sign] = {"like": "positive", "unlike": "negative"}
NAMES = ("gallery", "q", "k", "r", "order", "where", "include_held_out", "stack", *SIGNS)
SWITCH = {"yes": True, "no": False}
SAFE = "/:,="  # characters that are not quoted, so that links are readable
MOST = 200  # fields
LONGEST = 8000  # characters: what browsers and servers support


def write_address(state: ExplorerState, *, gallery: str = "") -> str:
    """Return the query string of a state; an uploaded image is not part of it.

    Args:
        state: what is shown.
        gallery: which of several galleries it is.
    """
    ids, settings, query = state.gallery.ids, state.settings, state.query
    pairs = [("gallery", gallery)] if gallery else []
    if query.row is not None:
        pairs.append(("q", ids[query.row]))
    pairs.append(("k", str(settings.top_k)))
    if settings.mode == "radius":
        pairs.append(("r", str(settings.radius)))
    if settings.order != "bits":
        pairs.append(("order", settings.order))
    pairs += _switches(state).items()
    pairs += [("where", str(condition)) for condition in settings.filter.conditions]
    if query.row is not None:
        for word, sign in SIGNS.items():
            pairs += [(word, ids[row]) for row in getattr(query, sign)]
    return "?" + urlencode(pairs, safe=SAFE)


def carried_over(state: ExplorerState, gallery: Gallery) -> str:
    """Return the query string of the same tile in another gallery; empty if it has none."""
    if state.query.row is None:
        return ""
    tile = state.query.name(state.gallery)
    if tile not in gallery.ids:
        return ""
    pairs = {"q": tile, "k": state.settings.top_k, **_switches(state)}
    return "?" + urlencode(pairs, safe=SAFE)


def gallery_in(address: str) -> str:
    """Return which gallery an address names, "" for none.

    Raises:
        InputError: see `read_address`.
    """
    return _one(_parse(address), "gallery", "")


def read_address(address: str, state: ExplorerState) -> None:
    """Set a state to what an address says; what it does not mention is unchanged.

    Raises:
        InputError: a name or value makes no sense; the state is as before.
    """
    found = _parse(address)
    settings, query = state.settings, state.query
    mode = "radius" if "r" in found else "top_k" if "k" in found else settings.mode
    for tile in found.get("q", [])[-1:]:
        query = Query(_row(state, "q", tile))
    for word, sign in SIGNS.items():
        for tile in found.get(word, []):
            query = query.mark(_row(state, word, tile), sign)
    top_k, radius = _number(found, "k", settings.top_k), _number(found, "r", settings.radius)
    order = _one(found, "order", settings.order)
    included = _switch(found, "include_held_out", settings.include_held_out)
    stacked = _switch(found, "stack", state.stacked)
    numbers: dict[str, Any] = {"top_k": top_k, "radius": radius, "include_held_out": included}
    try:
        if "where" in found:  # it may fit no tile that was searched before
            state.filter_by(NO_FILTER)
        state.search_by(mode, order=order, **numbers)
        if "where" in found:
            state.filter_by(Filter.read(found["where"]))
    except InputError:
        state.settings = settings
        raise
    state.stacked = stacked
    state.search_with(query)


def _switches(state: ExplorerState) -> dict[str, str]:
    """Return the switches that are on."""
    on = {"include_held_out": state.settings.include_held_out, "stack": state.stacked}
    return {name: "yes" for name, value in on.items() if value}


def _parse(address: str) -> dict[str, list[str]]:
    if len(address) > LONGEST:
        raise InputError(f"the link is {len(address)} characters long: at most {LONGEST} are read")
    try:
        found = parse_qs(address.removeprefix("?"), max_num_fields=MOST)
    except ValueError:
        raise InputError(f"the link says more than {MOST} things: shorten it") from None
    return {name: values for name, values in found.items() if name in NAMES}


def _one(found: dict[str, list[str]], name: str, default: str) -> str:
    return found.get(name, [default])[-1]


def _switch(found: dict[str, list[str]], name: str, default: bool) -> bool:
    if name not in found:
        return default
    text = _one(found, name, "")
    if text not in SWITCH:
        raise InputError(f"the link says {name}={text}: choose {' or '.join(SWITCH)}")
    return SWITCH[text]


def _number(found: dict[str, list[str]], name: str, default: int) -> int:
    text = _one(found, name, str(default))
    if not text.isascii() or not text.isdigit():
        raise InputError(f"the link says {name}={text}: a whole number is needed")
    return int(text[:9])


def _row(state: ExplorerState, name: str, tile: str) -> int:
    if tile not in state.gallery.ids:
        raise InputError(f"the link says {name}={tile}: this gallery holds no such tile")
    return state.gallery.find_row(tile)
