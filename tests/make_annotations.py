"""Small tables that annotations are about, without a gallery."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa

from rsh.codes.order import id_hashes
from rsh.gallery.annotations.events import Visitor
from rsh.gallery.annotations.store import AnnotationStore
from rsh.gallery.ids import TileIds

ANA, BEN = Visitor("a1", "Ana"), Visitor("b2", "Ben")


def table(folder: Path, ids: list[str] | int = 6, classes: tuple[str, ...] = ()) -> Any:
    """Return what a store needs of a gallery."""
    names = [f"t{number}" for number in range(ids)] if isinstance(ids, int) else ids
    folder.mkdir(exist_ok=True)
    ids = TileIds(pa.array(names, pa.string()), id_hashes(names))
    return SimpleNamespace(folder=folder, ids=ids, classes=list(classes))


def told(store: AnnotationStore) -> dict[str, Any]:
    """Return all that a store tells, by ids of tiles."""
    state, ids = store.state, store._gallery.ids
    given = state.given
    return {
        "classes": {
            ids[row]: given.names[number] for row, number in enumerate(given.numbers) if number >= 0
        },
        "sets": {
            one.name: (one.color, [ids[row] for row in state.members(one.key)])
            for one in state.sets
        },
        "groups": state.group_names,
        "conflicts": {
            ids[one.row]: {said.event.visitor.person: said.name for said in one.statements}
            for one in state.conflicts
        },
    }
