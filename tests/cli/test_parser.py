import inspect
import os
import re
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from cyclopts import Parameter

from rsh.cli import parser
from rsh.cli.commands import COMMANDS
from rsh.cli.main import ABOUT, OVERVIEW, overview
from rsh.config import TrainConfig, setting
from rsh.errors import InputError


@dataclass(frozen=True)
class Settings:
    epochs: int = setting(3, "Passes.")
    rate: float = setting(0.5, "Speed, 100 % at most.")

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise InputError("choose 1 or more", parameter="epochs", value=self.epochs)


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


calls: list[dict[str, Any]] = []


SETTINGS = Settings()


def walk(
    place: Path,
    name: str = "me",
    /,
    *,
    config: parser.Settings[Settings] = SETTINGS,
    top_k: parser.TopK = None,
    kind: Literal["weak", "strong"] = "weak",
    json_: bool = False,
    open_: Annotated[bool, Parameter(negative="--no-open")] = True,
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


def pack(*things: Annotated[Path, Parameter(required=True)], into: str = "bag") -> None:
    """Pack things.

    Args:
        things: What.
        into: Into what.
    """
    calls.append({"things": things, "into": into})


def run(*words: str) -> dict[str, Any]:
    calls.clear()
    type_in(*words)
    return calls[0]


def type_in(*words: str) -> None:
    commands = {"walk": walk, "rest": rest, "pack": pack, "go to": walk, "go home": rest}
    app = parser.make_app(commands, {"go": "Go there."}, about="A trip.")
    parser.call(app, list(words))


def refused(*words: str) -> str:
    with pytest.raises(InputError) as error:
        run(*words)
    assert not calls
    assert "\n" not in str(error.value)
    return str(error.value)


def helped(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    type_in(*words)
    return capsys.readouterr().out


def test_words_become_arguments_of_their_types():
    assert run("walk", "here") == {
        "place": Path("here"), "name": "me", "config": Settings(), "top_k": None, "kind": "weak",
        "json_": False, "open_": True,
    }  # fmt: skip
    words = "walk --epochs 7 here --rate=-1 you -k 3 --kind strong --json --no-open"
    assert run(*words.split()) == {
        "place": Path("here"), "name": "you", "config": Settings(7, -1.0), "top_k": 3,
        "kind": "strong", "json_": True, "open_": False,
    }  # fmt: skip
    assert run("walk", "here", "--top-k", "-4")["top_k"] == -4
    assert run("walk", "here", "-k", "4", "-k", "5")["top_k"] == 5


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "no command was given: choose walk, rest, pack, go; see `rsh --help`"),
        ("wlak", "Unknown command 'wlak'. Did you mean 'walk'?"),
        ("fly", "Unknown command 'fly'. Choose walk, rest, pack, go."),
        ("walk", "PLACE is missing; see `rsh walk --help`"),
        ("walk --epoch 3", "unknown flag --epoch of `rsh walk`: did you mean --epochs?"),
        ("walk --epoch=3", "unknown flag --epoch of `rsh walk`: did you mean --epochs?"),
        ("walk a --zzz", "unknown flag --zzz of `rsh walk`: see `rsh walk --help`"),
        ("walk a -z", "unknown flag -z of `rsh walk`: see `rsh walk --help`"),
        ("walk a b c", "unexpected argument c; see `rsh walk --help`"),
        ("walk a --json=x", "--json x: give the flag alone; see `rsh walk --help`"),
        ("walk a -k", "-k needs a value; see `rsh walk --help`"),
        ("walk a -k abc", "-k abc: give a whole number; see `rsh walk --help`"),
        ("walk a --top-k 1.5", "--top-k 1.5: give a whole number"),
        ("walk a --rate x", "--rate x: give a number; see `rsh walk --help`"),
        ("walk a --kind wek", "--kind wek: choose one of weak, strong; see `rsh walk --help`"),
        ("walk a --epochs 0", "--epochs 0: choose 1 or more"),
        ("walk a -k 0", "-k 0: choose 1 or more"),
        ("go", "no command was given: choose to, home; see `rsh go --help`"),
        ("go hme", "Unknown command 'hme'. Did you mean 'home'?"),
        ("go to", "PLACE is missing; see `rsh go to --help`"),
        ("walk a top_k", "the name top_k=3 is odd: choose another"),
    ],
)
def test_slip_of_the_fingers_is_told_in_one_sentence(words: str, told: str):
    assert refused(*words.split()) == told


def test_several_words_may_stand_for_one_parameter(capsys: pytest.CaptureFixture[str]):
    assert run("pack", "a", "--into", "box", "b") == {
        "things": (Path("a"), Path("b")),
        "into": "box",
    }
    assert run("pack", "a")["things"] == (Path("a"),)
    assert refused("pack") == "THINGS is missing; see `rsh pack --help`"
    assert "usage: rsh pack [OPTIONS] THINGS..." in helped(capsys, "pack", "--help")


def test_empty_word_is_refused():
    assert refused("walk", "") == "an argument: value must not be empty"
    assert refused("walk", "here", "-k", "") == "-k: value must not be empty"
    assert refused("walk", "here", "--kind=") == "--kind: value must not be empty"


def test_word_that_is_not_utf8_is_refused():
    told = r"'new\\udcff' is not UTF-8: write it so, or rename the file"
    assert refused("walk", os.fsdecode(b"new\xff")) == told.replace("\\\\", "\\")


def test_help_of_all_commands(capsys: pytest.CaptureFixture[str]):
    for word in ("--help", "-h"):
        text = helped(capsys, word)
        assert text.startswith("usage: rsh COMMAND\n\nA trip.\n")
        lines = ["walk        Walk to a place.", "rest        Rest.", "pack        Pack things."]
        assert "".join(f"  {line}\n" for line in [*lines, "go          Go there."]) in text


def test_command_of_two_words(capsys: pytest.CaptureFixture[str]):
    assert run("go", "to", "here", "-k", "3")["top_k"] == 3
    assert helped(capsys, "go", "to", "--help").startswith(
        "usage: rsh go to [OPTIONS] PLACE [ARGS]"
    )
    text = helped(capsys, "go", "--help")
    assert text.startswith("usage: rsh go COMMAND\n\nGo there.\n")
    assert "  to    Walk to a place.\n  home  Rest.\n" in text


@pytest.mark.parametrize("value", ["-25,0", "-.5,.5", "-5"])
def test_negative_values_stand_behind_a_flag_or_an_equals_sign(value: str):
    assert run("pack", "a", "--into", value)["into"] == value
    assert run("pack", "a", f"--into={value}")["into"] == value


def test_help_of_one_command(capsys: pytest.CaptureFixture[str]):
    text = helped(capsys, "walk", "--help")
    assert text.startswith("usage: rsh walk [OPTIONS] PLACE [ARGS]\n\nWalk to a place.\n\nAnd")
    words = " ".join(text.split())
    assert "PLACE Where to go. NAME Who. (default: me)" in words
    assert "--rate FLOAT Speed, 100 % at most. (default: 0.5)" in words
    assert "-k, --top-k INT How many. --kind weak|strong How hard. (default: weak)" in words
    assert "--open, --no-open The door." in words


def test_the_overview_says_of_each_command_what_the_command_says_of_itself():
    assert list(OVERVIEW) == list(dict.fromkeys(name.split()[0] for name in COMMANDS))
    for name in COMMANDS.keys() & OVERVIEW.keys():
        assert OVERVIEW[name] == " ".join(COMMANDS[name].__doc__.split("\n\n")[0].split())


def test_the_overview_is_as_the_library_would_print_it(capsys: pytest.CaptureFixture[str]):
    app = parser.make_app(COMMANDS, OVERVIEW, about=ABOUT)
    with suppress(SystemExit):
        parser.call(app, ["--help"])
    assert capsys.readouterr().out.split() == overview().split()


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_rsh_names_every_flag_once(name: str, capsys: pytest.CaptureFixture[str]):
    parser.call(parser.make_app(COMMANDS, OVERVIEW, about=ABOUT), [*name.split(), "--help"])
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    assert "None" not in text and text.count("(default: 20)") <= 1
    if name == "train":
        for field in fields(TrainConfig):
            assert len(re.findall(rf"^  --{field.name.replace('_', '-')}\b(?!-)", text, re.M)) == 1
            assert field.type is bool or str(field.default) in text
