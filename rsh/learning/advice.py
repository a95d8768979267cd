"""What to make of the figures of a learned gallery, in words."""

from rsh.gallery.learn_report import GUESS, HeldOut, LearnReport
from rsh.text import plural

STAY = (
    "stay with the old gallery, in which nothing was changed, and label more of the tiles that are "
    "suggested"
)

SAME = 0.0005  # difference of shares that no figure shows


def describe_gain(held_out: HeldOut) -> str:
    """Return between which bounds the change of the mean average precision is."""
    low, high = (100 * bound for bound in held_out.gain)
    sure = "a guess" if held_out.is_guess else "95 % interval"
    queries = plural(held_out.queries, "held-out label")
    return f"mAP changes by {low:+.1f} to {high:+.1f} points: {sure}, from {queries}"


def describe_left_out(count: int) -> str:
    """Return why some labels are not learned from, or "" if there are none."""
    if not count:
        return ""
    verb = "is" if count == 1 else "are"
    return f"{count:,} more {verb} of held-out tiles, which are kept to measure"


def advise(report: LearnReport) -> str:
    """Return whether to use the new gallery, one sentence."""
    held_out = report.held_out
    if held_out is None:
        return f"Nothing was measured, so compare both; in doubt {STAY}."
    low, high = held_out.gain
    if held_out.is_guess:
        return f"With fewer than {GUESS} held-out labels the figures are a guess: {STAY}."
    if max(abs(low), abs(high)) < SAME:
        return f"Tiles of one class find each other as before: {STAY}."
    if low > 0:
        return "Tiles of one class find each other better: use the new gallery."
    if high < 0:
        return f"Tiles of one class find each other worse: {STAY}."
    return f"Whether it is better cannot be told yet: {STAY}."
