"""The circle's arrows are the loss's own slopes, and its controls do what they say."""

import math

import pytest
import torch
from refusals import refused

from rsh.config import TrainConfig
from rsh.models.losses.multilevel import MultiLevelLoss, quantization
from rsh.teaching.circle import START, STEP, TERMS, CircleTutorial, pulls
from rsh.teaching.sliders import Sliders, apply_values, describe_change, slider_values

DEGREES = torch.tensor(START, dtype=torch.float64)
LABELS = torch.tensor([0, 0, 1, 1, 2, 2])


@pytest.mark.parametrize("term", TERMS)
def test_an_arrow_is_the_slope_downhill_in_radians(term):
    loss = MultiLevelLoss(intra_weight=0.7, code_temperature=0.4)
    _, slopes = pulls(DEGREES, LABELS, loss)
    turn = 1e-4  # radians
    for point in (0, 4, 7, 11):
        ends = []
        for sign in (1, -1):
            moved = DEGREES.clone().flatten()
            moved[point] += sign * math.degrees(turn)
            ends.append(pulls(moved.view(2, -1), LABELS, loss)[0][term])
        assert slopes[term][point] == pytest.approx((ends[1] - ends[0]) / (2 * turn), abs=1e-5)


def test_values_are_those_of_the_loss_and_the_total_is_weighted():
    values, _ = pulls(DEGREES, LABELS, MultiLevelLoss(inter_weight=2.0, category_weight=0.0))
    weights = {"category": 0.0, "inter": 2.0, "intra": 1.0, "quantization": 0.1}
    total = sum(weight * values[name] for name, weight in weights.items())
    assert values["total"] == pytest.approx(total)
    angles = torch.deg2rad(DEGREES)
    place = 0.9 * torch.stack([angles.cos(), angles.sin()], dim=-1)
    assert values["quantization"] == pytest.approx(float(quantization(torch.atanh(place))))


def test_downhill_each_class_gets_a_quadrant_of_its_own():
    tutorial = CircleTutorial()
    before = tutorial.circle.values["total"]
    for _ in range(40):
        tutorial._press(tutorial.STEP)
    quadrants = [int(degree // 90) for degree in tutorial.circle.degrees]
    by_class = [{quadrants[place] for place in group} for group in ((0, 1, 6, 7), (2, 3, 8, 9))]
    assert all(len(found) == 1 for found in by_class) and by_class[0] != by_class[1]
    assert tutorial.circle.values["total"] < before / 5
    tutorial._press(tutorial.START)
    assert tutorial.circle.degrees == [degree for branch in START for degree in branch]
    assert tutorial.circle.values["total"] == before


def test_a_step_moves_no_point_further_than_said_and_along_its_arrow():
    tutorial = CircleTutorial()
    before, arrows = list(tutorial.circle.degrees), list(tutorial.circle.arrows)
    tutorial._press(tutorial.STEP)
    turns = [
        (b - a + 180) % 360 - 180 for a, b in zip(before, tutorial.circle.degrees, strict=True)
    ]
    assert max(map(abs, turns)) == pytest.approx(STEP)
    assert all(turn * arrow >= 0 for turn, arrow in zip(turns, arrows, strict=True))


def test_arrows_follow_points_terms_and_sliders():
    tutorial = CircleTutorial()
    seen = [list(tutorial.circle.arrows)]
    tutorial.circle.term = "intra"
    seen.append(list(tutorial.circle.arrows))
    tutorial.circle.degrees = [*tutorial.circle.degrees[:-1], 200.0]
    seen.append(list(tutorial.circle.arrows))
    tutorial.sliders.values = tutorial.sliders.values | {"code_temperature": 1.0}
    seen.append(list(tutorial.circle.arrows))
    assert len({tuple(arrows) for arrows in seen}) == 4
    tutorial.sliders.values = tutorial.sliders.values | {"intra_weight": 0.0}
    assert tutorial.circle.weights["intra"] == 0 and tutorial.circle.arrows == seen[-1]


def test_without_weights_the_sliders_say_so_and_the_circle_stays():
    tutorial = CircleTutorial()
    before = dict(tutorial.circle.values)
    off = {name: 0.0 for name in tutorial.sliders.values if name.endswith("weight")}
    tutorial.sliders.values = tutorial.sliders.values | off
    assert "all other weights too: raise one" in tutorial.sliders.message
    assert tutorial.circle.values == before
    tutorial.sliders.values = tutorial.sliders.values | {"quantization_weight": 1.0}
    assert tutorial.sliders.message == ""


def test_where_nothing_pushes_a_step_says_so():
    tutorial = CircleTutorial()
    off = {name: 0.0 for name in tutorial.sliders.values if name.endswith("weight")}
    tutorial.sliders.values = tutorial.sliders.values | off | {"quantization_weight": 1.0}
    tutorial.circle.degrees = [45.0, 135.0, 225.0] * 4
    tutorial._press(tutorial.STEP)
    assert tutorial.sliders.message.startswith("No term pushes any more")


def test_buttons_that_are_not_there_are_passed_over():
    pressed = []
    sliders = Sliders(TrainConfig(), buttons=["go"])
    sliders.on_press(pressed.append)
    for content in ({"kind": "press", "button": "go"}, {"kind": "press", "button": "rm"}, {}):
        sliders._handle_custom_msg(content, [])
    assert pressed == ["go"]


def test_words_say_what_differs():
    base = TrainConfig()
    assert describe_change(base, base) == "as it comes"
    values = slider_values(base) | {"intra_weight": 0.0, "code_temperature": 0.1}
    assert (
        describe_change(apply_values(values, base), base)
        == "without intra-class, temperature of codes 0.1"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [({"inter_weight": -1}, "inter_weight"), ({"code_temperature": "x"}, "code_temperature")],
)
def test_a_wrong_value_is_named(change, words):
    with refused(words):
        apply_values(slider_values(TrainConfig()) | change, TrainConfig())


def test_a_missing_value_is_named():
    with refused(names="category_weight"):
        apply_values({}, TrainConfig())
