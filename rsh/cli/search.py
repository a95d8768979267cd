"""The command `rsh search`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rsh.config import Measure
from rsh.errors import InputError


def search(
    gallery: Path,
    query: str,
    *,
    top_k: int | None = None,
    radius: int | None = None,
    rerank: Measure | None = None,
    pool: int | None = None,
    like: str | None = None,
    unlike: str | None = None,
    where: Sequence[str] = (),
    run: Path | None = None,
    json_: bool = False,
    geojson: bool = False,
) -> None:
    """Find the tiles whose codes differ least from the query's.

    Args:
        gallery: The gallery folder.
        query: An image file, or the id of a tile in the gallery (which is then left out).
        top_k: How many tiles. (default: 20, or all if there are fewer)
        radius: Instead of a number, all tiles at most this many bits away.
        rerank: Bring the nearest tiles into the order of a finer measure: the cosine of features,
            or the query's code before the sign against the tiles' bits (asymmetric).
        pool: How many of the nearest tiles --rerank looks at. (default: 100, or all)
        like: Ids of tiles that the answer shall be like, too, with commas between them. They are
            left out of it, and all tiles are ordered by a score instead of bits.
        unlike: Ids of tiles that it shall be unlike.
        where: Find only tiles with class=forest,desert or split!=train or cloud=0..20 or
            bbox=WEST,SOUTH,EAST,NORTH; any column will do, and the flag may be repeated.
        run: The run folder of the model, if it has moved.
        json_: Print JSON for a program to read.
        geojson: Print where the hits lie, for a map to draw.
    """
    from rsh.gallery.filters import Filter
    from rsh.gallery.gallery import Gallery
    from rsh.search.formats.geojson import feature_collection
    from rsh.search.retrieve import search as find

    if top_k is not None and radius is not None:
        raise InputError("-k and --radius exclude each other: give one of them")
    if json_ and geojson:
        raise InputError("--json and --geojson exclude each other: give one of them")
    opened = Gallery.open(gallery)
    if pool is not None and rerank is None:
        raise InputError("--pool is for --rerank: give both, or neither")
    answer = find(
        opened,
        query,
        top_k=top_k,
        radius=radius,
        rerank=rerank,
        pool=pool,
        like=_ids("like", like),
        unlike=_ids("unlike", unlike),
        where=Filter.read(where),
        run=run,
    )
    if geojson:
        print(json.dumps(feature_collection(opened, answer), ensure_ascii=False))
    elif json_:
        print(json.dumps(asdict(answer), indent=2, ensure_ascii=False))
    else:
        print(answer)


def _ids(name: str, words: str | None) -> list[str]:
    ids = [word for word in (words or "").split(",") if word]
    if words is not None and not ids:
        raise InputError("name at least one tile, or leave it out", parameter=name, value=words)
    return ids
