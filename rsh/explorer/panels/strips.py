"""Strips of tiles under headings: groups, duplicates, unusual tiles, and tiles to label next."""

from collections.abc import Sequence
from typing import Any

import traitlets

from rsh.explorer.panels.panel import Panel


class StripsPanel(Panel, script="strips.js", style="strips.css"):
    """Strips of tiles, each with a heading and what can be done with it.

    Sends {"kind": subject, "do": action, "key", "words", "chosen"}, where an action is one of the
    view's or a strip's, with its words, "choose" when a slider has moved, and "rename" with a
    "name" besides; and {"kind": "choose", "row"}.

    Attributes:
        subject: what the strips are of, "groups" for example, the kind of its messages.
        view: note, in words; actions, pairs of a name and its words; main (optional), whether the
            first of them is what the tab is for; choices (optional), each with
            name, words, chosen, and options, pairs of a value and its words, or a range (least,
            most, step) and its unit, for a slider; and strips, each with key, title, words, cards,
            perhaps with `given`, the class that was given, named, whether a name can be given, the
            name that was, its actions, and facts, pairs of a term and its words.
        working: what is being done, or "".
        lost: whether what is being done is lost with the page, so that the browser asks.
    """

    subject = traitlets.Unicode().tag(sync=True)
    working = traitlets.Unicode().tag(sync=True)
    lost = traitlets.Bool().tag(sync=True)


def strip(
    key: str,
    title: str,
    words: str,
    cards: list[dict[str, Any]],
    *,
    actions: list[list[str]],
    named: bool = False,
    name: str = "",
    facts: Sequence[Sequence[str]] = (),
) -> dict[str, Any]:
    """Return one strip.

    Args:
        key: what tells it from the others.
        title: its heading.
        words: a note beside the heading.
        cards: from `rsh.explorer.panels.tiles.tile_card`.
        actions: pairs of a name and its words.
        named: whether a visitor can name it.
        name: that a visitor gave it.
        facts: pairs of a term and its words.
    """
    return {
        "key": key,
        "title": title,
        "words": words,
        "cards": cards,
        "actions": actions,
        "named": named,
        "name": name,
        "facts": [list(fact) for fact in facts],
    }
