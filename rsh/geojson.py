"""An answer as GeoJSON: what a map program draws, each hit with its rank and distance.

Source: RFC 7946, https://www.rfc-editor.org/rfc/rfc7946
"""

import math
from typing import Any

import pandas as pd

from rsh.errors import InputError
from rsh.gallery import Gallery
from rsh.search import Answer

RING = "POLYGON ((", "))"  # around "x y, x y, ..."
SOURCES = ("footprint", "longitude")  # columns that say where a tile lies


def feature_collection(gallery: Gallery, answer: Answer) -> dict[str, Any]:
    """Return the hits of a search as a FeatureCollection, nearest first.

    Args:
        gallery: where they were found.
        answer: what was found.

    Returns:
        A feature a hit: its footprint where that is known, else its place, else no geometry; with
        rank, distance (bits), id and class.

    Raises:
        InputError: the gallery knows no places.
    """
    if not set(SOURCES) & set(gallery.items.columns):
        raise InputError(f"{gallery.folder} has no places: encode tiles with an items.csv")
    rows = gallery.items.set_index("id").loc[[hit.id for hit in answer.hits]]
    features = [
        {
            "type": "Feature",
            "geometry": geometry(row),
            "properties": {
                "rank": hit.rank,
                "distance": hit.distance,
                "id": hit.id,
                "class": hit.class_name,
            },
        }
        for hit, (_, row) in zip(answer.hits, rows.iterrows(), strict=True)
    ]
    return {"type": "FeatureCollection", "features": features}


def geometry(item: "pd.Series[Any]") -> dict[str, Any] | None:
    """Return where a tile lies: its footprint, its place, or None.

    Args:
        item: a row of the items table.
    """
    footprint = item.get("footprint")
    if isinstance(footprint, str) and footprint:
        points = footprint.removeprefix(RING[0]).removesuffix(RING[1]).split(", ")
        return {"type": "Polygon", "coordinates": [[_numbers(point) for point in points]]}
    place = [float(item.get(name, math.nan)) for name in ("longitude", "latitude")]
    return {"type": "Point", "coordinates": place} if all(map(math.isfinite, place)) else None


def _numbers(point: str) -> list[float]:
    return [float(number) for number in point.split()]
