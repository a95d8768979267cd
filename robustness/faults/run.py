"""What happens when things go wrong? Faults are injected, and each outcome held to a promise.

    python -m robustness.faults.run                the missing trials, 25 minutes on two cores
    python -m robustness.faults.run --only fetch   those whose promise or fault has this word
    python -m robustness.faults.run --trials 2     the first two of each fault
    python -m robustness.faults.run --table        prints the tables

A trial copies a small world (a run, galleries, zips of 20 to 48 tiles), lets one thing go wrong,
and looks at every byte that is left; then it goes on as the message says, and holds the outcome
against that of an unbroken run, bit by bit. What a person is told has to be one sentence with exit
code 2, and nothing beside it. One JSON line a trial in results/faults.jsonl, which is not made
again:

    result   "as unbroken": in the end all is equal to the unbroken run
             "refused": one sentence, all as before; and after that as unbroken
             "noticed": one sentence that names what is damaged
             "harmless": nothing was said, and all that is read is equal
             "lost", "wrong", "unclear": a promise that was broken
    told     the sentence, or what was seen instead of one

As root, disks in memory are mounted for full and read-only ones; anybody else gets faults of single
steps and sizes alone.
"""

import argparse
import re
import tempfile
import time
from collections import Counter
from itertools import chain
from pathlib import Path

from tqdm import tqdm

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import ROOT, Row, append, read_rows
from robustness.faults import damage, interruptions, servers, writers
from robustness.faults.operations import make_world
from robustness.faults.trial import Trial
from robustness.faults.world import Bad, Outcome, World, draw_of
from rsh.io.provenance import environment

RESULTS = ROOT / "robustness" / "results" / "faults.jsonl"
GOOD, BROKEN = ("as unbroken", "refused", "noticed", "harmless"), ("lost", "wrong", "unclear")
PROMISES = {
    "training": "A training that was killed ends with the weights of an unbroken one",
    "gallery": "A gallery is never half: it is as before a change, or as after it",
    "run": "A report in a run folder is whole: the old one, or the new one",
    "download": "A download is whole or absent",
    "writers": "Two writers at once do each other no harm",
    "disk": "A disk that is full or cannot be written keeps what was there",
    "damage": "A damaged file is noticed, or made again",
    "clock": "A clock that is turned back or on harms nothing",
    "servers": "A server that is slow, breaks off or lies ends in a retry or a sentence",
}


def main(only: str, most: int, results: Path) -> None:
    """Make the missing trials."""
    done = {(row["fault"], row["seed"]) for row in read_rows(results)}
    missing = [
        trial
        for trial in every()
        if trial.key not in done and trial.seed < most and only in f"{trial.promise} {trial.fault}"
    ]
    if not missing:
        return
    about = environment()
    with tempfile.TemporaryDirectory(prefix="rsh-faults-") as name:
        world = make_world(Path(name))
        bar = tqdm(missing, unit="trial", smoothing=0.05)
        for trial in bar:
            bar.set_postfix_str(trial.fault)
            row = tried(world, trial)
            append(results, row | {"environment": about})
            if row["result"] in BROKEN:
                bar.write(f"{trial.fault}, seed {trial.seed}: {row['result']}: {row['told']}")
        world.warm.close()


def every() -> list[Trial]:
    """Return all trials, those of one fault beside each other."""
    suites = (damage, servers, writers, interruptions)
    return list(chain.from_iterable(suite.trials() for suite in suites))


def tried(world: World, trial: Trial) -> Row:
    """Try one fault, and say how it ended."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="rsh-faults-") as name:
        try:
            found: Outcome = trial.act(world, Path(name), draw_of(*trial.key))
        except Bad as bad:
            found = Outcome(bad.result, str(bad))
        told = re.sub(r"/[\w./-]*/(rsh-(faults|told)-\w+)", "", found.told)  # no machine's paths
    return {
        "promise": trial.promise,
        "fault": trial.fault,
        "seed": trial.seed,
        "result": found.result,
        "told": told,
        "seconds": round(time.monotonic() - start, 1),
    }


def table(rows: list[Row]) -> str:
    """Give each promise a line, and a second table with a line a fault."""
    heads = ["promise", "tried", "as unbroken", "refused, all as before", "noticed", "harmless"]
    heads += ["lost", "wrong", "unclear message"]
    promises = [
        line(promise, [row for row in rows if row["promise"] == key])
        for key, promise in PROMISES.items()
    ]
    kinds = []
    for kind, mine in by_kind(rows).items():
        held = sum(row["result"] in GOOD for row in mine)
        kinds.append((kind, len(mine), held, len(mine) - held))
    first = markdown(heads, [*promises, line("**all**", rows)])
    return f"{first}\n\n{markdown(['fault', 'tried', 'held', 'broken'], kinds)}"


def line(head: str, rows: list[Row]) -> list[object]:
    """Count how trials ended."""
    counts = Counter(row["result"] for row in rows)
    return [head, len(rows), *(counts[result] for result in (*GOOD, *BROKEN))]


def by_kind(rows: list[Row]) -> dict[str, list[Row]]:
    """Group trials by the words before the colon, and name what follows it."""
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        kinds.setdefault(row["fault"].partition(":")[0], []).append(row)
    named = {}
    for kind, mine in kinds.items():
        things = dict.fromkeys(row["fault"].partition(": ")[2] for row in mine)
        shown = (f"`{thing}`" if "." in thing else thing for thing in things)
        named[f"{kind}: {', '.join(shown)}"] = mine
    return named


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", metavar="WORDS")
    parser.add_argument("--trials", type=int, default=1000, metavar="N", help="of each fault")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where rows are kept")
    parser.add_argument("--table", action="store_true")
    words = parser.parse_args()
    if words.table:
        known = {trial.fault for trial in every()}  # others were faults of files that are gone
        print(table([row for row in read_rows(words.results) if row["fault"] in known]))
    else:
        main(words.only, words.trials, words.results)
