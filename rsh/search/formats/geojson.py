"""Search results as GeoJSON, each tile with its rank, distance and score.

Source: RFC 7946, https://www.rfc-editor.org/rfc/rfc7946
"""

import math
from typing import Any

import pandas as pd

from rsh.data.places import parse_rings
from rsh.errors import InputError
from rsh.labels import SEPARATOR, SEVERAL
from rsh.search.formats.labels import label_columns
from rsh.search.results import Hit, SearchResult

SOURCES = ("footprint", "longitude")  # columns that locate a tile


def feature_collection(result: SearchResult) -> dict[str, Any]:
    """Return the tiles of a search as a FeatureCollection, best first.

    Returns:
        A feature for each tile with coordinates: its footprint where that is known, else a point;
        with rank, distance (bits), id, class unless the gallery has none, the columns of
        `OF_LABELS` if any tile was given a label, and the score if there is one. "left_out", a
        foreign member, counts the tiles without coordinates.

    Raises:
        InputError: the gallery has no coordinates.
    """
    gallery = result.gallery
    if not set(SOURCES) & set(gallery.table.columns):
        raise InputError(f"{gallery.folder} has no coordinates: encode tiles with an items.csv")
    shapes = [geometry(item) for _, item in gallery.table.take(result.rows).iterrows()]
    labels = label_columns(result.gallery, result.rows)
    features = []
    for place, (hit, shape) in enumerate(zip(result, shapes, strict=True)):
        if shape:
            said = {name: values[place] for name, values in labels.items()}
            known = _properties(hit, said, result)
            features.append({"type": "Feature", "geometry": shape, "properties": known})
    left_out = len(shapes) - len(features)
    return {"type": "FeatureCollection", "features": features, "left_out": left_out}


def _properties(hit: Hit, labels: dict[str, Any], result: SearchResult) -> dict[str, Any]:
    found: dict[str, Any] = {"rank": hit.rank, "distance": hit.distance, "id": hit.id}
    if result.gallery.classes:
        found["class"] = hit.class_name or None
    if result.gallery.has_several:
        found[SEVERAL] = SEPARATOR.join(result.gallery.list_labels(hit.row)) or None
    found |= labels
    return found if hit.score is None else found | {"score": hit.score}


def geometry(item: "pd.Series[Any]") -> dict[str, Any] | None:
    """Return the footprint of a row of the items table, or its point; None if neither is known."""
    if rings := parse_rings(item.get("footprint")):
        if len(rings) == 1:
            return {"type": "Polygon", "coordinates": rings}
        return {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}
    point = [float(item.get(name, math.nan)) for name in ("longitude", "latitude")]
    return {"type": "Point", "coordinates": point} if all(map(math.isfinite, point)) else None
