"""What a part of the page has, and what it may ask of the page."""

from typing import Any, Protocol

from numpy.typing import ArrayLike

from rsh.explorer.panels.panel import Panel
from rsh.explorer.state import ExplorerState
from rsh.search.query import Query


class Page(Protocol):
    """What a part may ask of the page that it belongs to."""

    state: ExplorerState

    def select(self, rows: ArrayLike) -> None:
        """Select tiles."""

    def alert(self, message: str) -> None:
        """Show a message, or remove it with ""; this also ends the wait."""

    def explained(self, error: Exception) -> str:
        """Return the message for an error, without folders of this machine."""

    def move(self, row: int) -> None:
        """Make a tile the query."""

    def search_with(self, query: Query) -> None:
        """Search with another query."""

    def labeled(self) -> None:
        """Show what depends on labels, which were just given."""

    def show_given(self) -> None:
        """Show labels that were just given or taken, wherever the page depends on them."""

    def show_galleries(self) -> None:
        """Offer a gallery that was just made."""

    def show_gallery(self, name: str) -> None:
        """Show another gallery in place of this one, with the same query."""

    def compare_with(self, side: str) -> None:
        """Open the comparison with another side, see `panels.compare.list_sides`."""

    def search_again(self) -> None:
        """Search with the same query, because what a filter means may have changed."""


class Part:
    """A part of the page.

    Attributes:
        panels: its widgets.
        tab: name of its tab in the drawer, or "".
    """

    tab = ""

    def __init__(self, page: Page, panels: list[Panel]) -> None:
        """Belong to a page."""
        self.page, self.panels = page, panels

    def receive(self, panel: Any, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """Do what a panel asks for; unknown messages are ignored."""

    def refresh(self) -> None:
        """Show what depends on the query and the results."""

    def open(self) -> None:
        """Show what the part's tab needs, which was just opened or whose query has changed."""
