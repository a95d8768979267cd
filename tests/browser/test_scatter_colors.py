"""What the dots of the planes are colored by, and the legend to it."""

import numpy as np
import pytest
from browser.conftest import visiting
from browser.plane_steps import PIXELS, last, places, wait_until_drawn, watch_planes, xy_of
from browser.steps import loneliest, open_page, query_of, wait_for_another_query
from make_gallery import tiny_gallery

from rsh.explorer.panels.coloring import STEPS

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def varied(serving, tmp_path_factory):
    """A gallery whose table says more: numbers, texts and dates, some of them missing."""

    def add(items):
        rows = np.arange(len(items))
        cloud = np.where(rows % 5 == 0, np.nan, rows % 101)
        days = [f"2021-0{1 + row % 9}-15" if row % 4 else "" for row in rows]
        sensor = np.array(["Aqua", "Terra", ""])[rows % 3]
        return items.assign(cloud=cloud, taken=days, sensor=sensor, note=[f"n{r}" for r in rows])

    folder = tmp_path_factory.mktemp("galleries") / "varied"
    return serving(tiny_gallery(folder, num_tiles=200, more=add))


@pytest.fixture(scope="module")
def varied_tab(chromium, varied):
    with visiting(chromium) as start:
        yield open_page(start, varied)


@pytest.fixture
def planes(varied_tab):
    """The planes of the module's tab, colored by class."""
    varied_tab.get_by_label("Color by").select_option("class")
    varied_tab.wait_for_selector(".rsh-chip:has-text('coast')")
    return watch_planes(varied_tab)


def test_each_way_to_color_sends_what_the_table_says(planes, varied):
    page, gallery = planes, varied.gallery
    choice, items = page.get_by_label("Color by"), gallery.items
    ways = choice.locator("option").all_inner_texts()
    assert ways[:5] == [
        "class",
        "distance from the query",
        "given label",
        "split",
        "relevance of results",
    ]
    assert ways[5:] == ["cloud", "taken", "sensor"]  # every note is another

    def colors(way):
        choice.select_option(label=way)
        page.wait_for_function(
            "by => window.told.some(each => each.by === by)", arg=choice.input_value()
        )
        told = last(page, "coloring")
        return np.array(told["values"]), told["missing"]

    query = query_of(page)
    values, _ = colors("distance from the query")
    apart = np.unpackbits(gallery.packed ^ gallery.packed[[query]], axis=1).sum(axis=1)
    assert values.tolist() == apart.tolist()
    scale = page.get_by_role("img", name="distance from the query: from 0 bits to 32 bits")
    assert scale.is_visible()

    values, missing = colors("cloud")
    known = items["cloud"].notna().to_numpy()
    assert ((values == missing) == ~known).all()
    cloud = items["cloud"].to_numpy()[known]
    share = (cloud - cloud.min()) / (cloud.max() - cloud.min())
    assert np.abs(values[known] / (STEPS - 1) - share).max() < 0.5 / (STEPS - 2)

    values, missing = colors("sensor")
    names = ["Aqua", "Terra", ""]
    assert [names[value] for value in values] == items["sensor"].tolist()
    chips = page.locator(".rsh-chip").all_inner_texts()
    assert chips == ["Aqua", "Terra", "unknown"] and missing == 2

    colors("taken")
    assert page.get_by_role("img", name="taken: from 2021-01-15 to 2021-09-15").is_visible()
    assert page.locator(".rsh-chip").all_inner_texts() == ["unknown"]


def test_distances_follow_the_query_and_come_only_while_they_are_shown(planes, varied):
    page, gallery = planes, varied.gallery

    # Those of the classes may come while the page is still being laid out.
    distances = "window.told.filter(each => each.by === 'distance').length"

    before = query_of(page)
    page.get_by_role("button", name="Random").click()
    first = wait_for_another_query(page, before)
    assert page.evaluate(distances) == 0
    page.get_by_label("Color by").select_option("distance")
    page.wait_for_function(f"{distances} === 1")
    page.get_by_role("button", name="Random").click()
    query = wait_for_another_query(page, first)
    page.wait_for_function(f"{distances} === 2")
    apart = np.unpackbits(gallery.packed ^ gallery.packed[[query]], axis=1).sum(axis=1)
    assert last(page, "coloring")["values"] == apart.tolist()


def test_a_chosen_color_is_on_the_screen(planes, varied):
    page, gallery = planes, varied.gallery
    row = loneliest(xy_of(gallery, "Features"))
    middle = []
    for way in ("class", "distance", "split", "found"):
        page.get_by_label("Color by").select_option(way)
        page.wait_for_timeout(300)
        wait_until_drawn(page)
        stage, _, spots = places(page, gallery, "Features")  # a legend may take another line
        pixels = np.array(stage.evaluate(PIXELS, spots[row].tolist())).reshape(-1, 4)[:, :3]
        middle.append(tuple(pixels[len(pixels) // 2]))
        assert middle[-1] != (255, 255, 255)
    assert len(set(middle)) == 4


def test_a_chip_brings_its_value_out_and_the_keyboard_keeps_it(planes):
    page = planes
    page.get_by_label("Color by").select_option("column:sensor")
    chip = page.get_by_role("button", name="Terra")
    chip.focus()
    assert last(page, "highlight")["value"] == 1
    page.keyboard.press("Enter")
    assert chip.get_attribute("aria-pressed") == "true"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert last(page, "highlight")["value"] == 1
    page.get_by_label("Color by").select_option("class")
    page.wait_for_selector(".rsh-chip:has-text('coast')")
    assert last(page, "highlight")["value"] is None
