"""Hits become features that a map program can draw."""

import numpy as np
import pandas as pd
import pytest
from make_gallery import retabled
from refusals import refused

from rsh.gallery.gallery import Gallery
from rsh.search.formats.geojson import feature_collection, geometry
from rsh.search.retrieve import search

SQUARE = "POLYGON ((1 2, 1.5 2, 1.5 -2.25, 1 2))"


def test_footprint_is_a_ring_and_a_place_a_point():
    item = {"longitude": 1.5, "latitude": -2.0}
    assert geometry(pd.Series(item | {"footprint": SQUARE})) == {
        "type": "Polygon",
        "coordinates": [[[1, 2], [1.5, 2], [1.5, -2.25], [1, 2]]],
    }
    for without in ({}, {"footprint": ""}, {"footprint": None}):
        point = {"type": "Point", "coordinates": [1.5, -2.0]}
        assert geometry(pd.Series(item | without)) == point
    assert geometry(pd.Series(item | {"latitude": np.nan})) is None
    assert geometry(pd.Series({"id": "a"})) is None


@pytest.fixture
def gallery(gallery: Gallery) -> Gallery:
    """Return one whose table may be changed."""
    return Gallery.open(gallery.folder)


def test_hits_are_features_in_their_order(gallery: Gallery):
    result = search(gallery, gallery.items["id"][0], top_k=5)
    found = feature_collection(result)
    assert (found["type"], found["left_out"]) == ("FeatureCollection", 0)
    rows = gallery.items.set_index("id")
    for hit, feature in zip(result.hits, found["features"], strict=True):
        properties = feature["properties"]
        assert properties == {
            "rank": hit.rank, "distance": hit.distance, "id": hit.id, "class": hit.class_name,
        }  # fmt: skip
        place = rows.loc[hit.id, ["longitude", "latitude"]].tolist()
        assert feature["geometry"]["coordinates"] == pytest.approx(place)


def test_hits_without_a_place_are_left_out_and_counted(gallery: Gallery):
    result = search(gallery, gallery.items["id"][0], top_k=5, rerank="features")
    lost = [hit.id for hit in result.hits[1:3]]
    is_known = ~gallery.items["id"].isin(lost)
    retabled(gallery, latitude=gallery.items["latitude"].where(is_known))
    found = feature_collection(result)
    assert found["left_out"] == 2
    kept = [hit for hit in result.hits if hit.id not in lost]
    shown = [feature["properties"] for feature in found["features"]]
    assert [(each["rank"], each["score"]) for each in shown] == [(h.rank, h.score) for h in kept]


def test_gallery_without_places_is_told(gallery: Gallery):
    result = search(gallery, gallery.items["id"][0], top_k=5)
    retabled(gallery, longitude=None, latitude=None)
    with refused(names="items.csv"):
        feature_collection(result)
