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
# # Contrastive hashing: what attracts, what repels, and what it gains
#
# You will drag points on a circle and see how each loss term would move them, change weights and
# temperatures, and then remove terms from a real training, which takes seconds.

# %%
# %matplotlib inline
import numpy as np
import torch
from matplotlib.figure import Figure

import rsh
from rsh.models.losses.multilevel import Embedding, MultiLevelLoss, inter_class_hash
from rsh.models.losses.targets import Targets
from rsh.plotting import COLORS, DASHES, style_axes
from rsh.teaching.ablation import Ablation
from rsh.teaching.circle import CircleTutorial

# %% [markdown]
# ## Twelve points on a circle
#
# Each point is one view of an image: three classes, two images per class, and one view of each
# image in branch 0 (filled) and in branch 1 (hollow). Its position is its feature, and its quadrant
# is its **two-bit code**. An arrow shows where the loss would move it.
#
# - Drag a point, or select it with Tab and rotate it with the arrow keys (with Shift in small
#   steps).
# - Choose a term to see its arrows. `inter` works within one branch; `intra` pulls the two views of
#   an image together; `category` uses all features; the quantization term pulls points to the
#   middle of a quadrant, whatever their class.
# - Press "one step downhill" until nothing moves. Four quadrants are enough for three classes.

# %%
circle = CircleTutorial()
circle.view

# %% [markdown]
# ## Which points get the strongest gradient?
#
# A forest tile rotates away from the other forest tile towards a desert tile. The gradient of the
# inter-class term pulls it back. A low **temperature** ignores tiles that are already right and
# pulls harder the larger the error; a high one pulls all tiles about equally.


# %%
def slope_at(degree, temperature):
    """Slope of the inter-class term at a tile `degree` away from its class, nats per radian."""
    angles = torch.deg2rad(torch.tensor([degree, 0.0, 120.0, 125.0])).requires_grad_()
    codes = 0.9 * torch.stack([angles.cos(), angles.sin()], dim=1)
    labels = torch.tensor([0, 0, 1, 1])  # forest, forest, desert, desert
    inter_class_hash(torch.atanh(codes), labels, temperature=temperature).backward()
    return float(angles.grad[0])


away = np.arange(1.0, 120.0, 2)
figure = Figure(figsize=(8, 3.4), layout="constrained")
axes = figure.add_subplot(xlabel="degrees from its own class; the other class is at 120")
axes.set(ylabel="slope, nats per radian", title="inter-class term by temperature")
for color, dash, temperature in zip(COLORS, DASHES, (0.1, 0.3, 1.0), strict=False):
    slopes = [slope_at(degree, temperature) for degree in away]
    axes.plot(away, slopes, dash, color=color, label=f"temperature {temperature}")
axes.legend(frameon=False)
style_axes(axes)
figure

# %% [markdown]
# ## A whole descent
#
# The same twelve points, moved downhill with the default weights. The terms decrease one after the
# other.

# %%
walk, values = CircleTutorial(), []
for _ in range(40):
    values.append(walk.circle.values)
    walk._press(walk.STEP)
figure = Figure(figsize=(8, 3.4), layout="constrained")
axes = figure.add_subplot(xlabel="steps", ylabel="value, unweighted")
for color, dash, name in zip(COLORS, DASHES, list(values[0])[1:], strict=False):
    axes.plot([row[name] for row in values], dash, color=color, label=name)
axes.legend(frameon=False)
style_axes(axes)
figure

# %% [markdown]
# ## Live ablation
#
# Now a real training: 32 bits, the built-in sample, a frozen backbone with cached features. When
# you release a slider, the head retrains in a few seconds, and the bars, distances and hash space
# are updated. Set a weight to 0 to remove the term. If you move a slider during a training, that
# training is canceled.
#
# All results are measured on **validation** tiles. Moving a slider is choosing settings, and a
# query that was used to choose settings cannot be used for evaluation.

# %%
split = rsh.TileDataset.open("bluemarble").split(seed=0)
ablation = Ablation(split, num_bits=32)  # the first run computes cached features: minutes
ablation.view

# %% [markdown]
# The same from code, for a permanent plot: without each term in turn, then without both hash terms.

# %%
from rsh.teaching.ablation import trials_figure

for off in (["category"], ["inter"], ["intra"], ["quantization"], ["inter", "intra"]):
    ablation.retrain(dict(ablation.sliders.values) | {f"{name}_weight": 0.0 for name in off})
    ablation.wait()
trials_figure(ablation.trials, split)

# %% [markdown]
# With one seed and 253 tiles, differences of a point or two are noise. benchmarks/README.md has
# the table over three seeds: without both hash terms nothing is left, and any one of the three
# contrastive terms can be removed with these frozen features.
#
# ## Write it yourself
#
# The intra-class term computes a softmax over the similarities of a view to the image's other view
# and to all images of *other* classes in the other branch. The loss is the negative log probability
# of the image's own view. Other images of the same class are excluded.


# %%
def my_intra_class_hash(relaxed0, relaxed1, labels, temperature):
    """The intra-class term; relaxed codes of the two branches (n, bits), labels (n,)."""
    h = [torch.nn.functional.normalize(u.tanh(), dim=1) for u in (relaxed0, relaxed1)]
    terms = []
    for one, other in (h, h[::-1]):
        for row in range(len(labels)):
            cosines = other @ one[row] / temperature
            negatives = cosines[labels != labels[row]]
            terms.append(torch.cat([cosines[row : row + 1], negatives]).logsumexp(0) - cosines[row])
    return torch.stack(terms).mean()


torch.manual_seed(0)
u0, u1, labels = torch.randn(12, 8), torch.randn(12, 8), torch.arange(12) % 4
feature = torch.nn.functional.normalize(torch.randn(12, 4), dim=1)
loss = MultiLevelLoss(code_temperature=0.3)
library = loss(Embedding(feature, u0), Embedding(feature, u1), Targets(labels))["intra"]
assert torch.isclose(my_intra_class_hash(u0, u1, labels, 0.3), library)
print(f"yours {my_intra_class_hash(u0, u1, labels, 0.3):.6f}, the library's {library:.6f}")

# %% [markdown]
# ## Exercises
#
# 1. On the circle, set all weights except that of the quantization term to 0 and go downhill. What
#    happens to the classes?
#    <details><summary>Answer</summary>Every point moves to the middle of its current quadrant. The
#    codes are well separated but meaningless: the term needs the others.</details>
# 2. Show the arrows of `intra` and put the two views of every image on top of each other. Why do
#    arrows remain?
#    <details><summary>Answer</summary>The two views agree, but images of other classes are still
#    near, and the term pushes them away. It is 0 only in a batch of one class.</details>
# 3. In the live ablation, set the code temperature to 0.05, then to 1. Which is worse, and what
#    happens to the distances?
#    <details><summary>Answer</summary>0.05, by one to three points with three seeds. The loss is
#    small as soon as the right tile is slightly nearer than the wrong one: other classes end 12 or
#    13 bits away instead of 17, and a tile with a few wrong bits lands among them. At 1 all tiles
#    are pulled equally, which costs a point at most.</details>
