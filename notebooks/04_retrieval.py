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
# # Retrieval: from eight bits to a ranking, by hand
#
# You will compute codes without any network, compare two codes with one instruction, see why most
# of a ranking is tied, and compute mAP. At the end you write the standard retrieval metric yourself
# and check it against the library.

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

dataset = rsh.TileDataset.open("bluemarble")
tiles = np.asarray(decoded_tiles(dataset, 36))  # (n, 3, 36, 36), 0 to 255
five = [689, 749, 1968, 809, 1009]  # rows: the query, a coast, and four other tiles
labels, names = dataset.labels, list(dataset.items["class"].iloc[five])

# %% [markdown]
# ## A code is eight yes/no questions
#
# A hash function answers the same questions for every tile: 1 for yes, 0 for no. A network *learns*
# its questions. Here we choose eight of them.

# %%
QUESTIONS = "blue first,greenish,bright,white,contrasty,north lighter,west lighter,rough".split(",")


def hash_tile(tile):
    """Answer the eight questions for a tile (3, side, side): 1 for yes, -1 for no."""
    red, green, blue = tile.mean(axis=(1, 2))
    gray = tile.mean(axis=0)
    north, west = np.split(gray, 2)[0], np.split(gray, 2, axis=1)[0]
    bits = [blue > max(red, green), green > red, gray.mean() > 90, gray.mean() > 170]
    bits += [gray.std() > 30, *(half.mean() > gray.mean() for half in (north, west))]
    bits.append(abs(np.diff(gray)).mean() > 9)
    return np.where(bits, 1, -1).astype(np.int8)


codes = np.array([hash_tile(tile) for tile in tiles])
teaching.codes(tiles[five], codes[five], [name.replace("_", " ") for name in names], QUESTIONS)

# %% [markdown]
# ## Eight bits are one byte, compared in one instruction
#
# A packed 8-bit code is a number from 0 to 255. XOR gives 1 wherever two codes differ, and the
# number of ones (popcount) is their **Hamming distance**. A million 64-bit codes take 8 MB and are
# compared in a quarter of a millisecond.

# %%
packed = pack(codes)  # (n, 1) bytes
a, b = (int(packed[row, 0]) for row in five[:2])
print(f"{a:08b} XOR {b:08b} = {a ^ b:08b}, so the distance is {(a ^ b).bit_count()} bits")
distances = np.bitwise_count(packed[five] ^ packed[five].T).astype(int)
distances

# %% [markdown]
# ## A ranking and its ties
#
# The first tile is the query; the others are ranked by their distance. Eight bits allow only nine
# distances, so tiles are **tied**: the codes do not define which of them comes first.

# %%
relevant = np.array([name == "coast" for name in names[1:]])
teaching.ranking(tiles[five], distances[0, 1:], relevant)

# %% [markdown]
# ## Average precision, step by step
#
# Go down the ranking. At each tile of the query's class, compute the precision so far: the share of
# relevant tiles up to that rank. The mean of these values is the **average precision** (AP); its
# mean over all queries is the **mAP**. The plot shows one tie order.

# %%
teaching.steps(relevant[np.argsort(distances[0, 1:], kind="stable")])

# %% [markdown]
# An argsort breaks ties by the storage order of the tiles, and the metric depends on it. rsh
# reports the mean over *all* tie orders. With four tiles we can list them.


# %%
def ap(hits):
    """Average precision of a strict ranking, hits (n,) from the nearest to the farthest."""
    return np.mean([hits[: rank + 1].mean() for rank in np.flatnonzero(hits)])


far = distances[0, 1:]
orders = [list(one) for one in permutations(range(4)) if (np.diff(far[list(one)]) >= 0).all()]
values = [ap(relevant[one]) for one in orders]
counts = count_by_distance(packed[five[:1]], packed[five[1:]], [True], relevant, num_bits=8)
print(f"{len(orders)} orders, AP from {min(values):.3f} to {max(values):.3f}")
print(f"their mean {np.mean(values):.6f}, rsh.metrics.ranking {average_precision(counts)[0]:.6f}")

# %% [markdown]
# ## Top k or radius?
#
# On the whole sample, 2,212 tiles share at most 256 codes. The top 20 cut through a group of ties;
# a radius never does, but it may contain nothing or half the gallery.

# %%
rest = np.delete(np.arange(len(tiles)), five[0])
near = np.bitwise_count(packed[rest] ^ packed[five[0]])[:, 0]
same = labels[rest] == labels[five[0]]
teaching.histogram(near, same, num_bits=8)

# %% [markdown]
# ## How good are our eight questions?
#
# Now every tile is a query against all others. `optimistic` puts relevant tiles first in every tie,
# `pessimistic` last; an argsort can give any value in between. A random guess is right one time in
# nine.

# %%
every = without_self(count_by_distance(packed, packed, labels, labels, num_bits=8))
far = np.bitwise_count(packed[:, None, 0] ^ packed[:, 0])
rankings = {
    "mean over all tie orders": every,
    "optimistic": order_ties(every, best=True),
    "pessimistic": order_ties(every, best=False),
    "argsort": counts_from_ranking(far, labels[:, None] == labels, own=np.arange(len(labels))),
}
{name: round(mean_average_precision(one), 3) for name, one in rankings.items()}

# %% [markdown]
# ## Write it yourself
#
# You can compute the mean over all tie orders without listing them. Take a group of n tied tiles, p
# of them relevant, behind N0 tiles, P0 of them relevant. Position t of the group holds a relevant
# tile in p of n orders, and then the positions before it hold (t - 1)(p - 1)/(n - 1) relevant tiles
# on average.


# %%
def my_average_precision(far, hits):
    """Average precision over all tie orders; far (n,) bits, hits (n,) bool."""
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
print(f"average precision {mine:.6f}, equal to the library's")

# %% [markdown]
# ## Exercises
#
# 1. Which of the eight questions could you remove at the lowest cost? Try each.
#    <details><summary>Answer</summary>Pack <code>np.delete(codes, bit, axis=1)</code> and count
#    with <code>num_bits=7</code>. Without "north lighter" or "west lighter" the mAP rises: they
#    describe where a tile is bright, not what it shows, and add noise to the other six.</details>
# 2. Append eight random bits. What happens to ties and to the mAP?
#    <details><summary>Answer</summary>There are fewer ties, and the mAP falls by a quarter: the new
#    bits add the same noise to near and far tiles. More bits help only if they carry
#    information.</details>
# 3. Why is "argsort" higher than the mean over all tie orders? Shuffle the tiles and look again.
#    <details><summary>Answer</summary>The sample is stored class by class, and a stable argsort
#    keeps this order within ties: classes that come early win their ties. Retrieval is no better.
#    After a shuffle the advantage disappears; the mean over all orders does not change.</details>
