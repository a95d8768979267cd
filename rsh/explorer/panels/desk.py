"""The frame of the page: handles that resize its columns, and its regions on narrow screens."""

import traitlets

from rsh.explorer.panels.panel import Panel


class DeskPanel(Panel, script="desk.js", style="desk.css"):
    """Draws the handles between the regions, and the tabs that show one region on a phone.

    Attributes:
        spaces: whether there are spaces to show.
    """

    spaces = traitlets.Bool(True).tag(sync=True)
