import subprocess
import sys
from itertools import product

import numpy as np
import pytest
from make_gallery import write
from refusals import refused

from rsh.codes.binary import hamming
from rsh.explorer.panels.cards import MAX_CARDS, cards_view
from rsh.explorer.state import ExplorerState
from rsh.gallery.filters import Filter
from rsh.gallery.gallery import Gallery
from rsh.search.retrieve import search


def part_of(gallery, folder, rows, splits=None):
    """A gallery of some rows of another, perhaps with other splits."""
    rows = np.asarray(rows)
    items = gallery.items.iloc[rows].reset_index(drop=True)
    items["id"] = [f"{number}-{name}" for number, name in enumerate(items["id"])]
    if splits is not None:
        items["split"] = splits
    return write(
        folder,
        info={"name": "part", "model": {}, "data": {}},
        items=items,
        codes=gallery.codes[rows],
        features=gallery.features[rows],
        thumbnails=[gallery.thumbnail(int(row)) for row in rows],
    )


def test_importing_the_page_leaves_slow_libraries_alone():
    slow = {"torch", "matplotlib", "sklearn", "rasterio", "pyproj", "shapely"}
    code = f"import sys, rsh.explorer.app; print({slow} & set(sys.modules) or set())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_hits_are_the_nearest_searchable_tiles_and_ties_in_order_of_features(state, gallery):
    state.search_by("top_k", top_k=25, radius=0)
    distances = hamming(gallery.packed[[state.query.row]], gallery.packed)[0]
    features = gallery.features.tolist()
    near = [sum(map(float.__mul__, features[state.query.row], other)) for other in features]
    wanted = sorted(
        (d, -near[row], row)
        for row, d in enumerate(distances.tolist())
        if row in set(gallery.searchable.tolist()) - {state.query.row}
    )[:25]
    result = state.results()
    assert [(hit.distance, hit.row) for hit in result.hits] == [(d, row) for d, _, row in wanted]
    assert [hit.rank for hit in result.hits] == list(range(1, 26))


def test_relevant_means_the_same_class(state, gallery):
    classes = gallery.items["class"]
    for hit in state.results().hits:
        assert hit.relevant == (classes[hit.row] == classes[state.query.row])


@pytest.mark.parametrize("mode", ["top_k", "radius"])
def test_the_query_is_never_among_its_hits_even_if_training_has_seen_it(state, gallery, mode):
    row = int(gallery.searchable[7])
    state.choose(row)
    state.search_by(mode, top_k=20, radius=6)
    result = state.results()
    assert row not in {hit.row for hit in result.hits}
    if mode == "top_k":
        assert len(result.hits) == len(result) == 20


def test_more_duplicates_of_the_query_than_asked_for_still_give_top_k(gallery, tmp_path):
    same = part_of(gallery, tmp_path / "same", [5] * 30, "train")
    state = ExplorerState(same)
    state.choose(29)  # rows 0 to 28 come first at distance 0
    state.search_by("top_k", top_k=10, radius=0)
    assert [hit.row for hit in state.results().hits] == list(range(10))


def test_tie_groups_number_the_distances_from_zero(state):
    hits = state.results().hits
    distances = sorted({hit.distance for hit in hits})
    assert [hit.tie for hit in hits] == [distances.index(hit.distance) for hit in hits]


def every_other(state):
    """Distance and relevance of all that can be found, nearest first, by a loop."""
    gallery, found = state.gallery, []
    for row in gallery.searchable.tolist():
        if row != state.query.row:
            apart = np.unpackbits(gallery.packed[row] ^ gallery.packed[state.query.row]).sum()
            same = gallery.items["class"][row] == gallery.items["class"][state.query.row]
            found.append((int(apart), bool(same)))
    return sorted(found, key=lambda pair: pair[0])


def expected_precision(found, top_k):
    """Each place holds on average the share of right tiles at its distance."""
    total = 0.0
    for place in range(top_k):
        tied = [same for distance, same in found if distance == found[place][0]]
        total += sum(tied) / len(tied)
    return total / top_k


@pytest.mark.parametrize("top_k", [1, 7, 20, 100])
def test_precision_is_the_mean_over_all_orders_of_the_ties(state, gallery, top_k):
    by_order = []
    for row in range(0, len(gallery), 29):
        state.choose(row)
        state.search_by("top_k", top_k=top_k, radius=0)
        result = state.results()
        assert result.precision == pytest.approx(expected_precision(every_other(state), top_k))
        by_order.append(result.num_relevant / top_k == result.precision)
    assert not all(by_order)  # or the test could not tell one from the other


def test_a_tie_for_the_last_places_is_counted(state):
    found = [distance for distance, _ in every_other(state)]
    for top_k in range(1, 60):
        state.search_by("top_k", top_k=top_k, radius=0)
        last = found[top_k - 1]
        tied, places = found.count(last), found[:top_k].count(last)
        assert state.results().cutoff_ties == ((tied, places) if places < tied else None)
        assert state.results().farthest == last


def test_within_a_radius_all_are_counted_and_the_first_are_shown(state):
    for radius in (0, 8, 14, 32):
        state.search_by("radius", top_k=20, radius=radius)
        result = state.results()
        inside = [pair for pair in every_other(state) if pair[0] <= radius]
        assert len(result) == len(inside)
        assert len(cards_view(result)["cards"]) == min(len(inside), MAX_CARDS)
        assert result.num_relevant == sum(same for _, same in inside)
        assert result.farthest == max((distance for distance, _ in inside), default=-1)
        assert result.cutoff_ties is None
        if inside:
            assert result.precision == pytest.approx(result.num_relevant / len(inside))
    assert len(result) > MAX_CARDS


def test_held_out_tiles_are_searched_if_included(state, gallery):
    held_out = gallery.num_held_out
    assert (state.num_searched, held_out) == (len(gallery) - held_out, 71)
    state.search_by("top_k", top_k=100, radius=0, include_held_out=True)
    assert state.num_searched == len(gallery)
    found = state.results()
    assert "query" in set(gallery.items["split"][found.rows])
    answer = search(gallery, found.name, top_k=100, include_held_out=True)
    assert found.rows.tolist() == answer.rows.tolist()
    state.filter_by(Filter.read(["split=query"]))
    assert set(gallery.items["split"][state.results().rows]) == {"query"}
    before = state.settings
    with refused(names="split=query"):
        state.search_by("top_k", top_k=5, radius=0)
    assert state.settings == before
    state.mark(int(gallery.searchable[0]), "positive")
    assert set(gallery.items["split"][state.results().rows]) == {"query"}


def test_an_empty_ball_is_an_empty_answer(state):
    rows = iter(range(300))
    state.search_by("radius", top_k=20, radius=0)
    while state.results().hits:
        state.choose(next(rows))
    result = state.results()
    assert (len(result), result.precision, result.cutoff_ties) == (0, None, None)


def test_history_works_like_a_browsers(state):
    start = state.query.row
    first, second, third = [row for row in range(4) if row != start][:3]
    state.choose(first)
    state.choose(second)
    state.back()
    assert (state.query.row, state.can_go_back, state.can_go_forward) == (first, True, True)
    state.forward()
    assert (state.query.row, state.can_go_forward) == (second, False)
    state.back()
    state.back()
    assert (state.query.row, state.can_go_back) == (start, False)
    state.choose(third)  # a new way: what lay ahead is forgotten
    assert not state.can_go_forward
    state.back()
    assert state.query.row == start


def test_back_and_forward_at_the_ends_do_nothing(state):
    start = state.query.row
    state.back()
    state.forward()
    assert state.query.row == start


def test_choosing_the_query_again_adds_nothing_to_the_history(state):
    state.choose(state.query.row)
    assert not state.can_go_back


@pytest.mark.parametrize("row", [-1, 300, 10**12, "3", None, 2.5])
def test_a_row_that_is_not_there_is_refused(state, row):
    before = state.query.row
    with refused(names=row):
        state.choose(row)
    assert state.query.row == before


def test_random_queries_repeat_with_the_seed_and_are_unseen(gallery):
    walks = []
    for _ in range(2):
        state = ExplorerState(gallery, seed=3)
        walk = [state.query.row]
        for _ in range(5):
            state.choose_random()
            walk.append(state.query.row)
        walks.append(walk)
    assert walks[0] == walks[1]
    assert set(gallery.items["split"].iloc[walks[0]]) == {"query"}
    assert all(a != b for a, b in zip(walks[0], walks[0][1:], strict=False))


def test_tiles_of_a_class_begin_with_the_unseen(state, gallery):
    name = gallery.classes[2]
    rows = state.list_tiles(name)
    items = gallery.items.iloc[rows]
    assert set(items["class"]) == {name} and len(rows) == (gallery.items["class"] == name).sum()
    unseen = (items["split"] == "query").tolist()
    assert unseen == sorted(unseen, reverse=True) and any(unseen)
    with refused(names="nowhere"):
        state.list_tiles("<nowhere>")


def test_numbers_out_of_range_come_to_the_nearest_end(state):
    state.search_by("top_k", top_k=10**9, radius=-5)
    assert (state.settings.top_k, state.settings.radius) == (state.max_top_k, 0)
    state.search_by("radius", top_k=0, radius=999)
    assert (state.settings.top_k, state.settings.radius) == (1, 32)
    with refused(names="cosine"):
        state.search_by("cosine", top_k=1, radius=1)


def test_the_histogram_counts_every_other_searchable_tile_once(state, gallery):
    items, relevant = (part[0] for part in state.results().counts)
    others = gallery.searchable[gallery.searchable != state.query.row]
    same = gallery.labels[others] == gallery.labels[state.query.row]
    assert items.shape == relevant.shape == (33,)
    assert (items.sum(), relevant.sum()) == (len(others), same.sum())


def test_a_gallery_of_one_tile(gallery, tmp_path):
    state = ExplorerState(part_of(gallery, tmp_path / "one", [0], "train"))
    assert (state.query.row, state.max_top_k) == (0, 1)
    for mode, order in product(("top_k", "radius"), ("bits", "features")):
        state.search_by(mode, top_k=5, radius=32, order=order)
        result = state.results()
        assert (result.hits, len(result), result.precision) == ([], 0, None)
    state.choose_random()
    assert state.query.row == 0


def test_a_gallery_of_queries_alone_finds_nothing(gallery, tmp_path):
    state = ExplorerState(part_of(gallery, tmp_path / "queries", range(5), "query"))
    assert len(state.results()) == 0
    assert state.results().counts.items.sum() == 0


@pytest.mark.parametrize("seed", range(5))
def test_the_page_opens_on_a_typical_query(gallery, seed):
    """Neither on the best that the model does nor on the worst."""
    state = ExplorerState(gallery, seed=seed)
    opened, right = state.query.row, {}
    for row in np.flatnonzero(gallery.items["split"] == "query").tolist():
        state.choose(row)
        right[row] = sum(hit.relevant for hit in state.results().hits)
    low, high = np.quantile(list(right.values()), [0.2, 0.8])
    assert low <= right[opened] <= high


def test_a_gallery_without_unseen_tiles_starts_from_any(gallery, tmp_path):
    state = ExplorerState(part_of(gallery, tmp_path / "seen", range(20), ""))
    state.choose_random()
    assert state.can_go_back and len(state.results().hits) == 19


def test_an_empty_gallery_says_what_to_do(gallery, tmp_path):
    empty = part_of(gallery, tmp_path / "full", range(3))
    empty.packed = empty.packed[:0]
    with refused(names="full"):
        ExplorerState(empty)


def test_state_of_a_gallery_from_disk(gallery):
    opened = ExplorerState(Gallery.open(gallery.folder))
    assert opened.results().to_dict() == ExplorerState(gallery).results().to_dict()
