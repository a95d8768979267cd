"""An answer as GeoJSON: what a map program draws, each hit with its rank, distance and score.

Source: RFC 7946, https://www.rfc-editor.org/rfc/rfc7946
"""

import math
from collections.abc import Sequence
from typing import Any, Protocol

import pandas as pd

from rsh.data.metadata import RING
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.search.retrieve import Hit

ENDS = "POLYGON ((", "))"  # around "x y, x y, ..."
SOURCES = ("footprint", "longitude")  # columns that say where a tile lies


class Found(Protocol):
    """What has hits: `rsh.search.retrieve.Answer`, or `rsh.search.results.View`."""

    @property
    def hits(self) -> Sequence[Hit]:
        """What was found, nearest first."""


def feature_collection(gallery: Gallery, answer: Found) -> dict[str, Any]:
    """Return the hits of a search as a FeatureCollection, nearest first.

    Args:
        gallery: where they were found.
        answer: what was found.

    Returns:
        A feature for each hit that lies somewhere: its footprint where that is known, else its
        place; with rank, distance (bits), id, class, and the score if there is one. "left_out", a
        foreign member, says how many hits have no place.

    Raises:
        InputError: the gallery knows no places.
    """
    if not set(SOURCES) & set(gallery.items.columns):
        raise InputError(f"{gallery.folder} has no places: encode tiles with an items.csv")
    items = gallery.items.set_index("id").loc[[hit.id for hit in answer.hits]]
    places = [geometry(item) for _, item in items.iterrows()]
    features = [
        {"type": "Feature", "geometry": place, "properties": _properties(hit)}
        for hit, place in zip(answer.hits, places, strict=True)
        if place
    ]
    left_out = len(places) - len(features)
    return {"type": "FeatureCollection", "features": features, "left_out": left_out}


def _properties(hit: Hit) -> dict[str, Any]:
    properties = {
        "rank": hit.rank,
        "distance": hit.distance,
        "id": hit.id,
        "class": hit.class_name,
    }
    return properties if hit.score is None else properties | {"score": hit.score}


def geometry(item: "pd.Series[Any]") -> dict[str, Any] | None:
    """Return where a tile lies: its footprint, its place, or None.

    Args:
        item: a row of the items table.
    """
    if ring := parse_ring(item.get("footprint")):
        return {"type": "Polygon", "coordinates": [ring]}
    place = [float(item.get(name, math.nan)) for name in ("longitude", "latitude")]
    return {"type": "Point", "coordinates": place} if all(map(math.isfinite, place)) else None


def parse_ring(footprint: object) -> list[list[float]]:
    """Return the corners of a footprint, longitude and latitude; none if it is not known.

    Args:
        footprint: its WKT, or what a table has in its stead.
    """
    if not isinstance(footprint, str) or not RING.fullmatch(footprint):
        return []
    points = footprint.removeprefix(ENDS[0]).removesuffix(ENDS[1]).split(", ")
    ring = [_numbers(point) for point in points]
    return ring if all(math.isfinite(number) for point in ring for number in point) else []


def _numbers(point: str) -> list[float]:
    return [float(number) for number in point.split()]
