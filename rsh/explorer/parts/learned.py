"""The report of what codes learned from labels: a list of facts, kept in the learned gallery."""

from pathlib import Path

from rsh.errors import InputError
from rsh.gallery.learn_report import GUESS, BeforeAfter, HeldOut, LearnReport
from rsh.gallery.manifest import read_manifest
from rsh.learning.advice import SAME, advise
from rsh.learning.output import learned_from
from rsh.text import plural

Facts = list[list[str]]


def newest_learned(folder: Path) -> tuple[str, LearnReport] | None:
    """Return name and report of the gallery that was learned last from another one, if any."""
    for learned in reversed(learned_from(folder)):
        try:
            made = read_manifest(learned).learned
        except InputError:  # someone else is writing it, or has deleted it
            continue
        if made:
            return learned.name, made.report
    return None


def report_facts(report: LearnReport) -> Facts:
    """Return what learning has changed: pairs of a term and its words."""
    labels, classes = plural(report.labels, "label"), plural(len(report.classes), "class")
    facts = [["Learned from", f"{labels} of {classes}"]]
    if report.left_out:
        left_out = plural(report.left_out, "label")
        facts.append(["Not learned from", f"{left_out} of held-out tiles"])
    measured = f"measured with {plural(report.compared, 'tile')}, labeled or not"
    facts.append(["Neighbors kept", f"{_change(report.neighbors_kept)}; {measured}"])
    if report.held_out:
        facts += _facts_of_labels(report.held_out, report.labels)
    else:
        facts.append(["Measured with labels", "nothing: there are too few labels"])
    return [*facts, ["Advice", advise(report)]]


def _facts_of_labels(held_out: HeldOut, labels: int) -> Facts:
    """Return how well labeled tiles find others of their class, and how that was measured."""
    low, high = (100 * bound for bound in held_out.gain)
    among = f"{held_out.queries:,} of the {plural(labels, 'labeled tile')}"
    guess = f"; with fewer than {GUESS} tiles this is a guess" if held_out.is_guess else ""
    return [
        ["Nearest tiles that have the right class", _change(held_out.precision)],
        ["mAP", _gain(low, high)],
        [
            "These two were measured with",
            f"{among}, each searched with codes that had not learned its label{guess}",
        ],
    ]


def _gain(low: float, high: float) -> str:
    """Return by how many points mAP changes, a 95 % interval."""
    if max(abs(low), abs(high)) < 100 * SAME:
        return "does not change"
    return f"changes by {low:+.1f} to {high:+.1f} points (95 % interval)"


def _change(figure: BeforeAfter) -> str:
    """Return a share before and after, and whether that is better: "33% → 41%, better"."""
    before, after = f"{figure.before:.0%}", f"{figure.after:.0%}"
    if before == after:
        return f"{before}, as before"
    return f"{before} → {after}, {'better' if figure.after > figure.before else 'worse'}"
