"""The part of the page that shows groups of the hash space, and lets visitors name them."""

from functools import cached_property
from typing import Any

from rsh.errors import InputError
from rsh.explorer.labeling import Labeling
from rsh.explorer.panels.strips import StripsPanel, strip
from rsh.explorer.panels.tiles import describe, given_words, tile_card
from rsh.explorer.parts.part import Page, Part
from rsh.gallery.groups import Group
from rsh.gallery.unusual import UnusualTiles, most_unusual
from rsh.text import humanize, plural

TYPICAL = 9  # tiles shown of a group
UNUSUAL = 9  # tiles shown
AT_ONCE = 24  # groups shown before one asks for more
LABEL = "Give all the class {name}"
NONE = "This gallery is too large to find its groups now: run `rsh groups` on it."
HOW = (
    "Dense regions of the hash space, found without labels: {many}, {left} in none. Each shows its "
    "most typical tiles first. The name that you give a group can then be given to tiles. {part}"
)


class GroupsPart(Part):
    """The tab with all groups, the largest first."""

    tab = "groups"

    def __init__(self, page: Page, channel: str, labeling: Labeling) -> None:
        """Show the groups of the page's gallery.

        Args:
            page: the page.
            channel: its name, which all its panels share.
            labeling: which keeps the names of groups.
        """
        self._labeling, self._shown = labeling, AT_ONCE
        self.strips = StripsPanel(page=channel, subject="groups")
        super().__init__(page, [self.strips])

    def receive(self, panel: Any, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """Name, select and label groups."""
        match content:
            case {"kind": "groups", "do": "more"}:
                self._shown += AT_ONCE
            case {"kind": "groups", "do": "select", "key": str(key)}:
                if group := self._find(key):
                    self.page.select(group.rows)
            case {"kind": "groups", "do": "select unusual"}:
                self.page.select(self._most_unusual.rows)
            case {"kind": "groups", "do": "rename", "key": str(key), "name": str(name)}:
                if self._find(key):
                    self._labeling.name_group(key, name)
            case {"kind": "groups", "do": "label", "key": str(key), "words": str(words)}:
                if group := self._find(key):
                    self._label(group, words)
            case _:
                return
        self.page.alert("")
        self.page.labeled()

    def _label(self, group: Group, words: str) -> None:
        """Give all tiles of a group its name, if that is still the one on the button.

        Raises:
            InputError: someone gave the group another name, or the tiles cannot be labeled.
        """
        name = self._names.get(group.number, "")
        if not name or words != LABEL.format(name=name):
            self.open()
            raise InputError("the name of this group has changed: look at it again")
        self._labeling.give(group.rows, name)

    def _find(self, key: str) -> Group | None:
        groups = self.page.state.gallery.groups
        return groups.find(key) if groups else None

    @property
    def _names(self) -> dict[int, str]:
        """The name of each group that has one, by its number."""
        return self.page.state.gallery.group_names

    def open(self) -> None:
        """Show the groups."""
        self.strips.view = self._view()

    def _view(self) -> dict[str, Any]:
        gallery = self.page.state.gallery
        groups = gallery.groups
        if groups is None:
            return {"note": NONE, "actions": [], "strips": []}
        names = self._names
        part = f"Only the {groups.part.num_bits} bits that say what a tile is decide." * bool(
            gallery.look_bits
        )
        note = HOW.format(
            many=plural(len(groups), "group"), left=plural(len(groups.ungrouped), "tile"), part=part
        )
        shown = [groups[number] for number in range(min(self._shown, len(groups)))]
        rest = min(len(groups) - len(shown), AT_ONCE)
        more = [["more", f"Show {rest} more of {plural(len(groups), 'group')}"]] if rest else []
        return {
            "note": note.strip(),
            "actions": more,
            "strips": [
                self._unusual(),
                *(self._strip(group, names.get(group.number, "")) for group in shown),
            ],
        }

    @cached_property
    def _most_unusual(self) -> UnusualTiles:
        return most_unusual(self.page.state.gallery, count=UNUSUAL)

    def _unusual(self) -> dict[str, Any]:
        gallery, found = self.page.state.gallery, self._most_unusual
        cards = [
            tile_card(describe(gallery, row), far := f"{factor:.1f} x as far", far=far)
            for row, factor in zip(found.rows.tolist(), found.factors.tolist(), strict=True)
        ]
        words = "2.0 x as far: twice as far from its nearest tiles as those are from their own"
        actions = [["select unusual", "Select"]]
        return strip("", "Most unusual tiles", words, cards, actions=actions)

    def _strip(self, group: Group, name: str) -> dict[str, Any]:
        gallery = self.page.state.gallery
        words = [plural(len(group), "tile"), f"on average {group.spread:.1f} bits from its center"]
        if group.class_share is not None:
            words.append(f"{group.class_share:.0%} {humanize(group.class_name)}")
        given = self._labeling.given(group.rows[:TYPICAL].tolist())
        cards = [
            tile_card(
                describe(gallery, row),
                given_words(mine := given.get(str(row), "")),
                before=f"typical tile {place + 1}",
                given=mine,
            )
            for place, row in enumerate(group.rows[:TYPICAL].tolist())
        ]
        label = [["label", LABEL.format(name=name)]] if name else []
        return strip(
            group.key,
            name or f"Group {group.number + 1}",
            " · ".join(words),
            cards,
            actions=[["select", "Select"], *label],
            named=True,
            name=name,
        )
