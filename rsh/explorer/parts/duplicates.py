"""The part of the page that walks through near duplicates, and leaks between splits."""

import asyncio
import json
from typing import Any

from rsh.config import default_radius
from rsh.explorer.alerts import explain
from rsh.explorer.jobs import Job
from rsh.explorer.panels.strips import StripsPanel, strip
from rsh.explorer.panels.tiles import describe, given_words, tile_card
from rsh.explorer.parts.part import Page, Part
from rsh.explorer.uploads.client import start_soon
from rsh.text import humanize, plural

AT_ONCE = 24  # groups shown before one asks for more
RADII = (0, 1, 2, 3, 4, 6, 8, 12)  # that one can choose beside the default, bits
CHECKS = {
    "pixels": "their images look alike",
    "features": "their features are alike",
    "none": "not checked",
}
LEAD = "Tiles whose codes are near and that look alike: choose how near, then look for them."
OTHERS = {False: "Select those that can go", True: "Select all but one of each kind"}
CHAIN = "a chain: its ends differ more than a pair may"
NO_GROUPS = "No near duplicates: no two tiles have codes that near and look alike."
Found = dict[str, Any]


class DuplicatesPart(Part):
    """The tab with near duplicates."""

    tab = "duplicates"

    def __init__(self, page: Page, channel: str) -> None:
        """Look for nothing yet.

        Args:
            page: the page.
            channel: its name, which all its panels share.
        """
        gallery = page.state.gallery
        self._job, self._shown = Job(), AT_ONCE
        self._found: Found = {}
        self._radius = str(default_radius(gallery.num_bits))
        self._check = "pixels" if gallery.has_images else "features"
        self.strips = StripsPanel(page=channel, subject="duplicates")
        super().__init__(page, [self.strips])

    def receive(self, panel: Any, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """Look for duplicates or leaks, and select what was found."""
        match content:
            case {"kind": "duplicates", "do": "duplicates" | "leaks" as what, "chosen": dict(by)}:
                radius, check = str(by.get("radius", "")), str(by.get("check", ""))
                if radius in self._radii():
                    self._radius = radius
                if check in CHECKS and self._can(check):
                    self._check = check
                start_soon(self._look(what))
            case {"kind": "duplicates", "do": "cancel"}:
                self._job.cancel()
                self.strips.working = ""
                self.open()
            case {"kind": "duplicates", "do": "more"}:
                self._shown += AT_ONCE
                self.open()
            case {"kind": "duplicates", "do": "select", "key": str(key)}:
                self._select(self._tiles(key))
            case {"kind": "duplicates", "do": "select others", "key": str(key)}:
                self._select([tile for tile in self._tiles(key) if not tile["keep"]])
            case {"kind": "duplicates", "do": "select removable"}:
                groups = self._found.get("groups", [])
                tiles = (tile for group in groups for tile in group["tiles"])
                self._select([tile for tile in tiles if not tile["keep"]])

    def _radii(self) -> list[str]:
        bits = self.page.state.gallery.num_bits
        usual = {radius for radius in RADII if radius <= bits // 4}
        return [str(radius) for radius in sorted(usual | {default_radius(bits)})]

    async def _look(self, what: str) -> None:
        gallery = self.page.state.gallery
        self.strips.working = "Comparing all codes: this takes some seconds."
        self.open()
        words = [what, str(gallery.folder), "--radius", self._radius, "--check", self._check]
        try:
            self._found = json.loads(await self._job.run([*words, "--json"]))
            self._shown = AT_ONCE
        except asyncio.CancelledError:
            return
        except Exception as error:
            self.page.alert(explain(error))
        self.strips.working = ""
        self.open()

    def _tiles(self, key: str) -> list[Found]:
        groups = self._found.get("groups", [])
        number = int(key) if key.isdecimal() else -1
        return list(groups[number]["tiles"]) if 0 <= number < len(groups) else []

    def _select(self, tiles: list[Found]) -> None:
        gallery = self.page.state.gallery
        self.page.select([gallery.find_row(tile["id"]) for tile in tiles])

    def open(self) -> None:
        """Show what was found."""
        self.strips.view = self._view()

    def _view(self) -> dict[str, Any]:
        found = self._found
        actions = [["duplicates", "Find duplicates"]]
        if self.page.state.gallery.num_held_out:
            actions.append(["leaks", "Find leaks between splits"])
        if self.strips.working:
            actions = [["cancel", "Cancel"]]
        strips, note = [], LEAD
        if "groups" in found:
            strips = [self._group(place, each) for place, each in enumerate(self._part("groups"))]
            groups = plural(len(found["groups"]), "group")
            tiles = plural(found["num_tiles"], "tile")
            more = (
                ", whose codes alone were compared: look before you call any of them a duplicate"
                if self._unchecked
                else f", of which {found['num_removable']:,} can be removed: a tile of each group "
                "stays"
            )
            note = f"{groups} with {tiles}{more}." if found["groups"] else NO_GROUPS
            if found["num_removable"]:
                actions.append(["select removable", OTHERS[self._unchecked]])
        if "leaks" in found:
            strips = [self._leak(each) for each in self._part("leaks")]
            count = {split: each["leaks"] for split, each in found["splits"].items()}
            note = (
                f"{plural(count['query'], 'held-out tile')} with a near duplicate that a search "
                f"may find, and {plural(count['val'], 'validation tile')} with one that the "
                "network was trained on: results with them look too good."
            )
        if len(strips) == self._shown:
            actions.append(["more", "Show more"])
        radii = [[radius, plural(int(radius), "bit")] for radius in self._radii()]
        checks = [[name, words] for name, words in CHECKS.items() if self._can(name)]
        return {
            "note": note,
            "actions": actions,
            "choices": [
                {"name": "radius", "words": "at most", "options": radii, "chosen": self._radius},
                {"name": "check", "words": "and", "options": checks, "chosen": self._check},
            ],
            "strips": strips,
        }

    @property
    def _unchecked(self) -> bool:
        """Whether nothing but the codes of what was found was compared."""
        return bool(self._found.get("check") == "none")

    def _can(self, check: str) -> bool:
        return check != "pixels" or self.page.state.gallery.has_images

    def _part(self, name: str) -> list[Found]:
        return list(self._found[name][: self._shown])

    def _group(self, number: int, group: Found) -> dict[str, Any]:
        tiles = group["tiles"]
        far = max(tile["distance"] for tile in tiles)
        words = [f"up to {plural(far, 'bit')} apart" if far else "equal codes"]
        splits = {name: count for name, count in group["splits"].items() if name}
        words += [f"{count} {name}" for name, count in splits.items()] if len(splits) > 1 else []
        if len(group["classes"]) > 1:
            words.append("different classes: " + ", ".join(map(humanize, group["classes"])))
        words += [CHAIN] if group["is_chain"] else []
        cards = [self._card(tile, self._stays(tile)) for tile in tiles]
        actions = [["select", "Select"], ["select others", OTHERS[self._unchecked]]]
        return strip(
            str(number), plural(len(tiles), "tile"), " · ".join(words), cards, actions=actions
        )

    def _stays(self, tile: Found) -> str:
        if self._unchecked:
            return plural(tile["distance"], "bit")
        return "keep" if tile["keep"] else "can go"

    def _leak(self, leak: Found) -> dict[str, Any]:
        pair = [({"id": leak["id"]}, leak["split"]), ({"id": leak["match"]}, leak["match_split"])]
        cards = [self._card(tile, split) for tile, split in pair]
        words = f"{plural(leak['distance'], 'bit')} apart"
        return strip("", leak["id"], words, cards, actions=[])

    def _card(self, tile: Found, far: str) -> dict[str, Any]:
        gallery = self.page.state.gallery
        row = gallery.find_row(tile["id"])
        (given,) = gallery.annotations.state.given.of([row])
        return tile_card(describe(gallery, row), far, given_words(given), far=far, given=given)
