"""Search by Hamming distance behind one small interface, in the order (distance, id).

`FlatIndex` (FAISS) and `ScanIndex` (a compiled loop, in rsh.index.scan) compare a query with every
code, `DedupIndex` with every distinct code. They give the same hits, and `make_index` chooses the
fastest. `IVFIndex` searches some of the codes and states its recall. `MilvusIndex` (in
rsh.index.milvus) uses a Milvus server and is exact.
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
