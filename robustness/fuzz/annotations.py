"""Fuzzing what visitors gave: the log in a gallery, and tables of labels that are imported."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pandas as pd

from robustness.fuzz import mutators as change
from robustness.fuzz import seeds
from robustness.fuzz.targets import Mutator, Target, Use
from rsh.errors import InputError
from rsh.gallery.annotations.compaction import compact_lines
from rsh.gallery.annotations.event_lines import HEADER
from rsh.gallery.annotations.events import Visitor
from rsh.gallery.annotations.history import describe_event
from rsh.gallery.annotations.store import ANNOTATIONS, AnnotationStore, open_log
from rsh.gallery.filters import Condition, Filter
from rsh.gallery.gallery import Gallery
from rsh.io.append_log import seal_line
from rsh.search.formats.annotations import annotation_table, import_annotations
from rsh.search.formats.label_files import write_labels

ANA, BEN = Visitor("a1", "Ana"), Visitor("b2", "Ben")


def log_lines(folder: Path) -> list[bytes]:
    """Return the contents of the lines of a log, with an event of each kind."""
    opened = Gallery.open(seeds.gallery(folder / "seeds"))
    store = opened.annotations
    store.give_class(range(4), "sea", by=ANA)
    store.give_class([1], "ice", by=BEN, settle=True)
    key = store.create_set("to check", [1, 2], by=BEN, color="#1f77b4").key
    store.take(key, [1], by=ANA)
    store.rename_set(key, "checked", by=ANA)
    store.name_group("0101", "north", by=BEN)
    store.undo(by=ANA)
    store.redo(by=ANA)
    packed = {"kind": "put", "set": key, "count": 1, "packed": "eAFjZGBgKAYAAH0AdQ=="}
    store.delete_set(key, by=BEN)
    lines = open_log(opened.folder).contents()
    other = json.loads(lines[0]) | {"id": "packed", "changes": [packed, {"kind": "box"}]}
    return [b"\n".join([*lines, json.dumps(other).encode()])]


def sealed_log(folder: Path) -> Use:
    """Write each line of the input with the checksum it should have, and do all with the log."""
    opened = Gallery.open(seeds.gallery(folder / "gallery"))
    ids = opened.ids.texts

    def use(data: bytes) -> None:
        lines = data.split(b"\n")
        content = b"".join(map(seal_line, [HEADER, *lines]))
        (opened.folder / ANNOTATIONS).write_bytes(content)
        store = AnnotationStore.open(opened)
        opened.annotations = store
        state = store.state
        json.dumps(
            [state.group_names, store.notes, [describe_event(e, state) for e in state.events]]
        )
        annotation_table(opened, labels="all"), state.conflicts
        for name in ["sea", *(one.name for one in state.sets)]:
            for column in ("set", "label"):
                with suppress(InputError):
                    opened.searchable_rows(Filter((Condition(column, (name,)),)))
        for visitor in (ANA, BEN):
            store.undo(by=visitor), store.redo(by=visitor)
        with suppress(InputError):
            AnnotationStore.in_memory(opened, store.dump()).give_class([0], "sea", by=BEN)
        compact_lines(lines, ids, ANA)

    return use


def table_of(suffix: str) -> Callable[[Path], list[bytes]]:
    """Return the maker of a table of labels."""

    def make(folder: Path) -> list[bytes]:
        items = seeds.items(["coast/0.png", "forest/1.png", "007"], "id")
        sets = pd.Series([["a", "b"], [], ["=c"]], dtype=object)
        table = items[["id", "class"]].assign(sets=sets)
        return [write_labels(table, items, Path(f"x{suffix}"))]

    return make


def imported(suffix: str) -> Callable[[Path], Use]:
    """Return the maker of what imports a table into annotations in memory."""

    def make(folder: Path) -> Use:
        opened, file = Gallery.open(seeds.gallery(folder / "gallery")), folder / f"x{suffix}"

        def use(data: bytes) -> None:
            file.write_bytes(data)
            opened.annotations = AnnotationStore.in_memory(opened)
            import_annotations(opened, file, by=ANA, skip_unknown=True)

        return use

    return make


def _table(suffix: str, mutate: Mutator) -> Target:
    return Target(table_of(suffix), imported(suffix), mutate)


TARGETS: dict[str, Target] = {
    "annotations.log": Target(log_lines, sealed_log, change.altered(change.json_line)),
    "labels.csv": _table(".csv", change.raw),
    "labels.geojson": _table(".geojson", change.altered(change.json_value)),
    "labels.parquet": _table(".parquet", change.altered(change.table_value)),
}
