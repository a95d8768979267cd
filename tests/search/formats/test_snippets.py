"""Snippets that reproduce a search are executed, in Python and in a shell."""

import json
import shlex
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from make_gallery import tiny_gallery, write
from refusals import refused

from rsh.cli.main import main
from rsh.gallery.filters import Condition, Filter
from rsh.gallery.gallery import Gallery
from rsh.search.formats.snippets import to_command, to_python
from rsh.search.query import Query, QueryImage, SearchOptions
from rsh.search.results import SearchResult
from rsh.search.retrieve import retrieve, search

AWKWARD = [
    "-k", "--filter", "it's.jpg", 'say "x".jpg', "$(touch hacked)`id`.jpg", "two\nlines.jpg",
    "森林/1.jpg", "back\\slash.jpg", "a, b.jpg", "{x}.jpg", " space .jpg", "\u202eabc.jpg",
]  # fmt: skip


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return tiny_gallery(tmp_path_factory.mktemp("again") / "it's a gallery", num_tiles=90)


@pytest.fixture(scope="module")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """A few tiles whose ids are hard to type, in a folder that looks like a flag."""
    folder = tmp_path_factory.mktemp("awkward") / "-galleries"
    rng = np.random.default_rng(0)
    items = pd.DataFrame({"id": AWKWARD, "class": ["a,b", "c..d"] * 6, "split": ""})
    codes = np.where(rng.random((12, 16)) < 0.5, -1, 1)
    info = {"name": "awkward", "model": {}, "data": {}}
    return write(
        folder, info=info, items=items, codes=codes, features=np.eye(12), thumbnails=[b"x"] * 12
    )


def found(result: SearchResult) -> list[tuple[int, str, float | None]]:
    return [(hit.rank, hit.id, hit.score) for hit in result]


def by_python(result: SearchResult) -> list[tuple[int, str, float | None]]:
    names: dict = {}
    exec(to_python(result), names)
    return found(names["shown"])


def by_command(result: SearchResult, capsys: pytest.CaptureFixture[str]) -> list[str]:
    program, *words = shlex.split(to_command(result))
    assert program == "rsh"
    capsys.readouterr()
    main([*words[:1], "--json", *words[1:]])
    return [hit["id"] for hit in json.loads(capsys.readouterr().out)["hits"]]


def searches(gallery: Gallery) -> list[SearchResult]:
    one, two, three, four = gallery.items["id"][[0, 20, 40, 60]]
    conditions = Filter.read(["split=train,val", "latitude=-60..60", "class!=tundra"])
    feedback = {"positive": (two, three), "negative": (four,)}
    return [
        search(gallery, one),
        search(gallery, two, top_k=7),
        search(gallery, two, radius=6),
        search(gallery, two, radius=6, rerank="features", filter=conditions),
        search(gallery, three, top_k=5, rerank="asymmetric", rerank_depth=30),
        search(gallery, one, top_k=9, filter=conditions, **feedback),
        search(gallery, four, top_k=12, filter=Filter.read(["bbox=-170,-60,170,60"])),
        search(gallery, four, top_k=40, include_held_out=True),
    ]


@pytest.mark.parametrize("number", range(8))
def test_both_reproduce_the_search(gallery, number, capsys):
    result = searches(gallery)[number]
    assert by_python(result) == found(result)
    assert by_command(result, capsys) == [hit.id for hit in result]
    assert max(map(len, to_python(result).splitlines())) <= 130


def test_a_selection_is_selected_again(gallery):
    whole = search(gallery, gallery.items["id"][0], radius=12)
    for chosen in (slice(5), slice(1, 9, 3), []):
        assert by_python(whole.take(chosen)) == found(whole.take(chosen))


def can_be_typed(name: str) -> bool:
    """Whether a terminal shows a name as it is, and does nothing else with it."""
    return name.isprintable()


@pytest.mark.parametrize("name", AWKWARD, ids=ascii)
def test_any_id_and_folder_can_be_written(awkward, name, capsys, monkeypatch):
    monkeypatch.chdir(awkward.folder.parent)
    relative = Gallery.open("-galleries")
    result = search(relative, name, top_k=4)
    assert by_python(result) == found(result)
    if can_be_typed(name):
        assert by_command(result, capsys) == [hit.id for hit in result]
    other = AWKWARD[AWKWARD.index(name) - 1]
    marked = search(relative, name, top_k=4, positive=(other,))
    assert by_python(marked) == found(marked)
    if "," in other or not can_be_typed(name + other):
        with refused():
            to_command(marked)
    else:
        assert by_command(marked, capsys) == [hit.id for hit in marked]


@pytest.mark.parametrize("name", ["a,b", "c..d"])
def test_condition_that_cannot_be_typed_is_kept_in_python(awkward, name):
    condition = Filter((Condition("class", (name,)),))
    result = search(awkward, AWKWARD[2], top_k=3, filter=condition)
    assert {hit.class_name for hit in result} == {name}
    assert by_python(result) == found(result)
    with refused():
        to_command(result)


def test_query_that_cannot_be_typed_is_told(awkward):
    for name in ("", "--", "a\0b", "a\x03\ntouch x\n", "a\x1b[201~b", "a\u202eb", "a\x15b"):
        with refused():
            image = QueryImage(name, b"", awkward.encoded(0))
            to_command(retrieve(awkward, Query(image=image), SearchOptions()))


def test_a_real_shell_and_a_real_interpreter_print_the_same(awkward):
    result = search(awkward, "$(touch hacked)`id`.jpg", top_k=3)
    kind = {"cwd": awkward.folder.parent, "capture_output": True, "check": True, "text": True}
    program = shlex.join([sys.executable, "-c", "from rsh.cli.main import main; main()"])
    line = to_command(result).replace("rsh", program, 1)
    shell = subprocess.run(["sh", "-c", line], **kind).stdout
    python = subprocess.run([sys.executable, "-c", to_python(result)], **kind).stdout
    assert shell == python and all(hit.id in shell for hit in result)
    assert not (awkward.folder.parent / "hacked").exists()
