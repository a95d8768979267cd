"""What visitors' labels say of tiles, as columns of an export."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsh.gallery.gallery import Gallery
from rsh.learning.confidence import guess_classes

OF_LABELS = ("label", "predicted", "confidence")
DIGITS = 4  # of a confidence


def label_columns(gallery: Gallery, rows: NDArray[np.int64]) -> dict[str, list[Any]]:
    """Return the columns `OF_LABELS` of k tiles; none if no tile of the gallery has a label.

    Args:
        gallery: an opened gallery.
        rows: of the tiles, (k,).

    Returns:
        label, the class that a visitor gave; predicted, the class that is likeliest by all labels;
        and confidence in the latter, 0 to 1. What is unknown is None.

    Raises:
        InputError: annotations cannot be read.
    """
    given, guesses = gallery.annotations.state.given, guess_classes(gallery, rows)
    if not given.names:
        return {}
    classes: list[str | None] = [None] * len(rows)
    scores: list[float | None] = [None] * len(rows)
    if guesses:
        classes = [*guesses.classes]
        scores = [round(score, DIGITS) for score in guesses.scores.tolist()]
    labels = [name or None for name in given.of(rows.tolist())]
    return dict(zip(OF_LABELS, (labels, classes, scores), strict=True))
