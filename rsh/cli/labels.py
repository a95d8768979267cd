"""The commands about classes and sets that visitors give: `rsh labels show | give | ...`."""

import getpass
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from rsh.cli.layout import print_json
from rsh.errors import InputError
from rsh.text import align_columns, plural

if TYPE_CHECKING:
    from rsh.gallery.annotations.events import Event, Visitor
    from rsh.gallery.annotations.store import AnnotationStore
    from rsh.gallery.gallery import Gallery

SHOWN = 10  # conflicts and changes that are listed
NOT_IN_TOKENS = re.compile(r"[^\w.@-]", re.ASCII)
Ids = Annotated[str, Parameter(required=True)]


def labels_show(gallery: Path, /, *, json_: bool = False) -> None:
    """Show how many tiles each class and each set has, conflicts, and the last changes.

    Args:
        gallery: Gallery folder.
        json_: Print JSON.
    """
    opened = _open(gallery)
    found = _summary(opened)
    if json_:
        print_json(found)
        return
    print(f"{gallery}: {_counted(found)}")
    tables: dict[tuple[str, ...], list[tuple[str, ...]]] = {
        ("class", "tiles"): [(name, f"{count:,}") for name, count in found["classes"].items()],
        ("set", "tiles"): [(name, f"{count:,}") for name, count in found["sets"].items()],
        ("conflict", "the last class counts"): [
            (one["id"], ", ".join(f"{said['class']} ({said['by']})" for said in one["classes"]))
            for one in found["conflicts"][:SHOWN]
        ],
        ("time (UTC)", "by", "last changes"): [
            (one["time"], one["by"], one["what"]) for one in found["changes"]
        ],
    }
    for heads, lines in tables.items():
        if lines:
            left = (0,) if heads[-1] == "tiles" else range(len(heads))
            print("\n" + align_columns([heads, *lines], left=left))


def labels_give(
    gallery: Path,
    /,
    *ids: Ids,
    class_: str | None = None,
    set_: str | None = None,
    settle: bool = False,
    author: str = "",
) -> None:
    """Give tiles a class, put them into a set, or both.

    Args:
        gallery: Gallery folder.
        ids: Ids of the tiles.
        class_: The class, one that there is or a new one.
        set_: The set; it is created if there is none of this name.
        settle: End the conflicts that there are about these tiles.
        author: Your name. (default: that of your account)
    """
    if class_ is None and set_ is None:
        raise InputError("nothing to give: add --class or --set")
    opened = _open(gallery)
    rows, store = _rows(opened, ids), opened.annotations
    if class_ is not None:
        _warn_of_twins(opened, class_)
    store.give_all(
        {} if class_ is None else {class_: rows},
        {} if set_ is None else {set_: rows},
        by=_visitor(author),
        settle=settle,
    )
    print(f"{gallery}: {_last(store)}")


def labels_take(gallery: Path, /, *ids: Ids, set_: str | None = None, author: str = "") -> None:
    """Take the given class away from tiles, or take them out of a set.

    Args:
        gallery: Gallery folder.
        ids: Ids of the tiles.
        set_: Take them out of this set, and leave their class.
        author: Your name. (default: that of your account)
    """
    opened = _open(gallery)
    rows, store = _rows(opened, ids), opened.annotations
    if set_ is None:
        store.take_class(rows, by=_visitor(author))
    else:
        store.take(store.state.find_set(set_).key, rows, by=_visitor(author))
    print(f"{gallery}: {_last(store)}")


def labels_import(
    gallery: Path, file: Path, /, *, skip_unknown: bool = False, author: str = ""
) -> None:
    """Give tiles the classes and sets of a table: .csv, .parquet or .geojson.

    It needs a column id, or path, and label or class, or sets with semicolons between their names,
    or both. Where there are label and class, label counts.

    Args:
        gallery: Gallery folder.
        file: The table.
        skip_unknown: Leave out rows whose id is of no tile of the gallery.
        author: Your name. (default: that of your account)
    """
    from rsh.search.formats.annotations import import_annotations

    opened = _open(gallery)
    done = import_annotations(
        opened,
        file,
        by=_visitor(author),
        skip_unknown=skip_unknown,
        fix="fix them, or give --skip-unknown",
    )
    skipped = f", {plural(done.num_unknown, 'row')} of unknown tiles left out"
    matched = f"{plural(done.num_tiles, 'tile')} of {file} matched"
    print(f"{gallery}: {matched}{skipped if done.num_unknown else ''}")
    print(_last(opened.annotations))


def labels_export(
    gallery: Path, file: Path, /, *, labels: Literal["given", "all", "file"] = "given"
) -> None:
    """Write labels and sets into a file: .csv, .parquet or .geojson.

    Args:
        gallery: Gallery folder.
        file: File to write.
        labels: Classes that visitors gave, or for other tiles those of the gallery as well, or
            those of the gallery alone.
    """
    from rsh.search.formats.annotations import export_annotations

    count = export_annotations(_open(gallery), file, labels=labels)
    print(f"{file}: {plural(count, 'tile')}")


def labels_rename(gallery: Path, set_: str, name: str, /, *, author: str = "") -> None:
    """Give a set another name.

    Args:
        gallery: Gallery folder.
        set_: The set.
        name: Its new name.
        author: Your name. (default: that of your account)
    """
    store = _open(gallery).annotations
    store.rename_set(store.state.find_set(set_).key, name, by=_visitor(author))
    print(f"{gallery}: {_last(store)}")


def labels_delete(gallery: Path, set_: str, /, *, author: str = "") -> None:
    """Delete a set; its tiles stay.

    Args:
        gallery: Gallery folder.
        set_: The set.
        author: Your name. (default: that of your account)
    """
    store = _open(gallery).annotations
    store.delete_set(store.state.find_set(set_).key, by=_visitor(author))
    print(f"{gallery}: {_last(store)}")


def labels_undo(gallery: Path, /) -> None:
    """Take back your last change from the command line, and nothing that others did.

    Args:
        gallery: Gallery folder.
    """
    store = _open(gallery).annotations
    _tell_reversal(gallery, store, store.undo(by=_visitor()), "undo")


def labels_redo(gallery: Path, /) -> None:
    """Bring back what you took back last.

    Args:
        gallery: Gallery folder.
    """
    store = _open(gallery).annotations
    _tell_reversal(gallery, store, store.redo(by=_visitor()), "redo")


def labels_compact(gallery: Path, /) -> None:
    """Make the log of labels and sets smaller; what was done before can no longer be undone.

    Args:
        gallery: Gallery folder.
    """
    store = _open(gallery).annotations
    before = len(store.state.events)
    store.compact(by=_visitor())
    print(f"{gallery}: {plural(before, 'event')} became {len(store.state.events):,}")


def _open(folder: Path) -> "Gallery":
    from rsh.gallery.gallery import Gallery

    return Gallery.open(folder)


def _visitor(author: str = "") -> "Visitor":
    """Return who types this; what one account does is undone by the same one."""
    from rsh.gallery.annotations.events import Visitor

    try:
        account = getpass.getuser()
    except (ImportError, KeyError, OSError):  # of a container
        account = "unknown"
    token = f"cli-{NOT_IN_TOKENS.sub('_', account)}"[:64]
    return Visitor(token, author.strip() or account)


def _rows(gallery: "Gallery", ids: Sequence[str]) -> list[int]:
    return [gallery.find_row(tile, parameter="ids") for tile in ids]


def _warn_of_twins(gallery: "Gallery", name: str) -> None:
    """Warn of a class that differs from another in case or Unicode form alone."""
    from rsh.data.listing import warn_of_twins

    warn_of_twins([*gallery.classes, *gallery.annotations.state.given.names, name], gallery.folder)


def _last(store: "AnnotationStore") -> str:
    from rsh.gallery.annotations.history import describe_event

    return describe_event(store.state.events[-1], store.state)


def _tell_reversal(
    gallery: Path, store: "AnnotationStore", event: "Event | None", word: str
) -> None:
    if event is None:
        raise InputError(
            f"there is nothing of yours to {word}: `rsh labels show` lists the last changes"
        )
    print(f"{gallery}: {_last(store)}")


def _summary(gallery: "Gallery") -> dict[str, Any]:
    """Return what visitors gave, as JSON."""
    from rsh.gallery.annotations.history import describe_event

    store = gallery.annotations
    state, ids = store.state, gallery.items["id"]
    given = state.given
    counts = [int((given.numbers == number).sum()) for number in range(len(given.names))]
    changes = state.events[: -SHOWN - 1 : -1]
    return {
        "tiles": len(gallery),
        "classes": dict(zip(given.names, counts, strict=True)),
        "sets": {one.name: one.num_tiles for one in state.sets},
        "groups": state.group_names,
        "conflicts": [
            {
                "id": ids.iloc[one.row],
                "classes": [
                    {
                        "class": said.name,
                        "by": state.alias(said.event.visitor),
                        "time": said.event.time,
                    }
                    for said in one.statements
                ],
            }
            for one in state.conflicts
        ],
        "events": len(state.events),
        "changes": [
            {
                "time": event.time,
                "by": state.alias(event.visitor),
                "what": describe_event(event, state),
            }
            for event in changes
        ],
    }


def _counted(found: dict[str, Any]) -> str:
    """Say how much there is: "30 of 310 tiles have a class that was given, 2 sets"."""
    labeled = sum(found["classes"].values())
    return (
        f"{labeled:,} of {plural(found['tiles'], 'tile')} have a given class, "
        f"{plural(len(found['sets']), 'set')}, {plural(len(found['conflicts']), 'conflict')}"
    )
