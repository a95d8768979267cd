"""Downloads a published data set: resumes an interrupted download, and checks the result.

All work is done in a hidden folder beside the final path. The data set is moved to that path only
if its checksums, classes and counts are right, so a failed download never looks like a data set.
"""

import os
import shutil
import sys
import time
import warnings
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import requests
from tqdm import tqdm

from rsh.data.catalog import find_entry
from rsh.data.catalog_entry import CatalogEntry, RemoteFile
from rsh.data.checksums import compute_digest
from rsh.data.published.build import build, check_tools
from rsh.data.published.check import check_published
from rsh.data.tiles import TileDataset
from rsh.errors import InputError, RshWarning
from rsh.io.files import check_writable, exclusive_lock, explain_os_error

TIMEOUT = 30  # seconds without a byte
PAUSES = (1, 2, 4, 8)  # seconds before each retry
CHUNK = 2**16  # bytes per write
LOCK = "lock"
RETRY_ERRORS = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,  # the body ended early
)


class Licensed(Protocol):
    """What has a license: see `CatalogEntry`."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def home(self) -> str: ...  # noqa: D102
    @property
    def license(self) -> str: ...  # noqa: D102
    @property
    def is_open(self) -> bool: ...  # noqa: D102


def confirm_license(source: Licensed, *, accepted: bool) -> None:
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


def missing_entries(dataset: CatalogEntry, folder: Path) -> list[CatalogEntry]:
    """Return what must be fetched for a data set: itself, after that whose images it has.

    Args:
        dataset: the data set.
        folder: where it goes.
    """
    images = find_entry(dataset.images) if dataset.images else None
    return [images, dataset] if images and not _find_images(images, folder) else [dataset]


def _find_images(images: CatalogEntry, folder: Path) -> Path | None:
    return images.find(folder) or images.find()


def fetch(dataset: CatalogEntry, folder: Path, *, progress: bool = True) -> Path:
    """Download a data set, unless it exists already, and check it.

    Args:
        dataset: the data set to download; one whose images it has is downloaded as well.
        folder: for it; created if missing.
        progress: show a progress bar.

    Returns:
        The path of the zip or folder.

    Raises:
        InputError: it cannot be downloaded or written, or differs from the published one.
    """
    check_writable(folder)
    target = dataset.target(folder)
    work = folder / f".{dataset.name}.fetch"
    with explain_os_error(target):
        if target.exists():  # the user may need it
            _check_existing(dataset, target)
            return target
        check_tools(dataset)
        images = None
        if dataset.images:
            entry = find_entry(dataset.images)
            images = _find_images(entry, folder) or fetch(entry, folder, progress=progress)
        work.mkdir(parents=True, exist_ok=True)
        busy = f"another process is fetching {dataset.name} into {folder}: wait for it"
        with exclusive_lock(work / LOCK, busy=busy):
            _fetch(dataset, target, work, images, progress=progress)
    return target


def _check_existing(dataset: CatalogEntry, target: Path) -> None:
    """Refuse what is in the place of the data set and is another one."""
    advice = "move it away, or choose another --output"
    if dataset.recipe != "zip":
        _check_made(dataset, target, where=str(target), hint=advice)
    elif not target.is_file() or not _has_checksum(target, dataset.files[0]):
        raise InputError(
            f"{target} exists and is not the {dataset.name} of {dataset.files[0].url}: {advice}"
        )


def _check_made(dataset: CatalogEntry, made: Path, *, where: str, hint: str) -> None:
    with warnings.catch_warnings(action="ignore", category=RshWarning):  # its user sees them later
        opened = TileDataset.open(made)
    check_published(dataset, opened.source, opened.items, where=where, hint=hint)


def _fetch(
    dataset: CatalogEntry,
    target: Path,
    work: Path,
    images: Path | None,
    *,
    progress: bool,
) -> None:
    hint = f"look for the files at {dataset.home}"
    if dataset.recipe == "zip":
        hint = f"put the class folders from {dataset.home} into {target.with_suffix('')}"
    try:
        files = [
            _fetch_file(dataset, file, work, hint=hint, progress=progress) for file in dataset.files
        ]
        if dataset.recipe == "zip":
            (made,) = files
        else:
            made = work / target.name
            build(dataset, files, made, images=images, progress=progress)
        try:
            _check_made(dataset, made, where=dataset.files[0].url, hint=hint)
        except InputError:
            made.unlink() if made.is_file() else shutil.rmtree(made)
            raise
        made.replace(target)
        shutil.rmtree(work)
    finally:
        if work.exists() and {path.name for path in work.iterdir()} <= {LOCK}:
            shutil.rmtree(work)  # nothing to resume from


def _fetch_file(
    dataset: CatalogEntry, file: RemoteFile, work: Path, *, hint: str, progress: bool
) -> Path:
    """Return a file of a data set with the right checksum; what is there already is not asked for.

    It is there from another try, or its user has saved it beside the data sets. Another revision is
    another file, since the checksum is its name.
    """
    name = Path(urlsplit(file.url).path).name
    suffix = "".join(Path(name).suffixes)
    complete = work / f"{file.checksum.rpartition(':')[2][:16]}{suffix}"
    partial = complete.with_name(f"part-{complete.name}")
    saved = work.parent / name
    for path in (complete, saved):
        if path.is_file() and _has_checksum(path, file):
            return path
    hint = f"save the file of that address as {saved}, or {hint}"
    title = dataset.title if len(dataset.files) == 1 else f"{dataset.title}, {name}"
    download(dataset.name, title, file.url, partial, hint=hint, progress=progress)
    if not _has_checksum(partial, file):
        partial.unlink()
        algorithm, _, digits = file.checksum.partition(":")
        raise InputError(
            f"the file from {file.url} does not have the {algorithm} {digits} and was "
            f"deleted: run the same command again, or {hint}"
        )
    return partial.replace(complete)


def _has_checksum(path: Path, file: RemoteFile) -> bool:
    algorithm, _, digits = file.checksum.partition(":")
    return compute_digest(path, algorithm) == digits


def download(name: str, title: str, url: str, partial: Path, *, hint: str, progress: bool) -> None:
    """Download the rest of a file, with retries; `partial` keeps the bytes of a failed attempt.

    Args:
        name: of what is downloaded, for a message.
        title: for the progress bar.
        url: of the file.
        partial: the file, which may hold the first bytes already.
        hint: what else the user can do, for a message.
        progress: show a progress bar.

    Raises:
        InputError: the server cannot be reached, or does not send all.
    """
    for pause in (*PAUSES, None):
        try:
            return _resume(title, url, partial, progress)
        except requests.RequestException as error:
            if isinstance(error, RETRY_ERRORS) and pause is not None and partial.exists():
                time.sleep(pause)  # only after some bytes: otherwise retries do not help
                continue
            raise InputError(
                f"{name} could not be fetched from {url} ({explain(error)}): run "
                f"the same command again to resume, or {hint}"
            ) from error


def _resume(title: str, url: str, partial: Path, progress: bool) -> None:
    """Request the missing bytes; if the server sends all of them, start the file again."""
    done = partial.stat().st_size if partial.exists() else 0
    headers = {"Accept-Encoding": "identity", "Range": f"bytes={done}-"}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
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
            desc=title,
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
