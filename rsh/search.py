"""One search as a person asks it: by a picture or by the id of a tile."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rsh import composition
from rsh.codes import Packed
from rsh.counts import Counts, count
from rsh.engines import Hits
from rsh.errors import InputError
from rsh.gallery import Gallery
from rsh.metrics import precision_at
from rsh.protocols import USUAL, Measure
from rsh.reranking import POOL
from rsh.reranking import rerank as rerank_hits
from rsh.segments import Encoded


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
        query: picture file or tile id.
        class_name: of a tile of the gallery; empty for a picture.
        code: the query's code, hexadecimal.
        num_bits: code length.
        precision: expected share of hits with the query's class, over all orders of ties; of hits
            that a finer measure has ordered, the share itself; None for a picture, or where nothing
            was found.
        hits: what was found.
        like: ids of tiles that the answer should be like, see `rsh.composition`.
        unlike: ids of tiles that it should be unlike.
    """

    query: str
    class_name: str
    code: str
    num_bits: int
    precision: float | None
    hits: list[Hit]
    like: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()

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
        return "\n".join(lines)


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
    run: Path | None = None,
) -> Answer:
    """Search a gallery.

    Args:
        gallery: an opened gallery.
        query: the id of one of its tiles (which is left out of the answer), or a picture file.
        top_k: how many tiles; by default 20, or all if there are fewer.
        radius: instead, all tiles at most so many bits away.
        rerank: bring what bits have found into the order of a finer measure, see `reranking.score`.
        pool: how many of the nearest tiles are looked at again, top_k or more; by default 100, or
            all if there are fewer. Within a radius it is all that lies there.
        like: ids of tiles that the answer shall be like, too; they are left out of it. All tiles
            are then ordered by `composition.compose`, so that neither radius nor rerank applies.
        unlike: ids of tiles that it shall be unlike.
        run: run folder of the model, if it has moved.

    Raises:
        InputError: the query is neither, or a number is out of range.
    """
    rows = np.flatnonzero(gallery.items["id"] == query)
    row = int(rows[0]) if len(rows) else None
    asked = _encode(gallery, query, run) if row is None else gallery.encoded(row)
    scores: NDArray[np.float32] | None = None
    if like or unlike:
        _refuse_with_marks(radius=radius, rerank=rerank)
        hits, scores = composition.ask(gallery, asked, row, like=like, unlike=unlike, top_k=top_k)
    elif rerank:
        reach = {"top_k": top_k, "radius": radius, "pool": pool}
        hits, scores = look_again(gallery, asked, row, by=rerank, **reach)
    else:
        hits = neighbours(gallery, asked.packed, row, top_k=top_k, radius=radius)
    known = [None] * len(hits.ids) if scores is None else scores.tolist()
    names = gallery.items["class"]
    answer = [
        Hit(rank, int(distance), str(gallery.items["id"].iloc[hit]), str(names.iloc[hit]), score)
        for rank, (hit, distance, score) in enumerate(zip(*hits, known, strict=True), start=1)
    ]
    return Answer(
        query=query,
        class_name="" if row is None else str(names.iloc[row]),
        code=asked.packed.tobytes().hex(),
        num_bits=gallery.num_bits,
        precision=_precision(gallery, row, answer),
        hits=answer,
        like=tuple(like),
        unlike=tuple(unlike),
    )


def neighbours(
    gallery: Gallery,
    packed: Packed,
    row: int | None,
    *,
    top_k: int | None = None,
    radius: int | None = None,
) -> Hits:
    """Find neighbours of a code, and leave the query's own tile out.

    Args:
        gallery: an opened gallery.
        packed: the query's code, (1, bytes) uint8.
        row: the query's own row, None if it is no tile of the gallery.
        top_k: how many; by default 20, or all if there are fewer.
        radius: instead, all at most so many bits away.

    Raises:
        InputError: a number is out of range.
    """
    if radius is not None:
        (hits,) = gallery.within(packed, radius=radius)
        keep = hits.ids != row
        return Hits(hits.ids[keep], hits.distances[keep])
    itself = row is not None and row in gallery.searchable
    most = len(gallery.searchable) - itself
    if not most:
        raise InputError(f"{gallery.folder} holds no tile that could be found: encode more tiles")
    top_k = min(USUAL, most) if top_k is None else top_k
    if not 1 <= top_k <= most:
        raise InputError(f"top_k={top_k}: {most} tiles can be found, choose 1 to {most}")
    (hits,) = gallery.search(packed, top_k=top_k + itself)
    keep = hits.ids != row
    return Hits(hits.ids[keep][:top_k], hits.distances[keep][:top_k])


def look_again(
    gallery: Gallery,
    query: Encoded,
    row: int | None,
    *,
    by: Measure,
    top_k: int | None = None,
    radius: int | None = None,
    pool: int | None = None,
) -> tuple[Hits, NDArray[np.float32]]:
    """Find neighbours by bits, and bring the nearest of them into the order of a finer measure.

    Args:
        gallery: an opened gallery.
        query: one picture.
        row: the query's own row, None if it is no tile of the gallery.
        by: see `reranking.score`.
        top_k: how many; by default 20, or all if there are fewer.
        radius: instead, all at most so many bits away.
        pool: how many of the nearest are looked at again, see `search`.

    Returns:
        Hits, the highest score first, and the score of each.

    Raises:
        InputError: a number is out of range, or there is no such measure.
    """
    if radius is not None:
        found = neighbours(gallery, query.packed, row, radius=radius)
        return rerank_hits(query, found, gallery.packed, gallery.features, by=by)
    found = neighbours(gallery, query.packed, row, top_k=_pool(gallery, row, top_k, pool))
    hits, scores = rerank_hits(query, found, gallery.packed, gallery.features, by=by)
    top_k = USUAL if top_k is None else top_k
    return Hits(hits.ids[:top_k], hits.distances[:top_k]), scores[:top_k]


def count_others(gallery: Gallery, row: int) -> Counts:
    """Count the tiles that a search with one tile can find, by distance from it.

    Args:
        gallery: an opened gallery.
        row: the query's row; it is not counted.

    Returns:
        Counts of one query, each (1, num_bits + 1).
    """
    others = gallery.searchable[gallery.searchable != row]
    if not len(others):
        return Counts(*np.zeros((2, 1, gallery.num_bits + 1), dtype=np.int64))
    return count(
        gallery.packed[[row]],
        gallery.packed[others],
        gallery.labels[[row]],
        gallery.labels[others],
        num_bits=gallery.num_bits,
    )


def _score(hit: Hit) -> str:
    return "" if hit.score is None else f"{hit.score:5.2f}  "


def _pool(gallery: Gallery, row: int | None, top_k: int | None, pool: int | None) -> int:
    """Return how many tiles are looked at again."""
    most = len(gallery.searchable) - (row is not None and row in gallery.searchable)
    least = min(USUAL, most) if top_k is None else top_k
    if pool is None:
        return max(least, min(POOL, most))
    if not least <= pool <= most:
        raise InputError(f"pool={pool}: choose {least} to {most}, the tiles that can be found")
    return pool


def _refuse_with_marks(**given: object) -> None:
    for name, value in given.items():
        if value is not None:
            why = "with tiles marked like or unlike, all tiles are scored"
            raise InputError(f"{name}={value}: {why}; leave it out")


def _precision(gallery: Gallery, row: int | None, hits: list[Hit]) -> float | None:
    if row is None or not hits:
        return None
    if hits[0].score is not None:
        own = str(gallery.items["class"].iloc[row])
        return sum(hit.class_name == own for hit in hits) / len(hits)
    return float(precision_at(count_others(gallery, row), top_k=len(hits))[0])


def _encode(gallery: Gallery, picture: str, run: Path | None) -> Encoded:
    if not Path(picture).is_file():
        raise InputError(
            f"{picture} is neither a picture file nor the id of a tile in {gallery.folder}: "
            f"give one, such as {gallery.items['id'].iloc[0]}"
        )
    return gallery.encode(picture, run=run)
