"""Many footprints are read at once as one by one."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsh.data.outlines import read_areas, read_outlines
from rsh.data.places import footprint, parse_rings, wrap

TEXTS = ["", None, "nonsense", "POINT (1 2)", "POLYGON EMPTY"]


@st.composite
def footprints(draw: st.DrawFn) -> str | None:
    if draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(TEXTS))
    west, south = draw(st.integers(-180, 180)), draw(st.integers(-80, 75))
    x = wrap(np.array([west, west + 3, west + 3, west]))
    return footprint(x, np.array([south, south, south + 2, south + 2.0]))


@given(st.lists(footprints(), max_size=8))
def test_rings_are_those_that_a_loop_finds(texts: list[str | None]):
    rows = np.arange(len(texts)) * 3
    found = read_outlines(pd.Series(texts, dtype=object), rows)
    expected = [(row, ring[:-1]) for row, text in zip(rows, texts, strict=True)
                for ring in parse_rings(text)]  # fmt: skip
    assert found.rows.tolist() == [row for row, _ in expected]
    assert found.starts[-1] == len(found.xy) and len(found.starts) == len(expected) + 1
    for (_, ring), start, stop in zip(expected, found.starts[:-1], found.starts[1:], strict=True):
        assert np.allclose(found.xy[start:stop], np.float32(ring))


def test_bytes_are_those_of_the_arrays():
    found = read_outlines(pd.Series(["POLYGON ((0 0, 1 0, 1 1, 0 0))"]), np.array([7]))
    rows, starts, xy = found.to_bytes()
    assert np.frombuffer(rows, "<i4").tolist() == [7]
    assert np.frombuffer(starts, "<i4").tolist() == [0, 3]
    assert np.frombuffer(xy, "<f4").tolist() == [0, 0, 1, 0, 1, 1]


@pytest.mark.parametrize(("tolerance", "corners"), [(0, 40), (0.5, 24), (100, 3)])
def test_rings_are_simplified(tolerance: float, corners: int):
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    text = footprint(10 * np.cos(turn), 10 * np.sin(turn))
    found = read_outlines(pd.Series([text]), np.array([0]), tolerance=tolerance)
    assert 3 <= len(found.xy) <= corners
    if tolerance < 1:
        assert np.abs(np.hypot(*found.xy.T) - 10).max() < 1e-5


def test_shapes_are_polygons_or_none():
    shapes = read_areas(
        pd.Series([*TEXTS, "POLYGON Z ((0 0 1, 1 0 1, 1 1 1, 0 0 1))"], dtype=object)
    )
    assert [shape is None for shape in shapes] == [True] * 5 + [False]
    assert not shapes[-1].has_z
