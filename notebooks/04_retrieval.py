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
# # Retrieval: from eight questions to a ranking, by hand
#
# You will learn to make a code without any network, to compare two codes with one instruction, why
# most of a ranking is ties, and what mAP says of it. In the end you will have written the figure
# that the whole field reports, and the library will check it.

# %%
# %matplotlib inline
from itertools import permutations

import numpy as np

import rsh
from rsh import teaching
from rsh.codes.binary import pack
from rsh.data.decoded import decoded_tiles
from rsh.metrics.counts import count_by_distance, counts_from_ranking, order_ties, without_self
from rsh.metrics.ranking import average_precision, mean_average_precision

dataset = rsh.Scenes.open("bluemarble")
tiles = np.asarray(decoded_tiles(dataset, 36))  # (n, 3, 36, 36), 0 to 255
five = [689, 749, 1968, 809, 1009]  # rows: a coast that asks, and four that answer
labels, names = dataset.labels, list(dataset.items["class"].iloc[five])

# %% [markdown]
# ## A code is eight questions
#
# A hash function asks the same questions of every tile and writes down the answers: 1 for yes, 0
# for no. A network *learns* which questions to ask. Here we make up eight.

# %%
QUESTIONS = "blue first,greenish,bright,white,contrasty,north lighter,west lighter,rough".split(",")


def ask(tile):
    """Answer the eight questions about a tile (3, side, side): 1 for yes, -1 for no."""
    red, green, blue = tile.mean(axis=(1, 2))
    gray = tile.mean(axis=0)
    north, west = np.split(gray, 2)[0], np.split(gray, 2, axis=1)[0]
    answers = [blue > max(red, green), green > red, gray.mean() > 90, gray.mean() > 170]
    answers += [gray.std() > 30, *(half.mean() > gray.mean() for half in (north, west))]
    answers.append(abs(np.diff(gray)).mean() > 9)
    return np.where(answers, 1, -1).astype(np.int8)


codes = np.array([ask(tile) for tile in tiles])
teaching.codes(tiles[five], codes[five], [name.replace("_", " ") for name in names], QUESTIONS)

# %% [markdown]
# ## Eight answers are one byte, and comparing them is one instruction
#
# Packed, a code of 8 bits is a number from 0 to 255. XOR leaves a 1 wherever two codes differ, and
# counting the ones (popcount) gives their **Hamming distance**. A million codes of 64 bits are 8 MB
# and are compared in a quarter of a millisecond.

# %%
packed = pack(codes)  # (n, 1) bytes
a, b = (int(packed[row, 0]) for row in five[:2])
print(f"{a:08b} XOR {b:08b} = {a ^ b:08b}, so the distance is {(a ^ b).bit_count()} bits")
distances = np.bitwise_count(packed[five] ^ packed[five].T).astype(int)
distances

# %% [markdown]
# ## A ranking, and its ties
#
# The first tile asks; the others answer in order of their distance. Eight bits know only nine
# distances, so tiles **tie**: nothing in the codes says which of them comes first.

# %%
relevant = np.array([name == "coast" for name in names[1:]])
teaching.ranking(tiles[five], distances[0, 1:], relevant)

# %% [markdown]
# ## Average precision, step by step
#
# Go down the ranking. At each tile of the query's class note the precision so far: the share of
# right tiles up to there. Their mean is the **average precision** (AP); its mean over all queries
# is the **mAP**. The image is that of one order of the ties.

# %%
teaching.steps(relevant[np.argsort(distances[0, 1:], kind="stable")])

# %% [markdown]
# An argsort decides ties by the order in which tiles happen to lie in memory, and the figure with
# it. rsh reports the mean over *all* orders of the ties, which four tiles let us list.


# %%
def ap(hits):
    """Average precision of a strict ranking, hits (n,) from the nearest on."""
    return np.mean([hits[: place + 1].mean() for place in np.flatnonzero(hits)])


far = distances[0, 1:]
orders = [list(one) for one in permutations(range(4)) if (np.diff(far[list(one)]) >= 0).all()]
figures = [ap(relevant[one]) for one in orders]
counts = count_by_distance(packed[five[:1]], packed[five[1:]], [True], relevant, num_bits=8)
print(f"{len(orders)} orders, AP from {min(figures):.3f} to {max(figures):.3f}")
print(f"their mean {np.mean(figures):.6f}, rsh.metrics.ranking {average_precision(counts)[0]:.6f}")

# %% [markdown]
# ## The nearest k, or all within a radius?
#
# On the whole sample a byte has room for 256 codes and 2,212 tiles share them. The nearest 20 cut
# through a tie; a radius never does, but it may hold nothing or half the gallery.

# %%
rest = np.delete(np.arange(len(tiles)), five[0])
near = np.bitwise_count(packed[rest] ^ packed[five[0]])[:, 0]
same = labels[rest] == labels[five[0]]
teaching.histogram(near, same, num_bits=8)

# %% [markdown]
# ## How good are eight questions of ours?
#
# Every tile asks all others. `optimistic` puts the right tiles first in every tie, `pessimistic`
# last: between these two an argsort may land anywhere. Guessing is right one time in nine.

# %%
every = without_self(count_by_distance(packed, packed, labels, labels, num_bits=8))
far = np.bitwise_count(packed[:, None, 0] ^ packed[:, 0])
rankings = {
    "mean over all orders of ties": every,
    "optimistic": order_ties(every, best=True),
    "pessimistic": order_ties(every, best=False),
    "argsort": counts_from_ranking(far, labels[:, None] == labels, own=np.arange(len(labels))),
}
{name: round(mean_average_precision(one), 3) for name, one in rankings.items()}

# %% [markdown]
# ## Write it yourself
#
# The mean over all orders needs no orders. In a tie of n tiles with p right ones, behind N0 tiles
# with P0 right ones, the tile at place t of the tie is right in p of n orders, and then the places
# before it hold (t - 1)(p - 1)/(n - 1) right ones on average.


# %%
def my_average_precision(far, hits):
    """Average precision over all orders of ties; far (n,) bits, hits (n,) bool."""
    total = behind = found = 0
    for distance in np.unique(far):
        n, p = (far == distance).sum(), hits[far == distance].sum()
        for t in range(1, n + 1):
            total += p / n * (found + 1 + (t - 1) * (p - 1) / max(n - 1, 1)) / (behind + t)
        behind, found = behind + n, found + p
    return total / hits.sum()


mine = my_average_precision(near, same)
counts = count_by_distance(packed[five[:1]], packed[rest], [True], same, num_bits=8)
assert np.isclose(mine, average_precision(counts)[0])
print(f"average precision {mine:.6f}, as the library has it")

# %% [markdown]
# ## Exercises
#
# 1. Which of the eight questions could be left out at the least cost? Try each.
#    <details><summary>Answer</summary>Pack <code>np.delete(codes, bit, axis=1)</code> and count
#    with <code>num_bits=7</code>. Without "north lighter" or "west lighter" the mAP rises: they ask
#    where a tile is light, not what it is, and blur what the other six say.</details>
# 2. Append eight bits that are drawn at random. What happens to ties, and to the mAP?
#    <details><summary>Answer</summary>There are fewer ties, and the mAP falls by a quarter: the new
#    bits add the same noise to near and far tiles. More bits help only if they ask
#    something.</details>
# 3. Why does "argsort" end above the mean over all orders? Shuffle the tiles and look again.
#    <details><summary>Answer</summary>The sample lies on disk class by class, and a stable argsort
#    leaves ties in that order: classes that come early win their ties. Nothing has been retrieved
#    any better. After a shuffle the gain is gone; the mean over all orders has not
#    moved.</details>
