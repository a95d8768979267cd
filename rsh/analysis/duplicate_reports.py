"""Near duplicates and leaks as text for the terminal."""

from collections.abc import Mapping, Sequence

from rsh.analysis.duplicates import DuplicateGroup, Duplicates
from rsh.analysis.leaks import Leak, Leaks
from rsh.text import align_columns, escape_control_chars, humanize, plural

NAMED = 2  # tiles of a group that a line names
SIDES = {"query": "tiles that a search finds", "val": "training tiles"}  # what must not be shared
NOUNS = {"query": "query", "val": "validation tile"}
HINT = (
    "to do: draw the split again with near duplicates on one side (`rsh train --near-duplicates`), "
    "or in whole blocks if neighboring tiles overlap (a column block in items.csv); or leave these "
    "tiles out of the data"
)


def describe_duplicates(found: Duplicates, *, most: int) -> str:
    """Return the first groups as a table, and what all of them come to.

    Args:
        found: the groups.
        most: how many of them to list.
    """
    shown = found.groups[:most]
    heads = ("group", "tiles", "bits", found.measure, "splits", "classes", "names")
    rows = [
        (
            str(number),
            f"{len(group):,}",
            str(group.farthest),
            _similarity(group.least_similarity),
            _counts(found.splits(group)),
            _counts({humanize(name): count for name, count in found.classes(group).items()}),
            _names(found, group),
        )
        for number, group in enumerate(shown, 1)
    ]
    return "\n".join([*_table(heads, rows, left=(4, 5, 6)), *_summary(found)])


def describe_leaks(found: Leaks, *, most: int) -> str:
    """Return the first leaks as a table, and what all of them come to.

    Args:
        found: the leaks.
        most: how many of them to list.
    """
    heads = ("bits", found.measure, "split", "tile", "its class", "near duplicate", "of", "class")
    items = found.gallery.items
    names, classes, splits = (items[name] for name in ("id", "class", "split"))

    def row(leak: Leak) -> tuple[str, ...]:
        more = f" and {leak.num_matches - 1:,} more" if leak.num_matches > 1 else ""
        return (
            str(leak.distance),
            _similarity(leak.similarity),
            splits.iloc[leak.row],
            names.iloc[leak.row],
            _class(classes.iloc[leak.row]),
            f"{names.iloc[leak.match]}{more}",
            splits.iloc[leak.match] or "no split",
            _class(classes.iloc[leak.match]),
        )

    lines = _table(heads, list(map(row, found.leaks[:most])), left=range(2, 8))
    for split, others in SIDES.items():
        tiles, compared = found.sides(split)
        noun, leaking = NOUNS[split], len(found.of_split(split))
        if tiles:
            have = "has" if leaking == 1 else "have"
            lines.append(
                f"{leaking:,} of {plural(tiles, noun)} {have} a near duplicate among the "
                f"{compared:,} {others}"
            )
    return "\n".join([*lines, *([HINT] if found.leaks else [])])


def _summary(found: Duplicates) -> list[str]:
    if not found.groups:
        how = f", and alike by {found.check}" if found.measure else ""
        near = f"no two tiles are at most {plural(found.radius, 'bit')} apart{how}"
        return [f"no near duplicates: {near}"]
    lines = [
        f"{plural(len(found.groups), 'group')} of near duplicates: {found.num_tiles:,} of "
        f"{plural(len(found.gallery), 'tile')}; {found.num_removable:,} could be removed, if each "
        "is to keep a near duplicate"
    ]
    if chains := sum(group.is_chain for group in found.groups):
        lines.append(
            f"{plural(chains, 'group')} with a chain, whose ends differ more than a pair may: "
            "several tiles are kept"
        )
    if wrong := len(found.disagreeing):
        lines.append(
            f"{plural(wrong, 'group')} with tiles of different classes: a label may be wrong"
        )
    return lines


def _table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: Sequence[int]
) -> list[str]:
    """Return the lines of a table without its empty columns; no line without rows."""
    if not rows:
        return []
    used = [place for place in range(len(heads)) if any(row[place] for row in rows)]
    lines = [tuple(row[place] for place in used) for row in (heads, *rows)]
    return [align_columns(lines, left=[used.index(place) for place in left if place in used])]


def _counts(counts: Mapping[str, int]) -> str:
    """Return counts such as "train 2, query 1", most first."""
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{name or 'no split'} {count:,}" for name, count in ordered)


def _names(found: Duplicates, group: DuplicateGroup) -> str:
    names = [found.gallery.ids[row] for row in group.rows[:NAMED].tolist()]
    more = f" and {len(group) - NAMED:,} more" if len(group) > NAMED else ""
    return ", ".join(map(escape_control_chars, names)) + more


def _class(name: str) -> str:
    return humanize(name) if name else ""


def _similarity(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
