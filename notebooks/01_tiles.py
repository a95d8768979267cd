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
# # Tiles and splits: keep the test set unseen
#
# You will look at the tiles of the sample, split them into training tiles and queries, and see how
# a careless split raises the metrics although retrieval is no better.

# %%
# %matplotlib inline
import numpy as np
import pandas as pd

import rsh
from rsh import teaching

dataset = rsh.TileDataset.open("bluemarble")  # or any folder with one folder per class
teaching.examples(dataset, each=6)

# %% [markdown]
# Each tile is a window of 36 x 36 pixels, 267 km wide, of NASA's Blue Marble. Neighboring windows
# **overlap by half**, as tiles of one scene or one flight often do.
#
# ## Two ways to split
#
# A third of the tiles are held out: queries for evaluation, and validation tiles for choosing
# settings. A random split within each class puts them between training tiles. A split by **blocks**
# of 10 x 10 degrees holds out whole neighborhoods.

# %%
splits = {"at random": dataset.split(by="class"), "by blocks": dataset.split(by="block")}
teaching.split_maps({name: split.dataset.items for name, split in splits.items()})

# %% [markdown]
# ## How much ground do the splits share?
#
# Two windows overlap if their centers are less than one window apart, both from south to north and
# from west to east. How many queries overlap a training tile?

# %%
WINDOW = 36 / 15  # degrees: the raster has 15 pixels per degree at the equator


def leaking(split):
    """Whether each query overlaps a training tile."""
    centers = split.dataset.items[["longitude", "latitude"]].to_numpy()
    query, train = centers[split.rows("query")], centers[split.rows("train")]
    apart = abs(query[:, None] - train)  # (queries, train, 2), degrees
    apart[:, :, 0] *= np.cos(np.radians(query[:, None, 1]))  # meridians meet at the poles
    return (apart < 0.99 * WINDOW).all(axis=2).any(axis=1)


pd.Series({name: f"{leaking(split).mean():.0%} of queries" for name, split in splits.items()})

# %% [markdown]
# ## How does this change the metrics?
#
# The network, the settings and the tiles are the same; only the split differs. A network can
# memorize a place and find it again. On a CPU, the features of all tiles are computed once (a
# minute or two); then each training takes seconds.

# %%
rows = []
for seed in range(3):
    for name, by in (("at random", "class"), ("by blocks", "block")):
        split, config = dataset.split(by=by, seed=seed), rsh.TrainConfig(seed=seed)
        net = rsh.HashNet("tf_efficientnet_lite0", num_bits=32, image_size=128)
        rsh.train(net, split, config)
        report = rsh.evaluate(net, split, progress=False)
        metrics = {"mAP": report["map"], "accuracy": report["accuracy"]}
        rows.append({"split": name, "seed": seed} | metrics)
results = pd.DataFrame(rows)
teaching.pairs(results, "split", "mAP")

# %%
results.groupby("split")[["mAP", "accuracy"]].agg(["mean", "std"]).round(3)

# %% [markdown]
# Both rows are correct. The first one measures retrieval on ground that the network has seen from a
# slightly different position; the second one measures retrieval on new ground. If you want to
# search next year's images, you need the second. Where tiles have blocks, rsh splits by blocks by
# default, and a run stores its split.
#
# ## Write it yourself
#
# A block is named by its south-west corner: `n40e090` contains all windows from 40 to 50 degrees
# north and from 90 to 100 degrees east; south and west are `s` and `w`.


# %%
def my_block(longitude, latitude):
    """Name of the block of 10 x 10 degrees that contains a point, degrees."""
    west, south = (10 * int(np.floor(degrees / 10)) for degrees in (longitude, latitude))
    return f"{'s' if south < 0 else 'n'}{abs(south):02}{'w' if west < 0 else 'e'}{abs(west):03}"


items = dataset.items
mine = [my_block(*point) for point in zip(items["longitude"], items["latitude"], strict=True)]
assert mine == list(items["block"])
print(f"{len(set(mine))} blocks, equal to the library's")

# %% [markdown]
# ## Exercises
#
# 1. Your archive has no coordinates, but file names such as `flight07_0123.png`. How do you split
#    it?
#    <details><summary>Answer</summary>Add a column <code>block</code> with the name of the flight
#    to <code>items.csv</code>: a split by blocks keeps tiles with the same value
#    together.</details>
# 2. Why does a split by blocks consider classes as well, and what happens if a class is in one
#    block only?
#    <details><summary>Answer</summary>Otherwise a class might have no queries, or no training
#    tiles. A class in one block cannot be in both: <code>split</code> raises an error that names
#    it.</details>
# 3. Does a split by blocks remove all leakage?
#    <details><summary>Answer</summary>Not all of it. Windows never cross a block border here, but
#    tiles on both sides of a border look alike, and all tiles share one satellite and one exposure.
#    Queries from a second archive are the harder test.</details>
