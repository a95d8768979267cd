"""Simulated feedback: what a query gains when its user marks tiles of the answer.

A query is asked. Its user looks at the first 20 tiles and marks each by its class, as like or as
unlike; the query is composed of itself and all that was marked so far (`rsh.search.feedback`), and
asked again. Round 0 is the query alone, by the same asymmetric scores, so that what a round gains
is due to the marks and to nothing else.

**Tiles that were marked count for no round.** The user knows them already, and a composed query
that brings back what it was made of has found nothing: with them in the ranking the gain would be
inflated. So the rounds are compared on the residual collection, without any tile that was marked
before the last of them; round 0 loses the same tiles as the others.

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
from rsh.search.feedback import WEIGHTS, Weights, compose

ROUNDS = 2


def simulate(
    encoded: Encodings,
    setting: RetrievalTask,
    *,
    weights: Weights = WEIGHTS,
    rounds: int = ROUNDS,
    judged: int = CUT,
) -> Report:
    """Measure queries before and after rounds of feedback.

    Args:
        encoded: all tiles of the split.
        setting: who asks, and what can be found.
        weights: how a query is composed.
        rounds: of feedback, 1 or more.
        judged: how many tiles are marked in a round, those at the top that are not marked yet.

    Returns:
        "judged", "weights", and "residual": for 1, 2, ... rounds of feedback, with the marked tiles
        out of the ranking, "rounds", "precision_at_20" and "map" as lists from round 0 on, each the
        mean over queries and over all orders of equal scores; "gain", that of the precision in the
        last round over round 0; and "gain_interval", 95 %, from drawing groups of queries.

    Raises:
        InputError: the gallery is too small for so many marks, or a number is below 1.
    """
    least = rounds * judged + 1 + setting.protocol.without_self
    if min(rounds, judged) < 1 or len(setting.gallery) < least:
        raise InputError(
            f"{rounds} rounds of {judged} marks: need 1 or more of each, and a gallery of {least} "
            f"tiles or more, not {len(setting.gallery)}"
        )
    figures = np.stack(list(_by_query(encoded, setting, weights, rounds, judged)))
    return {
        "judged": judged,
        "weights": weights._asdict(),
        "residual": [
            _residual(figures[:, after, : after + 1], setting) for after in range(1, rounds + 1)
        ],
    }


def _residual(figures: Floats, setting: RetrievalTask) -> Report:
    """Report the rounds that were compared on one residual collection.

    Args:
        figures: precision and average precision by query and round, (q, rounds + 1, 2).
        setting: says which queries belong together.
    """
    precision, average = np.moveaxis(figures, 2, 0)
    gain = precision[:, -1] - precision[:, 0]
    return {
        "rounds": figures.shape[1] - 1,
        "precision_at_20": precision.mean(axis=0).tolist(),
        "map": np.nanmean(average, axis=0).tolist(),
        "gain": float(gain.mean()),
        "gain_interval": ranking.bootstrap_interval(gain, setting.groups),
    }


def _by_query(
    encoded: Encodings, setting: RetrievalTask, weights: Weights, rounds: int, judged: int
) -> Iterator[Floats]:
    """Yield precision and average precision by residual collection and round, NaN where unused."""
    labels, tiles, packed = setting.labels, setting.as_stored, encoded.packed[setting.as_stored]
    for row in setting.query.tolist():
        relevant = labels[tiles] == labels[row]
        out = tiles == row if setting.protocol.without_self else np.zeros(len(tiles), bool)
        marked = np.where(out, -1, 0)  # the round in which a tile was marked; 0 in none
        scores = []
        for number in range(rounds + 1):
            like, unlike = (tiles[(marked > 0) & (relevant == wanted)] for wanted in (True, False))
            parts = (encoded.relaxed[each] for each in ([row], like, unlike))
            scores.append(score(compose(*parts, weights=weights), packed))
            if number < rounds:
                _mark(marked, scores[-1], judged, number + 1)
        yield _metrics(scores, marked, relevant)


def _mark(marked: Rows, scores: NDArray[np.float32], judged: int, number: int) -> None:
    """Mark the first tiles that are not marked yet, equal scores in the order of the gallery."""
    order = np.argsort(np.where(marked == 0, -scores, np.inf), kind="stable")
    marked[order[:judged]] = number


def _metrics(
    scores: list[NDArray[np.float32]], marked: Rows, relevant: NDArray[np.bool_]
) -> Floats:
    """Return precision and average precision by residual collection and round, NaN where unused."""
    size = len(scores)
    figures = np.full((size, size, 2), np.nan)
    for after in range(1, size):
        left = (marked == 0) | (marked > after)
        for number in range(after + 1):
            counts = counts_from_scores(scores[number][left], relevant[left])
            figures[after, number, 0] = ranking.precision_at(counts, top_k=CUT)[0]
            figures[after, number, 1] = ranking.average_precision(counts)[0]
    return figures
