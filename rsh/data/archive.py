"""Reading zips that others have packed, without trusting what they say of themselves."""

import os
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from rsh.data.images import SUFFIXES
from rsh.errors import InputError

MAX_BYTES = 250_000_000  # of one unpacked file: few images of 40 million pixels take more
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # of others a few bytes unpack to gigabytes
# Locked, damaged, packed by a method that Python does not know.
CANNOT_READ = (OSError, RuntimeError, zipfile.BadZipFile, zlib.error, EOFError, ValueError)


def is_zip(source: Path) -> bool:
    """Whether a file ends as a zip does, be it a zip that can be read or not."""
    try:
        return zipfile.is_zipfile(source)
    except CANNOT_READ:
        return True  # `open_zip` says what is wrong


def open_zip(source: Path) -> zipfile.ZipFile:
    """Open a zip for reading.

    Raises:
        InputError: it is gone, or its table of contents is damaged.
    """
    try:
        return zipfile.ZipFile(source)
    except CANNOT_READ as error:
        raise InputError(f"{source} cannot be read ({error}): pack or fetch it again") from None


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Unpack one file of a zip.

    Raises:
        InputError: it is locked, damaged, packed by an unusual method, or would unpack to more
            than an image can be.
    """
    where = f"{name} in {archive.filename}"
    try:
        member = archive.getinfo(name)
        size, method = member.file_size, member.compress_type
        if size <= MAX_BYTES and method in PACKED:
            with archive.open(member) as stream:
                return stream.read(size)  # and no more, whatever there is: the size may be a lie
    except KeyError:
        raise InputError(f"{where} is gone: open the data again") from None
    except CANNOT_READ as error:
        raise InputError(f"{where} cannot be read ({error}): pack or fetch it again") from None
    if method not in PACKED:
        raise InputError(f"{where} is packed by another method than deflate: pack it again")
    raise InputError(f"{where} unpacks to {size // 10**6} MB: cut it into tiles first")


def image_paths(source: Path) -> tuple[list[str], str]:
    """List the images of a zip, and the folders around the class folders, if there are any.

    Raises:
        InputError: the zip is damaged, or names a path outside itself.
    """
    with open_zip(source) as archive:
        names = [
            name
            for name in dict.fromkeys(archive.namelist())  # the last of two equal names is read
            if PurePosixPath(name).suffix.lower() in SUFFIXES
            and not name.startswith("__MACOSX/")
            and not name.endswith("/")
        ]
    for name in names:
        if name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise InputError(f"{source} names a path outside itself ({name}): pack it again")
    parents = [str(PurePosixPath(name).parent) for name in names]
    root = os.path.commonpath(parents) if parents else ""
    if root and all(parent == root for parent in parents):  # a single class folder
        root = str(PurePosixPath(root).parent)
    prefix = f"{root}/" if root not in ("", ".") else ""
    inside = [name.removeprefix(prefix) for name in names]
    return sorted(name for name in inside if "/" in name), prefix
