"""Tiles of an online map lie where PROJ says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer

from rsh.data.mercator import MAX_LATITUDE, from_tile, to_tile

HALF = 20037508.342789244  # meters from Greenwich to the 180th meridian


@given(st.floats(-180, 180), st.floats(-85, 85), st.integers(0, 22))
def test_columns_and_rows_are_those_of_epsg_3857(longitude: float, latitude: float, zoom: int):
    x, y = Transformer.from_crs(4326, 3857, always_xy=True).transform(longitude, latitude)
    column, row = to_tile(longitude, latitude, zoom)
    side = 2 * HALF / 2**zoom
    assert float(column) == pytest.approx((x + HALF) / side, abs=1e-6 * 2**zoom)
    assert float(row) == pytest.approx((HALF - y) / side, abs=1e-6 * 2**zoom)
    back = from_tile(column, row, zoom)
    assert np.allclose(back, (longitude, latitude), atol=1e-9)


def test_the_square_has_four_corners():
    assert np.allclose(to_tile([-180, 180], [MAX_LATITUDE, -MAX_LATITUDE], 3), [[0, 8], [0, 8]])
    assert np.allclose(from_tile(0, 0, 0), (-180, MAX_LATITUDE))
    assert pytest.approx(85.0511287798066) == MAX_LATITUDE


def test_what_lies_beyond_is_at_the_edge():
    assert to_tile(0, 90, 1)[1] == pytest.approx(0) and to_tile(0, -90, 1)[1] == pytest.approx(2)
    assert to_tile(190, 0, 0)[0] > 1  # columns go on
