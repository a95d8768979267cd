"""The commands `rsh duplicates` and `rsh leaks`."""

import sys
from pathlib import Path

from rsh.cli.layout import print_json
from rsh.cli.parser import TopK
from rsh.config import PairCheck
from rsh.errors import InputError
from rsh.text import plural

SHOWN = 20  # lines of a table


def duplicates(
    gallery: Path,
    /,
    *,
    radius: int | None = None,
    check: PairCheck | None = None,
    threshold: float | None = None,
    top_k: TopK = None,
    output: Path | None = None,
    json_: bool = False,
) -> None:
    """Find groups of near duplicates: tiles with near codes that look alike, the most alike first.

    Held-out tiles are among them. A group is all that near duplicates connect; where its tiles have
    different classes, a label may be wrong.

    Args:
        gallery: Gallery folder.
        radius: Largest distance of the codes of near duplicates, bits. (default: 1 for every 16
            bits of a code)
        check: How each pair is checked: the pixels of the thumbnails, the cosine of the features,
            or not at all. (default: pixels, or features without images)
        threshold: Least cosine of near duplicates with --check features. (default: 0.98)
        top_k: How many groups are printed. (default: 20)
        output: File for all of them: .csv, .json, .parquet, .gpkg or .geojson.
        json_: Print all of them as JSON.
    """
    from rsh.analysis.duplicate_reports import describe_duplicates
    from rsh.analysis.duplicates import find_duplicates
    from rsh.gallery.gallery import Gallery
    from rsh.search.formats.tile_tables import check_table_file, write_tiles

    most, opened = _check_most(top_k), Gallery.open(gallery)
    if output:
        check_table_file(opened, output)
    found = find_duplicates(opened, radius=radius, check=check, threshold=threshold)
    if output:
        write_tiles(opened, found.table(), found.to_dict(), output)
        print(f"{output}: {plural(len(found.groups), 'group')}", file=sys.stderr)
    if json_:
        print_json(found.to_dict())
        return
    print(describe_duplicates(found, most=most))
    _note_more(len(found.groups), most, output)


def leaks(
    gallery: Path,
    /,
    *,
    radius: int | None = None,
    check: PairCheck | None = None,
    threshold: float | None = None,
    top_k: TopK = None,
    output: Path | None = None,
    json_: bool = False,
) -> None:
    """Find queries and validation tiles with a near duplicate on the other side of the split.

    Queries are compared with all tiles that a search finds, validation tiles with training tiles.

    Args:
        gallery: Gallery folder.
        radius: As for `rsh duplicates`.
        check: As for `rsh duplicates`.
        threshold: As for `rsh duplicates`.
        top_k: How many tiles are printed. (default: 20)
        output: File for all of them: .csv, .json, .parquet, .gpkg or .geojson.
        json_: Print all of them as JSON.
    """
    from rsh.analysis.duplicate_reports import describe_leaks
    from rsh.analysis.leaks import find_leaks
    from rsh.gallery.gallery import Gallery
    from rsh.search.formats.tile_tables import check_table_file, write_tiles

    most, opened = _check_most(top_k), Gallery.open(gallery)
    if output:
        check_table_file(opened, output)
    found = find_leaks(opened, radius=radius, check=check, threshold=threshold)
    if output:
        write_tiles(opened, found.table(), found.to_dict(), output)
        print(f"{output}: {plural(len(found.leaks), 'tile')}", file=sys.stderr)
    if json_:
        print_json(found.to_dict())
        return
    print(describe_leaks(found, most=most))
    _note_more(len(found.leaks), most, output)


def _check_most(top_k: int | None) -> int:
    if top_k is not None and top_k < 1:
        raise InputError("choose 1 or more", parameter="top_k", value=top_k)
    return SHOWN if top_k is None else top_k


def _note_more(total: int, most: int, output: Path | None) -> None:
    if total > most:
        hint = "" if output else "; -k prints more, --output FILE.csv writes all"
        print(f"printed: the first {most:,} of {total:,}{hint}", file=sys.stderr)
