"""What does a hostile visitor do to the others? A served dashboard is attacked in many ways.

    python -m robustness.attack.run                the missing attacks, 15 minutes on two cores
    python -m robustness.attack.run --only frames  those whose name has this word
    python -m robustness.attack.run --table        prints the table

Each setup (on this machine alone, with a token, behind nginx with deploy/nginx.conf) is one server
over a gallery of 400 made tiles; nginx has to be installed. After each attack an honest visitor
comes, and must get the page and a new tile by a click within a second. One JSON line an attack in
results/attack.jsonl, which is not made again:

    held   whether the promise of the attack held, and the honest visitor was served
    seen   what the server did
    click  seconds that the honest visitor's slowest of five clicks took afterwards
    memory of the server afterwards, as a multiple of that before
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from tqdm import tqdm

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import ROOT, Row, append, read_rows
from benchmarks.dashboard.gallery import make_gallery
from robustness.attack.attacks import ATTACKS, Attack, Broken
from robustness.attack.server import SETUPS, Target, served
from robustness.attack.visitor import Visitor
from rsh.io.provenance import environment

RESULTS = ROOT / "robustness" / "results" / "attack.jsonl"
TILES, CLICKS, BAR = 400, 5, 1.0


def main(only: str, setups: list[str], results: Path) -> int:
    """Make the missing attacks; return how many promises did not hold."""
    done = {(row["attack"], row["setup"]) for row in read_rows(results)}
    about, broken = environment(), 0
    with tempfile.TemporaryDirectory(prefix="rsh-attack-") as name:
        gallery = Path(name) / "gallery"
        make_gallery(gallery, TILES)
        for setup in setups:
            missing = [
                attack
                for attack in ATTACKS
                if setup in attack.setups and only in attack.name
                if (attack.name, setup) not in done
            ]
            # One server for all, but a new nginx for each: it keeps out who comes back too soon.
            size = 1 if setup == "nginx" else len(ATTACKS)
            for group in (missing[at : at + size] for at in range(0, len(missing), size)):
                folder = Path(tempfile.mkdtemp(prefix=setup, dir=name))
                with served(gallery, folder, setup) as target:
                    for attack in tqdm(group, desc=setup, unit="attack"):
                        row = attacked(target, attack)
                        append(results, row | {"environment": about})
                        if not row["held"]:
                            broken += 1
                            tqdm.write(f"{attack.name}, {setup}: {row['seen']}")
    return broken


def attacked(target: Target, attack: Attack) -> Row:
    """Try one attack, and then visit the server as anybody would."""
    started, before = time.monotonic(), target.megabytes
    row: Row = {"attack": attack.name, "by": attack.by, "setup": target.setup}
    try:
        row |= {"held": True, "seen": asyncio.run(attack.act(target))}
    except Broken as broken:
        row |= {"held": False, "seen": str(broken)}
    seconds = round(time.monotonic() - started, 1)
    click = asyncio.run(honest_clicks(target))
    row["held"] = row["held"] and click < BAR
    memory = round(target.megabytes / before, 2)
    return row | {"click": round(click, 2), "memory": memory, "seconds": seconds}


async def honest_clicks(target: Target) -> float:
    """Return the slowest of some clicks of a new visitor; infinite if the page does not come."""
    try:
        visitor = await Visitor.come(target.url, target.token)
    except (AssertionError, OSError):
        return float("inf")
    await visitor.learn()
    slowest = max([await visitor.click() for _ in range(CLICKS)])
    await visitor.farewell()
    return slowest


def table(rows: list[Row]) -> str:
    """Give each attack a line."""
    lines = []
    for attack in ATTACKS:
        mine = {row["setup"]: row for row in rows if row["attack"] == attack.name}
        if mine:
            held = [_word(mine, setup, attack) for setup in SETUPS]
            slowest = max(row["click"] for row in mine.values())
            seen = mine.get("token", next(iter(mine.values())))["seen"]
            lines.append((attack.name, attack.by, *held, f"{slowest:.2f} s", seen))
    heads = [
        "attack",
        "by a",
        "this machine",
        "with a token",
        "behind nginx",
        "slowest click after",
    ]
    return markdown([*heads, "what came of it with a token"], lines)


def _word(rows: dict[str, Row], setup: str, attack: Attack) -> str:
    if setup not in attack.setups:
        return ""
    return "missing" if setup not in rows else "held" if rows[setup]["held"] else "**broken**"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", metavar="WORDS")
    parser.add_argument("--setup", nargs="+", choices=SETUPS, default=list(SETUPS))
    parser.add_argument("--results", type=Path, default=RESULTS, help="where rows are kept")
    parser.add_argument("--table", action="store_true")
    words = parser.parse_args()
    if words.table:
        print(table(read_rows(words.results)))
    else:
        raise SystemExit(min(1, main(words.only, words.setup, words.results)))
