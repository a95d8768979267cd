from dataclasses import dataclass, field

import pytest

from rsh.errors import InputError
from rsh.io.schema import from_json


@dataclass
class File:
    name: str
    size: int


@dataclass
class Server:
    name: str
    address: str


@dataclass
class Top:
    title: str
    share: float
    files: dict[str, File]
    rows: list[int]
    kept: File | Server | None = None
    ready: bool = False
    extra: list[str] = field(default_factory=list)


GOOD = {"title": "x", "share": 1, "files": {"a": {"name": "a", "size": 3}}, "rows": [1, 2]}


def test_an_object_becomes_dataclasses():
    read = from_json(Top, GOOD, where="here", what="run")
    assert read == Top("x", 1, {"a": File("a", 3)}, [1, 2])
    kept = GOOD | {"kept": {"name": "b", "address": "c"}}
    assert from_json(Top, kept, where="here", what="run").kept == Server("b", "c")
    assert from_json(Top, GOOD | {"kept": None}, where="here", what="run").kept is None


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
