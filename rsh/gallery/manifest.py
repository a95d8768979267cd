"""gallery.json, the manifest of a gallery: its files, with sizes and checksums.

    {"format": 3, "version": 3, "name": ..., "num_bits": 32, "num_items": 310,
     "model": {...}, "data": {...},
     "segments": [{"folder": "000001-0", "items": 300, "removed": [17], "files": {...}},
                  {"folder": "000003-0", "items": 11, "removed": [], "files": {...}}],
     "projection": {"file": "projection-2.parquet", "bytes": ..., "sha256": ...},
     "index": {},                                       a kept index: see searcher
     "sha256": ...}                                     of all this except name and model.run

The manifest alone defines a gallery. A writer adds files beside the existing ones and then replaces
the manifest atomically, so a reader sees all of a change or nothing.
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

WORK = ".encode"  # folder from which an interrupted `rsh encode` resumes
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
FILE_RECORD = {"bytes": int, "sha256": str}
SEGMENT_NAME = re.compile(r"\d{6}-\d+")
INDEXES: dict[str, dict[str, type]] = {
    "ivf": FILE_RECORD | {"name": str, "file": str},
    "milvus": {"name": str, "uri": str, "collection": str},
}
INDEX_NAME = re.compile(r"index-\d+\.npz")
COLLECTION_NAME = re.compile(r"rsh_\w+")  # rsh deletes the collection of a replaced index
PROJECTION_NAME = re.compile(r"projection-\d+\.parquet")
LARGE = 1 << 25  # bytes; the checksum of a larger file is verified by `rsh gallery check` only
Manifest = dict[str, Any]


def read_manifest(folder: Path) -> Manifest:
    """Read gallery.json.

    Raises:
        InputError: no gallery, another format, or an altered manifest.
    """
    file = folder / MANIFEST
    manifest = read_json(file, what="gallery")
    if manifest.get("format") != FORMAT:
        raise InputError(
            f"{folder} has gallery format {manifest.get('format')}, this rsh reads {FORMAT}: "
            "encode it again with `rsh encode`"
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
        check_object(
            manifest["projection"], FILE_RECORD | {"file": str}, where=where, what="gallery"
        )
        _check_name(manifest["projection"]["file"], PROJECTION_NAME, where)
    _check_index(manifest["index"], where=f"'index' in {file}")
    if manifest != with_checksum(manifest):
        raise InputError(f"{file} was altered: {recovery_hint('gallery')}")
    return manifest


def with_checksum(manifest: Manifest) -> Manifest:
    """Return a manifest with its checksum, which excludes the name and the path of the run."""
    rest = {key: manifest[key] for key in manifest if key not in ("name", "sha256")}
    rest["model"] = {key: manifest["model"][key] for key in manifest["model"] if key != "run"}
    digest = hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
    return manifest | {"sha256": digest}


def check_files(folder: Path, manifest: Manifest, *, whole: bool = False) -> None:
    """Check that the files of a gallery are intact.

    Args:
        folder: the gallery.
        manifest: of the gallery.
        whole: verify checksums of large files, too; otherwise only their size, since reading
            gigabytes would delay a search.

    Raises:
        InputError: a file is missing, cut or altered.
    """
    inside = folder.resolve()
    for name, record in iter_files(manifest):
        file = folder / name
        if not file.resolve().is_relative_to(inside):  # the dashboard would expose it
            raise InputError(f"{file} lies outside the gallery: {recovery_hint('gallery')}")
        if not file.is_file():
            raise InputError(f"{file} is missing: {recovery_hint('gallery')}")
        is_intact = file.stat().st_size == record["bytes"]
        if is_intact and (whole or record["bytes"] < LARGE):
            is_intact = sha256(file) == record["sha256"]
        if not is_intact:
            raise InputError(f"{file} was altered or cut short: {recovery_hint('gallery')}")


def iter_files(manifest: Manifest) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield relative path and record of every file in a manifest."""
    for segment in manifest["segments"]:
        for name, record in segment["files"].items():
            yield f"{segment['folder']}/{name}", record
    for record in (manifest["projection"], manifest["index"]):
        if "file" in record:
            yield record["file"], record


def list_entries(manifest: Manifest) -> set[str]:
    """Return the names in the gallery's folder of a manifest's segments, projection and index."""
    return {path.split("/")[0] for path, _ in iter_files(manifest)}


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
        record = segment["files"][name]
        check_object(record, FILE_RECORD, where=f"{name!r} in {inside}", what="gallery")


def _check_index(index: Any, *, where: str) -> None:
    """Raise InputError for an entry that `rsh.gallery.searcher` cannot have written."""
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
    if not pattern.fullmatch(name):  # so no path can lead outside the gallery
        raise InputError(f"{where} names {name!r}: {recovery_hint('gallery')}")
