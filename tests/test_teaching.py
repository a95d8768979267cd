"""The lessons' figures say what they are given, and refuse what does not fit."""

import numpy as np
import pytest

from rsh import teaching
from rsh.errors import InputError

PICTURES = np.zeros((3, 3, 4, 4), np.uint8)
CODES = np.array([[1, -1], [1, 1], [-1, -1]], np.int8)


def words_in(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_a_code_is_drawn_bit_by_bit():
    figure = teaching.codes(PICTURES, CODES, ["a", "b", "c"], ["wet", "green"])
    assert words_in(figure) == ["a", "1", "0", "b", "1", "1", "c", "0", "0"]
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["wet", "green"]
    assert len(axes.images) == 3
    numbered = teaching.codes(PICTURES, CODES, ["a", "b", "c"])
    assert [label.get_text() for label in numbered.axes[0].get_xticklabels()] == ["1", "2"]


def test_a_ranking_goes_from_near_to_far_and_says_what_ties():
    pictures = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 4, 4), np.uint8)
    figure = teaching.ranking(pictures, [3, 1, 3, 4], [True, False, False, True])
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["the query", "1 bit", "3 bits, 2 tie", "3 bits, 2 tie", "4 bits"]
    assert [int(axes.images[0].get_array().max()) for axes in figure.axes] == [0, 2, 1, 3, 4]
    signs = [axes.get_xlabel()[:1] for axes in figure.axes[1:]]
    assert signs == ["\u2717", "\u2713", "\u2717", "\u2713"]


def test_steps_are_the_precisions_that_average_precision_is_the_mean_of():
    figure = teaching.steps([True, False, True, False])
    words = words_in(figure)
    assert words[0].endswith(f"AP = {(1 + 2 / 3) / 2:.3f}") and words[1:] == ["1/1", "2/3"]
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert np.allclose(heights, [1, 2 / 3])


def test_a_histogram_holds_every_tile_at_its_distance():
    figure = teaching.histogram([0, 2, 2, 3], [True, True, False, False], num_bits=4)
    own, others = (
        [bar.get_height() for bar in container] for container in figure.axes[0].containers
    )
    assert own == [1, 0, 1, 0, 0] and others == [0, 0, 1, 1, 0]


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: teaching.codes(PICTURES, CODES[:2], "abc"), "2 codes for 3 pictures"),
        (lambda: teaching.codes(PICTURES, CODES, "ab"), "2 names for 3 pictures"),
        (lambda: teaching.codes(PICTURES, CODES, "abc", ["wet"]), "1 words for 2 bits"),
        (lambda: teaching.ranking(PICTURES, [1], [True, True]), "1 distances for 2 pictures"),
        (lambda: teaching.ranking(PICTURES, [1, 2], [True]), "1 answers for 2 pictures"),
        (lambda: teaching.steps([False]), "average precision is not defined"),
    ],
)
def test_what_does_not_fit_is_named(draw, words):
    with pytest.raises(InputError, match=words):
        draw()
