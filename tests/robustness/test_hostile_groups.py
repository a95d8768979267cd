"""Groups of a gallery that were made to do harm or to mislead."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from make_gallery import tiny_gallery
from make_hostile import arrow
from refusals import refused

from rsh.gallery.gallery import Gallery
from rsh.gallery.groups import find_groups, read_groups, restore_groups
from rsh.gallery.manifest import with_checksum
from rsh.gallery.writer import write_groups


@pytest.fixture
def opened(tmp_path: Path) -> Gallery:
    """A gallery with groups that may be spoilt."""
    made = Gallery.open(tiny_gallery(tmp_path / "gallery", num_tiles=12, num_bits=12).folder)
    write_groups(made, find_groups(made))
    return made


def test_groups_of_other_columns_are_refused_when_they_are_looked_at(opened: Gallery):
    file = opened.folder / opened.manifest.groups.file
    table = pd.read_feather(file)
    for change, told in (
        (table.drop(columns="rank"), "rank"),
        (table.drop(columns="segment"), "segment"),
        (table.assign(segment=1), "segment"),
        (table.assign(segment=pd.Series([None] * 12, dtype="string")), "segment"),
        (table.assign(group=table["group"] + 0.5), "group"),
        (table.assign(group=-2), "group"),
        (table.assign(group=2**31 - 1), "group"),  # as many groups would not fit into memory
        (table.assign(group=2**40), "group"),
        (table.assign(row=-1), "row"),
        (table.assign(rank="x"), "rank"),
        (table.assign(sparsity=np.nan), "sparsity"),
        (table.assign(outlier_factor=np.float32(np.inf)), "measure"),
    ):
        file.write_bytes(arrow(change))
        with refused(names=(file.name, told, "rsh groups")):
            read_groups(file)


@pytest.mark.parametrize("rows", [[12] * 12, [*range(11), 10], [2**31 - 1] * 12])
def test_groups_of_tiles_that_there_are_not_are_refused(opened: Gallery, rows: list[int]):
    table = opened.groups.table().assign(row=rows)
    with refused(names=(opened.folder, "rsh groups")):
        restore_groups(opened, table, 1.0)
    others = restore_groups(opened, table.assign(segment="000009-0"), 1.0)
    assert others is None  # of a segment that is gone


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"file": "../groups-3.arrow"}, "../groups-3.arrow"),
        ({"prominence": -1.0}, "prominence"),
        ({"prominence": float("nan")}, "prominence"),
        ({"prominence": "1"}, "prominence"),
    ],
)
def test_entry_of_groups_is_checked(opened: Gallery, entry: dict, told: str):
    folder = opened.folder
    head = json.loads((folder / "gallery.json").read_text())
    head["groups"] |= entry
    (folder / "gallery.json").write_text(json.dumps(with_checksum(head)))
    with refused(names=(folder, told)):
        Gallery.open(folder)
