"""What a visitor reads of an error: no names of parameters."""

import re
from typing import Any

import pytest
from make_gallery import tiny_gallery

from rsh.errors import InputError
from rsh.explorer.alerts import OURS, explain
from rsh.explorer.page import Explorer
from rsh.explorer.state import ExplorerState


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Explorer:
    gallery = tiny_gallery(tmp_path_factory.mktemp("g") / "g", num_tiles=60)
    return Explorer(ExplorerState(gallery))


def label(what: str, **content: Any) -> dict[str, Any]:
    return {"kind": "label", "do": what, **content}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"kind": "where", "texts": ["nothing"]}, "the filter “nothing”: "),
        ({"kind": "where", "texts": ["class=nowhere"]}, "the filter “class=nowhere”: "),
        (label("give", name="n" * 61, row=3), "the name of a class “nnn"),
        (label("give", name=" ", row=3), "type a name"),
        (label("put", name="a;b", row=3), "the name “a;b”: "),
        ({"kind": "mark", "row": 3, "sign": "maybe"}, "the sign “maybe”: "),
        (label("put", name="  ", row=3), "type a name"),
        (label("rename class", name="coast", new=" "), "type a name"),
        ({"kind": "no name"}, "type a name"),
    ],
)
def test_alerts_name_what_is_wrong_in_words(page: Explorer, content: dict[str, Any], words: str):
    page.receive(page.header, content, [])
    assert page.header.message.startswith(words)
    assert not re.match(r"\w+=", page.header.message)


def test_a_rank_that_codes_lack_is_named_as_on_the_page(page: Explorer):
    page.controls.search = page.controls.search | {"order": "look-bits"}
    assert page.header.message.startswith("the way to rank “look-bits”: ")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InputError("choose 1", parameter="look_weight", value=3), "the look weight “3”: choose 1"),
        (
            InputError("a\u202eb", parameter="set", value="c\u202e"),
            "the name of a set “c\\u202e”: a",
        ),
        (InputError("no tile fits"), "no tile fits"),
        (ValueError("secret"), OURS),
    ],
)
def test_errors_in_words(error: Exception, words: str):
    assert explain(error).startswith(words)
