from dataclasses import dataclass, field

import pytest
from refusals import refused

from rsh.errors import InputError
from rsh.io.schema import check_object, from_json


@dataclass
class File:
    name: str
    size: int


@dataclass
class Server:
    name: str
    address: str


@dataclass
class Part:
    share: float
    remark: str = ""


@dataclass
class Top:
    title: str
    share: float
    files: dict[str, File]
    rows: list[int]
    kept: File | Server | None = None
    part: Part | None = None
    ready: bool = False
    extra: list[str] = field(default_factory=list)


GOOD = {"title": "x", "share": 1, "files": {"a": {"name": "a", "size": 3}}, "rows": [1, 2]}


def test_an_object_becomes_dataclasses():
    read = from_json(Top, GOOD, where="here", what="run")
    assert read == Top("x", 1, {"a": File("a", 3)}, [1, 2])
    kept = GOOD | {"kept": {"name": "b", "address": "c"}}
    assert from_json(Top, kept, where="here", what="run").kept == Server("b", "c")
    assert from_json(Top, GOOD | {"kept": None}, where="here", what="run").kept is None
    part = GOOD | {"part": {"share": 0.5}}
    assert from_json(Top, part, where="here", what="run").part == Part(0.5)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"title": 1}, "here has title=1: "),
        ({"title": None}, "here has title=None: "),
        ({"share": True}, "here has share=True: "),
        ({"share": "1"}, "here has share='1': "),
        ({"rows": [1, True]}, "here has rows[1]=True: "),
        ({"rows": {}}, "here has rows={}: "),
        ({"files": []}, "here has files=[]: "),
        ({"files": {"a": 1}}, "'a' in 'files' in here is no object: "),
        ({"files": {"a": {"name": "a"}}}, "'a' in 'files' in here has no 'size': "),
        ({"kept": {"name": "b"}}, "here has kept={'name': 'b'}: "),
        ({"ready": 1}, "here has ready=1: "),
        ({"part": {"remark": "b"}}, "here has part={'remark': 'b'}: "),
        ({"part": {"share": 1, "more": 2}}, "here has part={'more': 2, 'share': 1}: "),
        ({"more": 1}, "here has an unknown 'more': "),
    ],
)
def test_what_does_not_fit_is_named(change: dict, told: str):
    with pytest.raises(InputError) as error:
        from_json(Top, GOOD | change, where="here", what="run")
    assert str(error.value).startswith(told)


def test_what_is_missing_is_named():
    for value, told in (({}, "here has no 'title'"), ([], "here is no object")):
        with pytest.raises(InputError, match=told):
            from_json(Top, value, where="here", what="run")


PLAIN = {"name": "tiny", "count": 3, "share": 0.5, "parts": {}, "on": True}
KINDS = {"name": str, "count": int, "share": float, "parts": dict, "on": bool}


def check(value: dict, **options: bool) -> None:
    check_object(value, KINDS, where="here", what="run", **options)


def test_object_as_it_was_written_is_taken():
    check(PLAIN, exact=True)
    check(PLAIN | {"share": 1}, exact=True)  # JSON from elsewhere may write 1.0 so
    check(PLAIN | {"more": None})


@pytest.mark.parametrize("key", KINDS)
def test_object_that_was_altered_is_refused(key: str):
    with refused(names=f"'{key}'"):
        check({name: value for name, value in PLAIN.items() if name != key})
    for value in ("x", 3, 0.5, {}, [], None, True):
        if type(value) is KINDS[key] or (key == "share" and type(value) is int):
            continue
        with refused(names=key):
            check(PLAIN | {key: value})


def test_unknown_key_is_refused_where_there_must_be_none():
    with refused(names="more"):
        check(PLAIN | {"more": 1}, exact=True)
