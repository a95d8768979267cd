"""Checkpoints: the state of a training, written atomically, so that a killed run can resume."""

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
ZIP_MAGIC = b"PK\3\4"
# Errors that torch raises for a file that is truncated, of another kind, or of another network.
CANNOT_LOAD = (
    *(AttributeError, EOFError, IndexError, KeyError, OSError, RuntimeError, TypeError, ValueError),
    *(pickle.UnpicklingError, struct.error, zipfile.BadZipFile),
)


def save_checkpoint(folder: Path, parts: dict[str, Any], history: list[Record]) -> None:
    """Write last.ckpt and history.jsonl, each atomically."""
    state = {name: part.state_dict() for name, part in parts.items()}
    packed = io.BytesIO()  # torch does not report a full disk
    torch.save(state | {"history": history}, packed)
    with atomic_write(folder / "last.ckpt") as stream:
        stream.write(packed.getbuffer())
    write_history(folder, history)


def write_history(folder: Path, history: list[Record]) -> None:
    """Write history.jsonl atomically."""
    with atomic_write(folder / "history.jsonl") as stream:
        stream.writelines(json.dumps(record).encode() + b"\n" for record in history)


def load_checkpoint(folder: Path, parts: dict[str, Any]) -> list[Record]:
    """Restore every part from last.ckpt.

    Returns:
        The history so far; empty if there is no checkpoint.

    Raises:
        InputError: the file is altered or truncated, or belongs to another network.
    """
    file = folder / "last.ckpt"
    if not file.exists():
        return []
    try:
        with file.open("rb") as stream, zipfile.ZipFile(stream) as packed:
            stream.seek(0)
            if stream.read(len(ZIP_MAGIC)) != ZIP_MAGIC:  # torch would read its old format
                raise ValueError("it does not start with a zip archive")
            members = packed.infolist()
            claimed = sum(member.file_size for member in members)
            if any(member.compress_type for member in members) or claimed > file.stat().st_size:
                raise ValueError("it unpacks to more than its size")  # torch does not compress
            if altered := packed.testzip():  # torch does not check the checksums
                raise ValueError(f"{altered} was altered")
        state = torch.load(file, map_location="cpu", weights_only=True)
        for name, part in parts.items():
            load_state(part, state[name])
        history: list[Record] = [dict(record) for record in state["history"]]
    except CANNOT_LOAD as error:
        raise InputError(
            f"{file} cannot be resumed from ({first_sentence(error)}): delete it to start again"
        ) from None
    return history
