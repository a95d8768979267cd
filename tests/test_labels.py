import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsh.labels import UNLABELED, class_numbers, describe_labels


@given(st.lists(st.sampled_from(["", "b", "a", "Ä", "a b", " "])))
def test_numbers_name_the_class_of_each_tile_or_none(names: list[str]):
    classes, labels = class_numbers(pd.Series(names, dtype=object))
    assert classes == sorted({name for name in names if name})
    assert labels.dtype == np.int64
    for name, label in zip(names, labels, strict=True):
        assert (label == UNLABELED) if name == "" else (classes[label] == name)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((48, 48, 4), "4 classes"),
        ((48, 48, 1), "1 class"),
        ((48, 0, 0), "no labels"),
        ((1200, 1000, 9), "9 classes, 1,000 of 1,200 tiles have a class"),
        ((2, 1, 1), "1 class, 1 of 2 tiles have a class"),
    ],
)
def test_who_has_a_class_is_said_plainly(counts: tuple[int, int, int], words: str):
    assert describe_labels(*counts) == words
