"""Slow loops, written from the formulas alone, that the library is compared with.

Rows are lists of numbers, labels and distances lists of integers. A ranking with ties is given
as distances and relevance, and its figures are averaged over every order that the ties allow.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

Row = Sequence[float]
Rows = Sequence[Row]


def cosine(a: Row, b: Row) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    length = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(y * y for y in b))
    return dot / length


def tanh(rows: Rows) -> list[list[float]]:
    return [[math.tanh(x) for x in row] for row in rows]


def category_contrastive(features: Rows, labels: Sequence[int], temperature: float) -> float:
    """Khosla et al. 2020, eq. 2: mean over the anchors that have a positive."""
    anchors = []
    for i in range(len(features)):
        others = [a for a in range(len(features)) if a != i]
        positives = [p for p in others if labels[p] == labels[i]]
        if not positives:
            continue
        below = sum(math.exp(cosine(features[i], features[a]) / temperature) for a in others)
        loss = 0.0
        for p in positives:
            loss -= math.log(math.exp(cosine(features[i], features[p]) / temperature) / below)
        anchors.append(loss / len(positives))
    return sum(anchors) / len(anchors) if anchors else 0.0


def inter_class_hash(relaxed: Rows, labels: Sequence[int], temperature: float) -> float:
    """L_inter: each positive alone against the other categories of the same branch."""
    h = tanh(relaxed)
    anchors = []
    for i in range(len(h)):
        positives = [p for p in range(len(h)) if p != i and labels[p] == labels[i]]
        pushed = 0.0
        for j in range(len(h)):
            if labels[j] != labels[i]:
                pushed += math.exp(cosine(h[i], h[j]) / temperature)
        losses = []
        for p in positives:
            pulled = math.exp(cosine(h[i], h[p]) / temperature)
            losses.append(-math.log(pulled / (pulled + pushed)))
        if losses:
            anchors.append(sum(losses) / len(losses))
    return sum(anchors) / len(anchors) if anchors else 0.0


def intra_class_hash(
    relaxed0: Rows, relaxed1: Rows, labels: Sequence[int], temperature: float
) -> float:
    """L_intra: one image's two codes against other categories of the other branch."""
    h0, h1 = tanh(relaxed0), tanh(relaxed1)
    losses = []
    for here, there in ((h0, h1), (h1, h0)):
        for i in range(len(here)):
            pulled = math.exp(cosine(here[i], there[i]) / temperature)
            pushed = 0.0
            for j in range(len(there)):
                if labels[j] != labels[i]:
                    pushed += math.exp(cosine(here[i], there[j]) / temperature)
            losses.append(-math.log(pulled / (pulled + pushed)))
    return sum(losses) / len(losses)


def weighted_category_contrastive(features: Rows, overlap: Rows, temperature: float) -> float:
    """JSCL of Lin et al. 2023: positives weighted by the share of labels in common."""
    anchors = []
    for i in range(len(features)):
        others = [a for a in range(len(features)) if a != i]
        weight = sum(overlap[i][p] for p in others)
        if not weight:
            continue
        below = sum(math.exp(cosine(features[i], features[a]) / temperature) for a in others)
        loss = 0.0
        for p in others:
            pulled = math.exp(cosine(features[i], features[p]) / temperature)
            loss -= overlap[i][p] * math.log(pulled / below)
        anchors.append(loss / weight)
    return sum(anchors) / len(anchors) if anchors else 0.0


def weighted_inter_class_hash(relaxed: Rows, overlap: Rows, temperature: float) -> float:
    """A pair is positive by its overlap w, and negative by 1 - w."""
    h = tanh(relaxed)
    anchors = []
    for i in range(len(h)):
        others = [p for p in range(len(h)) if p != i]
        weight = sum(overlap[i][p] for p in others)
        pushed = sum(
            (1 - overlap[i][j]) * math.exp(cosine(h[i], h[j]) / temperature) for j in range(len(h))
        )
        if not weight:
            continue
        loss = 0.0
        for p in others:
            pulled = math.exp(cosine(h[i], h[p]) / temperature)
            loss -= overlap[i][p] * math.log(pulled / (pulled + pushed))
        anchors.append(loss / weight)
    return sum(anchors) / len(anchors) if anchors else 0.0


def weighted_intra_class_hash(
    relaxed0: Rows, relaxed1: Rows, overlap: Rows, temperature: float
) -> float:
    """One image's two codes against others, each a negative by 1 - w."""
    h0, h1 = tanh(relaxed0), tanh(relaxed1)
    losses = []
    for here, there in ((h0, h1), (h1, h0)):
        for i in range(len(here)):
            pulled = math.exp(cosine(here[i], there[i]) / temperature)
            pushed = sum(
                (1 - overlap[i][j]) * math.exp(cosine(here[i], there[j]) / temperature)
                for j in range(len(there))
            )
            losses.append(-math.log(pulled / (pulled + pushed)))
    return sum(losses) / len(losses)


def quantization(relaxed: Rows) -> float:
    squares = [(abs(math.tanh(x)) - 1) ** 2 for row in relaxed for x in row]
    return sum(squares) / len(squares)


def bytes_of(code: Sequence[int]) -> list[int]:
    """Bit 0 is the highest of byte 0, +1 is a 1, what is left over is 0."""
    found = [0] * math.ceil(len(code) / 8)
    for position, sign in enumerate(code):
        if sign > 0:
            found[position // 8] += 2 ** (7 - position % 8)
    return found


def hamming(a: Sequence[int], b: Sequence[int]) -> int:
    """Count the positions at which two codes of signs differ."""
    distance = 0
    for x, y in zip(a, b, strict=True):
        if x != y:
            distance += 1
    return distance


def search(query: Sequence[int], gallery: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Return (distance, id) of the whole gallery in order."""
    return sorted((hamming(query, code), number) for number, code in enumerate(gallery))


def near_pairs(
    codes: Sequence[Sequence[int]], others: Sequence[Sequence[int]] | None, radius: int
) -> list[tuple[int, int, int]]:
    """Return (number, number, distance) of all near pairs, within one list or between two."""
    found = []
    for i, code in enumerate(codes):
        for j, other in enumerate(codes if others is None else others):
            distance = hamming(code, other)
            if distance <= radius and (others is not None or i < j):
                found.append((i, j, distance))
    return found


def orders(distances: Sequence[int], relevant: Sequence[bool]) -> Iterator[list[bool]]:
    """Yield the relevance along each ranking that the ties allow."""
    ties = [
        list(
            itertools.permutations([r for d, r in zip(distances, relevant, strict=True) if d == at])
        )
        for at in sorted(set(distances))
    ]
    for choice in itertools.product(*ties):
        yield [hit for tie in choice for hit in tie]


def mean_over_orders(
    figure: Callable[[list[bool]], float], distances: Sequence[int], relevant: Sequence[bool]
) -> float:
    figures = [figure(ranking) for ranking in orders(distances, relevant)]
    return sum(figures) / len(figures)


def average_precision(
    ranking: list[bool], top_k: int | None = None, denominator: str = "relevant"
) -> float:
    """Of one strict ranking."""
    top_k = len(ranking) if top_k is None else top_k
    if denominator == "any":
        return float(any(ranking[1 : top_k + 1]))
    found, total = 0, 0.0
    for rank, hit in enumerate(ranking[:top_k], start=1):
        if hit:
            found += 1
            total += found / rank
    if not any(ranking):
        return math.nan
    best = {"relevant": min(sum(ranking), top_k), "top_k": top_k, "hits": max(found, 1)}
    return total / best[denominator]


def tied_average_precision(distances: Sequence[int], relevant: Sequence[bool]) -> float:
    """The sum over buckets and positions of He et al. 2018, without its closed form."""
    wanted = sum(relevant)
    items_before = relevant_before = 0
    total = 0.0
    for at in sorted(set(distances)):
        tie = [r for d, r in zip(distances, relevant, strict=True) if d == at]
        n, p = len(tie), sum(tie)
        for t in range(1, n + 1):
            ratio = (t - 1) * (p - 1) / (n - 1) if n > 1 else 0
            total += p / n * (relevant_before + 1 + ratio) / (items_before + t)
        items_before += n
        relevant_before += p
    return total / wanted if wanted else math.nan


def precision_at(ranking: list[bool], top_k: int) -> float:
    return sum(ranking[:top_k]) / top_k


def recall_at(ranking: list[bool], top_k: int) -> float:
    return sum(ranking[:top_k]) / sum(ranking) if any(ranking) else math.nan


def ndcg_at(ranking: list[bool], top_k: int) -> float:
    def gain(hits: list[bool]) -> float:
        return sum(hit / math.log2(1 + rank) for rank, hit in enumerate(hits[:top_k], start=1))

    return gain(ranking) / gain(sorted(ranking, reverse=True)) if any(ranking) else math.nan


def grade(query: Sequence[bool], other: Sequence[bool], how: str) -> float:
    """Number of labels that two tiles share, or Jaccard index of their labels."""
    shared = sum(a and b for a, b in zip(query, other, strict=True))
    either = sum(a or b for a, b in zip(query, other, strict=True))
    return shared if how == "shared" else shared / either if either else 0.0


def cumulative_gain_at(ranking: Sequence[float], top_k: int) -> float:
    """Zhao et al. 2015: ACG@k."""
    return sum(ranking[:top_k]) / top_k


def graded_ndcg_at(ranking: Sequence[float], top_k: int) -> float:
    """Zhao et al. 2015: NDCG@k with the gain 2^r - 1."""

    def gain(grades: Sequence[float]) -> float:
        return sum(
            (2**grade - 1) / math.log2(1 + rank)
            for rank, grade in enumerate(grades[:top_k], start=1)
        )

    return gain(ranking) / gain(sorted(ranking, reverse=True)) if any(ranking) else math.nan


def weighted_average_precision(ranking: Sequence[float], top_k: int | None = None) -> float:
    """Zhao et al. 2015: mean of ACG@t over the ranks t of relevant items."""
    top_k = len(ranking) if top_k is None else top_k
    found = [
        cumulative_gain_at(ranking, rank)
        for rank, grade in enumerate(ranking[:top_k], start=1)
        if grade
    ]
    wanted = min(sum(grade > 0 for grade in ranking), top_k)
    return sum(found) / wanted if wanted else math.nan


def precision_recall_micro(
    queries: Sequence[Sequence[tuple[int, bool]]], radius: int
) -> tuple[float, float]:
    """Of the balls of all queries together; math.nan where they hold nothing."""
    items = hits = wanted = 0
    for pairs in queries:
        if any(hit for _, hit in pairs):
            wanted += sum(hit for _, hit in pairs)
            for distance, hit in pairs:
                if distance <= radius:
                    items += 1
                    hits += hit
    return hits / items if items else math.nan, hits / wanted if wanted else math.nan


def nmrr(ranking: list[bool], most_relevant: int) -> float:
    """Manjunath et al. 2001, for one query; most_relevant is the largest R of all queries."""
    wanted = sum(ranking)
    limit = min(4 * wanted, 2 * most_relevant)
    ranks = [rank for rank, hit in enumerate(ranking, start=1) if hit]
    counted = [rank if rank <= limit else 1.25 * limit for rank in ranks]
    best = (1 + wanted) / 2
    return (sum(counted) / wanted - best) / (1.25 * limit - best)


def sparsity(codes: Rows, nearest: int) -> list[float]:
    """Mean distance of each tile to so many nearest other tiles."""
    found = []
    for i, code in enumerate(codes):
        others = sorted(hamming(code, other) for j, other in enumerate(codes) if j != i)
        found.append(sum(others[:nearest]) / nearest)
    return found


def valleys(
    codes: Rows, heights: Sequence[float], neighbors: int, prominence: float
) -> list[set[int]]:
    """Chazal et al. 2013, upside down, with higher passes between codes that are far apart."""
    everything = range(len(codes))
    order = sorted(everything, key=lambda i: (heights[i], i))
    passes = []
    for i in everything:
        near = sorted(everything, key=lambda j: (hamming(codes[i], codes[j]), j))[: neighbors + 1]
        for j in near:
            if order.index(j) < order.index(i):
                height = max(heights[i], hamming(codes[i], codes[j]) // 2)
                passes.append((height, order.index(i), order.index(j)))
    found = [{i} for i in everything]
    for height, first, second in sorted(passes):
        one = next(valley for valley in found if order[first] in valley)
        two = next(valley for valley in found if order[second] in valley)
        if one is two:
            continue
        bottoms = [order[min(map(order.index, valley))] for valley in (one, two)]
        bottom = max(bottoms, key=order.index)  # of the shallower valley
        if height == heights[bottom] or height - heights[bottom] < prominence:
            one.update(two)
            found.remove(two)
    return found


def outlier_factors(rows: Rows, nearest: int, floor: float) -> list[float]:
    """Distance to the nearest others, divided by theirs and a share of the mean of all."""
    count = range(len(rows))
    near = [
        sorted((1 - cosine(rows[i], rows[j]), j) for j in count if j != i)[:nearest] for i in count
    ]
    spread = [sum(distance for distance, _ in found) / nearest for found in near]
    least = floor * sum(spread) / len(spread)
    return [spread[i] / (sum(spread[j] for _, j in near[i]) / nearest + least) for i in count]


def is_inside(x: float, y: float, ring: Rows) -> bool:
    """Whether a ray from a point to the east crosses the edges of a ring an odd number of times."""
    odd = False
    for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True):
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) / (y1 - y0) * (x1 - x0):
            odd = not odd
    return odd


def plane_quality(distances: Rows, apart: Rows, k: int) -> tuple[float, float]:
    """Venna and Kaski 2001, eq. 1, and the share of neighbors in a plane that are neighbors.

    Args:
        distances: of all pairs in the space; equal ones count as near.
        apart: of all pairs in the plane.
        k: neighbors.
    """
    n = len(distances)
    beyond, kept = 0, 0
    for i in range(n):
        others = [j for j in range(n) if j != i]
        for j in sorted(others, key=lambda j: apart[i][j])[:k]:
            rank = 1 + sum(distances[i][other] < distances[i][j] for other in others)
            beyond += max(0, rank - k)
            kept += rank <= k
    return 1 - 2 / (n * k * (2 * n - 3 * k - 1)) * beyond, kept / (n * k)


def edge_weights(distances: Rows) -> list[list[float]]:
    """McInnes et al. 2018, algorithms 2 and 3: weights of the edges to the nearest neighbors."""
    weights = []
    for row in distances:
        nearest = min((d for d in row if d > 0), default=0.0)
        beyond = [max(0.0, d - nearest) for d in row]
        low, high = 0.0, 1e9
        for _ in range(200):
            bandwidth = (low + high) / 2
            if sum(math.exp(-gap / bandwidth) for gap in beyond) > math.log2(len(row) + 1):
                high = bandwidth
            else:
                low = bandwidth
        bandwidth = max(high, 1e-3 * sum(row) / len(row)) if sum(row) else 1.0
        weights.append([math.exp(-gap / bandwidth) for gap in beyond])
    return weights
