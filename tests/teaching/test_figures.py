"""The tutorials' figures say what they are given, and refuse what does not fit."""

import numpy as np
import pandas as pd
import pytest
from make_scenes import make
from matplotlib.figure import Figure
from refusals import refused

from rsh import teaching
from rsh.data.tiles import TileDataset

IMAGES = np.zeros((3, 3, 4, 4), np.uint8)
CODES = np.array([[1, -1], [1, 1], [-1, -1]], np.int8)


def words_in(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_a_code_is_drawn_bit_by_bit():
    figure = teaching.codes(IMAGES, CODES, ["a", "b", "c"], ["wet", "green"])
    assert words_in(figure) == ["a", "1", "0", "b", "1", "1", "c", "0", "0"]
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["wet", "green"]
    assert len(axes.images) == 3
    numbered = teaching.codes(IMAGES, CODES, ["a", "b", "c"])
    assert [label.get_text() for label in numbered.axes[0].get_xticklabels()] == ["1", "2"]


def test_a_ranking_goes_from_near_to_far_and_says_what_ties():
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 4, 4), np.uint8)
    figure = teaching.ranking(images, [3, 1, 3, 4], [True, False, False, True])
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
        (lambda: teaching.codes(IMAGES, CODES[:2], "abc"), (2, 3)),
        (lambda: teaching.codes(IMAGES, CODES, "ab"), (2, 3)),
        (lambda: teaching.codes(IMAGES, CODES, "abc", ["wet"]), (1, 2)),
        (lambda: teaching.ranking(IMAGES, [1], [True, True]), (1, 2)),
        (lambda: teaching.ranking(IMAGES, [1, 2], [True]), (1, 2)),
        (lambda: teaching.steps([False]), "precision"),
    ],
)
def test_what_does_not_fit_is_named(draw, words):
    with refused(names=words):
        draw()


def test_examples_show_each_class_a_row_and_say_how_many_there_are(tmp_path):
    dataset = TileDataset.open(make(tmp_path / "tiles", classes=("dry_land", "sea"), count=5))
    figure = teaching.examples(dataset, each=3)
    assert len(figure.axes) == 6 and all(len(axes.images) == 1 for axes in figure.axes)
    assert figure.axes[0].get_ylabel() == "dry land\n5 tiles"
    assert figure.axes[3].get_ylabel() == "sea\n5 tiles"


def test_places_show_the_tiles_of_each_split_on_a_map_a_cut():
    items = pd.DataFrame(
        {"longitude": [0.0, 10, 20], "latitude": [5.0, 6, 7], "split": ["train", "val", "train"]}
    )
    figure = teaching.split_maps({"blocks": items, "by lot": items})
    assert [axes.get_title() for axes in figure.axes] == ["blocks", "by lot"]
    dots = {group.get_label(): len(group.get_offsets()) for group in figure.axes[0].collections}
    assert dots == {"train": 2, "val": 1, "query": 0}


def test_pairs_join_what_one_seed_gave_and_say_the_means():
    rows = {"seed": [0, 0, 1, 1], "split": ["a", "b"] * 2, "mAP": [0.5, 0.7, 0.6, 1.0]}
    figure = teaching.pairs(pd.DataFrame(rows), "split", "mAP")
    assert [list(line.get_ydata()) for line in figure.axes[0].lines] == [[0.5, 0.7], [0.6, 1.0]]
    assert words_in(figure) == ["55.0%", "85.0%"]


def test_classes_of_a_plane_differ_in_color_and_in_shape():
    axes = Figure().add_subplot()
    labels, classes = np.arange(30), [f"class_{number}" for number in range(30)]
    teaching.scatter(axes, np.arange(60).reshape(30, 2), labels, classes)
    looks = {
        (
            tuple(group.get_facecolor()[0]),
            len(group.get_paths()[0].vertices),
            str(group.get_paths()[0].vertices[:3]),
        )
        for group in axes.collections
    }
    assert len(looks) == 30
    assert axes.collections[3].get_label() == "class 3"
    assert axes.collections[3].get_offsets().tolist() == [[6, 7]]


def test_a_network_is_a_line_over_the_protocols():
    table = pd.DataFrame({"a": {"disjoint": 0.5, "ervd": 0.6}, "b": {"disjoint": 0.4, "ervd": 1}})
    (axes,) = teaching.by_protocol(table).axes
    lines = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
    assert lines == {"a": [0.5, 0.6], "b": [0.4, 1.0]}
    assert [label.get_text() for label in axes.get_xticklabels()] == ["disjoint", "ervd"]
