"""The lines that lead back to a view are executed, in Python and as a shell command."""

import json
import shlex
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from make_gallery import tiny_gallery, write

from rsh.cli.main import main
from rsh.errors import InputError
from rsh.gallery.filters import Condition, Filter
from rsh.gallery.gallery import Gallery
from rsh.search.formats.snippets import to_command, to_python
from rsh.search.results import Question, View

AWKWARD = [
    "-k", "--like", "it's.jpg", 'say "x".jpg', "$(touch hacked)`id`.jpg", "two\nlines.jpg",
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


def by_python(view: View) -> list[tuple[int, str, float | None]]:
    found: dict = {}
    exec(to_python(view), found)
    return [(hit.rank, hit.id, hit.score) for hit in found["hits"]]


def by_command(view: View, capsys: pytest.CaptureFixture[str]) -> list[str]:
    program, *words = shlex.split(to_command(view))
    assert program == "rsh"
    capsys.readouterr()
    main([*words[:1], "--json", *words[1:]])
    return [hit["id"] for hit in json.loads(capsys.readouterr().out)["hits"]]


def questions(gallery: Gallery) -> list[Question]:
    one, two, three, four = gallery.items["id"][[0, 20, 40, 60]]
    where = Filter.read(["split=train,val", "latitude=-60..60", "class!=tundra"])
    return [
        Question(one),
        Question(two, top_k=7),
        Question(two, radius=6),
        Question(two, radius=6, rerank="features", where=where),
        Question(three, top_k=5, rerank="asymmetric", pool=30),
        Question(one, top_k=9, like=(two, three), unlike=(four,), where=where),
        Question(four, top_k=12, where=Filter.read(["bbox=-170,-60,170,60"])),
    ]


@pytest.mark.parametrize("number", range(7))
def test_both_ways_lead_back(gallery, number, capsys):
    view = View.of(gallery, questions(gallery)[number])
    assert by_python(view) == [(hit.rank, hit.id, hit.score) for hit in view.hits]
    assert by_command(view, capsys) == [hit.id for hit in view.hits]
    assert max(map(len, to_python(view).splitlines())) <= 130


def test_what_was_picked_is_picked_again(gallery):
    whole = View.of(gallery, Question(gallery.items["id"][0], radius=12))
    for chosen in (whole.tiles[:5], whole.tiles[1:9:3], []):
        view = View(gallery, whole.question, chosen)
        assert by_python(view) == [(hit.rank, hit.id, hit.score) for hit in view.hits]


@pytest.mark.parametrize("name", AWKWARD, ids=ascii)
def test_any_id_and_folder_can_be_asked_with(awkward, name, capsys, monkeypatch):
    monkeypatch.chdir(awkward.folder.parent)
    relative = Gallery.open("-galleries")
    view = View.of(relative, Question(name, top_k=4))
    assert by_python(view) == [(hit.rank, hit.id, hit.score) for hit in view.hits]
    assert by_command(view, capsys) == [hit.id for hit in view.hits]
    other = AWKWARD[AWKWARD.index(name) - 1]
    marked = View.of(relative, Question(name, top_k=4, like=(other,)))
    assert by_python(marked) == [(hit.rank, hit.id, hit.score) for hit in marked.hits]
    if "," in other:
        with pytest.raises(InputError, match=r"like=.*commas between ids, take the lines of Pyth"):
            to_command(marked)
    else:
        assert by_command(marked, capsys) == [hit.id for hit in marked.hits]


@pytest.mark.parametrize("name", ["a,b", "c..d"])
def test_condition_that_cannot_be_typed_is_kept_in_python(awkward, name):
    where = Filter((Condition("class", (name,)),))
    view = View.of(awkward, Question(AWKWARD[2], top_k=3, where=where))
    assert {hit.class_name for hit in view.hits} == {name}
    assert by_python(view) == [(hit.rank, hit.id, hit.score) for hit in view.hits]
    with pytest.raises(InputError, match="a command line would split it"):
        to_command(view)


def test_query_that_cannot_be_typed_is_told(awkward):
    for name in ("", "--", "a\0b"):
        with pytest.raises(InputError, match="this cannot be typed"):
            to_command(View(awkward, Question(name), []))


def test_a_real_shell_and_a_real_interpreter_print_the_same(awkward):
    view = View.of(awkward, Question("$(touch hacked)`id`.jpg", top_k=3))
    kind = {"cwd": awkward.folder.parent, "capture_output": True, "check": True, "text": True}
    program = shlex.join([sys.executable, "-c", "from rsh.cli.main import main; main()"])
    line = to_command(view).replace("rsh", program, 1)
    shell = subprocess.run(["sh", "-c", line], **kind).stdout
    python = subprocess.run([sys.executable, "-c", to_python(view)], **kind).stdout
    assert shell == python and all(hit.id in shell for hit in view.hits)
    assert not (awkward.folder.parent / "hacked").exists()
