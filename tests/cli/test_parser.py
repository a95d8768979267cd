import inspect
import os
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import pytest

from rsh.cli import parser
from rsh.cli.main import COMMANDS
from rsh.config import TrainConfig
from rsh.errors import InputError


@dataclass(frozen=True)
class Settings:
    epochs: int = 3
    """Passes."""
    rate: float = 0.5
    """Speed, 100 % at most."""

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise InputError("choose 1 or more", parameter="epochs", value=self.epochs)


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


calls: list[dict[str, Any]] = []


def walk(
    place: Path,
    name: str = "me",
    *,
    config: Settings,
    top_k: int | None = None,
    kind: Literal["weak", "strong"] = "weak",
    json_: bool = False,
    open_: bool = True,
) -> None:
    """Walk to a place.

    And back.

    Args:
        place: Where
            to go.
        name: Who.
        config: How.
        top_k: How many.
        kind: How hard.
        json_: For a program.
        open_: The door.
    """
    if top_k == 0:
        raise InputError("choose 1 or more", parameter="top_k", value=0)
    if name == "top_k":
        raise InputError("the name top_k=3 is odd: choose another")
    calls.append(dict(inspect.currentframe().f_locals))  # type: ignore[union-attr]


def rest() -> None:
    """Rest."""


def pack(*things: Path, where: str = "bag") -> None:
    """Pack things.

    Args:
        things: What.
        where: Into what.
    """
    calls.append({"things": things, "where": where})


def run(*words: str) -> dict[str, Any]:
    calls.clear()
    commands = {"walk": walk, "rest": rest, "pack": pack, "go to": walk, "go home": rest}
    parser.call(commands, list(words), prog="trip", about="A trip.")
    return calls[0]


def refused(*words: str) -> str:
    with pytest.raises(InputError) as error:
        run(*words)
    assert not calls
    assert "\n" not in str(error.value)
    return str(error.value)


def helped(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as stop:
        run(*words)
    assert stop.value.code == 0
    return capsys.readouterr().out


def test_words_become_arguments_of_their_types():
    assert run("walk", "here") == {
        "place": Path("here"), "name": "me", "config": Settings(), "top_k": None, "kind": "weak",
        "json_": False, "open_": True,
    }  # fmt: skip
    words = "walk --epochs 7 here --rate=-1 you -k3 --kind strong --json --no-open"
    assert run(*words.split()) == {
        "place": Path("here"), "name": "you", "config": Settings(7, -1.0), "top_k": 3,
        "kind": "strong", "json_": True, "open_": False,
    }  # fmt: skip
    assert run("walk", "here", "--top-k", "-4")["top_k"] == -4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "no command was given: choose walk, rest, pack, go; see `trip --help`"),
        ("wlak", "wlak is no command: did you mean walk?"),
        ("fly", "fly is no command: choose walk, rest, pack, go; see `trip --help`"),
        ("walk", "the following arguments are required: PLACE; see `trip walk --help`"),
        ("walk --epoch 3", "--epoch is no flag of `trip walk`: did you mean --epochs?"),
        ("walk --epoch=3", "--epoch=3 is no flag of `trip walk`: did you mean --epochs?"),
        ("walk a --zzz", "--zzz is no flag of `trip walk`: see `trip walk --help`"),
        ("walk a -z", "-z is no flag of `trip walk`: see `trip walk --help`"),
        ("walk a b c", "unrecognized arguments: c; see `trip walk --help`"),
        ("walk a -k", "-k/--top-k: expected one argument; see `trip walk --help`"),
        ("walk a -k abc", "-k/--top-k: 'abc' is no whole number; see `trip walk --help`"),
        ("walk a --rate x", "--rate: 'x' is no number; see `trip walk --help`"),
        ("walk a --kind wek", "--kind: 'wek' is none of weak, strong; see `trip walk --help`"),
        ("walk a --epochs 0", "--epochs 0: choose 1 or more"),
        ("walk a -k 0", "-k 0: choose 1 or more"),
        ("go", "no command was given: choose to, home; see `trip go --help`"),
        ("go hme", "hme is no command: did you mean home?"),
        ("go to", "the following arguments are required: PLACE; see `trip go to --help`"),
        ("walk a top_k", "the name top_k=3 is odd: choose another"),
    ],
)
def test_slip_of_the_fingers_is_told_in_one_sentence(words: str, told: str):
    assert refused(*words.split()) == told


def test_several_words_may_stand_for_one_parameter(capsys: pytest.CaptureFixture[str]):
    assert run("pack", "a", "--where", "box", "b") == {
        "things": (Path("a"), Path("b")),
        "where": "box",
    }
    assert run("pack", "a")["things"] == (Path("a"),)
    assert refused("pack") == "the following arguments are required: THINGS; see `trip pack --help`"
    assert "usage: trip pack THING ... [flags]" in helped(capsys, "pack", "--help")


def test_empty_word_is_refused():
    assert "PLACE: there is nothing between the quotes" in refused("walk", "")
    assert "-k/--top-k: there is nothing" in refused("walk", "here", "-k", "")


def test_word_that_is_not_utf8_is_refused():
    told = r"'new\\udcff' is not UTF-8: rename the file or folder"
    assert refused("walk", os.fsdecode(b"new\xff")) == told.replace("\\\\", "\\")


def test_help_of_all_commands(capsys: pytest.CaptureFixture[str]):
    for word in ("--help", "-h"):
        text = helped(capsys, word)
        assert text.startswith("usage: trip COMMAND ...\n\nA trip.\n")
        lines = ["walk     Walk to a place.", "rest     Rest.", "pack     Pack things."]
        assert "".join(f"  {line}\n" for line in [*lines, "go to    Walk to a place."]) in text


def test_command_of_two_words(capsys: pytest.CaptureFixture[str]):
    assert run("go", "to", "here", "-k3")["top_k"] == 3
    assert helped(capsys, "go", "to", "--help").startswith("usage: trip go to PLACE [NAME] [flags]")
    text = helped(capsys, "go", "--help")
    assert (
        text == "usage: trip go COMMAND ...\n\ncommands:\n  to    Walk to a place.\n  home  Rest.\n"
    )


def test_help_of_one_command(capsys: pytest.CaptureFixture[str]):
    text = helped(capsys, "walk", "--help")
    assert text.startswith("usage: trip walk PLACE [NAME] [flags]\n\nWalk to a place.\n\nAnd back.")
    words = " ".join(text.split())
    assert "PLACE Where to go. NAME Who. (default: me)" in words
    assert "--rate NUMBER Speed, 100 % at most. (default: 0.5)" in words
    assert (
        "-k NUMBER, --top-k NUMBER How many. --kind weak|strong How hard. (default: weak)" in words
    )
    assert "--open The door. --no-open The opposite of --open." in words


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_rsh_names_every_flag_once(name: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        parser.call(COMMANDS, [*name.split(), "--help"], prog="rsh", about="")
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    assert "None" not in text and text.count("(default: 20)") <= 1
    if name == "train":
        for field in fields(TrainConfig):
            assert len(re.findall(rf"^  --{field.name.replace('_', '-')}\b(?!-)", text, re.M)) == 1
            assert field.type is bool or str(field.default) in text
