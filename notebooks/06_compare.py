# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Compare: methods, code lengths and evaluation protocols
#
# You will train three methods at two code lengths on the same tiles, compare them with
# training-free baselines, evaluate the same network under seven protocols, and decide which of the
# differences are significant.

# %%
# %matplotlib inline
import numpy as np
import pandas as pd

import rsh
from rsh import teaching
from rsh.encoding.build import encode_dataset
from rsh.evaluation import plots
from rsh.evaluation.baselines import itq, lsh
from rsh.evaluation.evaluate import evaluate_all
from rsh.evaluation.protocols import DISJOINT, PROTOCOLS
from rsh.evaluation.scoring import RetrievalTask, score
from rsh.metrics.counts import counts_from_ranking
from rsh.metrics.ranking import average_precision, bootstrap_interval
from rsh.training.feature_cache import cached_features

# your own tiles: TileDataset.open("my-tiles/", skip_unreadable=True), one folder per class
dataset = rsh.TileDataset.open("bluemarble")
split = dataset.split(seed=0)

# %% [markdown]
# ## Six networks, one loop
#
# We train the multi-level loss and two baselines with the same backbone, views, batches and seed.
# To keep this to a minute, we train for few epochs; benchmarks/README.md reports longer
# trainings.

# %%
nets, reports = {}, {}
for method in ("multilevel", "orthohash", "csq"):
    for bits in (16, 32):
        net = rsh.HashNet(num_bits=bits)
        rsh.train(net, split, rsh.TrainConfig(method=method, epochs=20), progress=False)
        nets[method, bits] = net
        reports[method, bits] = evaluate_all(net, split, progress=False)
pd.Series({key: found["disjoint"]["map"] for key, found in reports.items()}).unstack().round(3)

# %% [markdown]
# ## Compare with baselines that need no hash layer
#
# The bar at each dot is its 95 % interval. The gray lines are "classifier center": a linear
# classifier gives every tile the fixed code of the class it predicts. Only what exceeds this line
# is a gain of the hashing loss. LSH and ITQ do not use labels.

# %%
named = [found["disjoint"] | {"run": f"{m}, {bits} bits"} for (m, bits), found in reports.items()]
plots.map_by_bits(named)

# %%
features = np.asarray(cached_features(net, dataset, net.plain)[:, 0], dtype=np.float32)
known = split.rows("train", "val")
untrained = {"LSH": lsh(features, known, num_bits=32), "ITQ": itq(features, known, num_bits=32)}
{
    name: round(score(codes, RetrievalTask(split, DISJOINT))["map"], 3)
    for name, codes in untrained.items()
}

# %% [markdown]
# ## Where methods differ
#
# One number hides where a method is good. Left: the nearest tiles. Right: the whole class.

# %%
plots.precision_recall([report for report in named if report["num_bits"] == 32])

# %% [markdown]
# ## One network, seven protocols
#
# Papers differ in the queries, the database, the rank cutoff, the normalization of average
# precision and the order of ties. The name "mAP" shows none of this. These are the *same* codes,
# each time measured as the code of a paper does it:

# %%
table = pd.DataFrame(
    {
        f"{method}, {bits} bits": {name: report["map"] for name, report in found.items()}
        for (method, bits), found in reports.items()
    }
)
for protocol in map(PROTOCOLS.get, table.index):
    print(f"{protocol.name:14} {protocol.metric:19} {protocol.about}")
teaching.by_protocol(table)

# %% [markdown]
# The protocol changes the mAP more than the method does. Two results are comparable only if they
# use the same protocol, queries and split.
#
# ## Is the difference significant?
#
# Both methods answer the same queries, so compare them query by query. The bootstrap interval
# resamples whole blocks of the globe, because tiles of one block are not independent.

# %%
ours, theirs = (
    np.array(reports[m, 32]["disjoint"]["average_precision"]) for m in ("multilevel", "csq")
)
groups = reports["multilevel", 32]["disjoint"]["groups"]
low, high = bootstrap_interval(ours - theirs, groups)
print(f"multilevel - csq: {np.mean(ours - theirs):+.1%}, interval {low:+.1%} to {high:+.1%}")

# %% [markdown]
# If the interval contains 0, the difference is not significant. If it does not, the difference
# holds *on this split, with this seed*. Repeat it with other seeds before you trust it.
#
# ## Write it yourself
#
# The protocol `milan` considers the first 20 ranks and divides by the number of relevant tiles
# **found** among them. A query with one relevant tile, at rank 1, gets a perfect score.


# %%
def my_hits_at(far, hits, top_k=20):
    """AP over the first top_k ranks, divided by the hits there; far (n,) bits, hits (n,) bool."""
    first = hits[np.argsort(far, kind="stable")][:top_k]
    ranks = np.flatnonzero(first) + 1
    return np.mean(np.arange(1, len(ranks) + 1) / ranks) if len(ranks) else 0.0


every = encode_dataset(nets["multilevel", 16], dataset, progress=False).codes
codes = every[split.rows("query")]
labels = dataset.labels[split.rows("query")]
far = (codes.shape[1] - codes.astype(int) @ codes.T) // 2
same = labels[:, None] == labels
rows = np.arange(len(far))  # a query does not find itself
mine = [my_hits_at(np.delete(far[row], row), np.delete(same[row], row)) for row in rows]
library = average_precision(counts_from_ranking(far, same, own=rows), top_k=20, denominator="hits")
assert np.allclose(mine, library)
assert np.isclose(np.mean(mine), reports["multilevel", 16]["milan"]["map"])
averaged = score(every, RetrievalTask(split, PROTOCOLS["milan"]), ties="average")["map"]
print(f"milan, ties in the order of rows: {np.mean(mine):.3f}; over all orders: {averaged:.3f}")

# %% [markdown]
# ## Exercises
#
# 1. Under `all-vs-all@20`, all tiles are queries, including training tiles. Why is this mAP so
#    high, and what would a network get that has memorized its training tiles?
#    <details><summary>Answer</summary>Most queries are tiles whose class the network was trained
#    on, and each query finds itself, first or tied for first. A network that has memorized its
#    training tiles gives each of them the right code: these queries score nearly 1, whatever
#    happens to new tiles.</details>
# 2. Which protocol can be improved by making codes *worse*?
#    <details><summary>Answer</summary><code>milan</code>: it measures only how early
#    the relevant tiles come among those found, and does not penalize a method that finds fewer.
#    Always report precision with it.</details>
# 3. Repeat the comparison with seeds 1 and 2 (`dataset.split(seed=1)`, `TrainConfig(seed=1)`). Does
#    the order of the methods stay the same?
#    <details><summary>Answer</summary>Look at the sign of the paired difference for each seed. If
#    it changes, three seeds show that these methods perform equally on these tiles, which is a
#    result too.</details>
