import numpy as np
import pandas as pd
import pytest
from make_gallery import tiny_gallery
from refusals import refused

from rsh.explorer.page import Explorer
from rsh.explorer.panels.coloring import MAX_NAMES, STEPS, list_ways, make_coloring
from rsh.explorer.panels.tiles import SPLITS
from rsh.explorer.state import ExplorerState

TILES = 120
ROWS = np.arange(TILES)
COLUMNS = {
    "cloud": np.where(ROWS % 7 == 0, np.nan, (ROWS * 37 % 101) / 2),
    "year": 2016 + ROWS % 9,
    "taken": [
        f"20{16 + row % 9}-06-{1 + row % 28:02}T10:00:00Z" if row % 5 else "" for row in ROWS
    ],
    "sensor_name": pd.array(["Aqua", "Terra", " ", None] * (TILES // 4), dtype="string"),
    "clear": ROWS % 3 == 0,
}
LEFT_OUT = {
    "remark": [f"remark {row}" for row in ROWS],  # one a tile
    "essay": ["a text of many words, which no chip could hold", "b"] * (TILES // 2),
    "nothing": np.full(TILES, np.nan),
    "blank": [""] * TILES,
    "broken": ["2021-99-99"] * TILES,
    "endless": np.full(TILES, np.inf),
}


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    folder = tmp_path_factory.mktemp("galleries") / "varied"
    columns = {**COLUMNS, **LEFT_OUT}
    gallery = tiny_gallery(folder, num_tiles=TILES, more=lambda items: items.assign(**columns))
    return ExplorerState(gallery)


@pytest.fixture
def page(state):
    return Explorer(ExplorerState(state.gallery))


def color(state, by):
    return make_coloring(state.results(), by)


def values_of(coloring):
    return np.frombuffer(coloring["values"], np.uint16 if coloring["wide"] else np.uint8)


def test_ways_are_what_a_color_can_show(state):
    columns = [by for by, _ in list_ways(state.gallery)]
    assert columns[:5] == ["class", "distance", "given", "split", "found"]
    assert columns[5:] == [f"column:{name}" for name in COLUMNS]
    assert dict(list_ways(state.gallery))["column:sensor_name"] == "sensor name"


def test_every_way_has_a_value_a_tile_and_counts_what_is_not_known(state):
    for by, _ in list_ways(state.gallery):
        coloring = color(state, by)
        values = values_of(coloring)
        assert len(values) == TILES and values.max() <= coloring["num_values"]
        assert (values == coloring["num_values"]).sum() == coloring["num_missing"]
        drawn = sorted(coloring["layers"])
        assert [first for first, _ in drawn] == [0, *(end for _, end in drawn[:-1])]
        assert drawn[-1][1] == coloring["num_values"] + 1
        assert bool(coloring["names"]) != bool(coloring["ends"]) or by == "given"


def test_classes_and_splits_are_named(state):
    items = state.gallery.items
    coloring = color(state, "class")
    names = [name.replace(" ", "_") for name in coloring["names"]]
    assert [names[value] for value in values_of(coloring)] == items["class"].tolist()
    coloring = color(state, "split")
    found = [coloring["names"][value] for value in values_of(coloring)]
    assert found == [SPLITS[split] for split in items["split"]]


def test_distances_are_those_of_the_codes(state):
    coloring = color(state, "distance")
    codes = state.gallery.codes
    assert values_of(coloring).tolist() == (codes != codes[state.query.row]).sum(axis=1).tolist()
    assert (coloring["ends"], coloring["strong"]) == (["0 bits", "32 bits"], "low")
    assert coloring["layers"][-1][0] == 0  # the nearest lie on top


def test_distances_of_256_bits_fit(tmp_path):
    state = ExplorerState(tiny_gallery(tmp_path / "long", num_tiles=40, num_bits=256))
    coloring = color(state, "distance")
    assert coloring["wide"] and len(coloring["values"]) == 80
    codes = state.gallery.codes
    assert values_of(coloring).tolist() == (codes != codes[state.query.row]).sum(axis=1).tolist()


def test_the_found_are_right_or_wrong(state):
    result = state.results()
    coloring = color(state, "found")
    want = np.full(TILES, 2)
    for hit in result.hits:
        want[hit.row] = 0 if hit.relevant else 1
    assert values_of(coloring).tolist() == want.tolist()
    assert coloring["missing"] == "not a result"
    assert coloring["colors"] == ["right", "wrong"]


@pytest.mark.parametrize(("name", "ends"), [("cloud", ["0", "50"]), ("year", ["2016", "2024"])])
def test_numbers_stand_on_a_scale_to_a_255th(state, name, ends):
    column = state.gallery.items[name].to_numpy(dtype=float)
    coloring = color(state, f"column:{name}")
    values, known = values_of(coloring), np.isfinite(column)
    assert ((values == STEPS) == ~known).all()
    low, high = column[known].min(), column[known].max()
    back = low + values[known] / (STEPS - 1) * (high - low)
    assert np.abs(back - column[known]).max() <= (high - low) / (STEPS - 1) / 2 + 1e-9
    assert coloring["ends"] == ends


def test_one_number_for_all_is_a_scale_too(tmp_path):
    gallery = tiny_gallery(tmp_path / "g", num_tiles=40, more=lambda items: items.assign(year=2020))
    coloring = color(ExplorerState(gallery), "column:year")
    assert coloring["ends"] == ["2020", "2020"] and set(values_of(coloring)) == {0}


def test_dates_stand_on_a_scale(state):
    column = state.gallery.items["taken"]
    coloring = color(state, "column:taken")
    values, known = values_of(coloring), (column != "").to_numpy()
    assert ((values == STEPS) == ~known).all()
    order = np.argsort(column[known].to_numpy(), kind="stable")
    assert (np.diff(values[known][order].astype(int)) >= 0).all()
    assert coloring["ends"] == [column[known].min()[:10], column[known].max()[:10]]


def test_texts_are_named_and_empty_ones_are_not_known(state):
    coloring = color(state, "column:sensor_name")
    assert coloring["names"] == ["Aqua", "Terra"]
    known = state.gallery.items["sensor_name"].isin(["Aqua", "Terra"])
    assert coloring["num_missing"] == (~known).sum()
    assert color(state, "column:clear")["names"] == ["False", "True"]


@pytest.mark.parametrize("by", ["nonsense", "column:remark", "column:id", "cloud", "column:"])
def test_other_ways_are_refused_with_those_there_are(state, by):
    with refused(names=f"'{by}'"):
        color(state, by)


def test_more_names_than_fit_are_no_colors(tmp_path):
    def add(items):
        rows = np.arange(len(items))
        few, many = rows % MAX_NAMES, rows % (MAX_NAMES + 1)
        return items.assign(few=[f"v{v}" for v in few], many=[f"v{v}" for v in many])

    gallery = tiny_gallery(tmp_path / "g", num_tiles=200, more=add)
    assert [by for by, _ in list_ways(gallery)][5:] == ["column:few"]


def test_the_page_colors_by_what_is_asked(page):
    assert page.legend.coloring["by"] == "class"
    page.receive(page.legend, {"kind": "color", "by": "column:cloud"}, [])
    assert page.legend.coloring["by"] == "column:cloud" and page.header.message == ""
    page.receive(page.legend, {"kind": "color", "by": "nonsense"}, [])
    assert page.legend.coloring["by"] == "column:cloud"
    assert page.header.message.startswith("color by 'nonsense': choose one of class")


@pytest.mark.parametrize(("by", "sent"), [("class", 0), ("distance", 2), ("found", 2)])
def test_another_query_sends_only_colors_that_depend_on_it(page, by, sent):
    page.receive(page.legend, {"kind": "color", "by": by}, [])
    changes = []
    page.legend.observe(changes.append, names="coloring")
    for _ in range(2):
        page.receive(page.controls, {"kind": "random"}, [])
    assert len(changes) == sent
    if by == "distance":
        assert values_of(page.legend.coloring)[page.state.query.row] == 0
