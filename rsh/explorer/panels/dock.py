"""The drawer below the results: one tab for each closer look."""

from typing import Any

import traitlets

from rsh.explorer.panels.panel import Panel

# Names of the tabs and their words, in order.
TABS = {
    "groups": "Groups",
    "selected": "Selected",
    "labels": "Labels",
    "learn": "Learn",
    "codes": "Codes",
    "compare": "Compare",
    "parts": "What matters",
    "bit": "Bits",
    "pairs": "Confusion",
    "duplicates": "Duplicates",
}


class DockPanel(Panel, script="dock.js", style="dock.css"):
    """The tabs of the drawer; it is closed while none is chosen.

    Attributes:
        tabs: name and words of each tab.
        tab: name of the chosen one, or ""; the browser sets it.
    """

    tabs: traitlets.List[Any] = traitlets.List().tag(sync=True)
    tab = traitlets.Unicode().tag(sync=True)


def list_tabs(*, classes: bool, images: bool) -> list[list[str]]:
    """Return name and words of each tab that a gallery has.

    Args:
        classes: whether tiles have one class each, which can be confused with another.
        images: whether tiles have images to cover; those of embeddings have none.
    """
    possible = {"parts": images, "pairs": classes}
    return [[name, words] for name, words in TABS.items() if possible.get(name, True)]
