import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_gallery import tiny_gallery
from refusals import refused

from rsh.explorer.page import Explorer
from rsh.explorer.selection import MAX_SELECTED, rows_sent, select_rows
from rsh.explorer.state import ExplorerState

ROWS = st.lists(st.integers(0, 49), max_size=80)


@given(ROWS)
def test_it_holds_each_row_once_in_order(rows):
    selection = select_rows(rows, num_tiles=50)
    assert list(selection) == sorted(set(rows))
    assert len(selection) == len(set(rows))
    assert list(select_rows(selection, num_tiles=50)) == list(selection)


def test_it_never_changes():
    given_rows = np.array([3, 1])
    selection = select_rows(given_rows, num_tiles=5)
    given_rows[:] = 4
    assert list(selection) == [1, 3]
    with pytest.raises(ValueError, match="read-only"):
        selection[0] = 2


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([0, -1], -1),
        ([10], 10),
        ([1.5], "float64"),
        ([[1, 2]], "int64"),
        (["1"], "list"),
    ],
)
def test_what_is_no_row_is_refused(rows, why):
    with refused(names=why):
        select_rows(rows, num_tiles=10)


def test_too_many_are_refused():
    most = np.arange(MAX_SELECTED)
    assert len(select_rows(most, num_tiles=MAX_SELECTED + 1)) == MAX_SELECTED
    with refused(names="100,001"):
        select_rows(np.arange(MAX_SELECTED + 1), num_tiles=MAX_SELECTED + 1)


@given(ROWS)
def test_rows_come_as_a_buffer(rows):
    sent = memoryview(np.array(rows, dtype=np.int32).tobytes())
    assert rows_sent([sent]).tolist() == rows
    assert rows_sent([]).tolist() == []


def test_the_page_hands_what_is_sent_to_the_state(tmp_path):
    page = Explorer(ExplorerState(tiny_gallery(tmp_path / "tiny", num_tiles=60)))
    assert list(page.state.selection) == []

    def send(*rows):
        buffer = memoryview(np.array(rows, dtype=np.int32).tobytes())
        page.receive(page.legend, {"kind": "select"}, [buffer])

    send(7, 3)
    assert list(page.state.selection) == [3, 7] and page.header.message == ""
    send(60)
    assert list(page.state.selection) == [3, 7]
    assert page.header.message == "there is no tile 60: select from 0 to 59"
    send()
    assert list(page.state.selection) == []


def test_selected_tiles_show_the_classes_that_they_are_given(tmp_path):
    page = Explorer(ExplorerState(tiny_gallery(tmp_path / "tiny", num_tiles=60)))
    page.dock.tab = "selected"
    page.select([3, 17])

    def label(what, **content):
        page.receive(page.labels.tray, {"kind": "label", "do": what, **content}, [])

    def shown():
        return {card["row"]: card["given"] for card in page.selected.view["cards"]}

    assert shown() == {3: "", 17: ""}
    label("give", name="lake", row=17)
    assert shown() == {3: "", 17: "lake"}
    label("undo")
    assert shown() == {3: "", 17: ""}
