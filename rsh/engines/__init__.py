"""Search by Hamming distance behind one small interface, in the order (distance, id).

`ExactEngine` compares a query with every code, `FoldedEngine` with every different code: both give
the same hits, and `make_engine` takes the faster. `IvfEngine` looks at a part of the codes and says
how much it finds; `MilvusEngine` (in rsh.engines.milvus) asks a Milvus server and is exact.
"""

from rsh.engines.base import Engine, Hits, Ids, Selection
from rsh.engines.exact import ExactEngine
from rsh.engines.folded import FoldedEngine
from rsh.engines.ivf import IvfEngine
from rsh.engines.making import load_engine, make_engine

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
