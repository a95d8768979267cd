"""Export of results: files, and snippets that reproduce the search."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import traitlets

from rsh.errors import InputError
from rsh.explorer.panels.panel import Panel
from rsh.explorer.settings import DEFAULTS, PageSettings
from rsh.search.formats.contact_sheet import to_contact_sheet
from rsh.search.formats.geotables import to_geopackage, to_geoparquet
from rsh.search.formats.snippets import selection_to_python, to_command, to_python
from rsh.search.formats.tables import to_csv, to_geojson, to_json
from rsh.search.results import SearchResult

FILES: dict[str, tuple[str, str, Callable[..., bytes]]] = {
    "csv": ("results.csv", "text/csv", to_csv),
    "json": ("results.json", "application/json", to_json),
    "geojson": ("results.geojson", "application/geo+json", to_geojson),
    "geopackage": ("results.gpkg", "application/geopackage+sqlite3", to_geopackage),
    "geoparquet": ("results.parquet", "application/vnd.apache.parquet", to_geoparquet),
    "sheet": ("results.png", "image/png", to_contact_sheet),
}
OF_MAPS = ("geojson", "geopackage", "geoparquet")  # which need coordinates
TEXTS: dict[str, Callable[..., str]] = {"python": to_python, "command": to_command}


class ExportPanel(Panel, script="export.js", style="export.css"):
    """Buttons for the export formats.

    Sends {"kind": "take", "form", "what": "answer" | "selection"}; is sent {"kind": "file", "name",
    "type"} with the bytes, or {"kind": "text", "form", "text"}.

    Attributes:
        forms: which are offered, "csv" or "link" for example.
        map: whether the tiles have coordinates, which `OF_MAPS` need.
        selected: how many tiles are selected.
        own_image: whether the query is a visitor's own image, which no link can hold.
    """

    forms: traitlets.List[Any] = traitlets.List([*FILES, "link", *TEXTS]).tag(sync=True)
    map = traitlets.Bool().tag(sync=True)
    selected = traitlets.Int().tag(sync=True)
    own_image = traitlets.Bool().tag(sync=True)
    _last: tuple[Any, bytes] = (None, b"")  # what was exported, and the file

    def give(
        self,
        form: str,
        result: SearchResult,
        *,
        selection: bool = False,
        settings: PageSettings = DEFAULTS,
    ) -> None:
        """Send results in a format.

        Args:
            form: one of `FILES` or `TEXTS`.
            result: the tiles.
            selection: whether a visitor selected them, so that no search finds them again.
            settings: what the owner of the page has chosen.

        Raises:
            InputError: there is no such format, the results cannot be written in it, or there are
                none.
        """
        if not len(result):
            raise InputError("there is nothing to export: search for tiles or select some first")
        if form in FILES:
            name, kind, make = FILES[form]
            name = name.replace("results", "selection") if selection else name
            ranked = result.rows.tolist(), result.ranks.tolist()
            labels = result.gallery.annotations.version
            wanted = form, selection, result.query, result.options, labels, *ranked
            if self._last[0] != wanted:  # a sheet of many tiles takes a second
                titled = {"selection": selection} if form == "sheet" else {}
                self._last = wanted, make(result, **titled)
            self.send({"kind": "file", "name": name, "type": kind}, buffers=[self._last[1]])
        elif form in TEXTS:
            if selection and form == "command":
                raise InputError("no command selects these tiles: copy the Python snippet")
            snippet = selection_to_python if selection else TEXTS[form]
            folder, note = _name_folder(result.gallery.folder, settings)
            text = snippet(result, folder=folder)
            self.send({"kind": "text", "form": form, "text": text, "note": note})
        else:
            raise InputError(f"form {form!r}: choose one of {', '.join([*FILES, *TEXTS])}")


def _name_folder(folder: Path, settings: PageSettings) -> tuple[str, str]:
    """Return a gallery's path in a snippet, and what the reader has to do with it."""
    if not (path := settings.seen_from_start(folder)):
        path = f"galleries/{folder.resolve().name}"
        return path, f"Replace {path} with where you keep the gallery."
    is_below = not Path(path).is_absolute()
    return path, f"Run it in {Path(settings.start).resolve()}." if is_below else ""
