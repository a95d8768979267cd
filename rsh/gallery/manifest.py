"""gallery.json, the head of a gallery: which files make it up, and whether they are as they were.

    {"format": 3, "version": 3, "name": ..., "num_bits": 32, "num_items": 310,
     "model": {...}, "data": {...},
     "segments": [{"folder": "000001-0", "items": 300, "removed": [17], "files": {...}},
                  {"folder": "000003-0", "items": 11, "removed": [], "files": {...}}],
     "projection": {"file": "projection-2.parquet", "bytes": ..., "sha256": ...},
     "index": {},                                       what it is searched with: see searcher
     "sha256": ...}                                     of all this but the name and model.run

The head alone decides what a gallery is. A writer adds files beside those that are there, and then
replaces the head in one step, so that a reader sees all of a change or nothing.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rsh.codes.binary import MAX_BITS
from rsh.errors import InputError
from rsh.gallery.segment import FILES
from rsh.io.files import check_object, read_json, recovery_hint, sha256

WORK = ".encode"  # what an interrupted `rsh encode` goes on from; no other change touches it

FORMAT = 3
MANIFEST = "gallery.json"
KINDS = {
    "version": int,
    "name": str,
    "num_bits": int,
    "num_items": int,
    "model": dict,
    "data": dict,
    "segments": list,
    "projection": dict,
    "index": dict,
}
SEGMENT = {"folder": str, "items": int, "removed": list, "files": dict}
NOTED = {"bytes": int, "sha256": str}
SEGMENT_NAME = re.compile(r"\d{6}-\d+")
INDEXES: dict[str, dict[str, type]] = {
    "ivf": NOTED | {"name": str, "file": str},
    "milvus": {"name": str, "uri": str, "collection": str},
}
INDEX_NAME = re.compile(r"index-\d+\.npz")
COLLECTION_NAME = re.compile(r"rsh_\w+")  # of ours: an index that is replaced is taken away
PROJECTION_NAME = re.compile(r"projection-\d+\.parquet")
LARGE = 1 << 25  # bytes from which on a file is measured at opening, and read by `check` alone
Manifest = dict[str, Any]


def read_manifest(folder: Path) -> Manifest:
    """Read gallery.json.

    Raises:
        InputError: no gallery, another format, or a head that was altered.
    """
    file = folder / MANIFEST
    manifest = read_json(file, what="gallery")
    if manifest.get("format") != FORMAT:
        raise InputError(
            f"{folder} has gallery format {manifest.get('format')}, this rsh reads {FORMAT}: "
            "make it again with `rsh encode`"
        )
    check_object(manifest, KINDS, where=str(file), what="gallery")
    if not 1 <= manifest["num_bits"] <= MAX_BITS:
        raise InputError(f"{file} has num_bits={manifest['num_bits']}: {recovery_hint('gallery')}")
    if not manifest["segments"]:
        raise InputError(f"{file} names no segments: {recovery_hint('gallery')}")
    for number, segment in enumerate(manifest["segments"]):
        _check_segment(segment, where=f"segment {number} in {file}")
    if manifest["projection"]:
        where = f"'projection' in {file}"
        check_object(manifest["projection"], NOTED | {"file": str}, where=where, what="gallery")
        _check_name(manifest["projection"]["file"], PROJECTION_NAME, where)
    _check_index(manifest["index"], where=f"'index' in {file}")
    if manifest != with_checksum(manifest):
        raise InputError(f"{file} was altered: {recovery_hint('gallery')}")
    return manifest


def with_checksum(manifest: Manifest) -> Manifest:
    """Return a head with its checksum, which leaves out the name, and where the run lies."""
    rest = {key: manifest[key] for key in manifest if key not in ("name", "sha256")}
    rest["model"] = {key: manifest["model"][key] for key in manifest["model"] if key != "run"}
    digest = hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
    return manifest | {"sha256": digest}


def check_files(folder: Path, manifest: Manifest, *, whole: bool = False) -> None:
    """Refuse a gallery whose files are not as they were written.

    Args:
        folder: the gallery.
        manifest: its head.
        whole: read large files, too; otherwise their length is all that is looked at, as to read
            gigabytes would keep a search waiting.

    Raises:
        InputError: a file is missing, cut or altered.
    """
    inside = folder.resolve()
    for name, note in files_of(manifest):
        file = folder / name
        if not file.resolve().is_relative_to(inside):  # a page would hand it out
            raise InputError(f"{file} lies outside the gallery: {recovery_hint('gallery')}")
        if not file.is_file():
            raise InputError(f"{file} is missing: {recovery_hint('gallery')}")
        as_noted = file.stat().st_size == note["bytes"]
        if as_noted and (whole or note["bytes"] < LARGE):
            as_noted = sha256(file) == note["sha256"]
        if not as_noted:
            raise InputError(f"{file} was altered or cut short: {recovery_hint('gallery')}")


def files_of(manifest: Manifest) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield path in the gallery and note of every file that a head names."""
    for segment in manifest["segments"]:
        for name, note in segment["files"].items():
            yield f"{segment['folder']}/{name}", note
    for note in (manifest["projection"], manifest["index"]):
        if "file" in note:
            yield note["file"], note


def names_of(manifest: Manifest) -> set[str]:
    """Return what a head names in the gallery's folder: segments, projection, index."""
    return {path.split("/")[0] for path, _ in files_of(manifest)}


def _check_segment(segment: Any, *, where: str) -> None:
    if not isinstance(segment, dict):
        raise InputError(f"{where} is no object: {recovery_hint('gallery')}")
    check_object(segment, SEGMENT, where=where, what="gallery")
    _check_name(segment["folder"], SEGMENT_NAME, where)
    removed = segment["removed"]
    rows = [row for row in removed if type(row) is int and 0 <= row < segment["items"]]
    if rows != removed or rows != sorted(set(rows)):
        raise InputError(f"{where} removes tiles it does not have: {recovery_hint('gallery')}")
    inside = f"'files' of {where}"
    check_object(
        segment["files"], dict.fromkeys(FILES, dict), where=inside, what="gallery", exact=True
    )
    for name in FILES:
        note = segment["files"][name]
        check_object(note, NOTED, where=f"{name!r} in {inside}", what="gallery")


def _check_index(index: Any, *, where: str) -> None:
    """Refuse an entry that rsh.gallery.searcher has not written."""
    if index == {}:
        return
    if not isinstance(index, dict) or str(index.get("name")) not in INDEXES:
        raise InputError(f"{where} is no search index: {recovery_hint('gallery')}")
    check_object(index, INDEXES[index["name"]], where=where, what="gallery", exact=True)
    if "file" in index:
        _check_name(index["file"], INDEX_NAME, where)
    if "collection" in index:
        _check_name(index["collection"], COLLECTION_NAME, where)


def _check_name(name: str, pattern: re.Pattern[str], where: str) -> None:
    if not pattern.fullmatch(name):  # and so no path to elsewhere
        raise InputError(f"{where} names {name!r}: {recovery_hint('gallery')}")
