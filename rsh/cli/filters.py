"""Conditions of the command line: as everywhere, and regions from files."""

import re
from collections.abc import Iterator
from pathlib import Path

from rsh.cli.parser import Texts
from rsh.gallery.filters import OVERLAPS, REGIONS, Condition, Filter

REGION = re.compile(rf"\s*({'|'.join(REGIONS)})\s*(!?=)(.+)", re.DOTALL)


def read_filter(texts: Texts) -> Filter:
    """Return the conditions; polygon=FILE and overlaps=FILE take the polygons of a file.

    A link of the dashboard names no files, so `Filter.read` opens none.

    Raises:
        InputError: a text or a file cannot be read.
    """
    return Filter(tuple(condition for text in texts for condition in _read(text)))


def _read(text: str) -> Iterator[Condition]:
    from rsh.data.region_files import SUFFIXES, read_region_file

    found = REGION.fullmatch(text)
    if found and found[3].strip().lower().endswith(SUFFIXES):
        region = read_region_file(Path(found[3].strip()))
        yield Condition.of_region(region, overlaps=found[1] == OVERLAPS, negated=found[2] == "!=")
    else:
        yield from Filter.read([text]).conditions
