"""Gallery manifest: the files that make up a gallery, with checksums.

    {"format": 4, "version": 3, "name": ..., "num_bits": 32, "num_items": 310,
     "model": {...}, "data": {...}, "preview": 0,
     "segments": [{"folder": "000001-0", "items": 300, "removed": [17], "files": {...}},
                  {"folder": "000003-0", "items": 11, "removed": [], "files": {...}}],
     "projection": {"file": "projection-2.arrow", "size": ..., "sha256": ...,
                    "feature": {...}, "code": {...}},      how far each plane can be trusted
     "groups": {"file": "groups-3.arrow", "size": ..., "sha256": ..., "prominence": 1.0},
     "backgrounds": null,                               overviews of scenes, in a file likewise
     "index": null,                                     the search index: see searcher
     "learned": null,                                   what labels have taught: see learned
     "sha256": ...}                         of everything but name, model.run and data.sources

Only files that the manifest names belong to the gallery. A writer adds new files and then replaces
the manifest in one step, so a reader sees either the whole change or none of it.
"""

import hashlib
import json
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rsh.codes.binary import MAX_BITS
from rsh.config import PROMINENCES, vector_dim
from rsh.data.bands import NO_BANDS, BandOptions, Bands, plain_name
from rsh.data.image_source import ImageSource
from rsh.data.rendering import AS_IS, Composite, Rendering
from rsh.errors import InputError
from rsh.gallery.learn_report import LearnReport
from rsh.gallery.segment import COMPOSITES, FILES, LEARNED_FILES, PREVIEWS
from rsh.io.files import FileRecord, read_json, recovery_hint, sha256
from rsh.io.schema import from_json

WORK = ".encode"  # folder that an interrupted `rsh encode` resumes from; other writers keep it
FORMAT = 4
MANIFEST = "gallery.json"
SEGMENT_NAME = re.compile(r"\d{6}-\d+")
INDEX_NAME = re.compile(r"index-\d+\.npz")
COLLECTION_NAME = re.compile(r"rsh_\w+")  # rsh deletes a collection when its index is replaced
PROJECTION_NAME = re.compile(r"projection-\d+\.arrow")
GROUPS_NAME = re.compile(r"groups-\d+\.arrow")
BACKGROUNDS_NAME = re.compile(r"backgrounds-\d+\.parquet")
HEAD_NAME = re.compile(r"head-\d+\.npz")
MADE_BY = {  # entries that a command makes from the rest of the gallery
    "projection": "rsh project {folder}",
    "groups": "rsh groups {folder}",
    "index": "rsh gallery index {folder} --type ivf",
}
LARGE = 1 << 25  # bytes; the checksum of a larger file is verified only by `rsh gallery check`


@dataclass(frozen=True)
class ModelInfo:
    """The network that encoded a gallery: settings, fingerprint and, if known, run folder."""

    backbone: str = ""
    num_bits: int = 0
    look_bits: int = 0
    image_size: int = 0
    hidden: int = 0
    feature_dim: int = 0
    tta: int = 0
    feature_stages: int = 0
    bands: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    fingerprint: str = ""
    run: str = ""

    @property
    def sees(self) -> Bands:
        """The bands that it takes; `IMAGE` of images and embeddings."""
        return Bands(self.bands, self.units)

    @property
    def vector_dim(self) -> int:
        """Numbers in the vectors that it encodes; 0 if it encodes images."""
        return vector_dim(self.backbone)


@dataclass(frozen=True)
class DataInfo:
    """The data set that was encoded, and how.

    Attributes:
        name: of the data set.
        fingerprint: of its tiles.
        rendering: how its rasters became 8-bit RGB.
        bands: which of their bands the network has seen, if it takes other than an image's.
        composites: ways to show these, the first as `rendering` says.
        several_labels: whether its tiles have several labels each, which count instead of a class.
        sources: where its images are.
    """

    name: str = ""
    fingerprint: str = ""
    rendering: Rendering = AS_IS
    bands: BandOptions = NO_BANDS
    composites: tuple[Composite, ...] = ()
    several_labels: bool = False
    sources: tuple[ImageSource, ...] = ()

    def sources_showing(self, rendering: Rendering) -> list[tuple[ImageSource, Rendering]]:
        """Return all sources, and for each the same rendering in the values of its own rasters."""
        bands = map(self._find_bands, self.sources)
        shown = (self.convert_rendering(each, rendering) for each in bands)
        return list(zip(self.sources, shown, strict=True))

    def convert_rendering(self, options: BandOptions, rendering: Rendering) -> Rendering:
        """Return a rendering of its tiles for rasters that are read with other options."""
        return rendering.rescaled(*self.bands.convert_to(options))

    @property
    def all_bands(self) -> tuple[BandOptions, ...]:
        """What the values of its rasters mean, in each unit that some are in."""
        return tuple(dict.fromkeys((self.bands, *map(self._find_bands, self.sources))))

    def check_bands_shown(self, composites: Sequence[Composite], path: Path) -> None:
        """Refuse further tiles that show other bands as red, green and blue than these.

        Args:
            composites: of the further tiles.
            path: of these tiles.

        Raises:
            InputError: names the bands.
        """
        for mine, its in zip(self.composites[:1], composites, strict=False):
            if [*map(plain_name, mine.bands)] != [*map(plain_name, its.bands)]:
                raise InputError(
                    f"{path} shows {', '.join(its.bands)} as red, green and blue, and the gallery "
                    f"{', '.join(mine.bands)}: bring the bands of its files into the same order"
                )

    def _find_bands(self, source: ImageSource) -> BandOptions:
        """Return what values of a source mean; manifests did not always say it for each."""
        return source.bands if source.bands.names else self.bands

    def merge(self, rendering: Rendering, sources: Iterable[ImageSource]) -> "DataInfo":
        """Return the same with the rendering and the sources of further tiles.

        Raises:
            InputError: their rasters were rendered otherwise.
        """
        every = dict.fromkeys((*self.sources, *sources))
        merged = self.rendering.merge(rendering)
        return replace(self, rendering=merged, sources=tuple(every))


@dataclass
class SegmentInfo:
    """A segment: its folder, its number of tiles, and which of its rows were removed."""

    folder: str
    items: int
    removed: list[int]
    files: dict[str, FileRecord]


@dataclass(frozen=True)
class PlaneInfo:
    """How a plane was made, and how far it can be trusted.

    Attributes:
        landmarks: rows that UMAP was fitted to: tiles in feature space, distinct codes in hash
            space.
        variance: share of the variance of the features that was kept when they were reduced.
        trustworthiness: 0 to 1; 1 if all neighbors in the plane are neighbors in the space.
        kept: share of a tile's nearest ten in the plane that are among its nearest ten in the
            space.
    """

    landmarks: int
    variance: float
    trustworthiness: float
    kept: float


@dataclass(frozen=True)
class ProjectionInfo(FileRecord):
    """The file with the projections of features and codes, and figures of `rsh project`.

    The figures are of the tiles that were there when it ran.
    """

    file: str
    feature: PlaneInfo | None = None
    code: PlaneInfo | None = None


@dataclass(frozen=True)
class GroupsInfo(FileRecord):
    """The file with the groups of the tiles, and the prominence with which they were found."""

    file: str
    prominence: float


@dataclass(frozen=True)
class BackgroundsInfo(FileRecord):
    """The file with overviews of the scenes that tiles were cut from."""

    file: str


@dataclass(frozen=True)
class LearnedInfo(FileRecord):
    """The file with the head that labels have taught, and what it has learned from.

    Attributes:
        file: see `rsh.gallery.learned`.
        parent: sha256 of the manifest of the gallery that it was taught on.
        seed: of the training.
        report: what has changed.
    """

    file: str
    parent: str
    seed: int
    report: LearnReport


@dataclass(frozen=True)
class IVFInfo(FileRecord):
    """An index of inverted lists, stored in the gallery."""

    name: str
    file: str


@dataclass(frozen=True)
class MilvusInfo:
    """An index on a server."""

    name: str
    uri: str
    collection: str


IndexInfo = IVFInfo | MilvusInfo


@dataclass
class Manifest:
    """The contents of gallery.json."""

    name: str
    num_bits: int
    model: ModelInfo
    data: DataInfo
    format: int = FORMAT
    version: int = 0
    num_items: int = 0
    preview: int = 0  # longest side of stored previews, pixels; 0 for none
    segments: list[SegmentInfo] = field(default_factory=list)
    projection: ProjectionInfo | None = None
    groups: GroupsInfo | None = None
    backgrounds: BackgroundsInfo | None = None
    index: IndexInfo | None = None
    learned: LearnedInfo | None = None
    sha256: str = ""

    @property
    def encoder(self) -> str:
        """Fingerprint of the network and of the learned head: what makes equal codes is equal."""
        learned = f" {self.learned.sha256}" if self.learned else ""
        return self.model.fingerprint + learned


def read_manifest(folder: Path) -> Manifest:
    """Read gallery.json.

    Raises:
        InputError: the folder is no gallery, has another format, or its manifest was altered.
    """
    file = folder / MANIFEST
    content = read_json(file, what="gallery")
    if content.get("format") != FORMAT:
        raise InputError(
            f"{file} has gallery format {content.get('format')}, this rsh reads {FORMAT}: "
            "make it again with `rsh encode`"
        )
    manifest = from_json(Manifest, content, where=str(file), what="gallery")
    if not 1 <= manifest.num_bits <= MAX_BITS:
        raise InputError(f"{file} has num_bits={manifest.num_bits}: {recovery_hint('gallery')}")
    if not manifest.segments:
        raise InputError(f"{file} names no segments: {recovery_hint('gallery')}")
    needed = FILES + LEARNED_FILES if manifest.learned else FILES
    for number, segment in enumerate(manifest.segments):
        _check_segment(segment, needed, where=f"'segments[{number}]' in {file}")
    _check_additions(manifest, file)
    if content != with_checksum(content):
        raise InputError(f"{file} was altered: {recovery_hint('gallery')}")
    return manifest


def _check_additions(manifest: Manifest, file: Path) -> None:
    """Check what a gallery may have besides its segments."""
    if manifest.projection:
        _check_projection(manifest.projection, where=f"'projection' in {file}")
    if manifest.groups:
        _check_groups(manifest.groups, where=f"'groups' in {file}")
    if manifest.backgrounds:
        _check_name(manifest.backgrounds.file, BACKGROUNDS_NAME, f"'backgrounds' in {file}")
    if manifest.index:
        _check_index(manifest.index, where=f"'index' in {file}")
    if manifest.learned:
        _check_name(manifest.learned.file, HEAD_NAME, f"'learned' in {file}")


def to_json(manifest: Manifest) -> dict[str, Any]:
    """Return the content of gallery.json."""
    return with_checksum(asdict(manifest))


def with_checksum(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content with its checksum, which does not cover the name and folders outside."""
    rest = {key: content[key] for key in content if key not in ("name", "sha256")}
    for part, path in (("model", "run"), ("data", "sources")):
        rest[part] = {key: value for key, value in content[part].items() if key != path}
    digest = hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
    return content | {"sha256": digest}


def check_files(folder: Path, manifest: Manifest, *, whole: bool = False) -> None:
    """Check that all files are as they were written.

    Args:
        folder: the gallery.
        manifest: its manifest.
        whole: verify the checksums of large files, too. By default only their size is checked,
            because a search should not wait until gigabytes have been read.

    Raises:
        InputError: a file is missing, cut or altered.
    """
    commands = {
        file: MADE_BY[entry].format(folder=shlex.quote(str(folder)))
        for entry, file, _ in _iter_made(manifest)
    }
    for name, record in iter_files(manifest):
        if harm := _find_harm(folder, name, record, whole=whole):
            hint = recovery_hint("gallery", commands.get(name, ""))
            raise InputError(f"{folder / name} {harm}: {hint}")


def without_harmed(folder: Path, manifest: Manifest) -> Manifest:
    """Return a manifest without the entries of `MADE_BY` whose files are missing or altered."""
    left = replace(manifest)
    for entry, file, record in _iter_made(manifest):
        if _find_harm(folder, file, record):
            setattr(left, entry, None)
    return left


def _iter_made(manifest: Manifest) -> Iterator[tuple[str, str, FileRecord]]:
    """Yield each entry of `MADE_BY` that there is: its name, its file and its record."""
    for name in MADE_BY:
        entry = getattr(manifest, name)
        if entry is not None and not isinstance(entry, MilvusInfo):
            yield name, entry.file, entry


def _find_harm(folder: Path, name: str, record: FileRecord, *, whole: bool = False) -> str:
    """Say what has happened to a file; "" if it is as it was written."""
    file = folder / name
    if not file.resolve().is_relative_to(folder.resolve()):  # the dashboard would serve it
        return "lies outside the gallery"
    if not file.is_file():
        return "is missing"
    read = whole or record.size < LARGE
    if file.stat().st_size != record.size or (read and sha256(file) != record.sha256):
        return "was altered or cut short"
    return ""


def iter_files(manifest: Manifest) -> Iterator[tuple[str, FileRecord]]:
    """Yield each file that a manifest names: its path in the gallery, and its record."""
    for segment in manifest.segments:
        for name, record in segment.files.items():
            yield f"{segment.folder}/{name}", record
    entries = (manifest.projection, manifest.groups, manifest.backgrounds)
    for entry in (*entries, manifest.index, manifest.learned):
        if entry is not None and not isinstance(entry, MilvusInfo):
            yield entry.file, entry


def list_entries(manifest: Manifest) -> set[str]:
    """Return the names of all segments and files in the gallery's folder but the manifest's."""
    return {path.split("/")[0] for path, _ in iter_files(manifest)}


def _check_segment(segment: SegmentInfo, needed: Sequence[str], *, where: str) -> None:
    _check_name(segment.folder, SEGMENT_NAME, where)
    if segment.removed != sorted({row for row in segment.removed if 0 <= row < segment.items}):
        raise InputError(f"{where} removes tiles it does not have: {recovery_hint('gallery')}")
    pairs = [pair for pair in (PREVIEWS, COMPOSITES) if {*pair} & {*segment.files}]
    wanted = [*needed, *(name for pair in pairs for name in pair)]
    for name in [*wanted, *segment.files]:
        if name not in segment.files:
            raise InputError(f"'files' of {where} has no {name!r}: {recovery_hint('gallery')}")
        if name not in wanted:
            raise InputError(
                f"'files' of {where} has an unknown {name!r}: {recovery_hint('gallery')}"
            )


def _check_groups(groups: GroupsInfo, *, where: str) -> None:
    _check_name(groups.file, GROUPS_NAME, where)
    least, most = PROMINENCES
    if not least <= groups.prominence <= most:
        raise InputError(f"{where} has prominence={groups.prominence}: {recovery_hint('gallery')}")


def _check_projection(projection: ProjectionInfo, *, where: str) -> None:
    _check_name(projection.file, PROJECTION_NAME, where)
    for plane in filter(None, (projection.feature, projection.code)):
        shares = plane.variance, plane.trustworthiness, plane.kept
        if plane.landmarks < 0 or not all(0 <= share <= 1 for share in shares):  # NaN neither
            raise InputError(f"{where} has figures out of range: {recovery_hint('gallery')}")


def _check_index(index: IndexInfo, *, where: str) -> None:
    kind, kept_in, pattern = (
        ("ivf", index.file, INDEX_NAME)
        if isinstance(index, IVFInfo)
        else ("milvus", index.collection, COLLECTION_NAME)
    )
    if index.name != kind:
        raise InputError(f"{where} is no search index: {recovery_hint('gallery')}")
    _check_name(kept_in, pattern, where)


def _check_name(name: str, pattern: re.Pattern[str], where: str) -> None:
    if not pattern.fullmatch(name):  # so a name cannot lead out of the folder
        raise InputError(f"{where} names {name!r}: {recovery_hint('gallery')}")
