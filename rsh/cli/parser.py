"""A command line made of function signatures, which says in one sentence what it cannot read.

    def search(gallery: Path, query: str, *, top_k: int = 20) -> None:   rsh search GALLERY QUERY

What stands before the `*` is given by its place, what comes behind it by a flag; a dataclass gives
a flag for each field. Help comes from the docstrings.
"""

import argparse
import ast
import inspect
import re
import shutil
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from types import NoneType
from typing import Any, Literal, NamedTuple, NoReturn, get_args, get_origin, get_type_hints

from rsh.errors import InputError
from rsh.io.files import is_utf8

Command = Callable[..., None]
SPELLED = {"top_k": ["-k", "--top-k"], "num_bits": ["--bits"]}  # all others as the parameter
EMPTY = inspect.Parameter.empty
SEVERAL = inspect.Parameter.VAR_POSITIONAL
TEXTS = Sequence[str]  # a flag that may be repeated


class Parameter(NamedTuple):
    """What one word of the command line is about.

    Attributes:
        name: of the function's parameter, or of the dataclass's field.
        kind: str, int, float, bool, Path, TEXTS or a Literal.
        help: what it means.
        default: EMPTY where a value must be given, SEVERAL where one or more are.
        spelled: its flags; none if it is given by its place.
    """

    name: str
    kind: Any
    help: str
    default: Any
    spelled: list[str]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message.removeprefix('argument ')}; see `{self.prog} --help`")


def call(commands: Mapping[str, Command], words: list[str], *, prog: str, about: str) -> None:
    """Run the command that the words ask for.

    Args:
        commands: by name, of one word or two ("data fetch").
        words: what was typed behind the name of the program.
        prog: the name of the program.
        about: what its help says first.

    Raises:
        InputError: the words make no sense, or the command raises it.
        SystemExit: help was asked for.
    """
    for word in words:
        if not is_utf8(word):
            raise InputError(f"{word!a} is not UTF-8: rename the file or folder")
    if words[:1] in (["-h"], ["--help"]):
        print(_overview(commands, prog, about))
        raise SystemExit(0)
    if words and words[0] in commands:
        _call_one(commands[words[0]], words[1:], f"{prog} {words[0]}")
    elif group := _group(commands, words):
        call(group, words[1:], prog=f"{prog} {words[0]}", about="")
    else:
        first = [name.split()[0] for name in commands]
        what = f"{words[0]} is no command" if words else "no command was given"
        choose = f"choose {', '.join(dict.fromkeys(first))}; see `{prog} --help`"
        raise InputError(f"{what}: {_nearest(words[0], first, choose) if words else choose}")


def _group(commands: Mapping[str, Command], words: list[str]) -> dict[str, Command]:
    """Return the commands of two words that begin with the first that was typed."""
    first = f"{words[0]} " if words else " "
    return {
        name.removeprefix(first): command
        for name, command in commands.items()
        if name.startswith(first)
    }


def _call_one(command: Command, words: list[str], prog: str) -> None:
    settings = {name: kind for name, kind in _kinds(command).items() if _is_settings(kind)}
    parameters = _parameters(command)
    _refuse_unknown(words, [flag for p in parameters for flag in p.spelled], prog)
    given = vars(_parser(command, parameters, prog).parse_intermixed_args(words))
    try:
        for name, kind in settings.items():
            given[name] = kind(**{field.name: given.pop(field.name) for field in fields(kind)})
        by_place: list[Any] = []
        for parameter in (p for p in parameters if not p.spelled):
            value = given.pop(parameter.name)
            by_place += value if parameter.default is SEVERAL else [value]
        command(*by_place, **given)
    except InputError as error:
        raise InputError(as_typed(error, parameters)) from error


def as_typed(error: InputError, parameters: Iterable[Parameter]) -> str:
    """Say an error with the flag in place of the parameter: num_bits=7 is --bits 7."""
    for parameter in parameters:
        if parameter.spelled and parameter.name == error.parameter:
            return f"{parameter.spelled[0]} {error.value}: {error.reason}"
    return str(error)


def _parameters(command: Command) -> list[Parameter]:
    kinds, helps, found = _kinds(command), _helps_of_function(command), []
    for name, parameter in inspect.signature(command).parameters.items():
        if _is_settings(kinds[name]):
            helps |= _helps_of_dataclass(kinds[name])
            hints = _kinds(kinds[name])
            rows = [(f.name, hints[f.name], f.default) for f in fields(kinds[name])]
        else:
            several = parameter.kind is SEVERAL
            rows = [(name, kinds[name], SEVERAL if several else parameter.default)]
        is_flag = parameter.kind is parameter.KEYWORD_ONLY
        found += [
            Parameter(key, kind, helps[key], default, _spelled(key, default) if is_flag else [])
            for key, kind, default in rows
        ]
    return found


def _is_settings(kind: Any) -> bool:
    return is_dataclass(kind)


def _spelled(name: str, default: Any) -> list[str]:
    flag = name.rstrip("_").replace("_", "-")
    return SPELLED.get(name, [f"--{flag}", *([f"--no-{flag}"] if default is True else [])])


def _kinds(command: Callable[..., object]) -> dict[str, Any]:
    """Return the type of each parameter; of `int | None` it is int."""
    return {
        name: next((kind for kind in get_args(hint) if NoneType in get_args(hint)), hint)
        for name, hint in get_type_hints(command).items()
    }


def _parser(command: Command, parameters: list[Parameter], prog: str) -> _Parser:
    text = _wrapped((inspect.getdoc(command) or "").partition("\nArgs:")[0])
    places = [_place(p) for p in parameters if not p.spelled]
    parser = _Parser(
        usage=" ".join([prog, *places, "[flags]"]),
        prog=prog,
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,  # it is wrapped already
        allow_abbrev=False,
    )
    for parameter in parameters:
        _add(parser, parameter)
    return parser


def _place(parameter: Parameter) -> str:
    name = parameter.name.upper()
    shown = {EMPTY: name, SEVERAL: f"{name.removesuffix('S')} ..."}
    return shown.get(parameter.default, f"[{name}]")


def _add(parser: _Parser, parameter: Parameter) -> None:
    name, kind, text, default, spelled = parameter
    shown = (
        ""
        if default in (EMPTY, SEVERAL, None, "", ()) or kind is bool
        else f" (default: {default})"
    )
    about: dict[str, Any] = {"help": (text + shown).replace("%", "%%")}
    if kind is bool:
        parser.add_argument(spelled[0], dest=name, default=default, action="store_true", **about)
        for opposite in spelled[1:]:
            text = f"The opposite of {spelled[0]}."
            parser.add_argument(opposite, dest=name, action="store_false", help=text)
        return
    if kind == TEXTS:
        about |= {"action": "append", "default": []}
    elif default is SEVERAL:
        about |= {"nargs": "+"}
    elif default is not EMPTY:
        about |= {"default": default, "nargs": None if spelled else "?"}
    elif spelled:
        about |= {"required": True}
    read = _reader(str if kind == TEXTS else kind, may_be_empty=default == "")
    placeholder = _placeholder(kind) if spelled else name.upper()
    about |= {"dest": name} if spelled else {}  # what is given by its place has no other name
    parser.add_argument(*(spelled or [name]), metavar=placeholder, type=read, **about)


def _placeholder(kind: Any) -> str:
    names = {int: "NUMBER", float: "NUMBER", Path: "FOLDER", str: "TEXT", TEXTS: "TEXT"}
    return names.get(kind) or "|".join(get_args(kind))


def _reader(kind: Any, *, may_be_empty: bool) -> Callable[[str], Any]:
    """Return what turns a word into a value."""

    def read(word: str) -> Any:
        if not word and not may_be_empty:  # Path("") would be the folder one is in
            raise argparse.ArgumentTypeError("there is nothing between the quotes")
        choices = get_args(kind) if get_origin(kind) is Literal else ()
        if choices and word not in choices:
            raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(choices)}")
        try:
            return word if choices else kind(word)
        except ValueError:
            what = "whole number" if kind is int else "number"
            raise argparse.ArgumentTypeError(f"{word!r} is no {what}") from None

    return read


def _refuse_unknown(words: list[str], flags: list[str], prog: str) -> None:
    """Name a wrong flag before argparse can complain of what is missing because of it."""
    for word in words[: words.index("--") if "--" in words else None]:
        flag = word.partition("=")[0] if word.startswith("--") else word[:2]
        if re.match("--?[a-zA-Z]", word) and flag not in ("-h", "--help", *flags):
            near = _nearest(flag, flags, f"see `{prog} --help`")
            raise InputError(f"{word} is no flag of `{prog}`: {near}")


def _nearest(word: str, choices: Iterable[str], otherwise: str) -> str:
    near = get_close_matches(word, choices, n=1)
    return f"did you mean {near[0]}?" if near else otherwise


def _helps_of_function(command: Command) -> dict[str, str]:
    """Read the section Args of a docstring."""
    section = (inspect.getdoc(command) or "").partition("\nArgs:\n")[2]
    found = re.findall(r"^ {4}(\w+): (.+(?:\n {8}.+)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in found}


def _helps_of_dataclass(kind: type) -> dict[str, str]:
    """Read the string below each field."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(tree, ast.ClassDef)
    return {
        ast.unparse(field.target): str(ast.literal_eval(text.value))
        for field, text in pairwise(tree.body)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr)
    }


def _overview(commands: Mapping[str, Command], prog: str, about: str) -> str:
    width = max(map(len, commands)) + 4
    lines = [
        textwrap.indent(
            _wrapped((inspect.getdoc(command) or "").splitlines()[0], width), " " * width
        )
        for command in commands.values()
    ]
    table = [
        f"  {name:{width - 2}}{text.lstrip()}" for name, text in zip(commands, lines, strict=True)
    ]
    above = [f"usage: {prog} COMMAND ...", "", *([_wrapped(about), ""] if about else [])]
    return "\n".join([*above, "commands:", *table])


def _wrapped(text: str, indent: int = 0) -> str:
    width = max(shutil.get_terminal_size().columns - 2 - indent, 20)
    return "\n\n".join(textwrap.fill(part, width) for part in text.strip().split("\n\n"))
