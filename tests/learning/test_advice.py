"""What is advised after learning, by the figures."""

from dataclasses import replace

import pytest
from make_learning import REPORT

from rsh.learning.advice import advise, describe_gain, describe_left_out


@pytest.mark.parametrize(
    ("queries", "gain", "word", "stays"),
    [
        (29, (0.1, 0.2), "guess", True),
        (29, (-0.2, -0.1), "guess", True),
        (30, (0.01, 0.2), "better", False),
        (30, (-0.2, -0.01), "worse", True),
        (30, (-0.1, 0.01), "cannot be told", True),
        (30, (0.0, 0.001), "cannot be told", True),
        (30, (-0.0004, -0.0001), "as before", True),
    ],
)
def test_advice_follows_from_the_interval(queries, gain, word, stays):
    held_out = replace(REPORT.held_out, queries=queries, gain=gain)
    advice = advise(replace(REPORT, held_out=held_out))
    assert word in advice
    assert ("stay with the old gallery" in advice and "label more" in advice) == stays
    assert ("use the new gallery" in advice) != stays


def test_nothing_measured_is_said_to_be_so():
    assert "Nothing was measured" in advise(replace(REPORT, held_out=None))


def test_figures_are_in_words():
    held_out = replace(REPORT.held_out, queries=23, gain=(-0.1, 0.01))
    said = "mAP changes by -10.0 to +1.0 points: a guess, from 23 held-out labels"
    assert describe_gain(held_out) == said
    assert describe_left_out(0) == ""
    assert describe_left_out(1).startswith("1 more is of")
