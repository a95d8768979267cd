import io
import json

import numpy as np
import pandas as pd
import shapely
from make_places import CUT, ITEMS, SQUARE
from shapely.geometry import shape

from rsh.data.geojson_writer import write_geojson
from rsh.data.geotable import GeoTable


def test_every_tile_is_a_feature_with_all_its_columns():
    items = ITEMS.assign(part=[0.5, np.nan, np.inf, 1], when=pd.Timestamp("2021-05-03", tz="UTC"))
    stream = io.BytesIO()
    write_geojson(GeoTable.of_items(items), stream)
    found = json.loads(stream.getvalue())
    assert found["type"] == "FeatureCollection"
    features = found["features"]
    assert [feature["properties"]["id"] for feature in features] == ["a", "b", "c", "d"]
    assert shape(features[0]["geometry"]) == shapely.from_wkt(SQUARE)
    assert features[1]["geometry"] is None
    assert shape(features[2]["geometry"]) == shapely.from_wkt(CUT)
    assert features[3]["geometry"] == {"type": "Point", "coordinates": [5.0, 6.0]}
    assert [feature["properties"]["part"] for feature in features] == [0.5, None, None, 1]
    assert features[0]["properties"]["when"].startswith("2021-05-03")


def test_no_tile_is_an_empty_collection():
    stream = io.BytesIO()
    write_geojson(GeoTable.of_items(ITEMS.iloc[:0]), stream)
    assert json.loads(stream.getvalue())["features"] == []
