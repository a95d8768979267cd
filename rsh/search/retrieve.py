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
from rsh.search.nearest import neighbors, rerank_nearest
from rsh.search.query import Query, SearchOptions, check_row
from rsh.search.results import SearchResult

if TYPE_CHECKING:
    from PIL import Image


def search(
    gallery: Gallery,
    query: "str | Path | Image.Image | NDArray[Any]",
    *,
    top_k: int | None = None,
    radius: int | None = None,
    rerank: Measure | None = None,
    rerank_depth: int | None = None,
    positive: Sequence[str] = (),
    negative: Sequence[str] = (),
    filter: Filter = NO_FILTER,
    run: Path | None = None,
) -> SearchResult:
    """Search a gallery with one of its tiles, with an image, or with a vector.

    Args:
        gallery: an opened gallery.
        query: the id of a tile, which is left out of the results; or an image: its file, or opened.
            A gallery that was made from embeddings takes a vector, (dim,), or a .npy file of one.
        top_k: how many tiles; by default 20, or all if there are fewer.
        radius: instead, all tiles at most so many bits away.
        rerank: reorder the nearest tiles by a finer measure, see `rerank.score`.
        rerank_depth: how many of the nearest tiles are reordered, see `SearchOptions`.
        positive: ids of tiles that the results should resemble; they are left out. All tiles are
            then ordered by `feedback.rocchio`, and neither radius nor rerank applies.
        negative: ids of tiles that the results should not resemble.
        filter: conditions on the tiles that may be found.
        run: run folder of the model, if it has moved.

    Raises:
        InputError: the query is neither tile nor image nor vector, or an option is wrong.
    """
    options = SearchOptions(top_k, radius, rerank, rerank_depth, filter)
    if positive or negative:
        options.check_with_feedback()
    marks = {"positive": positive, "negative": negative}
    if isinstance(query, str) and query in gallery.ids:
        return retrieve(gallery, Query.of_tile(gallery, query, **marks), options)
    if isinstance(query, str | Path) and not Path(query).is_file():
        file = "a .npy file" if gallery.manifest.model.vector_dim else "an image file"
        raise InputError(
            f"{query} is neither {file} nor the id of a tile in {gallery.folder}: "
            f"give one, such as {gallery.items['id'].iloc[0]}"
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
    if query.has_feedback:
        ranked = rank_with_feedback(gallery, query, options)
    elif options.rerank:
        ranked = rerank_nearest(gallery, query, options)
    else:
        return SearchResult.of_hits(gallery, query, options, neighbors(gallery, query, options))
    return SearchResult.of_hits(gallery, query, options, *ranked)
