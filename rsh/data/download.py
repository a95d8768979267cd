"""Downloads a published data set: resumes an interrupted download, and checks the result.

The download goes into a hidden folder beside the final path. The zip is moved to that path only if
its checksum, classes and counts are right, so a failed download never looks like a data set.
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


def confirm_license(dataset: CatalogEntry, *, accepted: bool) -> None:
    """Print the license, and ask the user to accept it if it is not open.

    Args:
        dataset: the data set to download.
        accepted: whether the user has accepted the license on the command line.

    Raises:
        InputError: the user declined, or there is no terminal to ask at.
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
        _download(dataset, partial, hint=hint, progress=progress)
        _check_download(dataset, partial, hint=hint)
        partial.replace(file)
    finally:
        if not partial.exists():  # nothing to resume from
            shutil.rmtree(work)


def _download(dataset: CatalogEntry, partial: Path, *, hint: str, progress: bool) -> None:
    """Download the rest of a file, with retries; `partial` keeps the bytes of a failed attempt."""
    for pause in (*PAUSES, None):
        try:
            return _resume(dataset, partial, progress)
        except requests.RequestException as error:
            if isinstance(error, RETRY_ERRORS) and pause is not None and partial.exists():
                time.sleep(pause)  # only after some bytes: otherwise retries do not help
                continue
            raise InputError(
                f"{dataset.name} could not be fetched from {dataset.url} ({_reason(error)}): run "
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


def _resume(dataset: CatalogEntry, partial: Path, progress: bool) -> None:
    """Request the missing bytes; if the server sends all of them, start the file again."""
    done = partial.stat().st_size if partial.exists() else 0
    headers = {"Accept-Encoding": "identity", "Range": f"bytes={done}-"}
    with requests.get(dataset.url, headers=headers, stream=True, timeout=TIMEOUT) as response:
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
            desc=dataset.title,
            disable=not progress,
        )
        with partial.open("ab" if done else "wb") as stream, bar:
            for chunk in response.iter_content(CHUNK):
                stream.write(chunk)
                bar.update(len(chunk))
            os.fsync(stream.fileno())


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"{error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return f"no answer for {TIMEOUT} seconds"
    return "the connection failed"
