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
# # Train: two views, one network, a 32-bit code
#
# You will see the inputs of the two branches, watch each loss term during training, and evaluate
# the network on held-out queries. At the end you write the first loss term yourself.

# %%
# %matplotlib inline
from pathlib import Path

import torch
from matplotlib.figure import Figure

import rsh
from rsh.data.decoded import decoded_tiles
from rsh.models.augment import ViewSpec
from rsh.models.losses.multilevel import category_contrastive

# your own tiles: TileDataset.open("my-tiles/", skip_unreadable=True), one folder per class
dataset = rsh.TileDataset.open("bluemarble")
split = dataset.split(seed=0)  # train, val, query; neighboring tiles stay together
split.dataset.items["split"].value_counts()

# %% [markdown]
# ## The inputs of the two branches
#
# Each tile is augmented twice: view 0 goes to branch 0, view 1 to branch 1. The branches share
# their weights. The code should not depend on what differs between the two views.

# %%
SIDE = 128
rows = split.rows("train")[:: len(split.rows("train")) // 6][:6]
tiles = torch.from_numpy(decoded_tiles(dataset, SIDE)[rows])
views = ViewSpec(SIDE, count=2).of(tiles, first=0)  # (6, 2, 3, SIDE, SIDE), 0 to 1

figure = Figure(figsize=(10, 5.4), layout="constrained")
for column, axes in enumerate(figure.subplots(3, len(rows)).T):
    images = [tiles[column] / 255, *views[column]]
    for panel, image, name in zip(axes, images, ("the tile", "view 0", "view 1"), strict=True):
        panel.imshow(image.permute(1, 2, 0))
        panel.set(xticks=[], yticks=[], ylabel=name if column == 0 else "")
    axes[0].set_title(dataset.items["class"].iloc[rows[column]].replace("_", " "), fontsize=9)
figure

# %% [markdown]
# ## Train
#
# On a GPU the whole network trains, with new views in every epoch. On a CPU the backbone is frozen:
# the features of six views of each tile are computed once (a minute or two), and the head trains on
# them in seconds.
#
# If you interrupt this cell, run it again: it resumes from the last checkpoint.

# %%
RUN = Path("runs/02_train")
config = rsh.TrainConfig(finetune=torch.cuda.is_available())
net = rsh.HashNet("tf_efficientnet_lite0", num_bits=32, image_size=SIDE)
history = rsh.train(net, split, config, run=RUN, resume=RUN.exists(), watch=rsh.LiveCurves())

# %% [markdown]
# The category term shapes the features; the two hash terms push codes of different classes apart.
# The remaining loss comes from tiles whose class the backbone cannot recognize.
#
# ## Evaluate
#
# Queries come from regions of the globe that the network has never seen, and they are not in the
# gallery. `map` is independent of tie order. For comparison, see the mAP of codes from a linear
# classifier on the same backbone: a hashing loss is useful only if it exceeds that.

# %%
report = rsh.evaluate(net, split, progress=False)
metrics = ("map", "map_before_sign", "map_classifier_center", "accuracy")
{name: round(report[name], 3) for name in metrics}

# %%
from rsh.evaluation.plots import distances, neighbor_classes

distances([report | {"run": "32 bits"}])

# %%
neighbor_classes(report)

# %% [markdown]
# The run folder now contains the weights, the settings and `history.jsonl`, from which the curves
# can be drawn again. `rsh encode runs/02_train` creates a gallery from it.

# %% [markdown]
# ## Write it yourself
#
# The category term takes each feature in turn as the anchor and computes a softmax over its cosine
# similarities to all other features, divided by a temperature. The loss is the negative log
# probability of the features of the same class, averaged first over these features, then over all
# anchors.


# %%
def my_category_contrastive(features, labels, temperature):
    """The category term; features (n, d) of unit length, labels (n,)."""
    cosines, terms = features @ features.T / temperature, []
    for anchor in range(len(labels)):
        others = [row for row in range(len(labels)) if row != anchor]
        log_softmax = torch.log_softmax(cosines[anchor, others], dim=0)
        same = labels[others] == labels[anchor]
        if same.any():
            terms.append(-log_softmax[same].mean())
    return torch.stack(terms).mean()


features = torch.nn.functional.normalize(torch.randn(12, 8), dim=1)
labels = torch.arange(12) % 4
library = category_contrastive(features, labels, temperature=0.1)
assert torch.isclose(my_category_contrastive(features, labels, 0.1), library)
print(f"yours {my_category_contrastive(features, labels, 0.1):.6f}, the library's {library:.6f}")

# %% [markdown]
# ## Exercises
#
# 1. What is the category term of a network that outputs the same feature for all tiles?
#    <details><summary>Answer</summary>A softmax over n - 1 equal cosines gives each the probability
#    1/(n - 1), so the loss is ln(n - 1) at any temperature. Try
#    <code>my_category_contrastive(features[:1].repeat(12, 1), labels, 0.1)</code>: it is ln 11,
#    which is 2.398.</details>
# 2. Can the term reach 0 if a class has more than two members in a batch?
#    <details><summary>Answer</summary>No. The members share the probability: with m others of its
#    class, an anchor gives each at most 1/m, so the loss is at least ln m. This is why the curve of
#    the category term levels off well above 0 although the classes are separated.</details>
# 3. Interrupt the training and run the cell again. Are the weights those of an uninterrupted run?
#    <details><summary>Answer</summary>Yes, bit by bit: each epoch uses its number as the seed, and
#    the checkpoint includes the optimizer. <code>tests/training/test_loop.py</code> compares the
#    two.</details>
