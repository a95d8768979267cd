"""The systems that search.py compares, each with the settings its makers advise."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import faiss
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsh.codes.binary import Packed
from rsh.index.base import Index
from rsh.index.factory import make_index
from rsh.index.flat import pad
from rsh.index.ivf import IVFIndex

TOP_K = 20
Answer = tuple[NDArray[Any], NDArray[Any]]  # ids and distances, nearest first
Ask = Callable[[Packed], list[Answer]]
Build = Callable[[Packed, int], AbstractContextManager[Ask]]


class Peer(NamedTuple):
    """An system.

    Attributes:
        build: indexes codes, (n, bytes) uint8 of so many bits, and gives what answers queries.
        most: codes that it is measured with at most; more would take hours to index.
    """

    build: Build
    most: int = 10**8


@contextmanager
def rsh(gallery: Packed, num_bits: int) -> Iterator[Ask]:
    """Ours: exact or folded, whichever is faster on some of the codes."""
    yield _ask_ours(make_index(gallery, num_bits))


@contextmanager
def rsh_ivf(gallery: Packed, num_bits: int) -> Iterator[Ask]:
    """Ours: lists, of which so many are looked at that 99 % of the nearest 20 are found."""
    yield _ask_ours(IVFIndex.build(gallery, num_bits))


@contextmanager
def rsh_milvus(gallery: Packed, num_bits: int) -> Iterator[Ask]:
    """Ours: Milvus's embedded server, with the ties in order."""
    from rsh.index.milvus import MilvusIndex

    with _folder() as folder:
        system = MilvusIndex.build(str(folder / "codes.db"), "codes", num_bits)
        system.add(gallery, np.arange(len(gallery)))
        yield _ask_ours(system)
        system.close()


@contextmanager
def faiss_padded(gallery: Packed, num_bits: int) -> Iterator[Ask]:
    """The bare call that ours cannot be faster than, unless it folds."""
    index: Any = faiss.IndexBinaryFlat(8 * pad(gallery[:1]).shape[1])
    index.add(pad(gallery))
    yield lambda queries: _rows(*index.search(pad(queries), TOP_K)[::-1])


@contextmanager
def faiss_flat(gallery: Packed, num_bits: int) -> Iterator[Ask]:
    """FAISS as its documentation has it."""
    index: Any = faiss.IndexBinaryFlat(num_bits)
    index.add(np.ascontiguousarray(gallery))
    yield lambda queries: _rows(*index.search(np.ascontiguousarray(queries), TOP_K)[::-1])


@contextmanager
def numpy(gallery: Packed, num_bits: int) -> Iterator[Ask]:
    """Exclusive or, count, and the codes up to the distance of the twentieth."""
    words = gallery.view({2: np.uint16, 4: np.uint32}.get(gallery.shape[1], np.uint64))

    def ask(queries: Packed) -> list[Answer]:
        return [one(query) for query in np.ascontiguousarray(queries).view(words.dtype)]

    def one(query: NDArray[Any]) -> Answer:
        distances = np.bitwise_count(words[:, 0] ^ query[0])
        for column in range(1, words.shape[1]):
            distances += np.bitwise_count(words[:, column] ^ query[column])
        radius = int(np.searchsorted(np.cumsum(np.bincount(distances)), TOP_K))
        near = np.flatnonzero(distances <= radius)
        ids = near[np.argsort(distances[near], kind="stable")[:TOP_K]]
        return ids, distances[ids]

    yield ask


@contextmanager
def usearch_exact(gallery: Packed, num_bits: int) -> Iterator[Ask]:
    """USearch's exact search."""
    from usearch.index import MetricKind, search

    def ask(queries: Packed) -> list[Answer]:
        found = search(gallery, queries, TOP_K, MetricKind.Hamming, exact=True, threads=1)
        return _rows(np.atleast_2d(found.keys), np.atleast_2d(found.distances))

    yield ask


@contextmanager
def usearch_hnsw(gallery: Packed, num_bits: int) -> Iterator[Ask]:
    """USearch's graph."""
    from usearch.index import Index, MetricKind, ScalarKind

    index = Index(ndim=num_bits, metric=MetricKind.Hamming, dtype=ScalarKind.B1)
    index.add(np.arange(len(gallery)), gallery, threads=1)

    def ask(queries: Packed) -> list[Answer]:
        found = index.search(queries, TOP_K, threads=1)
        return _rows(np.atleast_2d(found.keys), np.atleast_2d(found.distances))

    yield ask


@contextmanager
def duckdb(gallery: Packed, num_bits: int) -> Iterator[Ask]:
    """A table scan in SQL."""
    import duckdb

    words = pd.DataFrame(_wide(gallery)).add_prefix("w").assign(id=np.arange(len(gallery)))
    database = duckdb.connect(config={"threads": 1})
    database.execute("CREATE TABLE codes AS SELECT * FROM words")
    names = [name for name in words if name != "id"]
    del words
    far = " + ".join(f"bit_count(xor({name}, ?::UBIGINT))" for name in names)
    query = f"SELECT id, {far} AS far FROM codes ORDER BY far, id LIMIT {TOP_K}"

    def ask(queries: Packed) -> list[Answer]:
        answers = [database.execute(query, row).fetchnumpy() for row in _wide(queries).tolist()]
        return [(np.asarray(a["id"]), np.asarray(a["far"])) for a in answers]

    yield ask
    database.close()


@contextmanager
def lancedb(gallery: Packed, num_bits: int) -> Iterator[Ask]:
    """LanceDB's exact search."""
    import lancedb
    import pyarrow as pa

    with _folder() as folder:
        flat = pa.FixedSizeListArray.from_arrays(pa.array(gallery.ravel()), gallery.shape[1])
        columns = {"id": np.arange(len(gallery)), "vector": flat}
        table = lancedb.connect(folder).create_table("codes", pa.table(columns))

        vectors: Any = table.search

        def ask(queries: Packed) -> list[Answer]:
            found = [
                vectors(query).distance_type("hamming").limit(TOP_K).to_arrow() for query in queries
            ]
            return [(f["id"].to_numpy(), f["_distance"].to_numpy()) for f in found]

        yield ask


@contextmanager
def milvus_lite(gallery: Packed, num_bits: int) -> Iterator[Ask]:
    """Milvus's embedded server as it answers, ties in any order."""
    from rsh.index.milvus import MilvusIndex

    with _folder() as folder:
        system = MilvusIndex.build(str(folder / "codes.db"), "codes", num_bits)
        system.add(gallery, np.arange(len(gallery)))
        yield lambda queries: list(system.raw_search(queries, TOP_K))
        system.close()


@contextmanager
def limit(gallery: Packed, num_bits: int) -> Iterator[Ask]:
    """The physical limit: every byte of the codes read once, by the fastest reduction there is."""
    words = np.ascontiguousarray(gallery).ravel()[: gallery.size // 8 * 8].view(np.uint64)
    nothing = (np.array([], np.int64), np.array([], np.int64))

    def ask(queries: Packed) -> list[Answer]:
        for _ in queries:
            np.bitwise_or.reduce(words)
        return [nothing] * len(queries)

    yield ask


PEERS = {
    "rsh": Peer(rsh),
    "rsh, IVF": Peer(rsh_ivf),
    "rsh, Milvus": Peer(rsh_milvus, most=10**6),
    "FAISS Flat, padded": Peer(faiss_padded),
    "FAISS Flat": Peer(faiss_flat),
    "numpy": Peer(numpy),
    "USearch exact": Peer(usearch_exact),
    "USearch HNSW": Peer(usearch_hnsw, most=10**6),
    "DuckDB": Peer(duckdb),
    "LanceDB": Peer(lancedb),
    "Milvus Lite": Peer(milvus_lite, most=10**6),
    "memory's limit": Peer(limit),
}


def _ask_ours(system: Index) -> Ask:
    return lambda queries: list(system.search(queries, top_k=TOP_K))


def _rows(ids: NDArray[Any], distances: NDArray[Any]) -> list[Answer]:
    return list(zip(ids.astype(np.int64), distances, strict=True))


def _wide(packed: Packed) -> NDArray[np.uint64]:
    """Return codes as unsigned 64-bit numbers, (n, words)."""
    width = -(-packed.shape[1] // 8) * 8
    padded = np.zeros((len(packed), width), dtype=np.uint8)
    padded[:, : packed.shape[1]] = packed
    return padded.view(np.uint64)


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
