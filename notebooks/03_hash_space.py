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
# # Hash space: how a code comes to know the classes
#
# You will see feature space and hash space before, during and after a training, measure how far
# the classes have come apart, and learn which of these images one may trust, and for what.

# %%
# %matplotlib inline
import numpy as np

import rsh
from rsh.codes.binary import pack
from rsh.metrics.counts import count_by_distance, without_self
from rsh.metrics.ranking import distances_by_class
from rsh.teaching.snapshots import Snapshots, margins, spaces

# tiles of your own: Scenes.open("my-tiles/", skip_unreadable=True), one folder a class
dataset = rsh.Scenes.open("bluemarble")
split = dataset.split(seed=0)
net = rsh.HashNet("tf_efficientnet_lite0", num_bits=32)

# %% [markdown]
# ## Learn, and look three times
#
# The backbone knows photographs of everyday things; the layers above it know nothing yet.
# `Snapshots` keeps what the network says of the tiles that it does **not** learn from: before the
# first step, after 3 passes, and at the end. The first run fills the view bank, which takes a
# minute or two.

# %%
config = rsh.TrainConfig(epochs=60)
moments = Snapshots(net, split, epochs={3, config.epochs})
history = rsh.train(net, split, config, watch=moments)
f"{len(moments.labels)} tiles, {len(history)} epochs, moments: {', '.join(moments.codes)}"

# %% [markdown]
# ## Two spaces, three moments
#
# UMAP lays tiles out in the plane so that near ones stay near. Above: the features of the
# projection head, by cosine. Below: the codes, by Hamming distance. A disc is a group of tiles that
# share one and the same code.

# %%
spaces(moments, seed=0)

# %% [markdown]
# Before the training classes are a cloud with a few coasts. Then islands form; in the end hash
# space is a handful of discs, and what lies between two of them the network cannot tell apart.
#
# **What to trust.** Who is near whom. Not: distances between islands, their sizes, where they are,
# or an island's place from one moment to the next; each image is laid out by itself.
#
# ## Distances need no layout
#
# All pairs of these tiles, by the number of bits in which they differ. The lines are the means: the
# way between them is the **margin**. Thirty-two fair coins would differ in 16 bits.

# %%
margins(moments)

# %% [markdown]
# ## In figures
#
# The **silhouette** of a tile asks whether it is nearer to its own class than to the next: 1 is a
# class of its own, 0 the border, less than 0 the wrong side. Its mean is taken in the space itself,
# not in the image. `mAP` is what a search makes of it.

# %%
figures = moments.figures()
figures.round(3)

# %% [markdown]
# Look at "distinct codes": the training throws away nearly all differences within a class. That is
# what a short code is for, and it is why the best of them have so many ties.

# %%
from matplotlib.figure import Figure

from rsh.plotting import COLORS, style_axes

figure = Figure(figsize=(7, 3), layout="constrained")
axes = figure.add_subplot(ylim=(-0.3, 1), title="the same tiles at three moments")
for name, color, line in zip(figures.columns[[0, 1, 4]], COLORS, ("-", "--", ":"), strict=False):
    axes.plot(figures.index, figures[name], line, marker="o", color=color, label=name)
axes.legend(frameon=False, loc="upper left")
style_axes(axes)
figure

# %% [markdown]
# ## Write it yourself
#
# The margin is the mean distance of pairs of two classes, less that of pairs of one class. A tile
# and itself are no pair.


# %%
def my_margin(codes, labels):
    """How much further apart than their own class other tiles are, bits; codes (n, bits) of ±1."""
    far = (codes.shape[1] - codes.astype(int) @ codes.T) / 2  # equal bits add 1, others take 1
    same = labels[:, None] == labels
    return far[~same].mean() - far[same & ~np.eye(len(labels), dtype=bool)].mean()


packed = pack(moments.codes["after"])
counts = count_by_distance(packed, packed, moments.labels, moments.labels, num_bits=32)
same, others = distances_by_class(without_self(counts))
bits = np.arange(33)
library = np.average(bits, weights=others) - np.average(bits, weights=same)
assert np.isclose(my_margin(moments.codes["after"], moments.labels), library)
assert np.isclose(library, figures.loc["after", "margin, bits"])
print(f"margin after training: {library:.3f} bits")

# %% [markdown]
# ## Exercises
#
# 1. Draw `spaces(moments, seed=1)`. What stays, what changes?
#    <details><summary>Answer</summary>Which classes form islands, and which of them run into each
#    other, stays. Their places, their distances and their turns change: UMAP begins at random.
#    If a conclusion of yours does not survive another seed, it was one about the layout.</details>
# 2. After training, the codes' silhouette is higher than the features'. Does that mean that codes
#    retrieve better?
#    <details><summary>Answer</summary>No. The two use different distances, cosine and Hamming, and
#    a silhouette compares a space with itself. Compare what a search finds: `rsh.evaluate` reports
#    <code>map</code> of the codes beside <code>map_features</code>.</details>
# 3. Train again with `rsh.TrainConfig(inter_weight=0, intra_weight=0)`. What becomes of hash space,
#    what of feature space?
#    <details><summary>Answer</summary>Feature space is the same as before: the category term shapes
#    it. Hash space collapses to two codes: nothing but the quantization looks at the hash layer,
#    and it is content when all tiles say the same. Silhouette of the codes and mAP fall to, or
#    below, those of the untrained layer.</details>
