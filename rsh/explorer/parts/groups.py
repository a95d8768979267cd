"""The part of the page that shows groups of the hash space, and lets visitors name them."""

from functools import cached_property
from typing import Any

from rsh.errors import InputError
from rsh.explorer.labeling import Labeling
from rsh.explorer.panels.groups import (
    CHANGED,
    LABEL,
    find_unusual,
    group_in_words,
    groups_in_words,
    unusual_in_words,
)
from rsh.explorer.panels.strips import StripsPanel, strip
from rsh.explorer.panels.tiles import describe, given_words, tile_card
from rsh.explorer.parts.part import Page, Part
from rsh.gallery.groups import Group
from rsh.gallery.unusual import UnusualTiles
from rsh.text import plural

AT_ONCE = 24  # groups shown before one asks for more


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
            raise InputError(CHANGED)
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
        groups, note = gallery.groups, groups_in_words(gallery)
        if groups is None:
            return {"note": note, "actions": [], "strips": []}
        names = self._names
        shown = [groups[number] for number in range(min(self._shown, len(groups)))]
        rest = min(len(groups) - len(shown), AT_ONCE)
        more = [["more", f"Show {rest} more of {plural(len(groups), 'group')}"]] if rest else []
        return {
            "note": note,
            "actions": more,
            "strips": [
                self._unusual(),
                *(self._strip(group, names.get(group.number, "")) for group in shown),
            ],
        }

    @cached_property
    def _most_unusual(self) -> UnusualTiles:
        return find_unusual(self.page.state.gallery)

    def _unusual(self) -> dict[str, Any]:
        gallery, said = self.page.state.gallery, unusual_in_words(self._most_unusual)
        cards = [tile_card(describe(gallery, row), far, far=far) for row, far in said["tiles"]]
        actions = [["select unusual", "Select"]]
        return strip("", said["title"], said["words"], cards, actions=actions)

    def _strip(self, group: Group, name: str) -> dict[str, Any]:
        gallery, said = self.page.state.gallery, group_in_words(group)
        given = self._labeling.given(said["typical"])
        cards = [
            tile_card(
                describe(gallery, row),
                given_words(mine := given.get(str(row), "")),
                before=f"typical tile {place + 1}",
                given=mine,
            )
            for place, row in enumerate(said["typical"])
        ]
        label = [["label", LABEL.format(name=name)]] if name else []
        return strip(
            group.key,
            name or said["title"],
            said["words"],
            cards,
            actions=[["select", "Select"], *label],
            named=True,
            name=name,
        )
