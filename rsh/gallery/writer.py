"""Writes galleries: every change makes a new version, which a reader sees completely or not at all.

A writer takes a lock, adds its files, and replaces the manifest in one step. It then deletes the
files that neither the new manifest nor the previous one names, so a reader that has just read the
previous manifest still finds its files. The next change deletes what a killed writer left behind.
What visitors gave to tiles (`rsh.gallery.annotations`) lies beside them and outlives all changes.
"""

import re
import shutil
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path
from typing import NoReturn

import pandas as pd

from rsh.config import DEFAULT_TARGET_RECALL, IndexName
from rsh.data.backgrounds import Background, join_backgrounds, write_backgrounds
from rsh.data.image_source import ImageSource
from rsh.data.rendering import AS_IS, Composite, Rendering
from rsh.errors import InputError, RshWarning
from rsh.gallery.annotations.merging import merge_annotations
from rsh.gallery.annotations.store import ANNOTATIONS
from rsh.gallery.columns import Columns, write_columns
from rsh.gallery.gallery import Gallery
from rsh.gallery.groups import Groups, store_groups
from rsh.gallery.ids import NO_ROW
from rsh.gallery.learn_report import LearnReport
from rsh.gallery.learned import CorrectedRows, LearnedHead
from rsh.gallery.manifest import (
    BACKGROUNDS_NAME,
    GROUPS_NAME,
    HEAD_NAME,
    INDEX_NAME,
    MANIFEST,
    PROJECTION_NAME,
    SEGMENT_NAME,
    WORK,
    BackgroundsInfo,
    DataInfo,
    GroupsInfo,
    LearnedInfo,
    Manifest,
    PlaneInfo,
    ProjectionInfo,
    SegmentInfo,
    check_files,
    list_entries,
    read_manifest,
    to_json,
)
from rsh.gallery.place import place_added
from rsh.gallery.planes import store_planes
from rsh.gallery.searcher import build_index, drop_index, update_index
from rsh.gallery.segment import GalleryTiles, write_changed_segment, write_segment
from rsh.io.files import (
    PROBE,
    FileRecord,
    atomic_directory,
    atomic_write,
    check_writable,
    exclusive_lock,
    explain_os_error,
    file_record,
    link_or_copy,
    write_json,
)

LOCK = ".lock"
_PATTERNS = (
    SEGMENT_NAME,
    PROJECTION_NAME,
    GROUPS_NAME,
    BACKGROUNDS_NAME,
    INDEX_NAME,
    HEAD_NAME,
)
_NAMES = "|".join(name.pattern for name in _PATTERNS)
# Includes the temporary names of atomic_write and check_writable, and half a projection.
OURS = re.compile(rf"{_NAMES}|\.+({_NAMES}|gallery\.json|encode)\..+|{re.escape(PROBE)}.+")


def write_gallery(
    folder: Path, manifest: Manifest, tiles: GalleryTiles, backgrounds: Sequence[Background] = ()
) -> Gallery:
    """Write a new gallery; an existing one is replaced in one step.

    Args:
        folder: of the gallery.
        manifest: name, code length, network and data set.
        tiles: all tiles.
        backgrounds: overviews of the scenes that they are from.

    Raises:
        InputError: the folder cannot be written, or holds other files.
    """
    check_new_gallery(folder)
    with _next_version(folder, manifest) as written:
        _append(folder, written, tiles)
        _add_backgrounds(folder, written, backgrounds)
    return Gallery.open(folder)


def add_tiles(
    folder: Path,
    tiles: GalleryTiles,
    rendering: Rendering = AS_IS,
    backgrounds: Sequence[Background] = (),
    sources: Sequence[ImageSource] = (),
    *,
    several_labels: bool = False,
) -> Gallery:
    """Add tiles to a gallery; in its projection they are placed by their nearest landmarks.

    Args:
        folder: of the gallery.
        tiles: the tiles.
        rendering: how their rasters became 8-bit RGB.
        backgrounds: overviews of the scenes that they are from.
        sources: where their images are.
        several_labels: whether they have several labels each, which the gallery has then, too.

    Raises:
        InputError: the folder is no gallery, or the gallery already holds one of these ids, or its
            rasters were rendered otherwise, or its projection was altered.
    """
    with _next_version(folder) as manifest:
        old = Gallery.open(folder)
        manifest.data = manifest.data.merge(rendering, sources)
        if several_labels:
            manifest.data = replace(manifest.data, several_labels=True)
        check_new_tiles(old, tiles.items["id"])
        _append(folder, manifest, tiles)
        if backgrounds:
            _add_backgrounds(folder, manifest, [*old.backgrounds, *backgrounds])
        _update_index(old, manifest)
        _project_added(old, manifest)
    return Gallery.open(folder)


def check_new_tiles(gallery: Gallery, ids: Iterable[str]) -> None:
    """Check that a gallery holds none of these tiles.

    Raises:
        InputError: it holds one of them.
    """
    new = list(ids)
    twice = [name for name, row in zip(new, gallery.ids.rows(new), strict=True) if row != NO_ROW]
    if twice:
        raise InputError(
            f"{gallery.folder} already holds {min(twice)}: remove it first, or rename it"
        )


def remove_tiles(folder: Path, ids: Sequence[str]) -> Gallery:
    """Remove tiles from a gallery; merging it or encoding it again frees their space.

    Raises:
        InputError: the folder is no gallery, it lacks one of the tiles, or no tile would be left.
    """
    with _next_version(folder) as manifest:
        gallery, unique = Gallery.open(folder), list(dict.fromkeys(ids))
        rows = gallery.ids.rows(unique)
        if (rows < 0).any():
            unknown = unique[rows.argmin()]
            raise InputError(f"{folder} holds no tile {unknown}: give the id of one it holds")
        if len(rows) == len(gallery):
            raise InputError(f"{folder} would be left without tiles: delete the folder instead")
        for number, row in gallery.segment_rows[rows].tolist():
            manifest.segments[number].removed.append(row)
        for segment in manifest.segments:
            segment.removed.sort()
        manifest.segments = [s for s in manifest.segments if len(s.removed) < s.items]
        _update_index(gallery, manifest)
    return Gallery.open(folder)


def index_gallery(
    folder: Path, index: IndexName, *, recall: float = DEFAULT_TARGET_RECALL, uri: str = ""
) -> Gallery:
    """Choose the index of a gallery and build it.

    Args:
        folder: the gallery.
        index: "exact", in memory, the default; "ivf", inverted lists, of which a search probes
            some; or "milvus", a server.
        recall: target recall@20 of "ivf", a fraction.
        uri: of "milvus": the address of the server, or a path that ends in .db.

    Raises:
        InputError: the folder is no gallery, an argument is missing or out of range, or the server
            does not answer.
    """
    with _next_version(folder) as manifest:
        gallery, file = Gallery.open(folder, mend=True), _index_file(folder, manifest)
        old = manifest.index
        manifest.index = build_index(
            gallery, index, recall=recall, uri=uri, file=file, prefix=_collection(gallery)
        )
    drop_index(old)  # searches used it until the manifest was replaced
    return Gallery.open(folder, mend=True)


def write_projection(
    gallery: Gallery,
    projection: pd.DataFrame,
    *,
    feature: PlaneInfo | None = None,
    code: PlaneInfo | None = None,
) -> None:
    """Store a new projection in a gallery; tiles that were added meanwhile are placed in it.

    Args:
        gallery: an opened gallery.
        projection: feature_x, feature_y, code_x, code_y, one row per item; and if UMAP was not
            fitted to all of them, feature_landmark and code_landmark.
        feature: how the plane of the features was made.
        code: how the plane of the codes was made.
    """
    with _next_version(gallery.folder) as manifest:
        saved = _save_projection(gallery, projection, manifest)
        manifest.projection = replace(saved, feature=feature, code=code)
        gallery.manifest.projection = manifest.projection
        for name in ("planes", "landmarks"):
            gallery.__dict__.pop(name, None)  # which are cached
        if manifest.version > gallery.manifest.version:
            _project_added(gallery, manifest)


def write_groups(gallery: Gallery, groups: Groups) -> None:
    """Store the groups of a gallery in it.

    Args:
        gallery: an opened gallery.
        groups: what `rsh.gallery.groups.find_groups` found in it.
    """
    with _next_version(gallery.folder) as manifest:
        file = gallery.folder / f"groups-{manifest.version + 1}.arrow"
        record = _save_columns(file, store_groups(groups.table()))
        stored = GroupsInfo(**asdict(record), file=file.name, prominence=groups.prominence)
        manifest.groups = stored
    gallery.use_groups(stored)


def _have_several(galleries: Sequence[Gallery]) -> bool:
    """Whether tiles have several labels each once galleries are one; some may have no labels.

    Raises:
        InputError: the tiles of one have several labels, those of another one class each.
    """
    labeled = [gallery for gallery in galleries if gallery.label_names]
    several = next((gallery for gallery in labeled if gallery.has_several), None)
    one_class = next((gallery for gallery in labeled if not gallery.has_several), None)
    if several and one_class:
        refuse_other_labels(several.folder, one_class.folder)
    return several is not None or (not labeled and any(each.has_several for each in galleries))


def refuse_other_labels(several: Path, one_class: Path) -> NoReturn:
    """Refuse to put tiles of several labels beside tiles of one class each.

    Raises:
        InputError: always.
    """
    raise InputError(
        f"{several} has several labels a tile, {one_class} one class each: encode one of them "
        "again with another --labels"
    )


def merge_galleries(folders: Sequence[Path], into: Path) -> Gallery:
    """Merge galleries of one model into a new one, without the removed tiles.

    What visitors gave is merged, too; sets of one name become one.

    Raises:
        InputError: the models differ, two galleries share an id, or the new folder is taken.
    """
    galleries = [Gallery.open(folder) for folder in folders]
    first = galleries[0]
    model = (first.num_bits, first.manifest.encoder)
    for other in galleries[1:]:
        if (other.num_bits, other.manifest.encoder) != model:
            raise InputError(
                f"{other.folder} is of another model than {first.folder}: their codes mean "
                "different things; encode one of them again"
            )
    for number, gallery in enumerate(galleries):
        for other in galleries[:number]:
            twice, _ = gallery.ids.shared(other.ids)
            if len(twice):
                name = gallery.ids[int(twice[0])]
                raise InputError(f"two galleries hold {name}: remove one of them")
    check_free(into)
    data = replace(first.manifest.data, several_labels=_have_several(galleries))
    for gallery in galleries[1:]:
        data = _merge_data(data, first, gallery)
    preview = max(gallery.manifest.preview for gallery in galleries)
    new = Manifest(first.name, first.num_bits, first.manifest.model, data, preview=preview)
    with _next_version(into, new) as manifest:
        for gallery in galleries:
            _append(into, manifest, gallery.tiles())
        merge_annotations(folders, into)
        found = [one for gallery in galleries for one in gallery.backgrounds]
        _add_backgrounds(into, manifest, found)
        if learned := first.manifest.learned:
            link_or_copy(first.folder / learned.file, into / learned.file)
            manifest.learned = learned
    return Gallery.open(into)


def _merge_data(data: DataInfo, first: Gallery, other: Gallery) -> DataInfo:
    """Return the data of galleries that were merged before, with those of another one.

    Raises:
        InputError: it shows values or bands otherwise.
    """
    there = other.manifest.data
    try:
        merged = data.merge(there.convert_rendering(data.bands, there.rendering), there.sources)
    except InputError:
        raise InputError(_explain_renderings(data, first, other)) from None
    data.check_bands_shown(there.composites, other.folder)
    change = there.bands.convert_to(data.bands)
    composites = [each.rescaled(*change) for each in there.composites]
    alike = len(composites) == len(data.composites)
    if alike and all(map(Composite.is_like, data.composites, composites)):
        return merged
    warnings.warn(
        f"{other.folder} has other composites than {first.folder}: the new gallery shows the first "
        "alone",
        RshWarning,
        stacklevel=3,
    )
    return replace(merged, composites=data.composites[:1])


def _explain_renderings(data: DataInfo, first: Gallery, other: Gallery) -> str:
    """Return which flags make another gallery show values as the data that were merged before."""
    there = other.manifest.data
    mine, wanted = there.rendering, data.convert_rendering(there.bands, data.rendering)
    flags = [f"--bands {wanted.bands_flag}"] * bool(wanted.bands)
    flags += [f"--stretch {wanted.stretch_flag}"] * bool(wanted.stretch)
    return (
        f"{other.folder} shows its tiles otherwise than {first.folder} ({mine.described()}, and "
        f"not {wanted.described()}): encode it again with {' '.join(flags)}"
    )


def write_learned(
    parent: Gallery,
    folder: Path,
    head: LearnedHead,
    report: LearnReport,
    *,
    name: str,
    seed: int,
    tick: Callable[[int], object] = lambda count: None,
) -> Gallery:
    """Write the gallery that a learned head makes of another one.

    Args:
        parent: the other one, learned or not; the head corrects its network's codes.
        folder: of the new gallery, which takes no more space than the codes where links are known.
        head: the head.
        report: what it has changed.
        name: of the new gallery.
        seed: of the training.
        tick: progress callback, called with the number of tiles that were encoded.

    Raises:
        InputError: the folder is taken, or cannot be written.
    """
    check_free(folder)
    old = parent.manifest
    new = Manifest(name, parent.num_bits, old.model, old.data, preview=old.preview)
    with _next_version(folder, new) as manifest:
        for info, segment in zip(old.segments, parent.segments, strict=True):
            relaxed = CorrectedRows(head, segment.features, segment.network, tick)
            number = f"{manifest.version + 1:06}-{len(manifest.segments)}"
            with atomic_directory(folder / number) as temporary:
                files = write_changed_segment(temporary, segment, relaxed, info.files)
            written = SegmentInfo(number, info.items, list(info.removed), files)
            manifest.segments.append(written)
        file = folder / f"head-{manifest.version + 1}.npz"
        head.save(file)
        manifest.learned = LearnedInfo(
            **asdict(file_record(file)),
            file=file.name,
            parent=old.sha256,
            seed=seed,
            report=report,
        )
        _add_backgrounds(folder, manifest, parent.backgrounds)
        merge_annotations([parent.folder], folder)
    return Gallery.open(folder)


def check_gallery(folder: Path) -> Gallery:
    """Open a gallery after verifying the checksums of all its files, large ones included.

    Raises:
        InputError: the folder is no gallery, or a file is missing, cut short or altered.
    """
    check_files(folder, read_manifest(folder), whole=True)
    gallery = Gallery.open(folder)
    gallery.check_hashes()
    return gallery


def check_new_gallery(folder: Path) -> None:
    """Check that a gallery can be written into a folder.

    Raises:
        InputError: the folder is not writable, or holds other files than a gallery.
    """
    check_writable(folder)
    if not folder.is_dir() or (folder / MANIFEST).exists():
        return
    names = [path.name for path in folder.iterdir()]
    if not all(_is_ours(name) or _is_annotations(name) for name in names):
        raise InputError(f"{folder} holds other files than a gallery: choose another --output")


def check_free(folder: Path) -> None:
    """Check that a gallery can be written into a folder that holds none.

    What a killed writer left behind is accepted.

    Raises:
        InputError: the folder holds a gallery or other files, or is not writable.
    """
    if (folder / MANIFEST).exists():
        raise InputError(f"{folder} exists: give another --output, or delete it")
    check_new_gallery(folder)


def discard_unfinished(folder: Path) -> None:
    """Delete what a killed writer has left in a folder that was to become a gallery."""
    if folder.is_dir() and not (folder / MANIFEST).exists():
        with suppress(InputError), _lock(folder):  # unless another process is writing there
            _clean(folder, keep=set())


def _collection(gallery: Gallery) -> str:
    """Return the prefix of a collection's name, which identifies model and data."""
    prints = [part.fingerprint[:8] for part in (gallery.manifest.model, gallery.manifest.data)]
    return "_".join(["rsh", *filter(None, prints), str(gallery.num_bits)])


@contextmanager
def _next_version(folder: Path, new: Manifest | None = None) -> Iterator[Manifest]:
    """Yield a manifest to change, the current or a new one, and write it if the block succeeds."""
    if not new:
        read_manifest(folder)  # refuses other folders before anything is created in them
    with explain_os_error(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with _lock(folder):
        old = _readable_manifest(folder)
        manifest = deepcopy(new or old or read_manifest(folder))
        manifest.version = old.version if old else 0
        unread = {path.name for path in folder.iterdir()} if (folder / MANIFEST).exists() else set()
        keep = list_entries(old) if old else unread  # another version of rsh may read it
        try:
            yield manifest
            manifest.version += 1
            manifest.num_items = sum(s.items - len(s.removed) for s in manifest.segments)
            write_json(folder / MANIFEST, to_json(manifest))
            keep = list_entries(manifest) | (list_entries(old) if old else set())
        finally:
            _clean(folder, keep=keep)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Exclude other writers; delete the folder afterwards if it holds no gallery."""
    busy = f"{folder} is being changed by another process: wait for it, then run this again"
    with exclusive_lock(folder / LOCK, busy=busy):
        try:
            yield
        finally:
            if not (folder / MANIFEST).exists():
                (folder / LOCK).unlink(missing_ok=True)
                with suppress(OSError):  # it holds other files
                    folder.rmdir()


def _readable_manifest(folder: Path) -> Manifest | None:
    """Return the manifest, or None if there is none or it cannot be read."""
    with suppress(InputError):
        return read_manifest(folder)
    return None


def _update_index(old: Gallery, manifest: Manifest) -> None:
    """Update the index of a gallery, if it keeps one, for a changed manifest."""
    if manifest.index:
        new, file = Gallery(old.folder, manifest), _index_file(old.folder, manifest)
        manifest.index = update_index(old, new, manifest.index, file=file)


def _project_added(old: Gallery, manifest: Manifest) -> None:
    """Place the tiles that a changed manifest adds in the projection, if there is one."""
    if not old.manifest.projection:
        return
    new = Gallery(old.folder, manifest)
    here, _ = new.ids.shared(old.ids)
    table = None if len(here) == len(new) else place_added(old, new)
    if table is not None:
        saved, before = _save_projection(new, table, manifest), old.manifest.projection
        manifest.projection = replace(saved, feature=before.feature, code=before.code)


def _save_projection(
    tiles: Gallery, projection: pd.DataFrame, manifest: Manifest
) -> ProjectionInfo:
    file = tiles.folder / f"projection-{manifest.version + 1}.arrow"
    record = _save_columns(file, store_planes(projection, tiles.ids.hashes))
    return ProjectionInfo(**asdict(record), file=file.name)


def _save_columns(file: Path, columns: Columns) -> FileRecord:
    """Write a table that the manifest is to name."""
    with atomic_write(file) as stream:
        write_columns(stream, columns)
    return file_record(file)


def _index_file(folder: Path, manifest: Manifest) -> Path:
    return folder / f"index-{manifest.version + 1}.npz"


def _append(folder: Path, manifest: Manifest, tiles: GalleryTiles) -> None:
    """Write a segment and add it to the manifest."""
    name = f"{manifest.version + 1:06}-{len(manifest.segments)}"
    with atomic_directory(folder / name) as temporary:
        files = write_segment(temporary, tiles)
    manifest.segments.append(SegmentInfo(name, len(tiles.items), [], files))


def _add_backgrounds(folder: Path, manifest: Manifest, backgrounds: Sequence[Background]) -> None:
    """Write overviews of scenes, each once, and name them in the manifest."""
    manifest.backgrounds = None
    if backgrounds:
        file = folder / f"backgrounds-{manifest.version + 1}.parquet"
        with atomic_write(file) as stream:
            write_backgrounds(join_backgrounds(backgrounds), stream)
        manifest.backgrounds = BackgroundsInfo(**asdict(file_record(file)), file=file.name)


def _clean(folder: Path, *, keep: set[str]) -> None:
    """Delete the files and folders of a gallery whose names are not in `keep`."""
    for path in folder.iterdir():
        if path.name not in keep | {MANIFEST, LOCK, WORK} and _is_ours(path.name):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _is_ours(name: str) -> bool:
    """Whether a writer of galleries uses this name, also for a temporary file."""
    return name in {LOCK, WORK} or bool(OURS.fullmatch(name))


def _is_annotations(name: str) -> bool:
    """Whether a file is of what visitors gave, which no change of the gallery deletes."""
    return name == ANNOTATIONS or name.startswith(f".{ANNOTATIONS}.")
