"""Search by Hamming distance behind one small interface, in the order (distance, id).

`FlatIndex` (FAISS) and `ScanEngine` (a loop of our own, in rsh.index.scan) compare a query
with every code, `DedupIndex` with every different code: all give the same hits, and `make_index`
takes the fastest. `IVFIndex` looks at a part of the codes and says how much it finds;
`MilvusEngine` (in rsh.index.milvus) asks a Milvus server and is exact.
"""

from rsh.codes.binary import Ids
from rsh.index.base import Hits, IDSelector, Index
from rsh.index.dedup import DedupIndex
from rsh.index.factory import load_index, make_index
from rsh.index.flat import FlatIndex
from rsh.index.ivf import IVFIndex

__all__ = [
    "DedupIndex",
    "FlatIndex",
    "Hits",
    "IDSelector",
    "IVFIndex",
    "Ids",
    "Index",
    "load_index",
    "make_index",
]
