"""One search as a person asks it: by an image or by the id of a tile."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rsh.codes.encodings import Encodings
from rsh.config import Measure
from rsh.errors import InputError
from rsh.gallery.filters import NO_FILTER, Filter
from rsh.gallery.gallery import Gallery
from rsh.metrics.counts import DistanceCounts
from rsh.metrics.ranking import precision_at
from rsh.search import feedback
from rsh.search.nearest import count_others, look_again, neighbors
from rsh.text import escape_control_chars


@dataclass(frozen=True)
class Hit:
    """One found tile.

    Attributes:
        rank: from 1; equal distances in the gallery's order, which is shuffled by a hash of the id.
        distance: bits.
        id: of the tile.
        class_name: its class.
        score: what the hits were brought into order by, -1 to 1; None if by distance alone.
    """

    rank: int
    distance: int
    id: str
    class_name: str
    score: float | None = None


@dataclass(frozen=True)
class Answer:
    """A query and what was found, nearest first.

    Equal distances come in the gallery's order, which is shuffled by a hash of the id: it says
    nothing of a tile's class.

    Attributes:
        query: image file or tile id.
        class_name: of a tile of the gallery; empty for an image.
        code: the query's code, hexadecimal.
        num_bits: code length.
        precision: expected share of hits with the query's class, over all orders of ties; of hits
            that a finer measure has ordered, the share itself; None for an image, or where nothing
            was found.
        hits: what was found.
        like: ids of tiles that the answer should be like, see `rsh.search.feedback`.
        unlike: ids of tiles that it should be unlike.
        recall: measured share of the nearest tiles that the gallery's index finds; None if exact.
        tied: how many tiles lie as far away as the last hit, by bits; None where something else
            decides the order.
    """

    query: str
    class_name: str
    code: str
    num_bits: int
    precision: float | None
    hits: list[Hit]
    like: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    recall: float | None = None
    tied: int | None = None

    def __str__(self) -> str:
        head = f"query  {self.query}  {self.class_name}  code {self.code} ({self.num_bits} bits)"
        width = max((len(hit.class_name) for hit in self.hits), default=5)
        scored = any(hit.score is not None for hit in self.hits)
        rows = [
            f"{hit.rank:4}  {hit.distance:4}  {_score(hit)}{hit.class_name:{width}}  {hit.id}"
            for hit in self.hits
        ]
        marked = {"like": self.like, "unlike": self.unlike}
        heads = [head, *(f"{name}  {', '.join(ids)}" for name, ids in marked.items() if ids)]
        lines = [*heads, f"rank  bits  {'score  ' if scored else ''}{'class':{width}}  id", *rows]
        if self.precision is not None:
            mean = "" if scored else " (mean over all orders of ties)"
            lines.append(f"precision@{len(self.hits)} = {self.precision:.2f}{mean}")
        shown = sum(hit.distance == self.hits[-1].distance for hit in self.hits) if self.tied else 0
        if self.tied and self.tied > shown:
            far = f"{self.tied:,} tiles are {self.hits[-1].distance} bits away"
            lines.append(f"{far}: these {shown} are some of them, in no order")
        if self.recall is not None:
            lines.append(
                f"approximate: such a search finds {self.recall:.1%} of the nearest 20, less beyond"
            )
        return "\n".join(map(escape_control_chars, lines))


def search(
    gallery: Gallery,
    query: str,
    *,
    top_k: int | None = None,
    radius: int | None = None,
    rerank: Measure | None = None,
    pool: int | None = None,
    like: Sequence[str] = (),
    unlike: Sequence[str] = (),
    where: Filter = NO_FILTER,
    run: Path | None = None,
) -> Answer:
    """Search a gallery.

    Args:
        gallery: an opened gallery.
        query: the id of one of its tiles (which is left out of the answer), or an image file.
        top_k: how many tiles; by default 20, or all if there are fewer.
        radius: instead, all tiles at most so many bits away.
        rerank: bring what bits have found into the order of a finer measure, see `rerank.score`.
        pool: how many of the nearest tiles are looked at again, top_k or more; by default 100, or
            all if there are fewer. Within a radius it is all that lies there.
        like: ids of tiles that the answer shall be like, too; they are left out of it. All tiles
            are then ordered by `feedback.compose`, so that neither radius nor rerank applies.
        unlike: ids of tiles that it shall be unlike.
        where: conditions on the tiles that may be found.
        run: run folder of the model, if it has moved.

    Raises:
        InputError: the query is neither, or a number is out of range.
    """
    rows = np.flatnonzero(gallery.items["id"] == query)
    row = int(rows[0]) if len(rows) else None
    asked = _encode(gallery, query, run) if row is None else gallery.encoded(row)
    scores: NDArray[np.float32] | None = None
    reach: dict[str, int | None] = {"top_k": top_k, "radius": radius}
    if like or unlike:
        _refuse_with_marks(radius=radius, rerank=rerank)
        marks = {"like": like, "unlike": unlike}
        hits, scores = feedback.ask(gallery, asked, row, **marks, top_k=top_k, where=where)
    elif rerank:
        hits, scores = look_again(gallery, asked, row, by=rerank, pool=pool, **reach, where=where)
    else:
        hits = neighbors(gallery, asked.packed, row, **reach, where=where)
    known = [None] * len(hits.ids) if scores is None else scores.tolist()
    names = gallery.items["class"]
    answer = [
        Hit(rank, int(distance), str(gallery.items["id"].iloc[hit]), str(names.iloc[hit]), score)
        for rank, (hit, distance, score) in enumerate(zip(*hits, known, strict=True), start=1)
    ]
    by_bits = answer and answer[0].score is None
    counts = count_others(gallery, asked.packed, row, where) if by_bits else None
    return Answer(
        query=query,
        class_name="" if row is None else str(names.iloc[row]),
        code=asked.packed.tobytes().hex(),
        num_bits=gallery.num_bits,
        precision=_precision(gallery, row, answer, counts),
        hits=answer,
        like=tuple(like),
        unlike=tuple(unlike),
        recall=None if where or like or unlike else gallery.searcher.index.recall,
        tied=int(counts.items[0, answer[-1].distance]) if counts else None,
    )


def _score(hit: Hit) -> str:
    return "" if hit.score is None else f"{hit.score:5.2f}  "


def _refuse_with_marks(**given: object) -> None:
    for name, value in given.items():
        if value is not None:
            why = "with tiles marked like or unlike, all tiles are scored"
            raise InputError(f"{why}; leave it out", parameter=name, value=value)


def _precision(
    gallery: Gallery, row: int | None, hits: list[Hit], counts: DistanceCounts | None
) -> float | None:
    if row is None or not hits:
        return None
    if counts is None:
        own = str(gallery.items["class"].iloc[row])
        return sum(hit.class_name == own for hit in hits) / len(hits)
    return float(precision_at(counts, top_k=len(hits))[0])


def _encode(gallery: Gallery, image: str, run: Path | None) -> Encodings:
    if not Path(image).is_file():
        raise InputError(
            f"{image} is neither an image file nor the id of a tile in {gallery.folder}: "
            f"give one, such as {gallery.items['id'].iloc[0]}"
        )
    from rsh.encoding.query import open_query_encoder  # Pillow, and perhaps torch

    return open_query_encoder(gallery, run=run)([image])
