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
# # Train: two views, one network, a code of 32 bits
#
# You will see what the two branches see, watch each loss term while the network learns, and read
# off what was learned on tiles that it has never met. In the end you write the first of the terms
# yourself.

# %%
# %matplotlib inline
from pathlib import Path

import torch
from matplotlib.figure import Figure

import rsh
from rsh.data.decoded import decoded_tiles
from rsh.models.augment import ViewSpec
from rsh.models.losses.multilevel import category_contrastive

# tiles of your own: Scenes.open("my-tiles/", skip_unreadable=True), one folder a class
dataset = rsh.Scenes.open("bluemarble")
split = dataset.split(seed=0)  # train, val, query; neighboring tiles stay together
split.dataset.items["split"].value_counts()

# %% [markdown]
# ## What the two branches see
#
# A tile is augmented twice: view 0 goes to branch 0, view 1 to branch 1. The branches share their
# weights. Whatever differs between the two views should not change the code.

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
# ## Learn
#
# On a GPU the whole network learns from new views each time it meets a tile. On a CPU its backbone
# stays as it is: the features of six views of each tile are computed once (a minute or two), and
# the layers above them learn in seconds.
#
# Run the cell again after an interruption: it goes on from the last checkpoint.

# %%
RUN = Path("runs/02_train")
config = rsh.TrainConfig(finetune=torch.cuda.is_available())
net = rsh.HashNet("tf_efficientnet_lite0", num_bits=32, image_size=SIDE)
history = rsh.train(net, split, config, run=RUN, resume=RUN.exists(), watch=rsh.LiveCurves())

# %% [markdown]
# The category term shapes the features; the two hash terms push codes of different classes apart.
# What remains of them in the end are tiles whose class the backbone cannot tell.
#
# ## What was learned
#
# Queries are tiles from parts of the globe that the network has never seen, and no query can be
# found. `map` is exact for ties. Beside it stands the mAP of codes that a linear classifier on the
# same backbone would emit: a hashing loss earns credit only above that.

# %%
report = rsh.evaluate(net, split, progress=False)
figures = ("map", "map_before_sign", "map_classifier_center", "accuracy")
{name: round(report[name], 3) for name in figures}

# %%
from rsh.evaluation.plots import distances, neighbor_classes

distances([report | {"run": "32 bits"}])

# %%
neighbor_classes(report)

# %% [markdown]
# The run folder now holds the weights, the settings and `history.jsonl`, from which the curves can
# be drawn again. `rsh encode runs/02_train` makes a gallery of it.

# %% [markdown]
# ## Write it yourself
#
# The category term looks at each feature in turn, its anchor. Among all others, how surely would a
# softmax of their cosines, divided by a temperature, pick one of the same class? The term is minus
# the logarithm of that, first averaged over those of the same class, then over anchors.


# %%
def my_category_contrastive(features, labels, temperature):
    """The category term; features (n, d) of length 1, labels (n,)."""
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
# 1. What is the category term of a network that gives all tiles one and the same feature?
#    <details><summary>Answer</summary>A softmax over n - 1 equal cosines picks each with 1/(n - 1),
#    so it is ln(n - 1) whatever the temperature. Try
#    <code>my_category_contrastive(features[:1].repeat(12, 1), labels, 0.1)</code>: it is ln 11,
#    which is 2.398.</details>
# 2. Can the term become 0 while a class has more than two members in a batch?
#    <details><summary>Answer</summary>No. The members share the softmax among themselves: with m
#    others of its class an anchor gives each 1/m at best, so ln m remains. This is why the curve of
#    the category term levels off well above 0 although the classes are apart.</details>
# 3. Interrupt the training in the middle of its curves and run the cell again. Are the weights
#    those of an unbroken run?
#    <details><summary>Answer</summary>Yes, bit by bit: each epoch draws from a seed that is its
#    number, and the checkpoint holds the optimizer, too. <code>tests/test_training.py</code>
#    compares the two.</details>
