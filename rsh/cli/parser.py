"""The command line as an app of cyclopts: one-line errors in our words, and help without boxes.

    def search(gallery: Path, query: str, /, *, top_k: int = 20) -> None:   rsh search GALLERY QUERY

A parameter before the `/` is given by its place, one after the `*` by a flag, and a dataclass
named `Settings[...]` gives a flag for each of its fields. Help comes from the docstrings.
"""

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from cyclopts import (
    App,
    Argument,
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    Parameter,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from rsh.cli.layout import columns, wrapped
from rsh.errors import InputError
from rsh.io.files import is_utf8

Command = Callable[..., None]
T = TypeVar("T")
NEGATIVE = re.compile(r"-\.?\d")  # how a negative number, or a list of them, begins
Settings = Annotated[T, Parameter(name="*")]  # a dataclass, a flag for each field
Bits = Annotated[int, Parameter(name="--bits")]
TopK = Annotated[int | None, Parameter(name=["-k", "--top-k"])]
Texts = tuple[str, ...]  # a flag that may be repeated


class HelpFormatter:
    """Help as plain text in two columns, as wide as the terminal."""

    def render_usage(self, console: Any, options: Any, usage: Any) -> None:
        """Print the line that shows how a command is typed."""
        print(f"usage: {str(usage).strip().removeprefix('Usage: ')}\n")

    def render_description(self, console: Any, options: Any, description: Any) -> None:
        """Print what the docstring says."""
        if text := getattr(description, "primary_renderable", description):
            print(wrapped(str(text)) + "\n")

    def __call__(self, console: Any, options: Any, panel: Any) -> None:
        """Print the commands, or the parameters of one."""
        rows = [(_label(entry), _describe(entry)) for entry in panel.entries]
        if not rows:
            return
        print(columns(panel.title.lower(), rows) + "\n")


def make_app(commands: Mapping[str, Command], groups: Mapping[str, str], *, about: str) -> App:
    """Make the app.

    Args:
        commands: by name, of one word or two ("data fetch"); one of one word may stand before
            others that begin with it.
        groups: what the commands of two words with this first word are for.
        about: what its help says first.
    """
    app = App(
        name="rsh",
        help=about,
        version_flags=(),
        help_format="plaintext",
        help_formatter=HelpFormatter(),
        default_parameter=Parameter(negative=(), show_default=_shown, allow_repeating=True),
    )
    for place, (name, command) in enumerate(commands.items()):
        first, _, second = name.partition(" ")
        is_group = any(other.startswith(f"{first} ") for other in commands)
        if is_group and first not in app:
            app.command(App(name=first, help=groups[first], sort_key=place))
        if is_group and not second:
            app[first].default(command)
        else:
            (app[first] if second else app).command(command, name=second or first, sort_key=place)
    return app


def call(app: App, words: list[str]) -> None:
    """Run the command that the words name.

    Raises:
        InputError: the words make no sense, or the command raises it.
        SystemExit: help was asked for.
    """
    for word in words:
        if not is_utf8(word):
            raise InputError(f"{word!a} is not UTF-8: write it so, or rename the file")
    flags = _flags(app, words)
    words = _with_negative_values(words, flags)
    _check_words(words, flags)
    try:
        command, bound, _ = app.parse_args(words, print_error=False, exit_on_error=False)
        if getattr(command, "__func__", None) is App.help_print and not _asks_for_help(words):
            raise InputError(_no_command(app, words))
        command(*bound.args, **bound.kwargs)
    except CycloptsError as error:
        raise InputError(_sentence(error, app, words)) from error
    except InputError as error:
        raise InputError(_as_typed(error, flags)) from error


def _flags(app: App, words: list[str]) -> list[Argument]:
    """Return what can be given by a flag to the command that the words name."""
    _, apps, _ = app.parse_commands(words)
    if apps[-1].default_command is None or _asks_for_help(words):
        return []
    with app.app_stack(apps):
        arguments = apps[-1].assemble_argument_collection()
    return [argument for argument in arguments if argument.name.startswith("-")]


def _with_negative_values(words: list[str], flags: list[Argument]) -> list[str]:
    """Join flags to values such as -25,0, which would be taken for flags: --stretch=-25,0."""
    with_value = {name for flag in flags if flag.hint is not bool for name in flag.names}
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] in with_value and NEGATIVE.match(word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _check_words(words: list[str], flags: list[Argument]) -> None:
    """Refuse empty values, and fractions that would be rounded to whole numbers."""
    whole = [name for flag in flags if flag.hint in (int, int | None) for name in flag.names]
    for before, word in pairwise(["", *words]):
        flag, _, value = word.partition("=") if word.startswith("--") else (before, "", word)
        if not value and (flag is before or "=" in word):
            name = flag if flag.startswith("-") else "an argument"
            raise InputError(f"{name}: value must not be empty")
        if flag in whole and re.fullmatch(r"[+-]?(\d*\.\d*|\d+\.?e.*)", value):
            raise InputError(f"{flag} {value}: give a whole number")


def _asks_for_help(words: list[str]) -> bool:
    return "--help" in words or "-h" in words


def _no_command(app: App, words: list[str]) -> str:
    chain, apps, _ = app.parse_commands(words)
    prog = " ".join(["rsh", *chain])
    return f"no command was given: choose {', '.join(_names(apps[-1]))}; see `{prog} --help`"


def _sentence(error: CycloptsError, app: App, words: list[str]) -> str:
    """Say in one sentence what is wrong with the words."""
    chain, apps, _ = app.parse_commands(words)
    prog = " ".join(["rsh", *chain])
    see = f"see `{prog} --help`"
    if isinstance(error, UnknownCommandError):
        word = (error.unused_tokens or [""])[0]
        near = get_close_matches(word, _names(apps[-1]), n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"Choose {', '.join(_names(apps[-1]))}."
        return f"Unknown command '{word}'. {hint}"
    if isinstance(error, UnknownOptionError):
        flag = (error.token.keyword or error.token.value).partition("=")[0]
        flags = [name for known in error.argument_collection for name in known.names]
        near = get_close_matches(flag, flags, n=1)
        return f"unknown flag {flag} of `{prog}`: {f'did you mean {near[0]}?' if near else see}"
    if isinstance(error, MissingArgumentError) and error.argument is not None:
        given = error.keyword or next((t.keyword for t in error.argument.tokens), None)
        problem = f"{given} needs a value" if given else f"{error.argument.name} is missing"
        return f"{problem}; {see}"
    if isinstance(error, UnusedCliTokensError):
        return f"unexpected argument {(error.unused_tokens or [''])[0]}; {see}"
    if isinstance(error, CoercionError) and error.token is not None and error.argument is not None:
        name = error.token.keyword or error.argument.name
        return f"{name} {error.token.value}: {_wanted(error.target_type)}; {see}"
    return f"{' '.join(str(error).split()).rstrip('.')}; {see}"


def _wanted(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return f"choose one of {', '.join(get_args(kind))}"
    names = {int: "a whole number", float: "a number", bool: "the flag alone"}
    return f"give {names.get(kind, 'another value')}"


def _as_typed(error: InputError, flags: list[Argument]) -> str:
    """Say an error with the flag in place of the parameter: num_bits=7 is --bits 7."""
    for flag in flags:
        if flag.field_info.name.rstrip("_") == error.parameter:  # class_, which Python reserves
            return f"{flag.names[0]} {error.value}: {error.reason}"
    return str(error)


def _names(app: App) -> list[str]:
    return [name for name in app if not name.startswith("-")]


def _shown(default: Any) -> str | None:
    """Return a default as help shows it, or None for one that goes without saying."""
    return None if isinstance(default, bool) or default in (None, "", ()) else str(default)


def _label(entry: Any) -> str:
    if entry.positional_label:
        return str(entry.positional_label)
    names = [*entry.positive_shorts, *entry.positive_names, *entry.negative_names]
    value = "|".join(entry.choices) if entry.choices else entry.metavar
    return ", ".join(names) + (f" {value}" if value else "")


def _describe(entry: Any) -> str:
    text = str(getattr(entry.description, "primary_renderable", entry.description) or "").strip()
    return text if entry.default is None else f"{text} (default: {entry.default})"
