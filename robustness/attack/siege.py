"""Five minutes of everything at once, while an honest visitor clicks.

    python -m robustness.attack.siege              one row
    python -m robustness.attack.siege --minutes 1

One hostile visitor (with a link) and one hostile stranger (without) go through their attacks again
and again. One JSON line in results/siege.jsonl:

    clicks, click_p50, click_p95, click_max  of the honest visitor, seconds
    memory  largest resident memory of the server, as a multiple of its quiet value
    alike   whether a new visitor is served in the end as in the beginning
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tornado.httpclient import HTTPClientError

from benchmarks.common.markdown import markdown
from benchmarks.common.rows import ROOT, Row, append, read_rows
from benchmarks.dashboard.gallery import make_gallery
from robustness.attack import attacks
from robustness.attack.run import honest_clicks
from robustness.attack.server import Target, served
from rsh.io.provenance import environment

RESULTS = ROOT / "robustness" / "results" / "siege.jsonl"
PAUSE = 0.5  # seconds between two clicks of the honest visitor
STRANGER = (
    attacks.large_bodies,
    attacks.half_requests,
    attacks.redirects,
    attacks.routes,
    attacks.strange_headers,
    attacks.wrong_tokens,
)


async def besiege(target: Target, minutes: float) -> Row:
    """Attack a server from two sides, and click."""
    quiet, end = target.megabytes, time.monotonic() + 60 * minutes
    honest = await attacks.connected(target)
    times: list[float] = []
    most = quiet
    hostile = [asyncio.create_task(visit(target)), asyncio.create_task(stray(target))]
    try:
        while time.monotonic() < end:
            times.append(await honest.click())
            most = max(most, target.megabytes)
            await asyncio.sleep(PAUSE)
    finally:
        for task in hostile:
            task.cancel()
        await asyncio.wait(hostile)
    honest.leave()
    p95 = statistics.quantiles(times, n=20, method="inclusive")[-1]
    return {
        "minutes": minutes,
        "clicks": len(times),
        "click_p50": round(statistics.median(times), 3),
        "click_p95": round(p95, 3),
        "click_max": round(max(times), 3),
        "memory": round(most / quiet, 2),
        "alike": await honest_clicks(target) < 1,
    }


async def visit(target: Target) -> None:
    """Be a hostile visitor."""
    draw = random.Random(0)
    while True:
        with suppress(AssertionError, OSError, HTTPClientError):
            hostile = await attacks.connected(target)
            widgets = hostile.widgets
            floods = [
                ("HeaderPanel", {"kind": "ping"}, ()),
                ("LegendPanel", {"kind": "select"}, (bytes(20 << 20),)),
                ("ExplainPanel", {"kind": "parts"}, ()),
                ("UploadPanel", {"kind": "image", "name": "x.png"}, (draw.randbytes(20 << 20),)),
                ("UploadPanel", {"kind": "find", "text": "x" * (1 << 17)}, ()),
            ]
            for panel, data, buffers in floods:
                content = {
                    "comm_id": widgets[panel],
                    "data": {"method": "custom", "content": data},
                }
                async with attacks.shouting(hostile, content, buffers):
                    await asyncio.sleep(6)
                await attacks.again(hostile)
            await hostile.send(b"\xff" * 8)


async def stray(target: Target) -> None:
    """Be a hostile stranger."""
    while True:
        for act in STRANGER:
            with suppress(attacks.Broken, OSError, HTTPClientError):
                await act(target)


def table(rows: list[Row]) -> str:
    """Give each siege a line."""
    heads = ["minutes", "clicks", "median", "95 % within", "slowest", "memory of the server"]
    lines = [
        (
            f"{row['minutes']:g}",
            row["clicks"],
            *(f"{row[f'click_{what}']:.2f} s" for what in ("p50", "p95", "max")),
            f"at most {row['memory']:.2f} times as when quiet",
        )
        for row in rows
    ]
    return markdown(heads, lines)


def main(minutes: float, results: Path) -> None:
    """Measure, and add a row."""
    with tempfile.TemporaryDirectory(prefix="rsh-attack-") as name:
        gallery = Path(name) / "gallery"
        make_gallery(gallery, 2000)
        with served(gallery, Path(name), "token") as target:
            row = asyncio.run(besiege(target, minutes))
    append(results, row | {"environment": environment()})
    print(row)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--results", type=Path, default=RESULTS, help="where rows are kept")
    parser.add_argument("--table", action="store_true")
    words = parser.parse_args()
    if words.table:
        print(table(read_rows(words.results)))
    else:
        main(words.minutes, words.results)
