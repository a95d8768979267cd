"""Galleries that keep what they are searched with, through their whole life."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from make_gallery import tiles_of, tiny_gallery
from refusals import refused

from rsh.cli.main import main
from rsh.codes.order import id_hashes
from rsh.errors import InputError
from rsh.explorer.panels.header import describe_gallery
from rsh.gallery.filters import Filter
from rsh.gallery.gallery import Gallery
from rsh.gallery.manifest import DataInfo, Manifest, ModelInfo
from rsh.gallery.writer import (
    add_tiles,
    check_gallery,
    index_gallery,
    merge_galleries,
    remove_tiles,
    write_gallery,
)
from rsh.index.milvus import MilvusIndex
from rsh.search.retrieve import search

KEPT = pytest.mark.parametrize("kind", ["ivf", "milvus"])


@pytest.fixture
def folder(gallery: Gallery, tmp_path: Path) -> Path:
    """Return a gallery that may be changed."""
    return shutil.copytree(gallery.folder, tmp_path / "gallery")


def index(folder: Path, kind: str) -> Gallery:
    uri = str(folder.parent / "codes.db") if kind == "milvus" else ""
    return index_gallery(folder, kind, recall=1.0, uri=uri)


def answers(gallery: Gallery, conditions: Filter = Filter()) -> list[list[tuple[int, str]]]:  # noqa: B008
    """What the first tiles find within 4 bits: a ball has no last places."""
    found = gallery.range_search(gallery.packed[:20], radius=4, filter=conditions)
    ids = gallery.items["id"]
    return [sorted((int(far), ids[row]) for row, far in zip(*hits, strict=True)) for hits in found]


def more_tiles(gallery: Gallery, count: int = 5):
    rng = np.random.default_rng(1)
    items = gallery.items.head(count).assign(id=[f"new/{n}.jpg" for n in range(count)])
    codes = rng.choice(np.array([-1, 1], np.int8), (count, gallery.num_bits))
    features = np.array(gallery.features[:count])
    return tiles_of(items=items, codes=codes, features=features, thumbnails=[b"x"] * count)


@KEPT
def test_a_kept_index_answers_as_the_codes_do(folder: Path, kind: str):
    expected = answers(Gallery.open(folder))
    assert answers(index(folder, kind)) == expected
    assert answers(Gallery.open(folder)) == expected
    assert answers(index(folder, "exact")) == expected
    assert Gallery.open(folder).manifest.index is None


@KEPT
def test_a_kept_index_follows_every_change(folder: Path, kind: str, tmp_path: Path):
    plain = shutil.copytree(folder, tmp_path / "plain")
    tiles, gone = more_tiles(index(folder, kind)), list(Gallery.open(folder).items["id"][3:9])
    for change in (
        lambda where: add_tiles(where, tiles),
        lambda where: remove_tiles(where, [*gone, "new/2.jpg"]),
    ):
        change(folder), change(plain)
        assert answers(Gallery.open(folder)) == answers(Gallery.open(plain))
        assert Gallery.open(folder).manifest.index.name == kind
        check_gallery(folder)


def test_all_that_can_be_found_may_go(folder: Path):
    gallery = index_gallery(folder, "ivf", recall=1.0)
    left = remove_tiles(folder, list(gallery.items["id"][gallery.searchable]))
    assert len(left.searchable) == 0
    assert len(left.searcher.index) == 0


def test_an_index_that_fails_leaves_the_old_one_in_use(folder, monkeypatch):
    expected = answers(index(folder, "milvus"))

    def away(*rest: object) -> None:
        raise InputError("gone")

    monkeypatch.setattr(MilvusIndex, "add", away)
    with refused(names="gone"):
        index(folder, "milvus")
    assert answers(Gallery.open(folder)) == expected


def test_an_old_index_file_goes_with_the_second_change(folder: Path):
    index(folder, "ivf")
    for row in range(3):
        remove_tiles(folder, [Gallery.open(folder).items["id"][row]])
    files = sorted(path.name for path in folder.glob("index-*"))
    assert len(files) == 2
    assert Gallery.open(folder).manifest.index.file == files[-1]


@pytest.mark.parametrize("kind", ["exact", "ivf", "milvus"])
@pytest.mark.parametrize("text", ["class=barren", "split=val", "bbox=-20,-40,160,60"])
def test_conditions_hold_whatever_the_index(folder: Path, kind: str, text: str):
    gallery, conditions = index(folder, kind), Filter.read([text])
    rows = gallery.searchable[conditions.mask(gallery.items)[gallery.searchable]]
    assert gallery.searchable_rows(conditions).tolist() == rows.tolist()
    (hits,) = gallery.search(gallery.packed[:1], top_k=len(rows), filter=conditions)
    assert sorted(hits.ids) == rows.tolist()
    (nearest,) = gallery.search(gallery.packed[:1], top_k=3, filter=conditions)
    assert nearest.ids.tolist() == hits.ids[:3].tolist()
    inside = set(gallery.items["id"][rows])
    assert answers(gallery, conditions) == [
        [(far, name) for far, name in hits if name in inside] for hits in answers(gallery)
    ]


@pytest.mark.parametrize("kind", ["exact", "ivf", "milvus"])
@pytest.mark.parametrize("text", ["", "class=barren", "split=query", "split=val"])
def test_held_out_tiles_are_found_if_included_whatever_the_index(
    folder: Path, kind: str, text: str
):
    gallery = index(folder, kind)
    chosen = Filter.read([text] if text else [])
    among = {"filter": chosen, "include_held_out": True}
    rows = np.flatnonzero(chosen.mask(gallery.items)).tolist()
    assert gallery.searchable_rows(**among).tolist() == rows
    for query in (0, 7, rows[0]):
        far = (gallery.codes[query] != gallery.codes).sum(axis=1).tolist()
        expected = sorted((far[row], row) for row in rows)
        (ball,) = gallery.range_search(gallery.packed[[query]], radius=9, **among)
        found = list(zip(ball.distances.tolist(), ball.ids.tolist(), strict=True))
        assert sorted(found) == [pair for pair in expected if pair[0] <= 9]
        for top_k in {1, min(5, len(rows)), len(rows)}:
            (hits,) = gallery.search(gallery.packed[[query]], top_k=top_k, **among)
            # A kept index takes the last ties by hash, which is not the order of these rows.
            assert hits.distances.tolist() == [far for far, _ in expected[:top_k]]
            pairs = zip(hits.distances.tolist(), hits.ids.tolist(), strict=True)
            assert set(pairs) <= set(expected)
            assert len(set(hits.ids.tolist())) == top_k
    for wrong in (0, len(rows) + 1):
        with refused("top_k", value=wrong):
            gallery.search(gallery.packed[:1], top_k=wrong, **among)
    if text == "split=query":
        with refused("filter", value=chosen, names="only held-out tiles"):
            gallery.searchable_rows(chosen)


def test_a_search_counts_only_what_the_conditions_let_through(folder: Path):
    gallery = Gallery.open(folder)
    query = gallery.items["id"][int(gallery.searchable[0])]
    own = gallery.items["class"][int(gallery.searchable[0])]
    answer = search(gallery, query, filter=Filter.read([f"class={own}"]), top_k=5)
    assert answer.precision == 1
    assert {hit.class_name for hit in answer.hits} == {own}
    assert query not in [hit.id for hit in answer.hits]
    others = search(gallery, query, filter=Filter.read([f"class!={own}"]), top_k=5)
    assert others.precision is None  # no tile found could have been right


def test_conditions_that_no_tile_meets_are_named(folder: Path):
    gallery = Gallery.open(folder)
    with refused(names="class=nowhere"):
        search(gallery, gallery.items["id"][0], filter=Filter.read(["class=nowhere"]))


def test_parts_are_kept_for_the_next_question_but_not_for_ever(folder: Path):
    gallery = Gallery.open(folder)
    for number in range(20):
        search(gallery, gallery.ids[0], top_k=1, filter=Filter.read([f"latitude=-90..{number}"]))
    assert gallery._kept_mask.cache_info().currsize == 8
    assert gallery._kept_searcher.cache_info().currsize == 8
    conditions = Filter.read(["latitude=-90..19"])
    kept = gallery._searcher_for(conditions, False)
    assert gallery._searcher_for(conditions, False) is kept
    assert gallery._searcher_for(conditions, True) is not kept


def test_a_merge_and_a_new_encoding_are_searched_in_memory(folder: Path, tmp_path: Path):
    index(folder, "ivf")
    merged = merge_galleries([folder], tmp_path / "merged")
    assert merged.manifest.index is None
    tiny_gallery(folder)
    assert Gallery.open(folder).manifest.index is None


def test_what_a_killed_writer_left_on_a_server_is_not_found_under_another_image(folder: Path):
    gallery = index(folder, "milvus")
    first, second = more_tiles(gallery, 2), more_tiles(gallery, 1)
    first.packed[0] = ~second.packed[0]  # the same tile, of another image
    gallery.searcher.index.add(
        first.packed, id_hashes(first.items["id"]), first.items
    )  # and is killed
    grown = add_tiles(folder, second)
    (hits,) = grown.range_search(second.packed, radius=0)
    assert "new/0.jpg" in grown.items["id"][hits.ids].tolist()
    assert len(grown.searcher.index) == len(grown.searchable)


def test_a_server_that_holds_newer_tiles_does_not_show_them_to_an_old_reader(folder: Path):
    reader = index(folder, "milvus")
    before = answers(reader)
    reader.searcher.index.add(np.array(reader.packed[:1]), np.array([5]))  # as a writer does
    assert answers(reader) == before


@pytest.mark.parametrize(
    "entry", [5, {}, {"name": "faiss"}, {"name": "ivf"}, {"name": "milvus", "uri": 3}]
)
def test_an_altered_entry_is_refused(folder: Path, entry: object):
    head = json.loads((folder / "gallery.json").read_text()) | {"index": entry}
    (folder / "gallery.json").write_text(json.dumps(head))
    with refused(names="index"):
        Gallery.open(folder)


def test_an_index_file_elsewhere_is_refused(folder: Path):
    index(folder, "ivf")
    head = json.loads((folder / "gallery.json").read_text())
    head["index"]["file"] = "../index-1.npz"
    (folder / "gallery.json").write_text(json.dumps(head))
    with refused(names="index"):
        Gallery.open(folder)


def test_a_cut_index_file_is_noticed(folder: Path):
    file = folder / index(folder, "ivf").manifest.index.file
    file.write_bytes(file.read_bytes()[:-10])
    with refused(names=file.name):
        Gallery.open(folder)


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--type", "milvus"], "--type milvus: needs a --uri"),
        (
            ["--type", "ivf", "--target-recall", "2"],
            "--target-recall 2: choose a fraction",
        ),
        (["--uri", "http://localhost"], "--uri http://localhost: only milvus uses a server"),
        (["--type", "faiss"], "choose one of exact, ivf, milvus"),
    ],
)
def test_the_command_names_what_is_wrong_and_changes_nothing(folder, flags, reason, capsys):
    before = (folder / "gallery.json").read_bytes()
    with pytest.raises(SystemExit, match="2"):
        main(["gallery", "index", str(folder), *flags])
    assert reason in capsys.readouterr().err
    assert (folder / "gallery.json").read_bytes() == before


def test_the_page_says_that_its_answers_are_approximate(folder: Path):
    assert "approximate" not in describe_gallery(Gallery.open(folder))
    gallery = index_gallery(folder, "ivf", recall=0.3)
    assert f"approximate: recall@20 = {gallery.searcher.index.recall:.1%}" in describe_gallery(
        gallery
    )


def test_commands_say_what_a_gallery_is_searched_with(folder: Path, capsys):
    main(["gallery", "index", str(folder), "--type", "ivf", "--target-recall", "0.3"])
    said = capsys.readouterr().out
    assert "229 tiles, approximate: probes 1 of 3 inverted lists" in said
    main(["gallery", "info", str(folder)])
    assert said.strip().split("tiles, ")[1] in capsys.readouterr().out
    query = Gallery.open(folder).items["id"][0]
    main(["search", str(folder), query])
    assert "approximate: such a search finds" in capsys.readouterr().out
    main(["search", str(folder), query, "--filter", "class=barren", "--filter", "split=train"])
    assert "approximate" not in capsys.readouterr().out  # a part is searched exactly
    main(["gallery", "index", str(folder)])
    assert "exact, in memory" in capsys.readouterr().out


def test_a_column_called_index_removes_no_other_tile(folder: Path):
    gallery = Gallery.open(folder)
    new = more_tiles(gallery)
    new.items["index"] = np.arange(5)[::-1]
    add_tiles(folder, new)
    left = remove_tiles(folder, ["new/0.jpg"])
    assert "new/0.jpg" not in set(left.items["id"])
    assert "new/4.jpg" in set(left.items["id"])


def test_a_failed_write_over_a_gallery_of_another_format_loses_nothing(folder: Path):
    head = json.loads((folder / "gallery.json").read_text()) | {"format": 99}
    (folder / "gallery.json").write_text(json.dumps(head))
    before = sorted(path.name for path in folder.iterdir())
    tiles = more_tiles(tiny_gallery(folder.parent / "other"))
    tiles.items["id"] = "twice"
    with refused(names="twice"):
        write_gallery(folder, Manifest("", 32, ModelInfo(), DataInfo()), tiles)
    assert sorted(path.name for path in folder.iterdir()) == before
