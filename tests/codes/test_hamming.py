"""Compiled kernels against plain loops over bits."""

import numpy as np
import pytest

from rsh.codes.binary import as_words
from rsh.codes.hamming import SCAN_BLOCK, _nearest, measure

BYTES = [1, 2, 3, 4, 5, 8, 9, 16, 17, 24, 31, 32]  # one to four words of 32 or 64 bits


def slow_distance(code: bytes, other: bytes) -> int:
    return sum((a ^ b).bit_count() for a, b in zip(code, other, strict=True))


def slow_nearest(query: bytes, codes: list[bytes], top_k: int) -> list[tuple[int, int]]:
    return sorted((slow_distance(query, code), place) for place, code in enumerate(codes))[:top_k]


def drawn(rng: np.random.Generator, count: int, width: int, distinct: int) -> np.ndarray:
    some = rng.integers(256, size=(distinct, width), dtype=np.uint8)
    return some[rng.integers(distinct, size=count)]


@pytest.mark.parametrize("width", BYTES)
@pytest.mark.parametrize("count", [1, 5, SCAN_BLOCK, 2 * SCAN_BLOCK + 3])
@pytest.mark.parametrize("distinct", [7, 5000])  # nearly all are ties, or few
def test_nearest_codes_are_those_of_a_slow_loop_in_order(width: int, count: int, distinct: int):
    rng = np.random.default_rng(width + count)
    gallery = drawn(rng, count, width, distinct)
    queries = np.vstack(
        [
            gallery[-1:],
            ~gallery[:1],  # at the largest distance
            rng.integers(256, size=(1, width), dtype=np.uint8),
        ]
    )
    top_k = min(count, 20)
    columns = np.ascontiguousarray(as_words(gallery).T)
    places = np.empty((3, top_k), np.int64)
    distances = np.empty((3, top_k), np.int32)
    _nearest(columns, as_words(queries), places, distances)
    codes = [code.tobytes() for code in gallery]
    for row, query in enumerate(queries):
        found = list(zip(distances[row].tolist(), places[row].tolist(), strict=True))
        assert found == slow_nearest(query.tobytes(), codes, top_k)


def test_later_codes_that_are_nearer_take_the_place_of_all_before():
    """Each block improves the list, and its hits lie at its end."""
    codes = np.full((4 * SCAN_BLOCK, 8), 255, np.uint8)
    for block in range(4):
        codes[(block + 1) * SCAN_BLOCK - 30 : (block + 1) * SCAN_BLOCK, block:] = 0
    codes = codes[:, ::-1]
    columns = np.ascontiguousarray(as_words(codes).T)
    places, distances = np.empty((1, 20), np.int64), np.empty((1, 20), np.int32)
    _nearest(columns, np.zeros((1, 1), np.uint64), places, distances)
    assert list(zip(distances[0].tolist(), places[0].tolist(), strict=True)) == slow_nearest(
        bytes(8), [code.tobytes() for code in codes], 20
    )


@pytest.mark.parametrize("width", BYTES)
@pytest.mark.parametrize("dtype", [np.uint16, None])  # None: as wide as the words
def test_distances_from_any_row_on_are_those_of_a_slow_loop(width: int, dtype: type | None):
    rng = np.random.default_rng(width)
    gallery = drawn(rng, 333, width, 400)
    query = drawn(rng, 1, width, 1)
    words = as_words(gallery)
    found = np.full(200, 99, dtype or words.dtype)
    measure(np.ascontiguousarray(words.T), as_words(query)[0], 100, found)
    expected = [slow_distance(query.tobytes(), code.tobytes()) for code in gallery[100:300]]
    assert found.tolist() == expected
