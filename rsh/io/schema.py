"""Checks JSON objects and reads them into dataclasses, with one sentence for what does not fit."""

import reprlib
from collections.abc import Collection, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from inspect import signature
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from rsh.errors import InputError
from rsh.io.files import recovery_hint

T = TypeVar("T")


def from_json(kind: type[T], value: object, *, where: str, what: str) -> T:
    """Return a JSON object as a dataclass.

    Args:
        kind: a dataclass. Its fields are str, int, float, bool, object, lists, tuples and dicts of
            these, or further dataclasses. Of several dataclasses, the one with the same keys
            is taken.
        value: what was read.
        where: what the object is called in the message.
        what: what the file is to the reader ("gallery", "run").

    Raises:
        InputError: a key is missing, is not known, or has a value of another type.
    """
    if not isinstance(value, dict):
        raise InputError(f"{where} is no object: {recovery_hint(what)}")
    arguments = signature(kind).parameters.values()
    optional = [one.name for one in arguments if one.default is not one.empty]
    hints = get_type_hints(kind)
    return kind(**check_object(value, hints, where=where, what=what, exact=True, optional=optional))


def check_object(
    value: dict[str, Any],
    kinds: Mapping[str, Any],
    *,
    where: str,
    what: str,
    exact: bool = False,
    optional: Collection[str] = (),
) -> dict[str, Any]:
    """Return the values of a JSON object, with keys and types checked.

    Args:
        value: the object.
        kinds: its keys, and the type of each value; a whole number passes as a float.
        where: name of the object in the message.
        what: the kind of folder that it describes, "gallery" or "run".
        exact: whether other keys are refused.
        optional: keys that may be missing.

    Raises:
        InputError: a key is missing or unknown, or a value has another type.
    """
    for key in [*kinds, *(value if exact else ())]:
        if key not in value and key not in optional:
            raise InputError(f"{where} has no {key!r}: {recovery_hint(what)}")
        if key not in kinds:
            raise InputError(f"{where} has an unknown {key!r}: {recovery_hint(what)}")
    return {
        key: _read(kinds[key], found, key=key, where=where, what=what)
        for key, found in value.items()
        if key in kinds
    }


def _read(kind: Any, found: object, *, key: str, where: str, what: str) -> Any:
    inside = f"{key!r} in {where}"
    if get_origin(kind) in (Union, UnionType):
        members = [member for member in get_args(kind) if _may_be(member, found)]
        kind = members[0] if members else kind
    if is_dataclass(kind):
        return from_json(kind, found, where=inside, what=what)  # type: ignore[arg-type]
    if get_origin(kind) is list and isinstance(found, list):
        (of,) = get_args(kind)
        rows = [(f"{key}[{number}]", row) for number, row in enumerate(found)]
        return [_read(of, row, key=name, where=where, what=what) for name, row in rows]
    if get_origin(kind) is tuple and isinstance(found, list):
        of, *others = get_args(kind)
        every = [of] * len(found) if others == [...] else [of, *others]
        if len(every) == len(found):
            parts = zip(every, found, strict=True)
            return tuple(
                _read(of, part, key=f"{key}[{number}]", where=where, what=what)
                for number, (of, part) in enumerate(parts)
            )
    if get_origin(kind) is dict and isinstance(found, dict):
        of = get_args(kind)[1]
        return {
            name: _read(of, row, key=name, where=inside, what=what) for name, row in found.items()
        }
    if not _may_be(kind, found):
        raise InputError(f"{where} has {key}={reprlib.repr(found)}: {recovery_hint(what)}")
    return found


def _has_default(one: Field[Any]) -> bool:
    return one.default is not MISSING or one.default_factory is not MISSING


def _may_be(kind: Any, found: object) -> bool:
    """Whether a value may be read as a type; of a dataclass, whether the keys fit."""
    if is_dataclass(kind):
        optional = {one.name for one in fields(kind) if _has_default(one)}
        every = {one.name for one in fields(kind)}
        return isinstance(found, dict) and every - optional <= set(found) <= every
    if kind in (int, float) and isinstance(found, bool):
        return False
    return isinstance(kind, type) and isinstance(found, int | float if kind is float else kind)
