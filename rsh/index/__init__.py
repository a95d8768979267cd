"""Search by Hamming distance behind one small interface, in the order (distance, id).

`FlatIndex` (FAISS) and `ScanIndex` (a compiled loop, in rsh.index.scan) compare a query with every
code, `DedupIndex` with every distinct code. They give the same hits, and `make_index` chooses the
fastest. `IVFIndex` searches some of the codes and states its recall. `MilvusIndex` (in
rsh.index.milvus) uses a Milvus server and is exact.
"""
