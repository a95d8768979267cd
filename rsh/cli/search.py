"""The command `rsh search`."""

import sys
from pathlib import Path

from rsh.cli.layout import print_json
from rsh.cli.parser import Texts, TopK
from rsh.config import Measure
from rsh.errors import InputError
from rsh.text import plural


def search(
    gallery: Path,
    query: str | None = None,
    /,
    *,
    text: str | None = None,
    top_k: TopK = None,
    radius: int | None = None,
    rerank: Measure | None = None,
    rerank_depth: int | None = None,
    look_weight: float | None = None,
    positive: str | None = None,
    negative: str | None = None,
    filter: Texts = (),
    include_held_out: bool = False,
    run: Path | None = None,
    output: Path | None = None,
    json_: bool = False,
    geojson: bool = False,
) -> None:
    """Find the tiles whose codes differ least from the query's.

    Tiles at one distance come in the order of their features, the most similar first.

    Args:
        gallery: The gallery folder.
        query: An image file, or the id of a tile in the gallery (which is then left out). A gallery
            of embeddings takes a .npy file with one vector.
        text: Instead of a query, what to find in words, such as "solar farm"; for galleries of a
            backbone with a text tower, see `rsh backbones`.
        top_k: How many tiles. (default: 20, or all if there are fewer)
        radius: Instead of a number, all tiles at most this many bits away.
        rerank: Re-rank the nearest tiles by a finer measure: the cosine of features, or the query's
            continuous code against the tiles' bits (asymmetric). Codes with look bits also by their
            class bits alone, their look bits alone, or both with weights.
        rerank_depth: How many of the nearest tiles --rerank reorders, and all that tie with the
            last of them. (default: 100, or all)
        look_weight: How many class bits a look bit counts as with --rerank weighted-bits.
            (default: 2)
        positive: Ids of tiles that the results should resemble, with commas between them. They are
            left out of the results, and all tiles are ordered by a score instead of bits.
        negative: Ids of tiles that the results should not resemble.
        filter: Find only tiles with class=forest,desert or split!=train or cloud=0..20 or
            bbox=WEST,SOUTH,EAST,NORTH; any column will do, and the flag may be repeated. Or with
            their center in polygon=LON,LAT,LON,LAT,... or polygon=FILE (.geojson, .gpkg or
            .parquet), or with a footprint that overlaps=... it. What visitors gave counts with
            set=NAME and label=CLASS.
        include_held_out: Find held-out tiles as well, those of the split "query".
        run: The run folder of the model, if it has moved.
        output: Write the results into a file instead: .csv, .json, .geojson, .gpkg (GeoPackage) or
            .parquet (GeoParquet).
        json_: Print JSON for a program to read.
        geojson: Print where the results lie, for a map to draw.
    """
    from rsh.cli.filters import read_filter
    from rsh.gallery.gallery import Gallery
    from rsh.search import retrieve
    from rsh.search.formats.files import check_file, write_result
    from rsh.search.formats.geojson import feature_collection
    from rsh.search.novelty import measure_novelty

    _check_one({"--output": output, "--json": json_, "--geojson": geojson})
    _check_one({"--text": text is not None, f"the query {query}": query is not None})
    if query is None and text is None:
        raise InputError("QUERY is missing; see `rsh search --help`")
    if output:
        check_file(output)
    opened = Gallery.open(gallery)
    result = retrieve.search(
        opened,
        query,
        text=text,
        top_k=top_k,
        radius=radius,
        rerank=rerank,
        rerank_depth=rerank_depth,
        look_weight=look_weight,
        positive=_ids("positive", positive),
        negative=_ids("negative", negative),
        filter=read_filter(filter),
        include_held_out=include_held_out,
        run=run,
    )
    if result.query.image and not text and (novelty := measure_novelty(opened, result.query)):
        if novelty.unlike_everything:
            print(f"note: {novelty}", file=sys.stderr)
    if output:
        write_result(result, output)
        print(f"{output}: {plural(len(result), 'tile')}")
    elif geojson:
        print_json(feature_collection(result), indent=None)
    elif json_:
        print_json(result.to_dict())
    else:
        print(result)
        if opened.num_held_out and not include_held_out:
            which = plural(opened.num_held_out, "held-out tile")
            print(f"not searched: {which}; --include-held-out finds them, too", file=sys.stderr)


def _check_one(choices: dict[str, object]) -> None:
    """Refuse more than one of several choices."""
    given = [name for name, value in choices.items() if value]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} exclude each other: give one of them")


def _ids(name: str, words: str | None) -> list[str]:
    ids = [word for word in (words or "").split(",") if word]
    if words is not None and not ids:
        raise InputError("name at least one tile, or leave it out", parameter=name, value=words)
    return ids
