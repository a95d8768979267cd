"""The state of the dashboard in its address, so that a link opens it again.

    ?gallery=bluemarble-64&q=coast/017.jpg&k=20
    ?q=coast/017.jpg&k=20&r=3&order=features&where=class=coast,forest&like=coast/040.jpg
    ?q=coast/017.jpg&k=20&include_held_out=yes&stack=yes&compare=features
    ?q=2017-05-06/r000000_c000020&k=20&bands=false+color&brightness=2.5
    ?text=solar+farm&k=20

Only these names are read. Each value is checked like typed input, and nothing is executed.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlencode

import numpy as np

from rsh.codes.encodings import Encodings
from rsh.errors import InputError
from rsh.explorer.state import MAX_TOP_K, ExplorerState
from rsh.gallery.filters import NO_FILTER, Filter
from rsh.gallery.gallery import Gallery
from rsh.search.query import Query, QueryImage, Sign
from rsh.text import escape_control_chars

# As the browser and links name them.
SIGNS: dict[str, Sign] = {"like": "positive", "unlike": "negative"}
# In the order in which they are followed: how many tiles can be found depends on whether held-out
# ones count.
FOLLOWED = (
    *("q", "text", "include_held_out", "k", "r", "order", "stack", "compare"),
    *("bands", "brightness"),
)
NAMES = ("gallery", *FOLLOWED, "where", *SIGNS)
NOTHING: Any = np.empty((0, 0))
NOT_YET = Encodings(NOTHING, NOTHING, NOTHING)  # of words in a link
NUMBER = re.compile("[0-9]+([.][0-9]+)?")
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
    if query.is_text:
        pairs.append(("text", query.name(state.gallery)))
    pairs.append(("k", str(settings.top_k)))
    if settings.mode == "radius":
        pairs.append(("r", str(settings.radius)))
    if settings.order != "bits":
        pairs.append(("order", settings.order))
    pairs += _switches(state).items()
    if state.compared:
        pairs.append(("compare", state.compared))
    if state.gallery.composite and state.gallery.composite.name != state.gallery.composites[0]:
        pairs.append(("bands", state.gallery.composite.name))
    if state.brightness != 1:
        pairs.append(("brightness", f"{state.brightness:g}"))
    pairs += [("where", str(condition)) for condition in settings.filter.conditions]
    if query.row is not None or query.is_text:
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


def read_address(address: str, state: ExplorerState) -> str:
    """Set a state to what an address says; what it does not mention is unchanged.

    Parts that make no sense are left out, and the others hold. Words to search with have to be
    encoded first: they become `awaited`.

    Returns:
        Which parts were left out and why, one sentence; "" if all hold.

    Raises:
        InputError: the address is too long, or says too many things; the state is as before.
    """
    found = _parse(address)
    parts = _Parts(state)
    if "where" in found:  # conditions of before may fit no tile that is searched now
        state.filter_by(NO_FILTER)
    if "q" in found and "text" in found and state.takes_words:
        tile = found.pop("q")[-1]
        parts.left_out.append(f"q={tile} (the link searches with words as well)")
    for name in FOLLOWED:
        parts.follow(name, found.get(name, [])[-1:])
    if "where" in found:
        parts.filter(found["where"])
    for name in SIGNS:
        parts.follow(name, found.get(name, []))
    state.awaited = parts.query if parts.has_words else None
    if not parts.has_words:
        state.search_with(parts.query)
    if not parts.left_out:
        return ""
    return escape_control_chars(f"this was left out of the link: {'; '.join(parts.left_out)}")


class _Parts:
    """Applies the parts of an address to a state.

    Attributes:
        query: what the address searches with; the state takes it once it is complete.
        left_out: the parts that make no sense, each with the reason.
        has_words: whether it searches with words.
    """

    def __init__(self, state: ExplorerState) -> None:
        self.query, self.left_out, self.has_words = state.query, list[str](), False
        self._state = state
        self._has_query = True
        longest = state.gallery.num_bits
        self._acts: dict[str, Callable[[str], None]] = {
            "q": self._choose,
            "text": self._take_words,
            "k": lambda text: self._search(mode="top_k", top_k=_number(text, 1, MAX_TOP_K)),
            "r": lambda text: self._search(mode="radius", radius=_number(text, 0, longest)),
            "order": lambda text: self._search(order=text),
            "include_held_out": lambda text: self._search(include_held_out=_switch(text)),
            "stack": self._stack,
            "compare": self._compare,
            "bands": state.gallery.show_composite,
            "brightness": lambda text: state.brighten(float(text) if NUMBER.fullmatch(text) else 0),
            **{word: partial(self._mark, sign=sign) for word, sign in SIGNS.items()},
        }

    def follow(self, name: str, values: list[str]) -> None:
        for value in values:
            try:
                self._acts[name](value)
            except InputError as error:
                self.left_out.append(f"{name}={value} ({error.reason})")

    def filter(self, texts: list[str]) -> None:
        if not self._refusal(texts):
            return
        kept = []
        for text in texts:
            if reason := self._refusal([text]):
                self.left_out.append(f"where={text} ({reason})")
            else:
                kept.append(text)
        if reason := self._refusal(kept):  # each alone makes sense
            self._state.filter_by(NO_FILTER)
            self.left_out.append(f"{', '.join(f'where={text}' for text in kept)} ({reason})")

    def _refusal(self, texts: list[str]) -> str:
        try:
            self._state.filter_by(Filter.read(texts))
        except InputError as error:
            return error.reason
        return ""

    def _choose(self, tile: str) -> None:
        self._has_query = False
        self.query = Query(_row(self._state, tile))
        self._has_query = True

    def _take_words(self, text: str) -> None:
        if not self._state.takes_words:
            raise InputError("this gallery is not searched with words")
        words = QueryImage(" ".join(text.split()), b"", NOT_YET, is_text=True)
        self.query, self.has_words, self._has_query = Query(image=words), True, True

    def _mark(self, tile: str, *, sign: Sign) -> None:
        if not self._has_query:
            raise InputError("it belongs to a query that was left out")
        self.query = self.query.mark(_row(self._state, tile), sign)

    def _search(self, **changed: Any) -> None:
        names = ("mode", "top_k", "radius", "order", "include_held_out")
        now = {name: getattr(self._state.settings, name) for name in names}
        self._state.search_by(**now | changed)

    def _stack(self, text: str) -> None:
        self._state.stacked = _switch(text)

    def _compare(self, text: str) -> None:
        if text not in self._state.sides:
            can = ", ".join(self._state.sides)
            raise InputError(f"choose one of {can}" if can else "there is nothing to compare with")
        self._state.compared = text


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


def _switch(text: str) -> bool:
    if text not in SWITCH:
        raise InputError(f"choose {' or '.join(SWITCH)}")
    return SWITCH[text]


def _number(text: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text[:9]) <= most:
        raise InputError(f"choose a whole number from {least} to {most}")
    return int(text[:9])


def _row(state: ExplorerState, tile: str) -> int:
    if tile not in state.gallery.ids:
        raise InputError("this gallery holds no such tile")
    return state.gallery.find_row(tile)
