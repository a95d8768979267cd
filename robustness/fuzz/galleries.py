"""Fuzzing galleries: each file as a user would alter it who also mends its note in the head."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from robustness.fuzz import mutators as change
from robustness.fuzz import seeds
from robustness.fuzz.targets import Mutator, Target, Use
from rsh.codes.order import id_hashes
from rsh.errors import InputError
from rsh.explorer.address import gallery_in, read_address, write_address
from rsh.explorer.panels.coloring import list_ways, make_coloring
from rsh.explorer.panels.filter import list_columns
from rsh.explorer.panels.scatter import make_maps
from rsh.explorer.panels.tiles import describe
from rsh.explorer.state import ExplorerState
from rsh.gallery.filters import Filter
from rsh.gallery.gallery import Gallery
from rsh.gallery.manifest import with_checksum as with_checksum
from rsh.gallery.unusual import most_unusual
from rsh.index.ivf import IVFIndex
from rsh.io.files import file_record
from rsh.search.formats.contact_sheet import to_contact_sheet
from rsh.search.formats.geojson import feature_collection
from rsh.search.formats.snippets import to_command, to_python
from rsh.search.formats.tables import to_csv, to_geojson, to_json
from rsh.search.retrieve import search

SEGMENT = "000001-0"


def look_at(gallery: Gallery, *, sheet: bool = False) -> None:
    """Do with a gallery what the page, a search and what is taken away do with it."""
    query = str(gallery.items["id"].iloc[0])
    questions = (
        *({"top_k": 3}, {"radius": gallery.num_bits // 2}, {"top_k": 2, "rerank": "features"}),
        {"top_k": 2, "rerank": "asymmetric"},
        {"top_k": 3, "filter": Filter.read(["split!=query"])},
    )
    for arguments in questions:
        with suppress(InputError):
            result = search(gallery, query, **arguments)
            to_csv(result), to_json(result), to_python(result), str(result)
            json.dumps(feature_collection(result), allow_nan=False)
            to_geojson(result), to_command(result)
    if sheet:
        with suppress(InputError):
            to_contact_sheet(search(gallery, query, top_k=3))
    with suppress(InputError):
        _show(gallery)


def _show(gallery: Gallery) -> None:
    """Make what the panels of the page are given."""
    state = ExplorerState(gallery)
    result = state.results()
    for way, _ in list_ways(gallery):
        json.dumps({k: str(v) for k, v in make_coloring(result, way).items()})
    list_columns(state), make_maps(gallery, "page"), write_address(state)
    for group in gallery.groups or ():
        gallery.searchable_rows(Filter.read([f"group={group.key}"]), include_held_out=True)
    most_unusual(gallery)
    for row in range(len(gallery)):
        describe(gallery, row)
        gallery.thumbnail(row)


def sealed(path: str, *, sheet: bool = False) -> Callable[[Path], Use]:
    """Put the input in the place of one file, and note its size and checksum in the head."""

    def make(folder: Path) -> Use:
        place = seeds.gallery(folder / "gallery")
        if path.startswith("index"):
            _with_index(place)
        head = json.loads((place / "gallery.json").read_text())

        def use(data: bytes) -> None:
            (place / path).write_bytes(data)
            _note(head, path).update(asdict(file_record(place / path)))
            (place / "gallery.json").write_text(json.dumps(with_checksum(head)))
            look_at(Gallery.open(place), sheet=sheet)

        return use

    return make


def _note(head: dict[str, Any], path: str) -> dict[str, Any]:
    """Return what a head says of a file."""
    if path.startswith(SEGMENT):
        note: dict[str, Any] = head["segments"][0]["files"][Path(path).name]
        return note
    found: dict[str, Any] = head[path.partition("-")[0]]
    return found


def _with_index(place: Path) -> None:
    """Keep an index of lists with a gallery, as `rsh gallery index` does."""
    opened = Gallery.open(place)
    rows = opened.searchable
    keys = id_hashes(opened.items["id"].iloc[rows])
    IVFIndex.build(opened.packed[rows], opened.num_bits, keys).save(place / "index-3.npz")
    head = json.loads((place / "gallery.json").read_text())
    record = asdict(file_record(place / "index-3.npz"))
    head["index"] = {"name": "ivf", "file": "index-3.npz"} | record
    (place / "gallery.json").write_text(json.dumps(with_checksum(head)))


def head_alone(folder: Path) -> Use:
    """Put the input in the place of gallery.json, with the checksum it should have."""
    place = seeds.gallery(folder / "gallery")

    def use(data: bytes) -> None:
        with suppress(AttributeError, LookupError, RecursionError, TypeError, ValueError):
            if "sha256" in (head := json.loads(data)):
                data = json.dumps(with_checksum(head)).encode()
        (place / "gallery.json").write_bytes(data)
        look_at(Gallery.open(place))

    return use


def address(folder: Path) -> Use:
    """Read the input as a page's address."""
    opened = Gallery.open(seeds.gallery(folder / "gallery"))
    start = ExplorerState(opened)

    def use(data: bytes) -> None:
        text, state = data.decode("utf-8", "replace"), start
        before = state.query, state.settings
        try:
            gallery_in(text)
            read_address(text, state)
            state.results(), write_address(state)
        except InputError:
            assert before == (state.query, state.settings)
        finally:
            state.query, state.settings = before

    return use


@contextmanager
def _made(folder: Path) -> Iterator[Path]:
    """Make a gallery for its files, and take it away again."""
    place = seeds.gallery(folder / "seeds")
    try:
        yield place
    finally:
        shutil.rmtree(place)


def file_of(path: str) -> Callable[[Path], list[bytes]]:
    """Return the maker of one file of a gallery."""

    def make(folder: Path) -> list[bytes]:
        with _made(folder) as place:
            if path.startswith("index"):
                _with_index(place)
            return [(place / path).read_bytes()]

    return make


def _file(path: str, mutate: Mutator, *, sheet: bool = False) -> Target:
    return Target(file_of(path), sealed(path, sheet=sheet), mutate)


HEAD = change.altered(change.json_value)
TABLE, ARRAY = change.altered(change.columns_value), change.altered(change.array_value)
WORDS = [b"?q=coast/1.png&k=3&r=2&order=features&where=split=train&like=forest/0.png"]
TARGETS: dict[str, Target] = {
    "gallery.json": Target(file_of("gallery.json"), head_alone, HEAD),
    "items.arrow": _file(f"{SEGMENT}/items.arrow", TABLE),
    "projection": _file("projection-2.arrow", TABLE),
    "groups": _file("groups-3.arrow", TABLE),
    "codes.npy": _file(f"{SEGMENT}/codes.npy", ARRAY),
    "relaxed.npy": _file(f"{SEGMENT}/relaxed.npy", ARRAY),
    "features.npy": _file(f"{SEGMENT}/features.npy", ARRAY),
    "thumbs.npy": _file(f"{SEGMENT}/thumbs.npy", ARRAY, sheet=True),
    "thumbs.bin": _file(f"{SEGMENT}/thumbs.bin", change.raw, sheet=True),
    "index.npz": _file("index-3.npz", change.altered(change.zip_member)),
    "address": Target(lambda folder: WORDS, address, change.raw),
}
