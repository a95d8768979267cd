"""Groups of the hash space and the most unusual tiles, in words."""

from typing import Any

from rsh.gallery.gallery import Gallery
from rsh.gallery.groups import Group
from rsh.gallery.unusual import UnusualTiles, most_unusual
from rsh.text import humanize, plural

TYPICAL = 9  # tiles shown of a group
UNUSUAL = 9  # tiles shown
LABEL = "Give all the class {name}"
CHANGED = "the name of this group has changed: look at it again"
NONE = "This gallery is too large to find its groups now: run `rsh groups` on it."
HOW = (
    "Dense regions of the hash space, found without labels: {many}, {left} in none. Each shows its "
    "most typical tiles first. The name that you give a group can then be given to tiles. {part}"
)


def groups_in_words(gallery: Gallery) -> str:
    """Return the note above all groups, or why there are none."""
    groups = gallery.groups
    if groups is None:
        return NONE
    many, left = plural(len(groups), "group"), plural(len(groups.ungrouped), "tile")
    part = f"Only the {groups.part.num_bits} bits that say what a tile is decide."
    return HOW.format(many=many, left=left, part=part if gallery.look_bits else "").strip()


def group_in_words(group: Group) -> dict[str, Any]:
    """Return what is said of a group: key, title without a name, words, and typical rows."""
    words = [plural(len(group), "tile"), f"on average {group.spread:.1f} bits from its center"]
    if group.class_share is not None:
        words.append(f"{group.class_share:.0%} {humanize(group.class_name)}")
    return {
        "key": group.key,
        "title": f"Group {group.number + 1}",
        "words": " · ".join(words),
        "typical": group.rows[:TYPICAL].tolist(),
    }


def find_unusual(gallery: Gallery) -> UnusualTiles:
    """Return the most unusual tiles, as many as are shown."""
    return most_unusual(gallery, count=UNUSUAL)


def unusual_in_words(found: UnusualTiles) -> dict[str, Any]:
    """Return what is said of the most unusual tiles: title, words, and row and words of each."""
    tiles = zip(found.rows.tolist(), found.factors.tolist(), strict=True)
    return {
        "title": "Most unusual tiles",
        "words": "2.0 x as far: twice as far from its nearest tiles as those are from their own",
        "tiles": [[row, f"{factor:.1f} x as far"] for row, factor in tiles],
    }
