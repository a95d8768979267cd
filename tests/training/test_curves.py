"""Curves show every term and every measurement, and are drawn again while a training runs."""

from typing import Any

import pytest
from refusals import refused

from rsh.training import curves
from rsh.training.curves import LiveCurves, training_curves

Record = dict[str, float]


def records(count: int) -> list[Record]:
    history = []
    for epoch in range(count):
        record = {"epoch": float(epoch), "category": 2 / (epoch + 1), "total": 3 / (epoch + 1)}
        record |= {"learning_rate": 1e-3, "tiles_per_second": 100.0}
        if epoch % 10 == 9:
            record["val_map"] = 0.5 + epoch / 100
        history.append(record)
    return history


def test_every_term_is_a_line_and_every_measurement_a_dot():
    history = records(20)
    left, right = training_curves(history, epochs=30).axes
    lines = {line.get_label(): list(line.get_ydata()) for line in left.lines}
    assert lines == {
        "category": [record["category"] for record in history],
        "total": [record["total"] for record in history],
    }
    (dots,) = right.lines
    assert [list(dots.get_xdata()), list(dots.get_ydata())] == [[10, 20], [0.59, 0.69]]
    assert left.get_xlim()[1] == right.get_xlim()[1] == 30.5


def test_headline_says_where_the_training_stands():
    figure = training_curves(records(12), epochs=30)
    assert figure.get_suptitle() == "epoch 12 of 30: loss 0.25, mAP on validation tiles 59.0 %"
    assert training_curves(records(1)).get_suptitle() == "epoch 1 of 1: loss 3"


def test_nothing_to_draw_is_told():
    with refused(names="epoch"):
        training_curves([])


class Display:
    """Stands for the notebook: keeps what would be seen."""

    def __init__(self) -> None:
        self.shown: list[Any] = []

    def __call__(self, image: Any, *, display_id: bool) -> "Display":
        assert display_id
        self.shown.append(image)
        return self

    def update(self, image: Any) -> None:
        self.shown.append(image)


@pytest.mark.parametrize(("every", "drawn"), [(0.0, 5), (3600.0, 2)])
def test_curves_are_drawn_as_often_as_asked_and_at_the_end(
    monkeypatch: pytest.MonkeyPatch, every: float, drawn: int
):
    notebook = Display()
    monkeypatch.setattr(curves, "display", notebook)
    watch = LiveCurves(every=every)
    for count in range(1, 6):
        watch(records(count), 5)
    assert len(notebook.shown) == drawn  # the first one, and the last one in any case
    assert notebook.shown[-1].alt.startswith("epoch 5 of 5")
    assert notebook.shown[-1].data.startswith(b"\x89PNG")
