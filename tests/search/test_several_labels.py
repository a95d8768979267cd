"""Tiles with several labels: what shares a label with the query is relevant, see `Labeled`."""

import json
from pathlib import Path

import numpy as np
import pytest
from make_gallery import retabled, tiny_gallery, without_classes
from refusals import refused

from rsh.analysis.compare_rankings import RankingPair, Side
from rsh.explorer.page import Explorer
from rsh.explorer.panels.class_browser import class_browser_view
from rsh.explorer.panels.filter import list_columns
from rsh.explorer.state import ExplorerState
from rsh.gallery.filters import Filter
from rsh.gallery.gallery import Gallery
from rsh.gallery.writer import merge_galleries
from rsh.labels import UNLABELED
from rsh.search.query import Query, SearchOptions
from rsh.search.retrieve import retrieve, search


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return tiny_gallery(tmp_path_factory.mktemp("several") / "g", num_tiles=120, several=True)


def sets_of(gallery: Gallery) -> list[set[str]]:
    return [set(text.split(";")) - {""} for text in gallery.items["labels"]]


def test_whether_tiles_share_a_label_is_as_a_loop_finds_it(gallery):
    sets = sets_of(gallery)
    assert gallery.label_names == sorted(set().union(*sets))
    assert gallery.num_labeled == sum(map(bool, sets)) < len(gallery)
    for row in range(0, 120, 7):
        found = gallery.shares_label(int(gallery.label_sets[row]))
        assert found.tolist() == [bool(each & sets[row]) for each in sets]
        assert set(gallery.list_labels(row)) == sets[row]
    assert gallery.count_labels().tolist() == gallery.label_matrix.sum(axis=0).tolist()
    for number, name in enumerate(gallery.label_names):
        assert gallery.holds_label(number).tolist() == [name in each for each in sets]
    rows = np.array([3, 50, 7])
    some = gallery.shares_label(int(gallery.label_sets[1]), rows)
    assert some.tolist() == [bool(sets[row] & sets[1]) for row in rows.tolist()]
    assert not gallery.shares_label(UNLABELED).any()


@pytest.mark.parametrize("rerank", [None, "asymmetric"])
def test_figures_of_a_search_are_those_of_a_loop(gallery, rerank):
    sets = sets_of(gallery)
    others = SearchOptions(top_k=30, rerank=rerank, include_held_out=True)
    for row in (1, 11, 23, 50):
        result = retrieve(gallery, Query(row), others)
        for hit in result:
            wanted = bool(sets[hit.row] & sets[row]) if sets[hit.row] and sets[row] else None
            assert hit.relevant == wanted
        judged = [hit.relevant for hit in result if hit.relevant is not None]
        assert result.num_judged == len(judged) and result.num_relevant == sum(judged)
        if result.cutoff_ties is None:
            assert result.precision == pytest.approx(np.mean(judged))
    unlabeled = next(row for row, found in enumerate(sets) if not found)
    assert retrieve(gallery, Query(unlabeled), others).relevant is None


def test_a_comparison_judges_by_shared_labels(gallery):
    sets = sets_of(gallery)
    pair = RankingPair(Side(gallery), Side(gallery, "features"))
    for side in vars(pair.compare(gallery.ids[11], top_k=20)).values():
        for row, relevant in zip(
            getattr(side, "rows", []), getattr(side, "relevant", []), strict=True
        ):
            assert relevant == bool(sets[row] & sets[11])


def test_a_filter_may_leave_out_all_that_share_a_label(gallery):
    sets, classes = sets_of(gallery), gallery.items["class"]
    for wanted, left_out in ((1, True), (2, False)):  # sea ice is in tiles of every class
        row = next(
            row
            for row, found in enumerate(sets)
            if len(found) == wanted and classes[row] in found and "wet" not in found
        )
        other = next(name for name in gallery.classes if name != classes[row])
        result = retrieve(
            gallery, Query(row), SearchOptions(filter=Filter.read([f"class={other}"]))
        )
        assert result.class_left_out == left_out
        assert ("leaves out all tiles that share a label" in str(result)) == left_out


def test_the_page_speaks_of_labels(gallery):
    page = Explorer(ExplorerState(gallery))
    row = next(row for row, found in enumerate(sets_of(gallery)) if len(found) > 1)
    page.state.choose(row)
    page.refresh()
    view = page.cards.view
    assert "share a label with the query" in view["summary"] or "shares a label" in view["summary"]
    assert view["note"].startswith("✓ marks a label shared with the query, ✗ none")
    words = {True: "shares a label", False: "no shared label", None: ""}
    assert all(card["alt"].endswith(words[card["relevant"]]) for card in view["cards"])
    assert "several a tile" in page.header.facts and page.header.labeled == "label"
    assert ", " in page.query.view["query"]["name"]
    texts = json.dumps(
        [view["summary"], view["note"], page.legend.relevance, page.class_browser.view["label"]]
    )
    assert "class" not in texts


def test_tiles_are_browsed_by_label(gallery):
    sets = sets_of(gallery)
    state = ExplorerState(gallery)
    for number, name in enumerate(gallery.label_names):
        view = class_browser_view(state, number)
        count = sum(name in found for found in sets)
        assert (view["classes"][number]["count"], view["total"]) == (count, count)
    nothing = class_browser_view(state, len(gallery.label_names))
    assert nothing["classes"][-1] == {"name": "no label", "count": sum(not found for found in sets)}
    with refused(names=("'lava'", "label")):
        state.list_tiles("lava")


def test_results_in_text_and_json_name_the_labels(gallery):
    row = next(row for row, found in enumerate(sets_of(gallery)) if len(found) > 1)
    result = search(gallery, gallery.ids[row], top_k=5)
    assert ";".join(gallery.list_labels(row)) in str(result) and "labels" in str(result)
    assert result.to_dict()["labels"] == gallery.list_labels(row)
    assert [hit["labels"] for hit in result.to_dict()["hits"]] == [
        gallery.list_labels(hit.row) for hit in result
    ]


def test_galleries_of_labels_and_of_classes_do_not_merge(gallery, tmp_path: Path):
    def other(items):
        return items.assign(id="more/" + items["id"])

    classes = tiny_gallery(tmp_path / "classes", num_tiles=20, more=other)
    with refused(names=("--labels", "several labels a tile", "classes")):
        merge_galleries([gallery.folder, classes.folder], tmp_path / "merged")
    with refused(names=("--labels", "several labels a tile", "classes")):
        merge_galleries([classes.folder, gallery.folder], tmp_path / "merged")

    plain = tiny_gallery(
        tmp_path / "plain", num_tiles=20, more=lambda items: without_classes(other(items))
    )
    for order in ([gallery, plain], [plain, gallery]):
        merged = merge_galleries(
            [each.folder for each in order], tmp_path / f"m-{order[0].folder.name}"
        )
        assert merged.has_several and merged.num_labeled == gallery.num_labeled
    for order in ([plain, classes, gallery], [plain, gallery, classes]):
        with refused(names=(str(gallery.folder), str(classes.folder))):
            merge_galleries([each.folder for each in order], tmp_path / "merged")


def test_a_label_may_hold_commas(tmp_path: Path):
    names = np.array(["woodland, shrub;a", "a", "shrub", "a, b", "b"], dtype=object)
    gallery = tiny_gallery(tmp_path / "g", num_tiles=40, several=True)
    gallery = retabled(gallery, labels=names[np.arange(40) % 5])

    def found(text: str) -> set[int]:
        return {*(np.flatnonzero(Filter.read([text]).mask(gallery.table)) % 5).tolist()}

    assert found("labels=woodland, shrub") == found("labels=woodland,shrub") == {0}
    assert found("labels=shrub") == {2} and found("labels=a, b") == {3}
    assert found("labels=b,a") == {0, 1, 4} and found("labels=woodland, shrub,a, b") == {0, 3}
    assert found("labels!=a,b") == {0, 1, 2, 4}
    (column,) = [one for one in list_columns(ExplorerState(gallery)) if one["name"] == "labels"]
    assert column["values"] == ["a", "a, b", "b", "shrub", "woodland, shrub"]
