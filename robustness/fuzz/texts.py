"""Fuzzing what comes as text or over a pipe: conditions, and messages to the page's encoder."""

import io
from contextlib import suppress
from pathlib import Path

from robustness.fuzz import mutators as change
from robustness.fuzz import seeds
from robustness.fuzz.targets import Target, Use
from rsh.explorer.uploads.messages import packed_message, read_message
from rsh.gallery.filters import Filter
from rsh.index.milvus import to_expression


def conditions(folder: Path) -> Use:
    """Read conditions, one a line, and apply them to a table of every kind of column."""
    items = seeds.items([f"{name}/{n}.png" for name in ("coast", "forest") for n in range(3)], "id")
    items["cloud"] = items["cloud"].where(items["cloud"] > 1)
    items["sunny"] = items["cloud"] < 5

    def use(data: bytes) -> None:
        conditions = Filter.read(data.decode("utf-8", "replace").split("\n"))
        assert len(conditions.mask(items)) == len(items)
        to_expression(conditions.tests(items))
        str(conditions)

    return use


def frames(folder: Path) -> Use:
    """Read the messages of one pipe to its end, which is an EOFError."""

    def use(data: bytes) -> None:
        stream = io.BytesIO(data)
        with suppress(EOFError):
            while True:
                head, body = read_message(stream)
                assert isinstance(head, dict) and isinstance(body, bytes)

    return use


CONDITIONS = [
    b"class=forest,coast\nsplit!=train\ncloud=0..20",
    b"bbox=170,-10,-170,10\ndate=2021..2022\nsunny=True",
]
MESSAGES = [packed_message({"name": "x", "want": "codes"}, b"body") * 2]
TARGETS: dict[str, Target] = {
    "where": Target(lambda folder: CONDITIONS, conditions, change.raw),
    "frames": Target(lambda folder: MESSAGES, frames, change.raw),
}
