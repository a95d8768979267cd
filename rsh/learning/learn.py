"""Learn from given labels: a new gallery whose codes follow them, beside the old one.

No image is read. The network's features and codes of the tiles are in the gallery, and stay there:
what is learned is a head that corrects the codes (`rsh.gallery.learned`). Learning again, from
either gallery, begins with the network's codes, so that the result depends on the labels and the
seed, and not on what was learned before.

The classes that the gallery was encoded with stay as they are in the new one, and are not learned
from: a given label is one visitor's word, and belongs to the visitor's labels.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsh.codes.binary import binarize, pack
from rsh.config import SEEDS, check_number
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.gallery.learn_report import HeldOut, LearnReport
from rsh.gallery.writer import check_free, discard_unfinished, write_learned
from rsh.learning.labels import GivenLabels, Labels, find_labels
from rsh.learning.output import reserve_output
from rsh.learning.progress import Stages, Watch
from rsh.learning.report import (
    compare_neighbors,
    score_held_out,
    split_folds,
    summarize,
)
from rsh.learning.teaching import teach
from rsh.text import plural

TEACHING, WRITING, COMPARING = 4.0, 2.0, 1.0  # seconds for 10,000 tiles, for the progress
FEWEST = 8  # searchable tiles


class Learned(NamedTuple):
    """A learned gallery, and what has changed."""

    gallery: Gallery
    report: LearnReport


def learn(
    gallery: Gallery,
    labels: Labels | None = None,
    *,
    output: str | Path | None = None,
    name: str = "",
    seed: int = 0,
    measure: bool = True,
    watch: Watch | None = None,
) -> Learned:
    """Teach a gallery's codes by labels, and write the new gallery.

    Tiles without a label keep their neighborhoods, which the labels shape.

    Args:
        gallery: an opened gallery, which is not changed.
        labels: class by id, of two classes or more; by default those recorded in the gallery.
            Held-out tiles are not learned from.
        output: folder of the new gallery; by default GALLERY-learned-1 beside the other, or the
            next number.
        name: of the new gallery on the dashboard; by default that of the other with the number of
            labels.
        seed: equal labels and seeds give equal galleries.
        measure: hold labels out to measure what is gained, which takes twice as long, and three
            times with 100 labels or fewer.
        watch: progress callback. What it raises stops the work, and nothing is left behind.

    Raises:
        InputError: the labels are of one class or too few, the gallery lacks a tile or cannot be
            learned from, or the folder is taken or cannot be written.
    """
    check_number("seed", seed, *SEEDS)
    folder = reserve_output(gallery.folder) if output is None else Path(output)
    try:
        return _learn(gallery, labels, folder, name, seed, measure, watch)
    finally:
        if output is None:
            discard_unfinished(folder)


def _learn(
    gallery: Gallery,
    labels: Labels | None,
    output: Path,
    name: str,
    seed: int,
    measure: bool,
    watch: Watch | None,
) -> Learned:
    """Learn, into a folder that is free."""
    check_free(output)
    every = find_labels(gallery, labels)
    given = every.select(np.isin(every.rows, gallery.searchable))
    _check(gallery, given, left_out=len(every) - len(given))
    folds = list(split_folds(given, seed)) if measure else []
    stages = Stages(
        {
            "learning": TEACHING,
            **({"measuring": TEACHING * len(folds)} if folds else {}),
            "comparing": COMPARING,
            "writing": WRITING,
        },
        watch,
    )
    stages.tell("learning", 0)
    head = teach(gallery, given, seed=seed, tick=lambda done: stages.tell("learning", done))
    held_out = _measure(gallery, given, folds, seed, stages) if folds else None
    stages.tell("comparing", 0)
    kept, changed, compared = compare_neighbors(gallery, head, seed)
    report = LearnReport(
        labels=len(given),
        left_out=len(every) - len(given),
        classes=tuple(given.classes),
        neighbors_kept=kept,
        nearest_changed=changed,
        compared=compared,
        held_out=held_out,
    )
    new = write_learned(
        gallery,
        output,
        head,
        report,
        name=name or f"{gallery.name}, {plural(len(given), 'label')}",
        seed=seed,
        tick=_Counter(stages, len(gallery)).count,
    )
    return Learned(new, report)


def _check(gallery: Gallery, given: GivenLabels, *, left_out: int) -> None:
    """Refuse labels that teach nothing, and galleries that cannot be taught."""
    if not gallery.class_bits:
        raise InputError(
            f"all {gallery.num_bits} bits of {gallery.folder} are look bits, which labels do not "
            "change: train with fewer --look-bits"
        )
    if len(gallery.searchable) < FEWEST:
        raise InputError(
            f"{gallery.folder} has {plural(len(gallery.searchable), 'searchable tile')}: learning "
            f"needs {FEWEST}"
        )
    if left_out and not len(given):
        raise InputError("all labels are of held-out tiles (split query): label other tiles")
    if len(set(given.numbers)) < 2:
        found = f"{plural(len(given), 'label')} of {plural(len(set(given.numbers)), 'class')}"
        raise InputError(f"{found}: give tiles of two classes or more a label")


def _measure(
    gallery: Gallery,
    given: GivenLabels,
    folds: Sequence[NDArray[np.bool_]],
    seed: int,
    stages: Stages,
) -> HeldOut:
    """Teach a head without each fold's labels in turn, and search with their tiles."""
    before: list[NDArray[np.float64]] = []
    after: list[NDArray[np.float64]] = []
    for number, held_out in enumerate(folds):

        def tick(done: float, number: int = number) -> None:
            stages.tell("measuring", (number + done) / len(folds))

        head = teach(gallery, given.select(~held_out), seed=seed, tick=tick)
        queries = given.select(held_out)
        network = gallery.network[queries.rows]
        taught = head.correct(gallery.features[queries.rows], network)
        for relaxed, scores in ((network, before), (taught, after)):
            packed = pack(binarize(relaxed))
            scores.append(score_held_out(packed, gallery.num_bits, queries.numbers))
    return summarize(np.concatenate(before, axis=1), np.concatenate(after, axis=1), seed)


class _Counter:
    """Tells how many of the tiles are written."""

    def __init__(self, stages: Stages, total: int) -> None:
        self._stages, self._total, self._done = stages, total, 0

    def count(self, more: int) -> None:
        self._done += more
        self._stages.tell("writing", self._done / self._total)
