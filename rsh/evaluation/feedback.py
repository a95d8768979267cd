"""Simulated relevance feedback: the precision gain of marking tiles of the results.

A simulated user marks the first 20 results of a query by their labels, as positive or negative. The
next search uses the query composed of itself and all tiles marked so far (`rsh.search.feedback`).
Round 0 is the query alone, ranked by the same asymmetric scores, so that the gain of a round is due
to the marks alone.

**Marked tiles are excluded from all rounds.** The user knows them already, and a composed query
retrieves its own parts, which would inflate the gain. The rounds are therefore compared on the
residual collection: all tiles except those marked before the last round, for round 0 as well.

Source: Rocchio 1971, see `search.feedback`. Residual collections: Chang, Cirillo and Razon 1971,
"Evaluation of feedback retrieval using modified freezing, residual collection and test and control
groups", in Salton (ed.), The SMART Retrieval System, ch. 17; Salton and Buckley 1990, "Improving
retrieval performance by relevance feedback", JASIS 41(4), 288-297.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rsh.codes.asymmetric import score
from rsh.codes.encodings import Encodings
from rsh.errors import InputError
from rsh.evaluation.scoring import CUT, Floats, Report, RetrievalTask, Rows
from rsh.metrics import ranking
from rsh.metrics.counts import counts_from_scores
from rsh.search.feedback import WEIGHTS, Weights, rocchio

ROUNDS = 2


def simulate(
    encoded: Encodings,
    task: RetrievalTask,
    *,
    weights: Weights = WEIGHTS,
    rounds: int = ROUNDS,
    judged: int = CUT,
) -> Report:
    """Return metrics before and after rounds of feedback.

    Args:
        encoded: all tiles of the split.
        task: queries and gallery.
        weights: of query, positives and negatives in a composed query.
        rounds: number of feedback rounds, 1 or more.
        judged: number of tiles marked in a round, the first that are not marked yet.

    Returns:
        "judged", "weights", and "residual": for 1, 2, ... rounds of feedback, without the marked
        tiles, "rounds", "precision_at_20" and "map" as lists from round 0 on, each the mean over
        queries and over all orders of equal scores; "gain", the precision of the last round minus
        that of round 0; and "gain_interval", a 95 % bootstrap interval over groups of queries.

    Raises:
        InputError: the gallery is too small for the number of marks, or a number is below 1.
    """
    least = rounds * judged + 1 + task.protocol.without_self
    if min(rounds, judged) < 1 or len(task.gallery) < least:
        raise InputError(
            f"{rounds} rounds of {judged} marks: need 1 or more of each, and a gallery of {least} "
            f"tiles or more, not {len(task.gallery)}"
        )
    metrics = np.stack(list(_by_query(encoded, task, weights, rounds, judged)))
    return {
        "judged": judged,
        "weights": weights._asdict(),
        "residual": [
            _residual(metrics[:, after, : after + 1], task) for after in range(1, rounds + 1)
        ],
    }


def _residual(metrics: Floats, task: RetrievalTask) -> Report:
    """Return the report of one residual collection from its metrics, (q, rounds + 1, 2)."""
    precision, average = np.moveaxis(metrics, 2, 0)
    gain = precision[:, -1] - precision[:, 0]
    return {
        "rounds": metrics.shape[1] - 1,
        "precision_at_20": precision.mean(axis=0).tolist(),
        "map": np.nanmean(average, axis=0).tolist(),
        "gain": float(gain.mean()),
        "gain_interval": ranking.bootstrap_interval(gain, task.groups),
    }


def _by_query(
    encoded: Encodings, task: RetrievalTask, weights: Weights, rounds: int, judged: int
) -> Iterator[Floats]:
    """Yield precision and average precision by residual collection and round, NaN where unused."""
    tiles, packed = task.as_stored, encoded.packed[task.as_stored]
    for row in task.query.tolist():
        (relevant,) = task.relevant(np.array([row]), tiles)
        excluded = tiles == row if task.protocol.without_self else np.zeros(len(tiles), bool)
        marked = np.where(excluded, -1, 0)  # round in which a tile was marked; 0 if in none
        scores = []
        for number in range(rounds + 1):
            positives = tiles[(marked > 0) & relevant]
            negatives = tiles[(marked > 0) & ~relevant]
            parts = (encoded.relaxed[rows] for rows in ([row], positives, negatives))
            scores.append(score(rocchio(*parts, weights=weights), packed))
            if number < rounds:  # mark the first tiles; ties are ordered as in the gallery
                order = np.argsort(np.where(marked == 0, -scores[-1], np.inf), kind="stable")
                marked[order[:judged]] = number + 1
        yield _metrics(scores, marked, relevant)


def _metrics(
    scores: list[NDArray[np.float32]], marked: Rows, relevant: NDArray[np.bool_]
) -> Floats:
    """Return precision and average precision by residual collection and round, NaN where unused."""
    size = len(scores)
    metrics = np.full((size, size, 2), np.nan)
    for after in range(1, size):
        residual = (marked == 0) | (marked > after)
        for number in range(after + 1):
            counts = counts_from_scores(scores[number][residual], relevant[residual])
            metrics[after, number, 0] = ranking.precision_at(counts, top_k=CUT)[0]
            metrics[after, number, 1] = ranking.average_precision(counts)[0]
    return metrics
