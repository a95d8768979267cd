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
# # Hash space: how codes separate the classes
#
# You will see feature space and hash space before, during and after training, measure how far the
# classes have moved apart, and learn which properties of these plots you can trust.

# %%
# %matplotlib inline
import numpy as np
import pandas as pd

import rsh
from rsh.codes.binary import pack
from rsh.metrics.counts import count_by_distance, without_self
from rsh.metrics.ranking import distances_by_relevance
from rsh.teaching.snapshots import Snapshots, margins, spaces

# your own tiles: TileDataset.open("my-tiles/", skip_unreadable=True), one folder per class
dataset = rsh.TileDataset.open("bluemarble")
split = dataset.split(seed=0)
net = rsh.HashNet("tf_efficientnet_lite0", num_bits=32)

# %% [markdown]
# ## Train, with three snapshots
#
# The backbone is pretrained on everyday photographs; the head is untrained. `Snapshots` stores the
# network's outputs for **held-out** tiles: before the first step, after 3 epochs, and at the end.
# The first run computes the cached features, which takes a minute or two.

# %%
config = rsh.TrainConfig(epochs=60)
snapshots = Snapshots(net, split, epochs={3, config.epochs})
history = rsh.train(net, split, config, watch=snapshots)
f"{len(snapshots.labels)} tiles, {len(history)} epochs, snapshots: {', '.join(snapshots.codes)}"

# %% [markdown]
# ## Two spaces, three snapshots
#
# UMAP places similar tiles close together in two dimensions. Top row: features of the projection
# head, by cosine distance. Bottom row: codes, by Hamming distance. A disc is a set of tiles with
# the same code.

# %%
spaces(snapshots, seed=0)

# %% [markdown]
# Before training, the classes form one cloud. Then islands form. At the end, hash space consists of
# a few discs; the network cannot separate what lies between two of them.
#
# **What you can trust:** which tiles are neighbors. **What you cannot trust:** distances between
# islands, their sizes, their positions, and the position of an island across snapshots, because
# each plot has its own layout.
#
# ## Distances without a layout
#
# The next plot shows the Hamming distances of all pairs of these tiles. The lines are the means;
# their difference is the **margin**. Two random 32-bit codes differ in 16 bits on average.

# %%
margins(snapshots)

# %% [markdown]
# ## Metrics
#
# The **silhouette** of a tile compares its distance to its own class with that to the nearest other
# class: 1 is a separate class, 0 the boundary, less than 0 the wrong side. Its mean is computed in
# the space itself, not in the layout. `mAP` measures retrieval.

# %%
metrics = snapshots.metrics()
metrics.round(3)

# %% [markdown]
# Look at "distinct codes": training removes nearly all differences within a class. This is the
# purpose of a short code, and the reason why the best codes have so many ties.

# %%
from matplotlib.figure import Figure

from rsh.plotting import COLORS, style_axes

figure = Figure(figsize=(7, 3), layout="constrained")
axes = figure.add_subplot(ylim=(-0.3, 1), title="the same tiles in three snapshots")
for name, color, line in zip(metrics.columns[[0, 1, 4]], COLORS, ("-", "--", ":"), strict=False):
    axes.plot(metrics.index, metrics[name], line, marker="o", color=color, label=name)
axes.legend(frameon=False, loc="upper left")
style_axes(axes)
figure

# %% [markdown]
# ## What such codes forget
#
# A code that knows the class alone cannot say which of two forests looks more like the query.
# **Neighbors kept** measures this, and needs no labels: of the ten nearest tiles by the backbone's
# features, which share is among the first ten by code? Ties count as the mean over all their
# orders. **Look bits** learn to keep these neighbors: here 8 of 32.

# %%
looking = rsh.HashNet("tf_efficientnet_lite0", num_bits=32, look_bits=8)
rsh.train(looking, split, config, progress=False)
reports = {
    name: rsh.evaluate(each, split, progress=False)
    for name, each in (("32 class bits", net), ("24 class + 8 look bits", looking))
}
table = {
    "mAP": [report["map"] for report in reports.values()],
    "neighbors kept": [report["neighbors"]["kept"] for report in reports.values()],
    "kept within the class": [report["neighbors"]["kept_in_class"] for report in reports.values()],
    "tied at rank 20": [report["neighbors"]["tied_at_20"] for report in reports.values()],
}
pd.DataFrame(table, index=list(reports)).round(3)

# %% [markdown]
# The look bits keep several times as many neighbors, and separate most ties. They cost class bits,
# so look at the mAP before you choose how many.
#
# ## Write it yourself
#
# The margin is the mean distance of pairs of different classes minus that of pairs of the same
# class. A tile does not form a pair with itself.


# %%
def my_margin(codes, labels):
    """Mean distance to other classes minus that within a class, bits; codes (n, bits) of ±1."""
    far = (codes.shape[1] - codes.astype(int) @ codes.T) / 2  # equal bits add 1, others subtract 1
    same = labels[:, None] == labels
    return far[~same].mean() - far[same & ~np.eye(len(labels), dtype=bool)].mean()


packed = pack(snapshots.codes["after"])
counts = count_by_distance(packed, packed, snapshots.labels, snapshots.labels, num_bits=32)
same, others = distances_by_relevance(without_self(counts))
bits = np.arange(33)
library = np.average(bits, weights=others) - np.average(bits, weights=same)
assert np.isclose(my_margin(snapshots.codes["after"], snapshots.labels), library)
assert np.isclose(library, metrics.loc["after", "margin, bits"])
print(f"margin after training: {library:.3f} bits")

# %% [markdown]
# ## Exercises
#
# 1. Draw `spaces(snapshots, seed=1)`. What stays the same, what changes?
#    <details><summary>Answer</summary>Which classes form islands, and which of them merge, stays
#    the same. Positions, distances and orientations change: UMAP starts from random positions. A
#    conclusion that does not hold for another seed is a conclusion about the layout.</details>
# 2. After training, the codes have a higher silhouette than the features. Do codes retrieve better?
#    <details><summary>Answer</summary>Not necessarily. The two use different distances, cosine and
#    Hamming, and a silhouette compares a space only with itself. Compare the retrieval:
#    `rsh.evaluate` reports <code>map</code> of the codes and <code>map_features</code>.</details>
# 3. Train again with `rsh.TrainConfig(inter_weight=0, intra_weight=0)`. What happens to hash space
#    and to feature space?
#    <details><summary>Answer</summary>Feature space stays the same, because the category term
#    shapes it. Hash space collapses to two codes: only the quantization term sees the hash layer,
#    and it is minimal when all tiles have the same code. The silhouette of the codes and the mAP
#    drop to those of the untrained layer, or lower.</details>
