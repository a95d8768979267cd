"""Search by Hamming distance behind one small interface, in the order (distance, id).

`ExactEngine` (FAISS) and `ScanEngine` (a loop of our own, in rsh.index.scan) compare a query
with every code, `FoldedEngine` with every different code: all give the same hits, and `make_engine`
takes the fastest. `IvfEngine` looks at a part of the codes and says how much it finds;
`MilvusEngine` (in rsh.index.milvus) asks a Milvus server and is exact.
"""

from rsh.codes.binary import Ids
from rsh.index.base import Engine, Hits, Selection
from rsh.index.dedup import FoldedEngine
from rsh.index.factory import load_engine, make_engine
from rsh.index.flat import ExactEngine
from rsh.index.ivf import IvfEngine

__all__ = [
    "Engine",
    "ExactEngine",
    "FoldedEngine",
    "Hits",
    "Ids",
    "IvfEngine",
    "Selection",
    "load_engine",
    "make_engine",
]
