"""Files of pretrained weights: found on this machine, fetched, and read without running code.

rsh keeps them in a folder of its own, backbones in its cache, one file for each address with a note
of its source, size and checksum beside it. The caches of torch and of the hub are read but never
written, since their layouts belong to those libraries. A training fetches nothing by itself: its
user has to see size, source and license first.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import requests

from rsh.data.download import TIMEOUT, confirm_license, download, explain
from rsh.errors import InputError
from rsh.io.array_cache import cache_folder
from rsh.io.files import (
    check_writable,
    exclusive_lock,
    explain_os_error,
    fsync,
    sha256,
    write_json,
)
from rsh.models.pretrained import Pretrained
from rsh.text import first_sentence

HUB_FILE = re.compile(
    r"https?://[^/]+/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)"
)
PUBLISHED = re.compile(r"-([0-9a-f]{8,64})\.")  # a checksum in a name, as torch.hub has it
SHA256 = re.compile(r"[0-9a-f]{64}")
SAFE, PICKLED = "model.safetensors", "pytorch_model.bin"  # on the hub
NESTED = ("state_dict", "model")  # where a checkpoint keeps its weights


@dataclass(frozen=True)
class Offer:
    """What a server offers; `rsh.data.download.Licensed` with size and checksum.

    Attributes:
        name: of the backbone.
        title: name, size and address, for the user.
        url: of the file.
        home: page with the terms.
        license: of the weights.
        is_open: whether it permits every use.
        size: bytes; None if the server does not say.
        sha256: all digits or the first ones; "" if none are stated.
    """

    name: str
    title: str
    url: str
    home: str
    license: str
    is_open: bool
    size: int | None
    sha256: str


def weights_folder() -> Path:
    """Return the folder of fetched weights."""
    return cache_folder() / "backbones"


def weights_path(url: str) -> Path:
    """Return where the file of an address is kept."""
    address = re.sub(r"^https?://[^/]+/", "", url)
    return weights_folder() / re.sub(r"[^\w.-]+", "-", address)


def find_weights(entry: Pretrained) -> Path | None:
    """Return the weights of a backbone if they are on this machine, in our folder or another's."""
    return next(filter(Path.is_file, _places(entry)), None)


def _places(entry: Pretrained) -> Iterator[Path]:
    """Yield where the weights may be."""
    for url in _addresses(entry):
        yield weights_path(url)
        if found := HUB_FILE.fullmatch(url):
            from huggingface_hub import try_to_load_from_cache

            cached = try_to_load_from_cache(
                found["repo"], found["file"], revision=found["revision"]
            )
            if isinstance(cached, str):
                yield Path(cached)
        if entry.library == "torchgeo":
            user = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
            torch_home = Path(os.environ.get("TORCH_HOME") or Path(user, "torch")).expanduser()
            yield torch_home / "hub" / "checkpoints" / url.rpartition("/")[2]


def _addresses(entry: Pretrained) -> tuple[str, ...]:
    """Return the addresses of weights, of which one exists."""
    if entry.library == "timm" and entry.url.endswith(f"/{SAFE}"):
        return entry.url, entry.url.removesuffix(SAFE) + PICKLED
    return (entry.url,) if entry.url else ()


def require_weights(entry: Pretrained) -> Path:
    """Return the weights of a backbone, checked.

    Raises:
        InputError: they are not on this machine, or were altered.
    """
    file = find_weights(entry)
    if file is None:
        raise InputError(
            f"the weights of {entry.name} are not on this machine: run `rsh backbones fetch "
            f"{entry.name}`"
        )
    _check_unaltered(entry, file)
    return file


def _check_unaltered(entry: Pretrained, file: Path) -> None:
    """Refuse a file whose checksum differs from what was noted or published."""
    target = file.resolve().name  # the hub's cache calls a file by its checksum
    wanted = target if SHA256.fullmatch(target) else str(_read_note(file).get("sha256", ""))
    wanted = wanted or _published(entry)
    if wanted and not sha256(file).startswith(wanted):
        raise InputError(
            f"{file} was altered or cut, its sha256 is not {wanted}: delete it and run `rsh "
            f"backbones fetch {entry.name}`"
        )


def _published(entry: Pretrained) -> str:
    """Return the first digits of the sha256 that a publisher states, or ""."""
    in_name = PUBLISHED.search(entry.url.rpartition("/")[2])
    return entry.sha256 or (in_name[1] if in_name else "")


def _note(file: Path) -> Path:
    return file.with_name(f"{file.name}.json")


def _read_note(file: Path) -> Mapping[str, Any]:
    try:
        note = json.loads(_note(file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def fetch_weights(entry: Pretrained, *, accepted: bool, progress: bool = True) -> Path:
    """Download the weights of a backbone, unless they are there already, and check them.

    Size, source and license are printed first, and a license that is not open is asked about.

    Args:
        entry: the backbone.
        accepted: whether the user has accepted the license on the command line.
        progress: show a progress bar.

    Returns:
        The file.

    Raises:
        InputError: the license was declined, the file cannot be downloaded or written, differs from
            the published one, or holds more than weights.
    """
    if found := find_weights(entry):
        _check_unaltered(entry, found)
        read_weights(found)  # its user may have saved it
        return found
    offer = ask_server(entry)
    confirm_license(offer, accepted=accepted)
    return fetch_file(offer, progress=progress)


def fetch_file(offer: Offer, *, progress: bool = True) -> Path:
    """Download a file and check it; one that ends with .json need not hold weights.

    Raises:
        InputError: as for `fetch_weights`.
    """
    file = weights_path(offer.url)
    check_writable(file.parent)
    partial = file.with_name(f".{file.name}.partial")
    hint = f"save the file of that address as {file}"
    with explain_os_error(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        busy = f"another process is fetching {offer.name}: wait for it"
        with exclusive_lock(file.with_name(f".{file.name}.lock"), busy=busy):
            if file.is_file():  # by the process that had the lock before
                return file
            download(offer.name, offer.title, offer.url, partial, hint=hint, progress=progress)
            try:
                note = _check_download(offer, partial, file.suffix)
            except InputError:
                partial.unlink()
                raise
            write_json(_note(file), note)
            fsync(partial)
            partial.replace(file)
            fsync(file.parent)
    return file


def _check_download(offer: Offer, partial: Path, suffix: str) -> dict[str, Any]:
    """Return the note of a file; refuse one that differs from the published one, or holds code."""
    size, found = partial.stat().st_size, sha256(partial)
    again = "was deleted: run the same command again"
    if offer.size is not None and size != offer.size:
        raise InputError(
            f"the file from {offer.url} has {size:,} bytes and not {offer.size:,}, and {again}"
        )
    if not found.startswith(offer.sha256):
        raise InputError(
            f"the file from {offer.url} does not have the sha256 {offer.sha256} and {again}"
        )
    if suffix != ".json":
        read_weights(partial, suffix=suffix, where=offer.url)
    return asdict(offer) | {"size": size, "sha256": found}


def ask_server(entry: Pretrained) -> Offer:
    """Ask a server for size and checksum of weights.

    The hub states the sha256 of a large file as X-Linked-ETag, before it leads elsewhere.

    Raises:
        InputError: the server cannot be reached, or does not have them.
    """
    *others, last = _addresses(entry) or [""]
    if not last:
        raise InputError(f"{entry.name} has no weights that can be fetched: choose another")
    response = _head(entry, last) if not others else None
    for url in others:
        response = _head(entry, url, may_lack=True) or _head(entry, last)
    assert response is not None
    url = response.history[0].url if response.history else response.url
    stated = [step.headers for step in (*response.history, response)]
    tags = [headers.get("X-Linked-ETag", "").strip('"') for headers in stated]
    sizes = [headers.get("X-Linked-Size", "") for headers in stated]
    sizes.append(response.headers.get("Content-Length", ""))
    size = next((int(text) for text in sizes if text.isdecimal()), None)
    checksum = next(filter(SHA256.fullmatch, tags), "")
    published = _published(entry)
    shown = f"{size / 1e6:,.1f} MB" if size is not None else "of unknown size"
    return Offer(
        name=entry.name,
        title=f"weights of {entry.name}, {shown}, from {url}",
        url=url,
        home=entry.home,
        license=entry.license,
        is_open=entry.is_open,
        size=size,
        sha256=checksum if checksum.startswith(published) else published,
    )


def _head(entry: Pretrained, url: str, *, may_lack: bool = False) -> requests.Response | None:
    """Ask for the headers of a file; None if a server that may lack it does."""
    try:
        response = requests.head(
            url, headers={"Accept-Encoding": "identity"}, timeout=TIMEOUT, allow_redirects=True
        )
        if may_lack and response.status_code == requests.codes.not_found:
            return None
        response.raise_for_status()
    except requests.RequestException as error:
        raise InputError(
            f"the weights of {entry.name} (license: {entry.license}) could not be fetched from "
            f"{url} ({explain(error)}): run the same command again, or save the file of that "
            f"address as {weights_path(url)} first"
        ) from error
    return response


def read_weights(file: Path, *, suffix: str = "", where: str = "") -> dict[str, Any]:
    """Return the tensors in a file by their names; nothing in it is run.

    Args:
        file: safetensors, or what torch writes.
        suffix: of the file, if its name has another.
        where: what messages call it, by default its path.

    Raises:
        InputError: it cannot be read, or holds anything else.
    """
    import torch
    from safetensors.torch import load_file

    where = where or str(file)
    try:
        if (suffix or file.suffix) == ".safetensors":
            return load_file(file)
        found = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle raises anything
        reason = first_sentence(error).rstrip(".")
        raise InputError(
            f"{where} does not hold weights alone, and nothing else is read from it ({reason}): "
            "take weights of another source"
        ) from None
    for key in NESTED:
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
    if not (isinstance(found, dict) and found):
        raise InputError(f"{where} holds no weights: take weights of another source")
    for name, value in found.items():
        if not (isinstance(name, str) and isinstance(value, torch.Tensor)):
            raise InputError(f"{where} holds {name!r}, which is no weight: take another source")
    return {name.removeprefix("module."): value for name, value in found.items()}
