"""Checkpoints: where a training stands, written whole, so that it can go on after a kill."""

import io
import json
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import torch

from rsh.errors import InputError
from rsh.io.files import atomic_write
from rsh.models.weights import load_state
from rsh.text import first_sentence

Record = dict[str, float]
BEGIN = b"PK\3\4"  # of a zip
# What torch raises for a file that is cut short, is something else, or fits another network.
CANNOT_LOAD = (
    *(AttributeError, EOFError, IndexError, KeyError, OSError, RuntimeError, TypeError, ValueError),
    *(pickle.UnpicklingError, struct.error, zipfile.BadZipFile),
)


def save_checkpoint(folder: Path, parts: dict[str, Any], history: list[Record]) -> None:
    """Write last.ckpt and history.jsonl, each whole or not at all."""
    state = {name: part.state_dict() for name, part in parts.items()}
    packed = io.BytesIO()  # what torch raises where a disk is full says nothing of it
    torch.save(state | {"history": history}, packed)
    with atomic_write(folder / "last.ckpt") as stream:
        stream.write(packed.getbuffer())
    write_history(folder, history)


def write_history(folder: Path, history: list[Record]) -> None:
    """Write history.jsonl, whole or not at all."""
    with atomic_write(folder / "history.jsonl") as stream:
        stream.writelines(json.dumps(record).encode() + b"\n" for record in history)


def load_checkpoint(folder: Path, parts: dict[str, Any]) -> list[Record]:
    """Bring every part back to where last.ckpt left it; without one, start afresh.

    Returns:
        The history so far.

    Raises:
        InputError: the file was altered or cut short, or belongs to another network.
    """
    file = folder / "last.ckpt"
    if not file.exists():
        return []
    try:
        with file.open("rb") as stream, zipfile.ZipFile(stream) as packed:
            stream.seek(0)
            if stream.read(len(BEGIN)) != BEGIN:  # torch would read it by its old format
                raise ValueError("something stands before the archive")
            parts_inside = packed.infolist()
            claimed = sum(part.file_size for part in parts_inside)
            if any(part.compress_type for part in parts_inside) or claimed > file.stat().st_size:
                raise ValueError("it would unpack to more than it is")  # torch packs nothing
            if altered := packed.testzip():  # torch does not look at the checksums
                raise ValueError(f"{altered} was altered")
        state = torch.load(file, map_location="cpu", weights_only=True)
        for name, part in parts.items():
            load_state(part, state[name])
        history: list[Record] = [dict(record) for record in state["history"]]
    except CANNOT_LOAD as error:
        raise InputError(
            f"{file} cannot be resumed from ({first_sentence(error)}): delete it to start afresh"
        ) from None
    return history
