"""The part of the page that learns from labels, and says what to label next."""

import asyncio
import json
import re
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsh.explorer.alerts import explain
from rsh.explorer.jobs import Job
from rsh.explorer.labeling import KEYS, OWN_LABELS, Labeling
from rsh.explorer.panels.strips import StripsPanel, strip
from rsh.explorer.panels.tiles import describe, tile_card
from rsh.explorer.parts.learned import newest_learned, report_facts
from rsh.explorer.parts.part import Page, Part
from rsh.explorer.server.registry import Registry
from rsh.explorer.uploads.client import start_soon
from rsh.gallery.annotations.state import GivenClasses
from rsh.gallery.learn_report import LearnReport
from rsh.gallery.writer import discard_unfinished
from rsh.io.schema import from_json
from rsh.labels import UNLABELED
from rsh.learning.advice import describe_left_out
from rsh.learning.confidence import Confidence, confidence
from rsh.learning.labels import recorded_labels
from rsh.learning.output import discard_left, reserve_output
from rsh.learning.suggest import COUNT, MOST, Suggestion, suggest
from rsh.text import humanize, plural

SHOWN = 9  # tiles of each class
AT_ONCE = 24  # classes that are shown
LEAST = 80  # percent, at first
FEW = 10  # labels of a class: with fewer, confidence is a guess (see benchmarks/README.md)
PROGRESS = re.compile(r"(\w+): +(\d+)%")
NO_LABELS = (
    "Give some tiles a class, with the keys 1 to 9, or select them and type a name. Then the codes "
    "of all tiles can follow your labels. Begin with these: they are typical, and far apart."
)
ONE_CLASS = "{labels} of one class: give tiles of a second class a label, to learn from both."
READY = "{labels} of {classes}. Learning makes a new gallery beside this one, which stays as it is."
FORBIDDEN = "Who serves this page does not let visitors learn."
NO_TORCH = "Learning needs PyTorch, which is not installed where this page runs."


class Said(NamedTuple):
    """What labels say of the other tiles.

    It stays while a visitor labels what it shows, so that nothing moves under the pointer.

    Attributes:
        given: the labels for which this was computed.
        scores: how likely each tile is of each class, None without labels.
        next: the tiles to label next.
    """

    given: GivenClasses
    scores: Confidence | None
    next: list[Suggestion]


class LearningPart(Part):
    """The tab that learns."""

    tab = "learn"

    def __init__(
        self, page: Page, channel: str, labeling: Labeling, site: Registry, *, allowed: bool
    ) -> None:
        """Learn nothing yet.

        Args:
            page: the page.
            channel: its name, which all its panels share.
            labeling: what is learned from.
            site: takes the learned galleries in.
            allowed: whether the owner of the page lets visitors learn.
        """
        self._labeling, self._site = labeling, site
        self._why_not = FORBIDDEN if not allowed else "" if find_spec("torch") else NO_TORCH
        self._job, self._least, self._looking = Job(), LEAST, False
        self._found: Said | None = None
        self._passed: set[int] = set()  # rows of suggestions that the visitor did not want
        self._is_old = False
        self._learned: tuple[str, LearnReport] | None = None
        if not self._why_not:
            discard_left(page.state.gallery.folder)
        self.strips = StripsPanel(page=channel, subject="learn", lost=True)
        super().__init__(page, [self.strips])

    def receive(self, panel: Any, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """Learn, cancel, and show what was learned."""
        match content:
            case {"kind": "visitor"} if not self._why_not:
                self.page.show_galleries()  # others may have learned while this kernel waited
            case {"kind": "learn", "do": "learn"} if not self._why_not and not self.strips.working:
                start_soon(self.learn())
            case {"kind": "learn", "do": "cancel"} if self.strips.working:
                self._tell("Canceling.")
                self._job.cancel()
            case {"kind": "learn", "do": "compare"} if self._learned:
                self.page.compare_with(f"{self._learned[0]}/bits")
            case {"kind": "learn", "do": "open"} if self._learned:
                self.page.show_gallery(self._learned[0])
        self._label(content)

    def _label(self, content: dict[str, Any]) -> None:
        """Show other tiles, and select them, so that they can be labeled."""
        match content:
            case {"kind": "learn", "do": "choose", "chosen": {"least": str(least)}}:
                if least.isdecimal() and int(least) <= 100:
                    self._least = int(least)
                self.open()
            case {"kind": "learn", "do": "select next"} if self._found:
                self.page.select(self._unlabeled(self._rows_next))
            case {"kind": "learn", "do": "others"} if self._found:
                self._passed.update(self._unlabeled(self._rows_next).tolist())
                self._is_old = True
                self.open()
            case {"kind": "learn", "do": "select", "key": str(name)}:
                self.page.select(self._unlabeled(self._likely(name)))

    @property
    def _given(self) -> GivenClasses:
        """The class that was given to each tile."""
        return self._labeling.store.state.given

    def open(self) -> None:
        """Show what the labels say of the other tiles, those included that others just gave."""
        self._read_labels()
        if not self._learned:  # what was learned before this page was opened is shown again
            made = newest_learned(self.page.state.gallery.folder)
            self._learned = made if made and made[0] in self._site.names else None
        self._show()

    def _read_labels(self) -> None:
        """Read what other visitors labeled meanwhile, and show it on the whole page."""
        if self._labeling.refresh():
            self._labeling.said = ""
            self.page.labeled()

    def _show(self) -> None:
        """Show what the labels say; after a change that takes a moment."""
        self.strips.view = self._view()
        if not self._looking and not self._is_current():
            self._looking = True
            start_soon(self._look())

    def _is_current(self) -> bool:
        """Whether labels were given to shown tiles alone, and a suggestion is left."""
        found = self._found
        if found is None or self._is_old:
            return False
        changed = self._given.changed(found.given).tolist()
        shown = {card["row"] for one in self.strips.view["strips"] for card in one["cards"]}
        is_done = bool(found.next) and not len(self._unlabeled(self._rows_next))
        return shown.issuperset(changed) and not (changed and is_done)

    @property
    def _rows_next(self) -> NDArray[np.int64]:
        """The rows of the tiles to label next."""
        return np.array([one.row for one in self._found.next] if self._found else [], np.int64)

    def _unlabeled(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return those of some rows whose tiles have no label yet."""
        unlabeled: NDArray[np.int64] = rows[self._given.numbers[rows] == UNLABELED]
        return unlabeled

    async def _look(self) -> None:
        """Compute what labels say in a thread, until it is that of the current labels."""
        try:
            while not self._is_current():
                given, labels = self._given, recorded_labels(self.page.state.gallery)
                self._is_old = False
                self._found = await asyncio.to_thread(self._find, given, labels)
        except Exception as error:
            self.page.alert(explain(error))
        self._looking = False
        self.strips.view = self._view()

    def _find(self, given: GivenClasses, labels: dict[str, str]) -> Said:
        gallery = self.page.state.gallery
        rest = np.setdiff1d(gallery.searchable, np.flatnonzero(given.numbers != UNLABELED))
        return Said(
            given,
            confidence(gallery, labels) if labels and len(rest) else None,
            self._suggest(labels) if len(rest) else [],
        )

    def _suggest(self, labels: dict[str, str]) -> list[Suggestion]:
        """Return the tiles to label next, without those that the visitor did not want."""
        count = min(COUNT + len(self._passed), MOST)
        found = suggest(self.page.state.gallery, labels, count=count)
        return [one for one in found if one.row not in self._passed][:COUNT]

    def _likely(self, name: str) -> NDArray[np.int64]:
        """Return the tiles that are of a class with the chosen confidence, best first.

        They had no label when this was computed.
        """
        found = self._found
        if not found or not found.scores or name not in found.scores.classes:
            return np.empty(0, np.int64)
        rows, numbers = found.scores.find(self._least / 100)
        of_class = numbers == found.scores.classes.index(name)
        likely: NDArray[np.int64] = rows[of_class & (found.given.numbers[rows] == UNLABELED)]
        return likely

    async def learn(self) -> None:
        """Learn from the labels in a process of its own, and take the new gallery in."""
        self._tell("Starting to learn.")
        try:
            self.open()
            output = await self._teach()
            self.page.show_galleries()
            await self._project(output)
        except asyncio.CancelledError:
            pass
        except Exception as error:
            self.page.alert(explain(error))
        self._tell("")
        self._show()

    async def _teach(self) -> Path:
        """Run `rsh learn`, and return the new gallery, of which nothing stays if that fails."""
        folder = self.page.state.gallery.folder
        output = reserve_output(folder)
        try:
            with TemporaryDirectory() as scratch:
                file = Path(scratch) / "labels.csv"
                file.write_bytes(self._labeling.write_file("csv")[2])
                words = ["learn", str(folder), "--labels", str(file), "--output", str(output)]
                made = json.loads(await self._job.run([*words, "--json"], hear=self._hear))
        finally:
            discard_unfinished(output)
        made.pop("output")
        report = from_json(LearnReport, made, where="the report", what="gallery")
        self._learned = self._site.add(output), report
        return output

    async def _project(self, folder: Path) -> None:
        """Compute the spaces of the new gallery, which can be opened meanwhile."""
        if not self.page.state.gallery.manifest.projection:
            return
        self._tell("Learned. Its spaces are being computed; you can compare it already.")
        self._show()
        await self._job.run(["project", str(folder)])
        self._site.add(folder)  # opened again, it has its spaces

    def _hear(self, line: str) -> None:
        if said := PROGRESS.search(line):
            self._tell(f"{said[1].capitalize()}: {said[2]} %")

    def _tell(self, words: str) -> None:
        self.strips.working = words

    def _view(self) -> dict[str, Any]:
        labels, left_out = self._learnable()
        classes = sorted(set(labels.values()))
        said = {"labels": plural(len(labels), "label"), "classes": plural(len(classes), "class")}
        note = (NO_LABELS, ONE_CLASS, READY)[min(len(classes), 2)].format(**said)
        actions = [["learn", f"Learn from {said['labels']}"]] if len(classes) > 1 else []
        if left_out:
            note += f" {describe_left_out(left_out)}."
        if self._why_not:
            actions, note = [], f"{note} {self._why_not}"
        if self.strips.working:
            actions = [["cancel", "Cancel"]]
        return {
            "note": note,
            "actions": actions,
            "main": True,
            "choices": [self._slider()] if labels or left_out else [],
            "strips": [*self._result(), *self._next(), *self._classes()],
        }

    def _learnable(self) -> tuple[dict[str, str], int]:
        """Return the labels that are learned from, and how many others are of held-out tiles."""
        gallery = self.page.state.gallery
        labels = recorded_labels(gallery)
        rows = np.array([gallery.find_row(tile) for tile in labels], np.int64)
        may = np.isin(rows, gallery.searchable)
        chosen = {tile: labels[tile] for tile, used in zip(labels, may, strict=True) if used}
        return chosen, len(labels) - len(chosen)

    def _slider(self) -> dict[str, Any]:
        return {
            "name": "least",
            "words": "show tiles that are of a class with a confidence of at least",
            "range": [50, 95, 5],
            "unit": "%",
            "chosen": str(self._least),
        }

    def _result(self) -> list[dict[str, Any]]:
        """Return what this gallery has learned, and the one that was learned last from it."""
        strips, own = [], self.page.state.gallery.manifest.learned
        labels = [["Labels", OWN_LABELS]] if self._labeling.kept == "gallery" else []
        if own:
            facts = report_facts(own.report) + labels
            strips.append(strip("", "This gallery was learned", "", [], actions=[], facts=facts))
        if self._learned:
            name, report = self._learned
            actions = [["compare", "Compare with this gallery"], ["open", "Open it"]]
            facts = report_facts(report) + labels
            strips.append(strip(name, name, "", [], actions=actions, facts=facts))
        return strips

    def _next(self) -> list[dict[str, Any]]:
        """Return the tiles to label next."""
        if not self._found or not self._found.next:
            return []
        guesses = {
            one.row: f"{humanize(one.guess)}? {one.confidence:.0%}" if one.guess else ""
            for one in self._found.next
        }
        keys = enumerate(map(humanize, self._labeling.classes[:KEYS]), start=1)
        words = "Labels of these help most: point at one and press the key of its class"
        actions = [["select next", "Select all"], ["others", "Suggest others"]]
        words += "".join(f" · {number} {name}" for number, name in keys)
        return [strip("", "Label next", words, self._cards(guesses), actions=actions)]

    def _cards(self, words: dict[int, str]) -> list[dict[str, Any]]:
        """Return the cards of tiles, each with its words or, once it is given, its class."""
        gallery, given = self.page.state.gallery, self._labeling.given(list(words))
        cards = []
        for row, guess in words.items():
            name = given.get(str(row))
            said = f"✓ {humanize(name)}" if name else guess
            cards.append(tile_card(describe(gallery, row), said, far=said))
        return cards

    def _classes(self) -> list[dict[str, Any]]:
        """Return the tiles that are likely of each class."""
        if not (found := self._found) or not (scores := found.scores):
            return []
        return [self._class(name, scores) for name in scores.classes[:AT_ONCE]]

    def _class(self, name: str, scores: Confidence) -> dict[str, Any]:
        rows, number = self._likely(name), scores.classes.index(name)
        sure = {row: f"{scores.scores[row, number]:.0%}" for row in rows[:SHOWN].tolist()}
        rest = self._unlabeled(rows)
        words = f"{plural(len(rest), 'tile')} more with at least {self._least} %"
        many = int((scores.labels.numbers == number).sum())
        if many < FEW:
            words += f" · a guess, from {plural(many, 'label')}"
        actions = [["select", f"Select {plural(len(rest), 'tile')}"]] if len(rest) else []
        return strip(name, humanize(name), words, self._cards(sure), actions=actions)
