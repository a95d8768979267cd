"""Codes on a Milvus server, for galleries that are too large for one machine.

The same client connects to a server (a URI such as http://host:19530) or to an embedded one (a path
that ends in .db, for tests; one process at a time). The environment variable RSH_MILVUS_TOKEN holds
the token, so that no file of a gallery contains it.

Milvus compares exactly (BIN_FLAT), but its choice among the codes that tie for the last ranks
depends on its storage. A second search resolves these ties by id, so that the hits equal FAISS's.
"""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from rsh.codes.binary import Ids, Packed, check_packed
from rsh.errors import InputError
from rsh.index.base import (
    ColumnTest,
    Hits,
    IDSelector,
    check_ids,
    check_radius,
    check_top_k,
    refuse_duplicates,
    sort_hits,
)
from rsh.index.milvus_client import Client, call, connect

MAX_HITS = 16_384  # of one search
BATCH = 10_000  # rows of one insert
QUERIES = 100  # of one search
LAST_ID = 2**63 - 1
LEAST = "-1e308"
NOT_SENT = ("id", "footprint")  # the collection has ids of its own; no filter uses footprints


class MilvusIndex:
    """Codes in a collection of a Milvus server: see `Index`."""

    recall: float | None = None

    def __init__(
        self, client: Client, uri: str, collection: str, num_bits: int, expression: str = ""
    ) -> None:
        """Use `MilvusIndex.build` or `MilvusIndex.open`."""
        self.num_bits = num_bits
        self._client, self._uri, self._collection = client, uri, collection
        self._expression = expression

    @classmethod
    def build(cls, uri: str, collection: str, num_bits: int) -> "MilvusIndex":
        """Create an empty collection, and replace one of the same name.

        Args:
            uri: of the server, or a path that ends in .db.
            collection: its name: letters, digits and underscores.
            num_bits: code length, bits.

        Raises:
            InputError: pymilvus is not installed, or the server does not answer.
        """
        client = connect(uri)
        call(uri, client.drop_collection, collection)
        call(uri, _create, client, collection, num_bits)
        return cls(client, uri, collection, num_bits)

    @classmethod
    def open(cls, uri: str, collection: str, num_bits: int) -> "MilvusIndex":
        """Open an existing collection.

        Raises:
            InputError: pymilvus is not installed, the server does not answer, or it lacks the
                collection.
        """
        missing = f"{uri} has no collection {collection}: build it with `rsh gallery index`"
        file = Path(uri)
        if uri.endswith(".db") and file.parent.is_dir() and not file.is_file():
            raise InputError(missing)  # pymilvus would create the file
        client = connect(uri)
        if not call(uri, client.has_collection, collection):
            raise InputError(missing)
        return cls(client, uri, collection, num_bits)

    @classmethod
    def drop(cls, uri: str, collection: str) -> None:
        """Delete a collection.

        Raises:
            InputError: pymilvus is not installed, or the server does not answer.
        """
        client = connect(uri)
        call(uri, client.drop_collection, collection)

    def __len__(self) -> int:
        rows = self._call("query", filter=self._expression, output_fields=["count(*)"])
        return int(rows[0]["count(*)"])

    @property
    def ids(self) -> Ids:
        """All ids, ascending, read from the server page by page."""
        fields: dict[str, Any] = {"filter": self._expression, "output_fields": ["id"]}
        pages = self._call("query_iterator", batch_size=BATCH, **fields)
        # The iterator keeps the timeout of its creation.
        next_page = partial(call, self._uri, lambda timeout: pages.next())
        ids = [row["id"] for page in iter(next_page, []) for row in page]
        return np.sort(np.array(ids, dtype=np.int64))

    def search(self, query_packed: Packed, *, top_k: int) -> list[Hits]:
        """Find the top_k nearest codes of each query: see `Index`."""
        found = self.raw_search(query_packed, top_k)
        queries = _to_bytes(query_packed, self.num_bits)
        return [self._resolve_ties(query, hits) for query, hits in zip(queries, found, strict=True)]

    def raw_search(self, query_packed: Packed, top_k: int) -> list[Hits]:
        """Find the top_k nearest codes as Milvus does: any of the ties may have the last ranks."""
        check_top_k(top_k, len(self))
        if top_k > MAX_HITS:
            raise InputError(
                f"Milvus returns at most {MAX_HITS} hits, choose fewer",
                parameter="top_k",
                value=top_k,
            )
        queries = _to_bytes(query_packed, self.num_bits)
        responses = [
            self._call("search", data=queries[part], limit=top_k, filter=self._expression)
            for part in _parts(len(queries), QUERIES)
        ]
        return [_hits(hits) for response in responses for hits in response]

    def close(self) -> None:
        """Disconnect; an embedded server saves its collections and ends."""
        self._client.close()

    def range_search(self, query_packed: Packed, *, radius: int) -> list[Hits]:
        """Find all codes at a distance of at most radius: see `Index`."""
        check_radius(radius, self.num_bits)
        return [
            sort_hits(*self._between(query, 0, radius, most=LAST_ID))
            for query in _to_bytes(query_packed, self.num_bits)
        ]

    def subset(self, selector: IDSelector) -> "MilvusIndex":
        """Return an index that sends a filter expression with each search: see `Index`."""
        expression = to_expression(selector.tests) or f"id in {selector.ids.tolist()}"
        return MilvusIndex(self._client, self._uri, self._collection, self.num_bits, expression)

    def add(self, packed: Packed, ids: Ids, items: pd.DataFrame | None = None) -> None:
        """Add codes and the columns of their items: see `Index`."""
        ids, codes = check_ids(ids, packed, self.num_bits), _to_bytes(packed, self.num_bits)
        rows = [{}] * len(ids) if items is None else _rows(items)
        refuse_duplicates(self._existing(ids))
        for part in _parts(len(ids), BATCH):
            batch = zip(rows[part], ids[part].tolist(), codes[part], strict=True)
            self._call("insert", data=[row | {"id": i, "code": code} for row, i, code in batch])

    def remove(self, ids: Ids) -> None:
        """Remove codes: see `Index`."""
        missing = np.setdiff1d(ids, self._existing(ids))
        if len(missing):
            raise InputError(f"the index holds no id {missing[0]}: give one that was added")
        for part in _parts(len(ids), BATCH):
            self._call("delete", ids=ids[part].tolist())

    def save(self, file: Path) -> NoReturn:
        """Raise InputError, since the server stores the collection."""
        raise InputError(f"{file} cannot hold a collection of {self._uri}: the server keeps it")

    def _resolve_ties(self, query: bytes, hits: Hits) -> Hits:
        """Replace the hits at the last distance by those of the smallest ids at that distance."""
        last = int(hits.distances[-1])
        is_nearer = hits.distances < last
        ties = self._between(query, last, last, most=int((~is_nearer).sum()))
        ids = np.concatenate([hits.ids[is_nearer], ties.ids])
        distances = np.concatenate([hits.distances[is_nearer], ties.distances])
        return sort_hits(ids, distances)

    def _between(self, query: bytes, nearest: int, farthest: int, *, most: int) -> Hits:
        """Find up to `most` items between two distances, those with the smallest ids.

        Milvus returns a limited number of hits in no order of ids. So this searches ranges of ids,
        each narrow enough to hold fewer hits than the limit.
        """
        limit = min(MAX_HITS, 4 * most + 100)
        between = {"range_filter": nearest, "radius": farthest + 1}  # Milvus means < by radius
        selected = f"({self._expression}) and " if self._expression else ""
        found = [_hits([])]
        start, width, count = 0, LAST_ID, 0
        while count < most and start <= LAST_ID:
            stop = min(start + width, LAST_ID)
            (response,) = self._call(
                "search",
                data=[query],
                limit=limit,
                filter=f"{selected}id >= {start} and id <= {stop}",
                search_params={"params": between},
            )
            if len(response) >= limit:
                width //= 8
            else:
                found.append(_hits(response))
                start, width, count = stop + 1, 2 * width, count + len(response)
        ids, distances = map(np.concatenate, zip(*found, strict=True))
        order = np.argsort(ids)[:most]
        return Hits(ids[order], distances[order])

    def _existing(self, ids: Ids) -> Ids:
        """Return the ids that the collection holds."""
        answers = (
            self._call("query", filter=f"id in {ids[part].tolist()}", output_fields=["id"])
            for part in _parts(len(ids), BATCH)
        )
        return np.fromiter((row["id"] for rows in answers for row in rows), np.int64)

    def _call(self, method: str, **arguments: Any) -> Any:
        return call(self._uri, getattr(self._client, method), self._collection, **arguments)


def _create(client: Client, collection: str, num_bits: int, *, timeout: float) -> None:
    from pymilvus import DataType

    schema = client.create_schema(auto_id=False, enable_dynamic_field=True)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("code", DataType.BINARY_VECTOR, dim=-(-num_bits // 8) * 8)
    index = client.prepare_index_params()
    index.add_index("code", index_type="BIN_FLAT", metric_type="HAMMING")
    client.create_collection(
        collection,
        schema=schema,
        index_params=index,
        consistency_level="Strong",  # a search sees all earlier changes
        timeout=timeout,
    )


def _parts(count: int, size: int) -> list[slice]:
    """Return the slices that cut a sequence into parts of a size."""
    return [slice(start, start + size) for start in range(0, count, size)]


def _to_bytes(packed: Packed, num_bits: int) -> list[bytes]:
    return [code.tobytes() for code in check_packed(packed, num_bits)]


def _rows(items: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the known values of each item as JSON objects."""
    records = items.drop(columns=list(NOT_SENT), errors="ignore").to_dict("records")
    return [
        {str(name): value for name, value in record.items() if value is not None and value == value}
        for record in records
    ]


def _hits(response: Any) -> Hits:
    ids = np.array([hit["id"] for hit in response], dtype=np.int64)
    return Hits(ids, np.array([hit["distance"] for hit in response], dtype=np.int32))


def to_expression(tests: Sequence[ColumnTest]) -> str:
    """Return conditions as a Milvus filter expression.

    Returns:
        The expression; empty if the server lacks one of the columns, or stores another form of it.
    """
    if any(test.is_bool or test.column in (*NOT_SENT, "code") for test in tests):
        return ""
    return " and ".join(map(_expression, tests))


def _expression(test: ColumnTest) -> str:
    name = f"$meta[{json.dumps(test.column, ensure_ascii=False)}]"  # allows any column name
    values = [json.dumps(value, ensure_ascii=False) for value in test.values]
    if test.between:
        form = "({0} < {1} or {0} > {2})" if test.negated else "({0} >= {1} and {0} <= {2})"
        return form.format(name, *values)
    if not test.negated:
        return f"{name} in [{', '.join(values)}]"
    least = '""' if isinstance(test.values[0], str) else LEAST
    return f"({name} not in [{', '.join(values)}] and {name} >= {least})"  # excludes unknown values
