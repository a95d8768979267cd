"""Reads untrusted zips: no file is unpacked beyond its stated size or outside the archive."""

import os
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from rsh.data.listing import TABLES, list_images
from rsh.errors import InputError

MAX_BYTES = 250_000_000  # of one unpacked file: few images of 40 million pixels take more
UTF8, WINDOWS = 0x800, 0  # a flag of names, and a system, in the zip format
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others unpack a few bytes to gigabytes
# zipfile raises these for encrypted or damaged zips, and for unknown compression methods.
ZIP_ERRORS = (OSError, RuntimeError, zipfile.BadZipFile, zlib.error, EOFError, ValueError)


def is_zip(source: Path) -> bool:
    """Whether a file ends like a zip, readable or not."""
    try:
        return zipfile.is_zipfile(source)
    except ZIP_ERRORS:
        return True  # `open_zip` reports the error


def open_zip(source: Path) -> zipfile.ZipFile:
    """Open a zip for reading.

    Raises:
        InputError: the file is missing, or its table of contents is damaged.
    """
    try:
        return zipfile.ZipFile(source)
    except ZIP_ERRORS as error:
        raise InputError(
            f"{source} cannot be read ({error}): create or download it again"
        ) from None


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return the content of one file of a zip.

    Raises:
        InputError: it is encrypted, damaged, compressed by an unusual method, or too large for an
            image.
    """
    where = f"{name} in {archive.filename}"
    try:
        member = archive.getinfo(name)
        size, method = member.file_size, member.compress_type
        if size <= MAX_BYTES and method in METHODS:
            with archive.open(member) as stream:
                return stream.read(size)  # no more than the stated size, which may be wrong
    except KeyError:
        raise InputError(f"{where} is gone: open the data again") from None
    except ZIP_ERRORS as error:
        if "encrypted" in str(error):
            raise InputError(f"{where} is encrypted: unpack it, and give the folder") from None
        raise InputError(f"{where} cannot be read ({error}): create or download it again") from None
    if method not in METHODS:
        raise InputError(f"{where} is not compressed by deflate: create the zip again")
    raise InputError(f"{where} unpacks to {size // 10**6} MB: cut it into tiles first")


def member_names(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the names of the files of a zip by their paths, which have slashes.

    Some programs of Windows write backslashes; elsewhere a name may contain one. Some of macOS
    write UTF-8 without saying so.
    """
    members = [member for member in archive.infolist() if not member.filename.endswith(("/", "\\"))]
    has_slashes = any("/" in member.filename for member in members)
    found = {}
    for member in members:
        path = member.filename
        if not member.flag_bits & UTF8:
            with suppress(UnicodeError):
                path = path.encode("cp437").decode()
        if member.create_system == WINDOWS or not has_slashes:
            path = path.replace("\\", "/")
        found["/".join(part for part in path.split("/") if part != ".")] = member.filename
    return found


def image_paths(source: Path) -> tuple[list[str], str]:
    """Return the paths of the images in a zip, and the folder around all of them.

    A single folder of images belongs to their paths, unless it holds their table.

    Raises:
        InputError: the zip is damaged, or names a path outside itself.
    """
    with open_zip(source) as archive:
        members = member_names(archive)
    names = list_images(members, source)
    for name in names:
        if name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise InputError(f"{source} names a path outside itself ({name}): create it again")
    prefix = class_prefix(names)
    folders = {f"{PurePosixPath(name).parent}/" for name in names}
    beside, inside = (
        any(start + table in members for start in starts for table in TABLES)
        for starts in ({prefix}, folders)
    )
    if len(folders) == 1 and inside and not beside:
        prefix = min(folders)
    return sorted(name.removeprefix(prefix) for name in names), prefix


def class_prefix(names: Sequence[str]) -> str:
    """Return the folder around all folders of images: "", or a path that ends in a slash."""
    parents = [str(PurePosixPath(name).parent) for name in names]
    root = os.path.commonpath(parents) if parents else ""
    if root and all(parent == root for parent in parents):  # a single folder
        root = str(PurePosixPath(root).parent)
    return f"{root}/" if root not in ("", ".") else ""
