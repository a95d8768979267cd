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
# # Contrastive hashing: what pulls, what pushes, and what it is worth
#
# You will drag points on a circle and see what each term of the loss would do with them, turn its
# weights and temperatures, and then switch terms off in a real training, which answers in seconds.

# %%
# %matplotlib inline
import numpy as np
import torch
from matplotlib.figure import Figure

import rsh
from rsh.models.losses.multilevel import Embedding, MultiLevelLoss, inter_class_hash
from rsh.plotting import COLORS, DASHES, style_axes
from rsh.teaching.ablation import Ablation
from rsh.teaching.circle import CircleLesson

# %% [markdown]
# ## Twelve points on a circle
#
# Each point is one view of an image: three classes, two images each, and of each image a view
# in branch 0 (filled) and one in branch 1 (hollow). Its place is its feature, and the quadrant it
# lies in is its **code of two bits**. An arrow shows where the loss would move it.
#
# - Drag a point, or reach it with Tab and turn it with the arrow keys (with Shift in small steps).
# - Choose whose arrows to see. `inter` looks at one branch at a time; `intra` pulls the two views
#   of an image together; `category` sees all features; the quantization only wants points to lie
#   in the middle of a quadrant, whatever their class.
# - Press "one step downhill" until nothing moves. Four quadrants are enough for three classes.

# %%
lesson = CircleLesson()
lesson.view

# %% [markdown]
# ## Who feels the most?
#
# A forest tile turns away from its fellow towards a desert tile. The slope of the inter-class term
# says how strongly it is pulled back. A low **temperature** hardly looks at what is right already
# and pulls the more, the more a point errs; a high one pulls at everything alike.


# %%
def slope_at(degree, temperature):
    """Slope of the inter-class term at a tile `degree` away from its fellow, nats a radian."""
    angles = torch.deg2rad(torch.tensor([degree, 0.0, 120.0, 125.0])).requires_grad_()
    place = 0.9 * torch.stack([angles.cos(), angles.sin()], dim=1)
    labels = torch.tensor([0, 0, 1, 1])  # forest, forest, desert, desert
    inter_class_hash(torch.atanh(place), labels, temperature=temperature).backward()
    return float(angles.grad[0])


away = np.arange(1.0, 120.0, 2)
figure = Figure(figsize=(8, 3.4), layout="constrained")
axes = figure.add_subplot(xlabel="degrees from its own class; the others are at 120")
axes.set(ylabel="pull back, nats a radian", title="inter-class term by temperature")
for color, dash, temperature in zip(COLORS, DASHES, (0.1, 0.3, 1.0), strict=False):
    slopes = [slope_at(degree, temperature) for degree in away]
    axes.plot(away, slopes, dash, color=color, label=f"temperature {temperature}")
axes.legend(frameon=False)
style_axes(axes)
figure

# %% [markdown]
# ## From the start to the end of a descent
#
# The same twelve points, taken downhill with the usual weights. The terms fall one after the other.

# %%
walk, values = CircleLesson(), []
for _ in range(40):
    values.append(walk.circle.values)
    walk._press(walk.STEP)
figure = Figure(figsize=(8, 3.4), layout="constrained")
axes = figure.add_subplot(xlabel="steps", ylabel="value, before the weight")
for color, dash, name in zip(COLORS, DASHES, list(values[0])[1:], strict=False):
    axes.plot([row[name] for row in values], dash, color=color, label=name)
axes.legend(frameon=False)
style_axes(axes)
figure

# %% [markdown]
# ## Live ablation
#
# Now the real thing: 32 bits, the built-in sample, a frozen backbone whose views are cached. Let a
# slider go, and the layers above the backbone learn anew, in a few seconds; bars, distances and
# hash space follow. Switch a term off by drawing its weight to 0. A dial that is turned meanwhile
# wins: the training that was under way is given up.
#
# What is shown is measured on **validation** tiles. Turning dials is choosing settings, and whoever
# chooses on queries has no figure left to report.

# %%
split = rsh.Scenes.open("bluemarble").split(seed=0)
ablation = Ablation(split, num_bits=32)  # the first time this fills the view bank: some minutes
ablation.view

# %% [markdown]
# The same from code, for an image that stays: each term off in turn, then both that see codes.

# %%
from rsh.teaching.ablation import trials_figure

for off in (["category"], ["inter"], ["intra"], ["quantization"], ["inter", "intra"]):
    ablation.turn(dict(ablation.dials.values) | {f"{name}_weight": 0.0 for name in off})
    ablation.wait()
trials_figure(ablation.trials, split)

# %% [markdown]
# One seed and 253 tiles: differences of a point or two are chance. What survives three seeds is in
# the README's table: without both hash terms nothing is left, and any one of the three contrastive
# terms can be spared on these frozen features.
#
# ## Write it yourself
#
# The intra-class term: how surely would a softmax pick an image's other view, from that view and
# all images of *other* classes in the other branch? Others of its own class are left out.


# %%
def my_intra_class_hash(relaxed0, relaxed1, labels, temperature):
    """The intra-class term; relaxed codes of the two branches (n, bits), labels (n,)."""
    h = [torch.nn.functional.normalize(u.tanh(), dim=1) for u in (relaxed0, relaxed1)]
    terms = []
    for one, other in (h, h[::-1]):
        for row in range(len(labels)):
            cosines = other @ one[row] / temperature
            rivals = cosines[labels != labels[row]]
            terms.append(torch.cat([cosines[row : row + 1], rivals]).logsumexp(0) - cosines[row])
    return torch.stack(terms).mean()


torch.manual_seed(0)
u0, u1, labels = torch.randn(12, 8), torch.randn(12, 8), torch.arange(12) % 4
feature = torch.nn.functional.normalize(torch.randn(12, 4), dim=1)
loss = MultiLevelLoss(code_temperature=0.3)
library = loss(Embedding(feature, u0), Embedding(feature, u1), labels)["intra"]
assert torch.isclose(my_intra_class_hash(u0, u1, labels, 0.3), library)
print(f"yours {my_intra_class_hash(u0, u1, labels, 0.3):.6f}, the library's {library:.6f}")

# %% [markdown]
# ## Exercises
#
# 1. On the circle, set all weights but that of the quantization to 0 and go downhill. What becomes
#    of the classes?
#    <details><summary>Answer</summary>Every point walks to the middle of the quadrant it happens to
#    be in. Codes become sharp and mean nothing: the term needs the others.</details>
# 2. Choose the arrows of `intra` and lay the two views of every image on each other. Why are
#    there arrows left?
#    <details><summary>Answer</summary>The two views agree, but images of other classes are still
#    near, and the term pushes them away. It is 0 only in a batch of one class.</details>
# 3. In the live ablation, set the temperature of codes to 0.05, then to 1. Which of the two is
#    worse, and what do the distances look like?
#    <details><summary>Answer</summary>0.05, by one to three points with three seeds. It is content
#    as soon as the right tile is a little nearer than the wrong one: other classes end 12 or 13
#    bits away instead of 17, and a tile that errs by a few bits lands among them. At 1 everything
#    is pulled alike; that costs a point at most.</details>
