"""Labels and sets: what a visitor gives to the tiles that are selected or pointed at."""

from typing import Any

import traitlets

from rsh.explorer.panels.panel import Panel


class LabelsPanel(Panel, script="labels.js", style="labels.css"):
    """A tab of the drawer with all classes and sets.

    Sends {"kind": "visitor", "token", "author", "dump"} once, and messages {"kind": "label", ...}
    with "do": "rename class", "remove class", "select class", the same of sets ("delete set"),
    "settle", "export" or "import".

    Attributes:
        view: classes and sets, each with name and count; num_encoded, how many of the first classes
            tiles were encoded with; num_given; can_undo, can_redo; kept, where labels are kept;
            why, if not in the gallery; notes; and conflicts, each with a row and pairs of a class
            and a person.
        fingerprint: of the gallery, under which a browser keeps labels.
        forms: of files that labels are written to and read from, "csv" for example.
        map: whether tiles have coordinates.
    """

    forms: traitlets.List[Any] = traitlets.List(traitlets.Unicode()).tag(sync=True)
    fingerprint = traitlets.Unicode().tag(sync=True)
    map = traitlets.Bool().tag(sync=True)


class TrayPanel(Panel, script="tray.js", style="tray.css"):
    """A bar with what can be done with the selected tiles, and the keys 1 to 9, undo and redo.

    Sends {"kind": "label", "do": "give" | "number" | "put" | "take" | "undo" | "redo"} with a name
    or a number, and a row where one tile is meant and not the selection.

    Attributes:
        view: as that of `LabelsPanel`.
        given: the given class of shown tiles, by row as text.
        said: what was done last, in words.
    """

    given = traitlets.Dict().tag(sync=True)
    said = traitlets.Unicode().tag(sync=True)
