"""The commands that show a gallery without labels: `rsh groups` and `rsh unusual`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from rsh.cli.layout import print_json
from rsh.cli.tables import check_table_file, write_table
from rsh.config import DEFAULT_PROMINENCE
from rsh.text import align_columns, plural

if TYPE_CHECKING:
    from rsh.gallery.gallery import Gallery

TYPICAL = 3  # ids of a group in a line of the table


def groups(
    gallery: Path,
    /,
    *,
    prominence: float = DEFAULT_PROMINENCE,
    output: Path | None = None,
    json_: bool = False,
) -> None:
    """Find groups of tiles with similar codes, without any label, and store them in the gallery.

    A search finds the tiles of one group with --filter group=ID, where ID is any tile of it, or
    the name that it was given on the page.

    Args:
        gallery: The gallery folder.
        prominence: How many bits sparser the codes between two dense regions must be for these to
            be two groups; a larger number makes fewer groups.
        output: Also write the group of each tile to a file, .csv or .parquet.
        json_: Print JSON for a program to read.
    """
    from rsh.gallery.gallery import Gallery
    from rsh.gallery.groups import find_groups
    from rsh.gallery.writer import write_groups
    from rsh.io.files import check_writable

    if output:
        check_table_file(output)
    opened = Gallery.open(gallery, mend=True)
    check_writable(gallery)
    print("finding groups ...", file=sys.stderr)
    write_groups(opened, find_groups(opened, prominence=prominence))
    if output:
        _write_table(opened, output)
    if json_:
        print_json(_as_records(opened))
    else:
        _print_table(opened)


def unusual(
    gallery: Path,
    /,
    *,
    count: Annotated[int, Parameter(name=["-k", "--count"])] = 20,
    json_: bool = False,
) -> None:
    """List the tiles that are most unlike all others.

    Args:
        gallery: The gallery folder.
        count: How many tiles, or all if there are fewer.
        json_: Print JSON for a program to read.
    """
    from rsh.gallery.gallery import Gallery
    from rsh.gallery.unusual import most_unusual

    opened = Gallery.open(gallery)
    found = most_unusual(opened, count=count)
    ids = opened.items["id"].iloc[found.rows]
    if json_:
        values = zip(ids.tolist(), found.factors.tolist(), found.sparsity.tolist(), strict=True)
        names = ("id", "outlier_factor", "bits")
        print_json([dict(zip(names, row, strict=True)) for row in values])
        return
    rows = [("factor", "bits", "id")]
    for place, tile in enumerate(ids):
        rows.append((f"{found.factors[place]:.1f}", f"{found.sparsity[place]:.1f}", str(tile)))
    print(align_columns(rows, left=(2,)))
    print(f"the first is {found.explain(0)}")


def _as_records(gallery: "Gallery") -> list[dict[str, Any]]:
    ids, names, records = gallery.items["id"], gallery.group_names, []
    for group in gallery.groups or ():
        records.append({
            "key": group.key,
            "name": names.get(group.number),
            "tiles": len(group),
            "spread": group.spread,
            "class": group.class_name or None,
            "class_share": group.class_share,
            "typical": [str(ids.iloc[row]) for row in group.rows[:TYPICAL]],
        })  # fmt: skip
    return records


def _print_table(gallery: "Gallery") -> None:
    groups = gallery.groups
    assert groups is not None
    records = _as_records(gallery)
    named = any(record["name"] for record in records)
    known = any(record["class"] for record in records)
    texts = [*["name"] * named, *["class"] * known, "most typical tiles"]
    rows = [("group", "tiles", "spread", *texts)]
    for number, record in enumerate(records, start=1):
        share = record["class_share"]
        label = f"{record['class']} {share:.0%}" if share is not None else ""
        cells = (f"{number}", f"{record['tiles']:,}", f"{record['spread']:.1f}")
        texts = [*[record["name"] or ""] * named, *[label] * known, ", ".join(record["typical"])]
        rows.append((*cells, *texts))
    if records:
        print(align_columns(rows, left=(3, 4, 5)))
    none = len(groups.ungrouped)
    print(
        f"{gallery.folder}: {plural(len(groups), 'group')} of {plural(len(gallery) - none, 'tile')}"
        f", {none:,} in no group"
    )


def _write_table(gallery: "Gallery", file: Path) -> None:
    """Write id, group, rank, sparsity and outlier factor of each tile."""
    groups = gallery.groups
    assert groups is not None
    table = groups.table()[["rank", "sparsity", "outlier_factor"]]
    table.insert(0, "group", groups.column())
    table.insert(0, "id", gallery.items["id"])
    write_table(table, file)
