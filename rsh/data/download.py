"""Downloads a published data set: resumes an interrupted download, and checks the result.

The download goes into a hidden folder beside the final path. The zip is moved to that path only if
its checksum, classes and counts are right, so a failed download never looks like a data set.
"""

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Protocol

import requests
from filelock import FileLock, Timeout
from tqdm import tqdm

from rsh.data.catalog import CatalogEntry
from rsh.data.tiles import TileDataset
from rsh.errors import InputError
from rsh.io.files import check_writable, explain_os_error, sha256

TIMEOUT = 30  # seconds without a byte
PAUSES = (1, 2, 4, 8)  # seconds before each retry
CHUNK = 2**16  # bytes per write
RETRY_ERRORS = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,  # the body ended early
)


class Source(Protocol):
    """What is downloaded: see `CatalogEntry`."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def url(self) -> str: ...  # noqa: D102
    @property
    def home(self) -> str: ...  # noqa: D102
    @property
    def license(self) -> str: ...  # noqa: D102
    @property
    def is_open(self) -> bool: ...  # noqa: D102


def confirm_license(source: Source, *, accepted: bool) -> None:
    """Print the license, and ask the user to accept it if it is not open.

    Args:
        source: what is downloaded.
        accepted: whether the user has accepted the license on the command line.

    Raises:
        InputError: the user declined, or there is no terminal to ask at.
    """
    terms = f"{source.title} ({source.home}), license: {source.license}"
    print(terms, file=sys.stderr)
    if source.is_open or accepted:
        return
    if not sys.stdin.isatty():
        raise InputError(
            f"the license of {source.name} must be accepted: read {source.home}, "
            "then add --accept-license"
        )
    print("Do you accept this? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise InputError(f"{source.name} was not fetched: answer y to accept its license")


def fetch(dataset: CatalogEntry, folder: Path, *, progress: bool = True) -> Path:
    """Download a data set, unless it exists already, and check it.

    Args:
        dataset: the data set to download.
        folder: for the zip; created if missing.
        progress: show a progress bar.

    Returns:
        The path of the zip.

    Raises:
        InputError: it cannot be downloaded or written, or differs from the published one.
    """
    check_writable(folder)
    file, class_folders = dataset.paths(folder)
    work = folder / f".{dataset.name}.fetch"
    hint = f"put the class folders from {dataset.home} into {class_folders}"
    with explain_os_error(file):
        if file.exists():
            if not file.is_file() or sha256(file) != dataset.sha256:  # the user may need it
                raise InputError(
                    f"{file} exists and is not the {dataset.name} of {dataset.url}: "
                    "move it away, or choose another --output"
                )
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


def _fetch(dataset: CatalogEntry, file: Path, work: Path, *, hint: str, progress: bool) -> None:
    partial = work / f"{dataset.sha256[:16]}.zip"  # another revision is another file
    try:
        download(dataset, partial, hint=hint, progress=progress)
        _check_download(dataset, partial, hint=hint)
        partial.replace(file)
    finally:
        if not partial.exists():  # nothing to resume from
            shutil.rmtree(work)


def download(source: Source, partial: Path, *, hint: str, progress: bool) -> None:
    """Download the rest of a file, with retries; `partial` keeps the bytes of a failed attempt.

    Args:
        source: what is downloaded.
        partial: the file, which may hold the first bytes already.
        hint: what else the user can do, for a message.
        progress: show a progress bar.

    Raises:
        InputError: the server cannot be reached, or does not send all.
    """
    for pause in (*PAUSES, None):
        try:
            return _resume(source, partial, progress)
        except requests.RequestException as error:
            if isinstance(error, RETRY_ERRORS) and pause is not None and partial.exists():
                time.sleep(pause)  # only after some bytes: otherwise retries do not help
                continue
            raise InputError(
                f"{source.name} could not be fetched from {source.url} ({explain(error)}): run "
                f"the same command again to resume, or {hint}"
            ) from error


def _check_download(dataset: CatalogEntry, partial: Path, *, hint: str) -> None:
    """Delete a download that differs from the published data set, and raise InputError."""
    try:
        if sha256(partial) != dataset.sha256:
            raise InputError(
                f"the file from {dataset.url} does not have the sha256 {dataset.sha256} and was "
                f"deleted: run the same command again, or {hint}"
            )
        classes = TileDataset.open(partial).items["class"]
        dataset.check(classes, where=dataset.url, hint=hint)
    except InputError:
        partial.unlink()
        raise


def _resume(source: Source, partial: Path, progress: bool) -> None:
    """Request the missing bytes; if the server sends all of them, start the file again."""
    done = partial.stat().st_size if partial.exists() else 0
    headers = {"Accept-Encoding": "identity", "Range": f"bytes={done}-"}
    with requests.get(source.url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable and done:
            return  # nothing is missing, as the checksum will confirm
        response.raise_for_status()
        if response.status_code != requests.codes.partial_content:
            done = 0
        length = response.headers.get("Content-Length", "")
        bar = tqdm(
            total=done + int(length) if length.isdecimal() else None,
            initial=done,
            unit="B",
            unit_scale=True,
            desc=source.title,
            disable=not progress,
        )
        with partial.open("ab" if done else "wb") as stream, bar:
            for chunk in response.iter_content(CHUNK):
                stream.write(chunk)
                bar.update(len(chunk))
            os.fsync(stream.fileno())


def explain(error: requests.RequestException) -> str:
    """Return why a request failed, in a few words."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"{error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return f"no answer for {TIMEOUT} seconds"
    return "the connection failed"
