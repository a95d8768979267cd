"""Searches a gallery: `search` for people, `retrieve` for a `Query` and `SearchOptions`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rsh.config import Measure
from rsh.errors import InputError
from rsh.gallery.filters import NO_FILTER, Filter
from rsh.gallery.gallery import Gallery
from rsh.search.feedback import rank_with_feedback
from rsh.search.nearest import find_top_k, neighbors, rerank_nearest
from rsh.search.query import Query, SearchOptions, check_row
from rsh.search.results import SearchResult

if TYPE_CHECKING:
    from PIL import Image


def search(
    gallery: Gallery,
    query: "str | Path | Image.Image | NDArray[Any] | None" = None,
    *,
    text: str | None = None,
    top_k: int | None = None,
    radius: int | None = None,
    rerank: Measure | None = None,
    rerank_depth: int | None = None,
    look_weight: float | None = None,
    positive: Sequence[str] = (),
    negative: Sequence[str] = (),
    filter: Filter = NO_FILTER,
    include_held_out: bool = False,
    run: Path | None = None,
) -> SearchResult:
    """Search a gallery with one of its tiles, with an image, with a vector, or with a text.

    Tiles at one distance come in the order of the cosine of their features with the query's.

    Args:
        gallery: an opened gallery.
        query: the id of a tile, which is left out of the results; or an image: its file, or opened.
            A gallery that was made from embeddings takes a vector, (dim,), or a .npy file of one.
        text: instead, what to find, such as "solar farm", if the backbone has a text tower.
        top_k: how many tiles; by default 20, or all if there are fewer.
        radius: instead, all tiles at most so many bits away.
        rerank: reorder the nearest tiles by a finer measure, see `rerank.score`.
        rerank_depth: how many of the nearest tiles are reordered, see `SearchOptions`.
        look_weight: of a look bit, in class bits, if rerank is "weighted-bits"; by default 2.
        positive: ids of tiles that the results should resemble; they are left out. All tiles are
            then ordered by `feedback.rocchio`, and neither radius nor rerank applies.
        negative: ids of tiles that the results should not resemble.
        filter: conditions on the tiles that may be found.
        include_held_out: whether tiles of the query split may be found, too.
        run: run folder of the model, if it has moved.

    Raises:
        InputError: the query is neither tile nor image nor vector nor text, or an option is wrong.
    """
    if (query is None) == (text is None):
        raise InputError("a search takes either a query or a text: give one of them")
    options = SearchOptions(
        top_k, radius, rerank, rerank_depth, look_weight, filter, include_held_out
    )
    if positive or negative:
        options.check_with_feedback()
    marks = {"positive": positive, "negative": negative}
    if query is None:
        assert text is not None
        return retrieve(gallery, Query.of_text(gallery, text, run=run, **marks), options)
    if isinstance(query, str) and query in gallery.ids:
        return retrieve(gallery, Query.of_tile(gallery, query, **marks), options)
    if isinstance(query, str | Path) and not Path(query).is_file():
        file = "a .npy file" if gallery.manifest.model.vector_dim else "an image file"
        raise InputError(
            f"{query} is neither {file} nor the id of a tile in {gallery.folder}: "
            f"give one, such as {gallery.ids[0]}"
        )
    if isinstance(query, np.ndarray):
        return retrieve(gallery, Query.of_vector(gallery, query, run=run, **marks), options)
    if isinstance(query, str | Path) and Path(query).suffix.lower() == ".npy":
        return retrieve(gallery, Query.of_vector(gallery, Path(query), run=run, **marks), options)
    return retrieve(gallery, Query.of_image(gallery, query, run=run, **marks), options)


def retrieve(gallery: Gallery, query: Query, options: SearchOptions) -> SearchResult:
    """Search a gallery.

    Raises:
        InputError: the gallery has no such row, or an option is wrong.
    """
    for row in query.excluded:
        check_row(gallery, row)
    scores = None
    if query.has_feedback:
        hits, scores = rank_with_feedback(gallery, query, options)
    elif options.rerank:
        hits, scores = rerank_nearest(gallery, query, options)
    else:
        hits = neighbors(gallery, query, options)
    top_k = None if options.radius is not None else find_top_k(gallery, query, options)
    return SearchResult.of_hits(gallery, query, options, hits, scores, top_k=top_k)
