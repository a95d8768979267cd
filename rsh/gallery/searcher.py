"""What a gallery is searched with: codes in memory, or an index that is kept beside them.

Without an entry in gallery.json the codes are indexed when they are first searched, exactly. An
entry names an index that is kept, in a file of the gallery or on a server:

    {"name": "ivf", "file": "engine-4.npz", "bytes": ..., "sha256": ...}
    {"name": "milvus", "uri": "http://host:19530", "collection": "rsh_1f0c2a7b_..."}

Kept indexes call a tile by its key (`order.id_hashes`), which stays the same when others come and
go; keys ascend with the rows of a gallery, so that ties come in the same order everywhere.
"""

from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import numpy as np

from rsh.codes.binary import Ids, Packed
from rsh.codes.order import id_hashes
from rsh.config import IndexName
from rsh.errors import InputError
from rsh.index.base import Hits, IDSelector, Index
from rsh.index.factory import load_index, make_index
from rsh.index.ivf import IVFIndex
from rsh.io.files import file_record

if TYPE_CHECKING:
    from rsh.gallery.filters import Filter
    from rsh.gallery.gallery import Gallery

Entry = dict[str, Any]


class Searcher:
    """An engine, and the rows of the gallery that it can find.

    Attributes:
        engine: finds ids.
        ids: what the engine calls the rows, (n,) int64, ascending.
        rows: of the gallery, (n,) int64, in the same order.
    """

    def __init__(self, engine: Index, ids: Ids, rows: Ids) -> None:
        """Put them together."""
        self.engine, self.ids, self.rows = engine, ids, rows

    def search(self, query_packed: Packed, *, top_k: int) -> list[Hits]:
        """Find the top_k nearest rows of each query, in the order (distance, row)."""
        return [self._in_rows(hits) for hits in self.engine.search(query_packed, top_k=top_k)]

    def within(self, query_packed: Packed, *, radius: int) -> list[Hits]:
        """Find all rows at most radius bits away from each query."""
        return [self._in_rows(hits) for hits in self.engine.within(query_packed, radius=radius)]

    def among(self, gallery: "Gallery", where: "Filter") -> "Searcher":
        """Return an index that finds only tiles of which the conditions hold.

        Raises:
            InputError: they make no sense for this gallery, or hold of no tile.
        """
        chosen = where.mask(gallery.items)[self.rows]
        if not chosen.any():
            raise InputError("no tile that can be found is so", parameter="where", value=where)
        ids = self.ids[chosen]
        selection = IDSelector(ids, where.expression(gallery.items))
        return Searcher(self.engine.among(selection), ids, self.rows[chosen])

    def _in_rows(self, hits: Hits) -> Hits:
        places = np.minimum(np.searchsorted(self.ids, hits.ids), len(self.ids) - 1)
        known = self.ids[places] == hits.ids  # a server may hold what a newer generation has added
        return Hits(self.rows[places[known]], hits.distances[known])


def open_searcher(gallery: "Gallery") -> Searcher:
    """Return what a gallery is searched with.

    Raises:
        InputError: its index is kept on a server that does not answer, or in a file that was cut.
    """
    rows, entry = gallery.searchable, gallery.info.get("engine")
    if not entry:
        engine = make_index(gallery.packed[rows], gallery.num_bits)
        return Searcher(engine, np.arange(len(rows)), rows)
    keys = _keys(gallery)
    order = np.argsort(keys)  # that of the rows, unless somebody has written the gallery otherwise
    return Searcher(_open(gallery, entry), keys[order], rows[order])


def build_index(
    gallery: "Gallery", name: IndexName, *, recall: float, uri: str, file: Path
) -> Entry:
    """Index a gallery anew, and return what gallery.json says of it.

    Args:
        gallery: an opened gallery.
        name: "exact" keeps nothing.
        recall: of "ivf": the least share of the nearest 20 that is to be found.
        uri: of "milvus": the server, or a path that ends in .db.
        file: where "ivf" is kept.

    Raises:
        InputError: the server does not answer, or an argument is missing or out of range.
    """
    if name == "milvus":
        from rsh.index.milvus import MilvusIndex  # pymilvus, which few need

        if not uri:
            raise InputError(
                "give a --uri, too, such as http://localhost:19530", parameter="engine", value=name
            )
        uri = str(Path(uri).absolute()) if uri.endswith(".db") else uri
        collection = f"{_collection(gallery)}_{token_hex(4)}"  # of its own: others may be in use
        entry = {"name": name, "uri": uri, "collection": collection}
        MilvusIndex.build(uri, entry["collection"], gallery.num_bits)
        return update_index(gallery, gallery, entry, file=file)
    if uri:
        raise InputError("only milvus asks a server", parameter="uri", value=uri)
    if name == "exact":
        return {}
    codes = gallery.packed[gallery.searchable]
    IVFIndex.build(codes, gallery.num_bits, _keys(gallery), recall=recall).save(file)
    return {"name": name, "file": file.name} | file_record(file)


def update_index(old: "Gallery", gallery: "Gallery", entry: Entry, *, file: Path) -> Entry:
    """Bring a kept index up to date with a gallery, and return its new entry.

    A writer that was killed may have left tiles in an index on a server, under keys that other
    images have now: what the old gallery does not hold is taken out before anything is added.

    Args:
        old: the gallery that the index was made for.
        gallery: as it is now.
        entry: the index as it was; none stays none.
        file: where an index that is kept in a file goes.

    Raises:
        InputError: the server does not answer.
    """
    if not entry:
        return {}
    engine, keys, rows = _open(gallery, entry), _keys(gallery), gallery.searchable
    before = engine.ids
    kept = np.intersect1d(before, keys[np.isin(keys, _keys(old))])
    engine.remove(np.setdiff1d(before, kept))
    new = ~np.isin(keys, kept)
    engine.add(gallery.packed[rows[new]], keys[new], gallery.items.iloc[rows[new]])
    if "file" not in entry:
        return entry
    engine.save(file)
    return entry | {"file": file.name} | file_record(file)


def drop_index(entry: Entry) -> None:
    """Take away what a server keeps for an index that is no longer used, if the server is there."""
    if entry.get("name") == "milvus":
        from rsh.index.milvus import MilvusIndex

        with suppress(InputError):
            MilvusIndex.drop(entry["uri"], entry["collection"])


def describe_index(gallery: "Gallery") -> str:
    """Say what a gallery is searched with.

    Raises:
        InputError: it is kept on a server that does not answer.
    """
    entry = gallery.info.get("engine") or {"name": "exact"}
    if entry["name"] == "milvus":
        return f"exact, by Milvus at {entry['uri']}, collection {entry['collection']}"
    engine = gallery.index.engine
    if not isinstance(engine, IVFIndex):
        return "exact, in memory"
    return (
        f"approximate: looks at {engine.num_probes} of {engine.num_lists} lists and finds "
        f"{engine.recall:.1%} of the nearest 20, less beyond them"
    )


def _open(gallery: "Gallery", entry: Entry) -> Index:
    if entry["name"] == "ivf":
        return load_index(gallery.folder / entry["file"])
    from rsh.index.milvus import MilvusIndex

    return MilvusIndex.open(entry["uri"], entry["collection"], gallery.num_bits)


def _keys(gallery: "Gallery") -> Ids:
    return id_hashes(gallery.items["id"].iloc[gallery.searchable])


def _collection(gallery: "Gallery") -> str:
    """Return a name that tells model and data."""
    prints = [str(gallery.info[part].get("fingerprint", ""))[:8] for part in ("model", "data")]
    return "_".join(["rsh", *filter(None, prints), str(gallery.num_bits)])
