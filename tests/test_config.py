import math
from dataclasses import asdict, fields

import pytest
from refusals import refused

from rsh.config import SEEDS, TrainConfig, limits

SWITCHES = [field.name for field in fields(TrainConfig) if field.type is bool]
WEIGHTS = [field.name for field in fields(TrainConfig) if field.name.endswith("_weight")]
WHOLE = [field.name for field in fields(TrainConfig) if field.type is int]
REAL = [field.name for field in fields(TrainConfig) if field.type is float]


def test_every_setting_has_help_and_every_number_has_limits():
    for field in fields(TrainConfig):
        assert field.metadata["help"].endswith(".")
        assert (field.metadata["limits"] is not None) == (field.name in WHOLE + REAL)


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.1, 1e30])
def test_number_that_is_not_finite_or_out_of_range_is_named(name: str, value: float):
    with refused(name):
        TrainConfig(**{name: value})


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("value", [-1, 2**40, 16.0, math.nan])
def test_number_that_is_not_whole_or_out_of_range_is_named(name: str, value: float):
    with refused(name):
        TrainConfig(**{name: value})


@pytest.mark.parametrize("name", [field.name for field in fields(TrainConfig)])
@pytest.mark.parametrize("value", ["3", None, [], {}, True])
def test_value_of_another_type_is_named(name: str, value: object):
    value = 1 if value is True and name in SWITCHES else value
    with refused(name, value=value):
        TrainConfig(**{name: value})


def test_strength_names_the_choices():
    with refused("augmentation", value="huge", names=("weak", "medium", "strong")):
        TrainConfig(augmentation="huge")


def test_weights_may_be_zero_but_not_all_of_them():
    for kept in WEIGHTS:
        TrainConfig(**{name: float(name == kept) for name in WEIGHTS})
    with refused(names=WEIGHTS[0]):
        TrainConfig(**dict.fromkeys(WEIGHTS, 0.0))


def test_limits_themselves_are_taken():
    for name in WHOLE + REAL:
        for value in limits(name):
            assert asdict(TrainConfig(**{name: value}))[name] == value
    assert TrainConfig(learning_rate=1).learning_rate == 1
    assert limits("seed") == SEEDS
