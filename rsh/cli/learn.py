"""The commands that learn from labels: `rsh suggest`, `rsh classify` and `rsh learn`."""

import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

from cyclopts import Parameter

from rsh.cli.layout import print_json
from rsh.cli.tables import check_table_file, write_table
from rsh.text import align_columns, plural

if TYPE_CHECKING:
    from rsh.gallery.gallery import Gallery
    from rsh.gallery.learn_report import BeforeAfter, LearnReport
    from rsh.learning.confidence import Confidence
    from rsh.learning.progress import Progress

NONE = "none of these"  # classes
Count = Annotated[int, Parameter(name=["-n", "--count"])]


def suggest(
    gallery: Path,
    /,
    *,
    labels: Path | None = None,
    count: Count = 10,
    seed: int = 0,
    json_: bool = False,
) -> None:
    """Name the tiles to label next: typical, far apart, and of uncertain class.

    Args:
        gallery: Gallery folder.
        labels: A file with the columns id and class, .csv, .parquet or .geojson. (default: the
            labels recorded in the gallery)
        count: How many tiles.
        seed: Random seed of the tiles that are compared in a gallery of over 2,000.
        json_: Print JSON.
    """
    from rsh.gallery.gallery import Gallery
    from rsh.learning.suggest import suggest as choose

    opened = Gallery.open(gallery)
    given = _given(opened, labels)
    chosen = choose(opened, given, count=count, seed=seed)
    if json_:
        print_json([suggestion._asdict() for suggestion in chosen])
        return
    print(
        "label these next, since each is like many others: "
        f"rsh labels give {gallery} TILE --class NAME",
        file=sys.stderr,
    )
    if given:
        rows = [("tile", "perhaps", "confidence")]
        rows += [(one.tile, one.guess or NONE, f"{one.confidence:.2f}") for one in chosen]
        print(align_columns(rows, left=(0, 1)))
    else:
        print(*(one.tile for one in chosen), sep="\n")


def classify(
    gallery: Path,
    /,
    *,
    labels: Path | None = None,
    least: float = 0.8,
    output: Path | None = None,
    seed: int = 0,
    json_: bool = False,
) -> None:
    """Count the tiles that are probably of each class, by the labels of a few.

    Args:
        gallery: Gallery folder.
        labels: A file with the columns id and class, .csv, .parquet or .geojson. (default: the
            labels recorded in the gallery)
        least: Confidence from which on a tile counts, 0 to 1.
        output: File to create with the columns id, class and confidence, .csv or .parquet.
        seed: Random seed of the tiles that stand for those without a label.
        json_: Print JSON.
    """
    from rsh.config import check_number
    from rsh.gallery.gallery import Gallery
    from rsh.learning.confidence import confidence

    check_number("least", least, 0.0, 1.0)
    if output:
        check_table_file(output)
    opened = Gallery.open(gallery)
    found = confidence(opened, _given(opened, labels), seed=seed)
    counts = found.count(least)
    right, checked = found.check(least)
    if output:
        _write_tiles(opened, found, least, output)
    if json_:
        held_out = {"right": right, "tiles": checked}
        print_json({"least": least, "tiles": counts, "held_out": held_out, "note": found.note})
        return
    rows = [("class", "tiles"), *((name, f"{tiles:,}") for name, tiles in counts.items())]
    print(align_columns(rows))
    if checked:
        drawn = len(found.checked)
        of_all = f", for {drawn} drawn labels" if drawn < len(found.labels) else ""
        print(
            f"check: {right:,} of {plural(checked, 'guess')} right at {least:g}, each made without "
            f"the tile's own label{of_all}"
        )
    else:
        print(f"check: without its own label, no tile reaches {least:g}: label more")
    if found.note:
        print(f"note: {found.note}", file=sys.stderr)


def learn(
    gallery: Path,
    /,
    *,
    labels: Path | None = None,
    output: Path | None = None,
    name: str = "",
    seed: int = 0,
    measure: Annotated[bool, Parameter(negative="--no-measure")] = True,
    json_: bool = False,
) -> None:
    """Teach a gallery's codes by labels, and write a new gallery beside it.

    No image is read, and the gallery itself is not changed. Tiles without a label keep their
    neighborhoods. Run `rsh project` on the new gallery afterwards.

    Args:
        gallery: Gallery folder.
        labels: A file with the columns id and class, .csv, .parquet or .geojson. (default: the
            labels recorded in the gallery)
        output: Gallery folder to create. (default: GALLERY-learned-1, or the next number)
        name: Name of the new gallery on the dashboard.
        seed: Random seed of the training.
        measure: Hold labels out to measure what is gained, in twice or three times the time.
        json_: Print JSON.
    """
    from tqdm import tqdm

    from rsh.gallery.gallery import Gallery
    from rsh.learning.learn import learn as teach

    opened = Gallery.open(gallery)
    given = _given(opened, labels)
    form = "{desc}: {percentage:.0f}% |{bar}| {elapsed}<{remaining}"
    with ExitStack() as stack:
        bars: list[tqdm[NoReturn]] = []

        def watch(progress: "Progress") -> None:
            if not progress.fraction:
                return  # what is refused is refused before, and leaves no bar
            if not bars:
                bars.append(stack.enter_context(tqdm(total=1.0, bar_format=form, leave=False)))
            bars[0].set_description_str(progress.stage, refresh=False)
            bars[0].update(progress.fraction - bars[0].n)

        done = teach(
            opened, given, output=output, name=name, seed=seed, measure=measure, watch=watch
        )
    folder = done.gallery.folder
    if json_:
        print_json({"output": str(folder), **asdict(done.report)})
    else:
        print(f"{folder}: {plural(len(done.gallery), 'tile')}")
        print(_to_text(done.report))
    next_step = f"next: rsh project {folder}, then rsh dashboard {gallery} --also {folder}"
    print(next_step, file=sys.stderr)


def _given(gallery: "Gallery", file: Path | None) -> dict[str, str]:
    """Return the class by id of a file, or those recorded in the gallery."""
    from rsh.learning.labels import recorded_labels
    from rsh.search.formats.annotations import read_classes

    return read_classes(gallery, file) if file else recorded_labels(gallery)


def _write_tiles(gallery: "Gallery", found: "Confidence", least: float, file: Path) -> None:
    """Write the tiles with a high score: id, class, confidence."""
    import pandas as pd

    rows, numbers = found.find(least)
    table = pd.DataFrame(
        {
            "id": pd.Series([gallery.ids[row] for row in rows.tolist()], dtype="str"),
            "class": pd.Series([found.classes[number] for number in numbers], dtype="str"),
            "confidence": found.scores[rows, numbers].astype(float).round(4),
        }
    )
    write_table(table, file)


def _to_text(report: "LearnReport") -> str:
    """Return a report as lines of text."""
    from rsh.learning.advice import advise, describe_gain

    rows = [("", "before", "after"), ("neighbors kept", *_percent(report.neighbors_kept))]
    if held_out := report.held_out:
        rows += [
            ("mAP of held-out labels", *_percent(held_out.mean_average_precision)),
            ("precision of held-out labels", *_percent(held_out.precision)),
        ]
    lines = [
        f"learned from {plural(report.labels, 'label')} of {plural(len(report.classes), 'class')}",
        align_columns(rows),
        f"another nearest tile: {report.nearest_changed:.0%} of {plural(report.compared, 'tile')}",
    ]
    if held_out:
        lines.append(describe_gain(held_out))
    if report.left_out:
        left_out = plural(report.left_out, "label")
        lines.append(f"not learned from: {left_out} of held-out tiles, which are kept to measure")
    lines.append(f"advice: {advise(report)}")
    return "\n".join(lines)


def _percent(metric: "BeforeAfter") -> tuple[str, str]:
    return f"{metric.before:.1%}", f"{metric.after:.1%}"
