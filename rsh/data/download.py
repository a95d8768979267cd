"""Fetching a published data set: asked for, gone on with where it broke off, checked, then there.

What comes is kept in a hidden folder beside the place of the zip. Only a zip whose checksum,
classes and counts are right is moved to its place, so that a download that was stopped or went
wrong never looks like a data set.
"""

import os
import shutil
import sys
import time
from pathlib import Path

import requests
from filelock import FileLock, Timeout
from tqdm import tqdm

from rsh.data.catalog import CatalogEntry
from rsh.data.dataset import TileDataset
from rsh.errors import InputError
from rsh.io.files import check_writable, explain_os_error, sha256

PATIENCE = 30  # seconds without a byte
PAUSES = (1, 2, 4, 8)  # seconds before each further try after the connection broke
CHUNK = 2**16  # bytes written at once; what breaks off within is asked for again
BROKE = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,  # the body ended early
)


def confirm_license(dataset: CatalogEntry, *, accepted: bool) -> None:
    """Show the license, and have it accepted where it is not open.

    Args:
        dataset: what is to be fetched.
        accepted: whether the person has said so beforehand.

    Raises:
        InputError: it was not accepted, or nobody is there to be asked.
    """
    terms = f"{dataset.title} ({dataset.home}), license: {dataset.license}"
    print(terms, file=sys.stderr)
    if dataset.is_open or accepted:
        return
    if not sys.stdin.isatty():
        raise InputError(
            f"the license of {dataset.name} must be accepted: read {dataset.home}, "
            "then add --accept-license"
        )
    print("Do you accept this? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise InputError(f"{dataset.name} was not fetched: answer y to accept its license")


def fetch(dataset: CatalogEntry, folder: Path, *, progress: bool = True) -> Path:
    """Fetch a data set, unless it is there already, and check it.

    Args:
        dataset: what to fetch.
        folder: where to put its zip; made if it is missing.
        progress: show a bar.

    Returns:
        The zip.

    Raises:
        InputError: it cannot be fetched or written, or is not what was published.
    """
    check_writable(folder)
    file, folders = dataset.places(folder)
    work = folder / f".{dataset.name}.fetch"
    hint = f"lay the class folders from {dataset.home} into {folders}"
    with explain_os_error(file):
        if file.exists():
            _check_old(dataset, file)
            return file
        work.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(work / "lock", timeout=0):
                _fetch(dataset, file, work, hint=hint, progress=progress)
        except Timeout:
            raise InputError(
                f"another process is fetching {dataset.name} into {folder}: wait for it"
            ) from None
    return file


def _check_old(dataset: CatalogEntry, file: Path) -> None:
    """Let a zip be that is right; one that is not may be precious to somebody."""
    if not file.is_file() or sha256(file) != dataset.sha256:
        raise InputError(
            f"{file} is there already and is not the {dataset.name} of {dataset.url}: "
            "move it away, or choose another --output"
        )


def _fetch(dataset: CatalogEntry, file: Path, work: Path, *, hint: str, progress: bool) -> None:
    partial = work / f"{dataset.sha256[:16]}.zip"  # of another revision it is another file
    try:
        _download(dataset, partial, hint=hint, progress=progress)
        _check_new(dataset, partial, hint=hint)
        partial.replace(file)
    finally:
        if not partial.exists():  # nothing to go on with
            shutil.rmtree(work)


def _download(dataset: CatalogEntry, partial: Path, *, hint: str, progress: bool) -> None:
    """Fetch what is missing; what came of it stays for the next try."""
    for pause in (*PAUSES, None):
        try:
            return _resume(dataset, partial, progress)
        except requests.RequestException as error:
            if isinstance(error, BROKE) and pause is not None and partial.exists():
                time.sleep(pause)
                continue  # but where nothing ever came, waiting is of no use
            raise InputError(
                f"{dataset.name} could not be fetched from {dataset.url} ({_reason(error)}): run "
                f"the same again to go on, or {hint}"
            ) from error


def _check_new(dataset: CatalogEntry, partial: Path, *, hint: str) -> None:
    """Delete what came if it is not what was published."""
    try:
        if sha256(partial) != dataset.sha256:
            raise InputError(
                f"what came from {dataset.url} has not the sha256 {dataset.sha256} and was "
                f"deleted: run the same again, or {hint}"
            )
        classes = TileDataset.open(partial).items["class"]
        dataset.check(classes, where=dataset.url, hint=hint)
    except InputError:
        partial.unlink()
        raise


def _resume(dataset: CatalogEntry, partial: Path, progress: bool) -> None:
    """Ask for the bytes that are missing; a server that sends all of them begins the file anew."""
    done = partial.stat().st_size if partial.exists() else 0
    headers = {"Accept-Encoding": "identity", "Range": f"bytes={done}-"}
    with requests.get(dataset.url, headers=headers, stream=True, timeout=PATIENCE) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable and done:
            return  # nothing is missing; the checksum will tell
        answer.raise_for_status()
        if answer.status_code != requests.codes.partial_content:
            done = 0
        length = answer.headers.get("Content-Length", "")
        bar = tqdm(
            total=done + int(length) if length.isdecimal() else None,
            initial=done,
            unit="B",
            unit_scale=True,
            desc=dataset.title,
            disable=not progress,
        )
        with partial.open("ab" if done else "wb") as stream, bar:
            for chunk in answer.iter_content(CHUNK):
                stream.write(chunk)
                bar.update(len(chunk))
            os.fsync(stream.fileno())


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"{error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return f"no answer for {PATIENCE} seconds"
    return "the connection failed"
