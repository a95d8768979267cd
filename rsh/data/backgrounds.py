"""Small overviews of the scenes that tiles were cut from, as a background of maps.

Stored as a Parquet table with one row an image: scene, west, south, east, north, image. Rows and
columns of an image are latitudes and longitudes; what is no data is transparent.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rsh.errors import InputError
from rsh.text import first_sentence

MAX_IMAGES = 2000
MAX_BYTES = 16_000_000  # of a file; those that rsh writes are smaller
ENDS = ("west", "south", "east", "north")
SCHEMA = pa.schema(
    [("scene", pa.string()), *((end, pa.float64()) for end in ENDS), ("image", pa.binary())]
)


class Background(NamedTuple):
    """An overview of a scene, or of its part on one side of the 180th meridian.

    Attributes:
        scene: name of its file.
        bounds: west, south, east, north of the image, degrees.
        image: WebP bytes.
    """

    scene: str
    bounds: tuple[float, float, float, float]
    image: bytes


def write_backgrounds(backgrounds: Sequence[Background], stream: IO[bytes]) -> None:
    """Write backgrounds as a table."""
    rows = [
        {"scene": one.scene, **dict(zip(ENDS, one.bounds, strict=True)), "image": one.image}
        for one in backgrounds
    ]
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), stream)


def read_backgrounds(file: Path | IO[bytes], name: str) -> list[Background]:
    """Read backgrounds.

    Args:
        file: the table, or an open one.
        name: of the file, for error messages.

    Raises:
        InputError: it is no such table, is too large, or an image lies nowhere on Earth.
    """
    try:
        table = pq.ParquetFile(file)
        size = sum(
            table.metadata.row_group(group).total_byte_size for group in range(table.num_row_groups)
        )
        if table.metadata.num_rows > MAX_IMAGES or size > MAX_BYTES:
            raise ValueError(f"{table.metadata.num_rows} rows, {size} bytes")
        rows: list[dict[str, Any]] = table.read().cast(SCHEMA).to_pylist()
    except (pa.ArrowException, OSError, ValueError, KeyError, MemoryError) as error:
        raise InputError(f"{name} holds no backgrounds ({first_sentence(error)})") from None
    found = [
        Background(row["scene"], tuple(row[end] for end in ENDS), row["image"]) for row in rows
    ]
    for one in found:
        if not _is_right(one):
            raise InputError(f"{name} has a background that is no image of a place on Earth")
    return found


def join_backgrounds(backgrounds: Iterable[Background]) -> list[Background]:
    """Return each background once, as far as they fit into a file."""
    found: list[Background] = []
    size = 0
    for one in dict.fromkeys(backgrounds):
        size += len(one.image)
        if len(found) == MAX_IMAGES or size > MAX_BYTES // 2:
            break
        found.append(one)
    return found


def _is_right(background: Background) -> bool:
    scene, bounds, image = background
    if scene is None or image is None or None in bounds or not np.isfinite(bounds).all():
        return False
    west, south, east, north = bounds
    is_place = -180 <= west < east <= 180 and -90 <= south < north <= 90
    return is_place and image[:4] == b"RIFF" and image[8:12] == b"WEBP"
