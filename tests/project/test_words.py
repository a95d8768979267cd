"""The list of words that must not come back finds them, and leaves ordinary English alone."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[2] / "docs" / "check_words.py"


@pytest.fixture(scope="module")
def words() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_words", FILE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "text",
    [
        "class RivalLoss:",
        "view_bank = []",
        "rsh search G Q --where class=forest",
        "it is looked at\n    # again by features",
        "def optimizer_of(net):",
        "rsh export runs/mine",
        "normalised",
    ],
)
def test_what_must_not_come_back_is_found(words: ModuleType, text: str) -> None:
    assert list(words.hits(text, library=True))


@pytest.mark.parametrize(
    "text",
    [
        "rows where the class is seen within a radius",
        "rsh train --feature-stages 2; rsh export-onnx runs/mine",
        "Blue Marble Next Generation",
        "protocol all-vs-all@20, the network's heads, a scene",
        "np.where(np.array(counts) > 0)",
    ],
)
def test_ordinary_words_are_left_alone(words: ModuleType, text: str) -> None:
    assert not list(words.hits(text, library=True))
