"""What learning from labels has changed, as a learned gallery keeps it: see `rsh.learning`."""

from dataclasses import dataclass

GUESS = 30  # queries: with fewer the figures are a guess


@dataclass(frozen=True)
class BeforeAfter:
    """A metric before and after, fractions."""

    before: float
    after: float


@dataclass(frozen=True)
class HeldOut:
    """How well labeled tiles find others of their class, measured with labels that were held out.

    Attributes:
        queries: number of held-out tiles with another tile of their class to find.
        mean_average_precision: of these queries among the other held-out tiles.
        precision: share of a query's class among its nearest held-out tiles, as many as there are
            of its class (R-precision).
        gain: 95 % interval of the change of the mean average precision.
    """

    queries: int
    mean_average_precision: BeforeAfter
    precision: BeforeAfter
    gain: tuple[float, float]

    @property
    def is_guess(self) -> bool:
        """Whether there are too few queries to rely on the figures."""
        return self.queries < GUESS


@dataclass(frozen=True)
class LearnReport:
    """What learning has changed.

    Attributes:
        labels: number of labels that were learned from.
        left_out: number of labels of held-out tiles (split "query"), which are never learned from.
        classes: names.
        neighbors_kept: share of a tile's ten nearest by features among its ten nearest by code.
        nearest_changed: share of the tiles whose nearest tile is another one.
        compared: number of tiles that these two were measured with.
        held_out: None if the labels are too few to hold some out.
    """

    labels: int
    left_out: int
    classes: tuple[str, ...]
    neighbors_kept: BeforeAfter
    nearest_changed: float
    compared: int
    held_out: HeldOut | None
