"""What all panels of the page have in common."""

import anywidget
import traitlets

from rsh.explorer.bundle import bundle, stylesheet


class Panel(anywidget.AnyWidget):
    """A part of the page: `class CardsPanel(Panel, script="cards.js")`.

    Attributes:
        page: name of the page's channel, which separates two pages in one notebook.
        view: what the script draws, ready to send; empty in a panel that has other traits for it.
    """

    page = traitlets.Unicode().tag(sync=True)
    view = traitlets.Dict().tag(sync=True)

    def __init_subclass__(cls, *, script: str = "", style: str = "") -> None:
        """Read script and stylesheet from this folder; without names they are the parent's."""
        if script:
            cls._esm = bundle(f"panels/{script}")
        if style:
            cls._css = stylesheet(style)
        super().__init_subclass__()
