"""Codes on a Milvus server, for galleries that are too large for one machine.

The same client speaks to a server (a uri such as http://host:19530) and to an embedded one (a path
that ends in .db, for trying and testing; one process at a time). A token is read from the
environment variable RSH_MILVUS_TOKEN, so that it stands in no file of a gallery.

Milvus compares exactly (BIN_FLAT), but which of the ties for the last places it returns depends on
how it stores them. They are therefore asked for by id, so that its answers are those of FAISS.
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
    check_new,
    check_radius,
    check_top_k,
    sort_hits,
)
from rsh.index.milvus_client import Client, call, connect

LIMIT = 16_384  # hits that Milvus returns at most
BATCH = 10_000  # rows of one insert
QUERIES = 100  # of one search
LAST_ID = 2**63 - 1
LEAST = "-1e308"
NOT_SENT = ("id", "footprint")  # the collection has ids of its own, nobody filters by a ring


class MilvusIndex:
    """Codes in a collection of a Milvus server: see `Engine`."""

    recall: float | None = None

    def __init__(
        self, client: Client, uri: str, collection: str, num_bits: int, expression: str = ""
    ) -> None:
        """Use `MilvusEngine.build` or `MilvusEngine.open`."""
        self.num_bits = num_bits
        self._client, self._uri, self._collection = client, uri, collection
        self._expression = expression

    @classmethod
    def build(cls, uri: str, collection: str, num_bits: int) -> "MilvusIndex":
        """Make an empty collection; one of this name that is there already is replaced.

        Args:
            uri: of the server, or a path that ends in .db.
            collection: what to call it: letters, digits and underscores.
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
        """Use a collection that is there.

        Raises:
            InputError: pymilvus is not installed, the server does not answer, or it has no such
                collection.
        """
        none = f"{uri} has no collection {collection}: make it with `rsh gallery index`"
        file = Path(uri)
        if uri.endswith(".db") and file.parent.is_dir() and not file.is_file():
            raise InputError(none)  # it would be made, wherever that is
        client = connect(uri)
        if not call(uri, client.has_collection, collection):
            raise InputError(none)
        return cls(client, uri, collection, num_bits)

    @classmethod
    def drop(cls, uri: str, collection: str) -> None:
        """Take a collection away.

        Raises:
            InputError: pymilvus is not installed, or the server does not answer.
        """
        client = connect(uri)
        call(uri, client.drop_collection, collection)

    def __len__(self) -> int:
        rows = self._ask("query", filter=self._expression, output_fields=["count(*)"])
        return int(rows[0]["count(*)"])

    @property
    def ids(self) -> Ids:
        """All ids, ascending; they are read from the server page by page."""
        wanted: dict[str, Any] = {"filter": self._expression, "output_fields": ["id"]}
        pages = self._ask("query_iterator", batch_size=BATCH, **wanted)
        turn = partial(call, self._uri, lambda timeout: pages.next())  # it has the first one's
        rows = [row["id"] for page in iter(turn, []) for row in page]
        return np.sort(np.array(rows, dtype=np.int64))

    def search(self, query_packed: Packed, *, top_k: int) -> list[Hits]:
        """Find the top_k nearest codes of each query: see `Engine`."""
        found = self.unsettled(query_packed, top_k)
        queries = _to_bytes(query_packed, self.num_bits)
        return [self._settled(query, hits) for query, hits in zip(queries, found, strict=True)]

    def unsettled(self, query_packed: Packed, top_k: int) -> list[Hits]:
        """Find the top_k nearest codes as Milvus gives them: any ties may have the last places."""
        check_top_k(top_k, len(self))
        if top_k > LIMIT:
            raise InputError(
                f"Milvus returns at most {LIMIT}, ask for fewer", parameter="top_k", value=top_k
            )
        queries = _to_bytes(query_packed, self.num_bits)
        parts = [queries[start : start + QUERIES] for start in range(0, len(queries), QUERIES)]
        answers = [
            self._ask("search", data=part, limit=top_k, filter=self._expression) for part in parts
        ]
        return [_hits(one) for answer in answers for one in answer]

    def close(self) -> None:
        """Let go of the server; an embedded one writes what it holds and ends."""
        self._client.close()

    def within(self, query_packed: Packed, *, radius: int) -> list[Hits]:
        """Find all codes at a distance of at most radius: see `Engine`."""
        check_radius(radius, self.num_bits)
        return [
            sort_hits(*self._at(query, 0, radius, most=LAST_ID))
            for query in _to_bytes(query_packed, self.num_bits)
        ]

    def among(self, selection: IDSelector) -> "MilvusIndex":
        """Return an engine that sends the server the condition with each search."""
        expression = to_expression(selection.tests) or f"id in {selection.ids.tolist()}"
        return MilvusIndex(self._client, self._uri, self._collection, self.num_bits, expression)

    def add(self, packed: Packed, ids: Ids, items: pd.DataFrame | None = None) -> None:
        """Add codes and the columns of their items: see `Engine`."""
        ids, codes = check_ids(ids, packed, self.num_bits), _to_bytes(packed, self.num_bits)
        rows = [{}] * len(ids) if items is None else _rows(items)
        for start in range(0, len(ids), BATCH):
            check_new(self._there(ids[start : start + BATCH]))
        for start in range(0, len(ids), BATCH):
            part = slice(start, start + BATCH)
            batch = zip(rows[part], ids[part].tolist(), codes[part], strict=True)
            self._ask("insert", data=[row | {"id": i, "code": code} for row, i, code in batch])

    def remove(self, ids: Ids) -> None:
        """Remove codes: see `Engine`."""
        there = [self._there(ids[start : start + BATCH]) for start in range(0, len(ids), BATCH)]
        missing = np.setdiff1d(ids, np.concatenate([*there, np.array([], dtype=np.int64)]))
        if len(missing):
            raise InputError(f"there is no item of id {missing[0]}: give one that was added")
        for start in range(0, len(ids), BATCH):
            self._ask("delete", ids=ids[start : start + BATCH].tolist())

    def save(self, file: Path) -> NoReturn:
        """Refuse: the server keeps its collections itself."""
        raise InputError(f"{file} cannot hold a collection of {self._uri}: the server keeps it")

    def _settled(self, query: bytes, hits: Hits) -> Hits:
        """Put the smallest ids in the last places of a list: any of the ties may stand there."""
        last = int(hits.distances[-1])
        sure = hits.distances < last
        ties = self._at(query, last, last, most=int((~sure).sum()))
        nearer = sort_hits(hits.ids[sure], hits.distances[sure])
        return Hits(
            np.concatenate([nearer.ids, ties.ids]),
            np.concatenate([nearer.distances, ties.distances]),
        )

    def _at(self, query: bytes, least: int, farthest: int, *, most: int) -> Hits:
        """Find items between two distances, those of the smallest ids first.

        Milvus returns a limited number of hits, in no order of ids: they are asked for in windows
        of ids that are narrow enough to hold fewer.
        """
        limit = min(LIMIT, 4 * most + 100)
        ids, distances = [np.array([], np.int64)], [np.array([], np.int32)]
        start, width, count = 0, LAST_ID, 0
        while count < most and start <= LAST_ID:
            stop = min(start + width, LAST_ID)
            hits = self._window(query, least, farthest, f"id >= {start} and id <= {stop}", limit)
            if len(hits.ids) >= limit:
                width //= 8
                continue
            ids.append(hits.ids)
            distances.append(hits.distances)
            start, width, count = stop + 1, 2 * width, count + len(hits.ids)
        found = Hits(np.concatenate(ids), np.concatenate(distances))
        order = np.argsort(found.ids)[:most]
        return Hits(found.ids[order], found.distances[order])

    def _window(self, query: bytes, least: int, farthest: int, window: str, limit: int) -> Hits:
        (answer,) = self._ask(
            "search",
            data=[query],
            limit=limit,
            filter=f"({self._expression}) and {window}" if self._expression else window,
            search_params={"params": {"range_filter": least, "radius": farthest + 1}},  # means <
        )
        return _hits(answer)

    def _there(self, ids: Ids) -> Ids:
        """Return those of the ids that are there."""
        rows = self._ask("query", filter=f"id in {ids.tolist()}", output_fields=["id"])
        return np.array([row["id"] for row in rows], dtype=np.int64)

    def _ask(self, what: str, **arguments: Any) -> Any:
        return call(self._uri, getattr(self._client, what), self._collection, **arguments)


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
        consistency_level="Strong",  # what was added is found, and what was removed is not
        timeout=timeout,
    )


def _to_bytes(packed: Packed, num_bits: int) -> list[bytes]:
    return [code.tobytes() for code in check_packed(packed, num_bits)]


def _rows(items: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the columns of each item that are known, as JSON has them."""
    columns = [name for name in items.columns if name not in NOT_SENT]
    records = items[columns].to_dict("records")
    return [
        {str(name): value for name, value in record.items() if value is not None and value == value}
        for record in records
    ]


def _hits(answer: Any) -> Hits:
    ids = np.array([hit["id"] for hit in answer], dtype=np.int64)
    return Hits(ids, np.array([hit["distance"] for hit in answer], dtype=np.int32))


def to_expression(tests: Sequence[ColumnTest]) -> str:
    """Write conditions as a Milvus filter expression.

    Returns:
        The expression; empty if Milvus does not have one of the columns in the form it has here.
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
    return f"({name} not in [{', '.join(values)}] and {name} >= {least})"  # and it is known
