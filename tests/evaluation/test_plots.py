import io
import subprocess
import sys

import numpy as np
import pytest
from make_counts import random_codes
from make_splits import labeled
from matplotlib.figure import Figure
from refusals import refused

from rsh.evaluation import plots
from rsh.evaluation.protocols import PROTOCOLS
from rsh.evaluation.scoring import RetrievalTask, score

SEVERAL = (plots.precision_recall, plots.map_by_bits, plots.distances)


def report_of(num_bits: int, name: str = "", protocol: str = "disjoint") -> dict:
    split = labeled(3, train=6, val=2, query=3)
    task = RetrievalTask(split, PROTOCOLS[protocol])
    head = {
        "protocol": protocol,
        "metric": "mAP@ALL",
        "ties": "average",
        "num_bits": num_bits,
        "queries": len(task.query),
        "classes": ["snow_and_ice", "coast", "tundra"],
        "map_classifier_center": 0.5,
    }
    named = {"run": name} if name else {}
    return named | head | score(random_codes(num_bits, 33, num_bits), task)


def words_of(figure: Figure) -> list[str]:
    """All that is written on a figure, once it has been drawn."""
    figure.savefig(io.BytesIO(), format="png")
    return [text.get_text() for text in figure.findobj(lambda part: hasattr(part, "get_text"))]


@pytest.mark.parametrize("draw", SEVERAL)
def test_plots_say_protocol_queries_and_runs(draw):
    reports = [report_of(8, "runs/one"), report_of(16, "runs/two"), report_of(16, "runs/three")]
    words = words_of(draw(reports))
    assert any("protocol disjoint, 9 queries" in word for word in words)
    assert {"one", "two", "three"} <= set(words)


@pytest.mark.parametrize("draw", SEVERAL)
def test_plots_of_one_run_name_it_in_the_title(draw):
    words = words_of(draw([report_of(8, "runs/one")]))
    assert any(word.split("\n")[0].endswith(": one") for word in words)


@pytest.mark.parametrize("draw", SEVERAL)
def test_no_reports_are_refused(draw):
    with refused(names="reports"):
        draw([])


def test_lines_go_through_the_figures_of_the_report():
    report = report_of(8)
    (line,) = plots.precision_recall([report]).axes[0].lines
    assert line.get_xdata() == pytest.approx(report["recall_by_radius"])
    expected = np.array(report["precision_by_radius"], dtype=float)
    assert line.get_ydata() == pytest.approx(expected, nan_ok=True)


def test_dots_stand_at_the_map_of_the_runs_of_their_length():
    reports = [report_of(8, "a"), report_of(16, "b"), report_of(16, "c")]
    axes = plots.map_by_bits(reports).axes[0]
    dots = [tuple(float(line[0]) for line in box.lines[0].get_data()) for box in axes.containers]
    assert [y for _, y in dots] == [report["map"] for report in reports]
    assert [round(x) for x, _ in dots] == [0, 1, 1] and dots[1][0] < dots[2][0]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["8 bits", "16 bits"]


def test_histograms_hold_all_pairs():
    figure = plots.distances([report_of(8, "a"), report_of(16, "b")])
    assert len(figure.axes) == 2
    for axes, num_bits in zip(figure.axes, (8, 16), strict=True):
        for part in axes.patches:
            assert part.get_data().values.sum() == pytest.approx(1)
            assert len(part.get_data().values) == num_bits + 1


def test_matrix_shows_the_shares_of_the_report_in_its_orientation():
    report = report_of(8, "one")
    figure = plots.neighbor_classes(report)
    assert np.array_equal(figure.axes[0].images[0].get_array(), report["neighbor_classes"])
    axes, names = figure.axes[0], ["snow and ice", "coast", "tundra"]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == names
    assert [tick.get_text() for tick in axes.get_yticklabels()] == names
    assert "class of the query" in words_of(figure)
    numbers = {text.get_position(): text.get_text() for text in axes.texts}
    assert numbers[(1, 0)] == f"{100 * report['neighbor_classes'][0][1]:.0f}"


def test_matrix_of_a_class_that_without_queries_can_be_drawn():
    report = report_of(8) | {"neighbor_classes": [[1.0, 0, 0], [None] * 3, [0, 0.5, 0.5]]}
    assert len(plots.neighbor_classes(report).axes[0].texts) == 3


def test_runs_of_one_name_are_told_apart_by_their_folders():
    reports = [report_of(8, "a/run"), report_of(8, "b/run")]
    assert plots.run_labels(reports) == ["a/run", "b/run"]
    assert plots.run_labels([report_of(8)]) == ["8 bits"]


def test_neither_the_command_line_nor_the_page_loads_matplotlib():
    code = "import sys, rsh.cli.main, rsh.explorer.state; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
