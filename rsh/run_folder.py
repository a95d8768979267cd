"""Writing a run folder: by one training at a time, each file whole or not at all."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors.torch import save

from rsh.errors import InputError
from rsh.files import alone, check_place, explain_os_error, read_json, whole_file, write_json
from rsh.model import HashNet, fingerprint
from rsh.run import checksum, environment

LOCK = ".lock"
LEFT = re.compile(r"\.(model\.safetensors|config\.json|history\.jsonl|last\.ckpt)\..+")


def check_new_run(folder: Path) -> None:
    """Refuse a folder that a new run would overwrite, or that cannot be written.

    Raises:
        InputError: the folder already holds a run, or something else, or cannot be made.
    """
    check_place(folder)
    if folder.is_dir() and any(
        path.name != LOCK and not _is_left(path) for path in folder.iterdir()
    ):
        is_run = (folder / "config.json").exists()
        way_out = f"go on with `rsh train --resume {folder}`, or " if is_run else ""
        raise InputError(f"{folder} is not empty: {way_out}give another --output")


def start_run(folder: Path, config: dict[str, Any]) -> None:
    """Make the run folder and write config.json into it, with the environment.

    Raises:
        InputError: the folder is not new, or cannot be written.
    """
    check_new_run(folder)
    whole = config | {"environment": environment()}
    write_json(folder / "config.json", whole | {"checksum": checksum(whole)})


@contextmanager
def training_into(
    folder: Path | None, begin: Callable[[], dict[str, Any]] | None
) -> Iterator[None]:
    """Be the only training into a run folder.

    Args:
        folder: the run folder; None for a training that keeps nothing.
        begin: returns what config.json of a new run says, see `start_run`; None to go on with one.

    Raises:
        InputError: another process trains into it, or it is not new, or cannot be written.
    """
    if folder is None:
        yield
        return
    with explain_os_error(folder):
        folder.mkdir(parents=True, exist_ok=True)
    busy = f"{folder} is being trained into by another process: wait for it"
    with alone(folder / LOCK, busy=f"{busy}, or give another --output"):
        try:
            for file in filter(_is_left, folder.iterdir()):
                file.unlink()
            if begin:
                start_run(folder, begin())
            yield
        finally:
            if not (folder / "config.json").exists():
                (folder / LOCK).unlink(missing_ok=True)
                with suppress(OSError):  # it holds something else
                    folder.rmdir()


def _is_left(file: Path) -> bool:
    """Whether a training that was killed was about to write this file."""
    return bool(LEFT.fullmatch(file.name))


def finish_run(folder: Path, net: HashNet) -> None:
    """Write the weights, and enter their fingerprint into config.json."""
    with whole_file(folder / "model.safetensors") as stream:
        stream.write(save({name: value.contiguous() for name, value in net.state_dict().items()}))
    config = read_json(folder / "config.json", what="run")
    write_json(folder / "config.json", config | {"fingerprint": fingerprint(net)})
