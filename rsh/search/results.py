"""What a person looks at: a question, and the tiles that answer it, as rows of a gallery."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd

from rsh.config import Measure
from rsh.errors import InputError
from rsh.gallery.filters import NO_FILTER, Filter
from rsh.gallery.gallery import Gallery
from rsh.search.retrieve import Answer, Hit, search


@dataclass(frozen=True)
class Question:
    """How a gallery was asked: the arguments of `rsh.search.retrieve.search`, under the same names.

    Attributes:
        query: id of a tile, or an image file.
        top_k: how many tiles; None takes the default.
        radius: instead, all tiles at most so many bits away.
        rerank: the finer measure that the nearest were ordered by.
        pool: how many of the nearest were looked at again.
        like: ids of tiles that the answer shall be like.
        unlike: ids of tiles that it shall be unlike.
        where: conditions on the tiles that may be found.
    """

    query: str
    top_k: int | None = None
    radius: int | None = None
    rerank: Measure | None = None
    pool: int | None = None
    like: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    where: Filter = NO_FILTER

    def __post_init__(self) -> None:
        if self.top_k is not None and self.radius is not None:
            raise InputError(
                f"top_k={self.top_k} is given too: give one of them",
                parameter="radius",
                value=self.radius,
            )
        if self.pool is not None and self.rerank is None:
            raise InputError(
                "it is for rerank, give both or neither", parameter="pool", value=self.pool
            )

    def arguments(self) -> dict[str, Any]:
        """Return what was said beside the query, without what is left at its default."""
        values = {field.name: getattr(self, field.name) for field in fields(self)[1:]}
        return {name: value for name, value in values.items() if value not in (None, (), NO_FILTER)}

    def ask(self, gallery: Gallery) -> Answer:
        """Search a gallery.

        Raises:
            InputError: see `rsh.search.retrieve.search`.
        """
        return search(gallery, self.query, **self.arguments())


class Shown(Protocol):
    """One tile as a page shows it, such as a `Tile`, or `rsh.explorer.state.RankedTile`."""

    @property
    def row(self) -> int:
        """In the gallery."""

    @property
    def rank(self) -> int:
        """From 1."""

    @property
    def distance(self) -> int:
        """Bits."""

    @property
    def score(self) -> float | None:
        """What the answer was ordered by, -1 to 1; None if by distance alone."""

    @property
    def relevant(self) -> bool | None:
        """Whether it has the query's class; None if the query has none."""


class Tile(NamedTuple):
    """One tile of an answer.

    Attributes:
        row: in the gallery.
        rank: from 1.
        distance: bits.
        score: what the answer was ordered by, -1 to 1; None if by distance alone.
        relevant: whether it has the query's class; None if the query has none.
    """

    row: int
    rank: int
    distance: int
    score: float | None = None
    relevant: bool | None = None


@dataclass(frozen=True)
class View:
    """A question, and those tiles of the answer that a person sees or has chosen.

    Attributes:
        gallery: an opened gallery.
        question: how it was asked.
        tiles: in the order in which they are shown; there may be none.
    """

    gallery: Gallery
    question: Question
    tiles: Sequence[Shown]

    def __post_init__(self) -> None:
        for tile in self.tiles:
            if not 0 <= tile.row < len(self.gallery):
                last = len(self.gallery) - 1
                raise InputError(f"there is no tile {tile.row}: choose 0 to {last}")

    @classmethod
    def of(cls, gallery: Gallery, question: Question) -> "View":
        """Ask a gallery, and show the whole answer.

        Raises:
            InputError: see `rsh.search.retrieve.search`.
        """
        answer = question.ask(gallery)
        ids = pd.Index(gallery.items["id"])
        rows = ids.get_indexer(pd.Index([hit.id for hit in answer.hits], dtype=ids.dtype))
        known = question.query in ids
        tiles = [
            Tile(
                row=int(row),
                rank=hit.rank,
                distance=hit.distance,
                score=hit.score,
                relevant=hit.class_name == answer.class_name if known else None,
            )
            for row, hit in zip(rows, answer.hits, strict=True)
        ]
        return cls(gallery, question, tiles)

    @cached_property
    def row(self) -> int | None:
        """Row of the query; None if it is an image and no tile of the gallery."""
        rows = np.flatnonzero(self.gallery.items["id"] == self.question.query)
        return int(rows[0]) if len(rows) else None

    @property
    def hits(self) -> list[Hit]:
        """The tiles as a search gives them."""
        ids, names = self.gallery.items["id"], self.gallery.items["class"]
        return [
            Hit(t.rank, t.distance, str(ids.iloc[t.row]), str(names.iloc[t.row]), t.score)
            for t in self.tiles
        ]
