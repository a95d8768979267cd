import pandas as pd
import pytest
from make_gallery import tiny_gallery

from rsh.explorer.panels.tiles import describe, full_name, tile_card
from rsh.gallery.origins import Origin, open_origins


def with_columns(**columns):
    """Return what gives each tile one of some values in turn."""

    def more(items):
        turns = {
            name: [values[row % len(values)] for row in range(len(items))]
            for name, values in columns.items()
        }
        return items.assign(**turns)

    return more


def in_folders(*folders):
    def more(items):
        ids = [f"{folders[row % len(folders)]}/t{row}.jpg" for row in range(len(items))]
        return items.assign(id=ids, **{"class": ""})

    return more


def origins(folder, more):
    gallery = tiny_gallery(folder, num_tiles=12, projection=False, more=more)
    return gallery, open_origins(gallery).of(range(len(gallery)))


def test_an_ordinary_gallery_shows_no_origin(tmp_path):
    gallery, found = origins(tmp_path / "g", None)
    assert {*found} == {Origin("", "")}
    assert full_name(describe(gallery, 3)) == describe(gallery, 3)["name"]


def test_scenes_and_dates_that_differ_are_shown(tmp_path):
    more = with_columns(scene=["east", "west"], date=["2017-05-06", "2017-07-25", None])
    gallery, found = origins(tmp_path / "g", more)
    table = gallery.items
    expected = zip(table["scene"], table["date"].fillna(""), strict=True)
    assert [tuple(each) for each in found] == list(expected)
    assert open_origins(gallery).of(5) == [found[5]]
    tile = describe(gallery, 5) | {"scene": "east", "date": "2017-05-06"}
    assert full_name(tile) == f"{tile['name']}, 2017-05-06, east"
    assert tile_card(tile, "3 bits away", before="rank 1")["alt"] == (
        f"rank 1, {tile['name']}, 2017-05-06, east, 3 bits away"
    )
    assert full_name(tile | {"scene": "east 2017-05-06"}) == f"{tile['name']}, east 2017-05-06"


@pytest.mark.parametrize(
    "columns",
    [
        {"scene": ["one"], "date": ["2017-05-06"]},
        {"scene": [None], "date": [None]},
        {"scene": [1, 2], "date": [2017.0, 2018.0]},  # numbers of something else
    ],
)
def test_what_all_tiles_share_is_not_shown(tmp_path, columns):
    _, found = origins(tmp_path / "g", with_columns(**columns))
    assert {*found} == {Origin("", "")}


def test_of_a_time_the_day_is_shown(tmp_path):
    days = pd.to_datetime(["2017-05-06T10:31", "2017-07-25T10:31"])
    _, found = origins(tmp_path / "g", with_columns(date=list(days)))
    assert {each.date for each in found} == {"2017-05-06", "2017-07-25"}


@pytest.mark.parametrize(
    ("folders", "scenes"),
    [
        (["cut/may", "cut/july/a"], {"may", "july/a"}),
        (["may", "july"], {"may", "july"}),
        (["cut", "cut/july"], {"cut", "july"}),
        (["cut"], {""}),
    ],
)
def test_without_labels_folders_are_shown_if_they_differ(tmp_path, folders, scenes):
    _, found = origins(tmp_path / "g", in_folders(*folders))
    assert {each.scene for each in found} == scenes


def test_a_name_that_turns_the_text_around_is_written_out(tmp_path):
    _, found = origins(tmp_path / "g", with_columns(scene=["a\u202eb", "c"]))
    assert {each.scene for each in found} == {"a\\u202eb", "c"}
