"""Faults of the network: downloads from a server that is slow, breaks off or lies; Milvus away."""

import hashlib
import io
import os
import random
import shutil
import signal
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from robustness.faults import milvus
from robustness.faults.http_server import WAYS, Server, serve
from robustness.faults.trial import Trial
from robustness.faults.world import Bad, Outcome, World, sentence
from rsh.data.catalog import UCMERCED

EACH = 1  # tile of each class
FETCH = ["data", "fetch", "ucmerced", "--accept-license", "--output"]
PATIENCE = 0.3  # seconds without a byte


def trials() -> Iterator[Trial]:
    """Yield all of them."""
    yield from Trial.some("download", "kill -9: fetch", 10, killed)
    yield from Trial.some("download", "damaged download: the part that came", 4, damaged)
    yield from Trial.some("disk", "disk full: fetch", 4, filled)
    yield from Trial.some("clock", "clock turned: fetch", 2, partial(killed, clock=-1e9))
    yield from Trial.some("writers", "two writers: fetch beside fetch", 2, together)
    for way in WAYS:
        yield from Trial.some("servers", f"bad server: {way}", 2, partial(badly, way))
    yield from milvus.trials()


def archive(world: World) -> bytes:
    """Pack tiles as UC Merced has them."""
    if "archive" not in world.kept:
        stream = io.BytesIO()
        with (
            zipfile.ZipFile(world.folder / "tiles.zip") as tiles,
            zipfile.ZipFile(stream, "w") as packed,
        ):
            images = [name for name in tiles.namelist() if name.endswith(".jpg")]
            for name, image in zip(UCMERCED.counts, images, strict=False):
                packed.writestr(f"UCMerced/{name}/1.jpg", tiles.read(image))
        world.kept["archive"] = stream.getvalue()
    content: bytes = world.kept["archive"]
    return content


def job(server: Server, content: bytes, **more: Any) -> dict[str, Any]:
    """Return what makes a command believe that UC Merced lies on a server."""
    sha256 = hashlib.sha256(content).hexdigest()
    settings = {"rsh.data.download.TIMEOUT": PATIENCE}
    return {
        "dataset": {"url": server.url, "sha256": sha256, "each": EACH},
        "settings": settings,
    } | more


def whole(home: Path, content: bytes) -> bool:
    """Whether the data set is there.

    Raises:
        Bad: something else has its name.
    """
    file = home / "ucmerced.zip"
    if file.exists() and file.read_bytes() != content:
        raise Bad("wrong", "half a download has the name of a data set")
    return file.exists()


def finish(world: World, place: Path, server: Server, content: bytes) -> None:
    """Fetch from a server that has become good; hold the outcome."""
    server.mend()
    world.well(place, [*FETCH, f"{place}/home"], **job(server, content))
    if not whole(place / "home", content) or len(list((place / "home").iterdir())) != 1:
        raise Bad("lost", "the data set did not come, or something is left beside it")


def killed(world: World, place: Path, draw: random.Random, clock: float = 0.0) -> Outcome:
    """Kill a fetch, and the next, each at a random moment; then let it end."""
    content = archive(world)
    with serve(content) as server:
        server.pause = 0.02
        for _ in range(draw.randint(1, 3)):
            running = world.start(place, [*FETCH, f"{place}/home"], **job(server, content))
            time.sleep(draw.uniform(0.02, 0.6))
            os.kill(running.pid, signal.SIGKILL)
            world.warm.finish(running)
            whole(place / "home", content)
        server.mend()
        done = {"clock": clock} if clock else {}
        world.well(place, [*FETCH, f"{place}/home"], **job(server, content, **done))
        finish(world, place, server, content)
    return Outcome("as unbroken")


def damaged(world: World, place: Path, draw: random.Random) -> Outcome:
    """Flip a bit of what came before a fetch broke off; then go on."""
    content = archive(world)
    with serve(content) as server:
        server.cuts = [draw.randint(600, len(content) - 1)] + 9 * [0]
        sentence(world.run(place, [*FETCH, f"{place}/home"], **job(server, content)))
        (part,) = place.glob("home/.ucmerced.fetch/*.zip")
        came = bytearray(part.read_bytes())
        came[draw.randrange(len(came))] ^= 1 << draw.randrange(8)
        part.write_bytes(came)
        server.mend()
        told = sentence(world.run(place, [*FETCH, f"{place}/home"], **job(server, content)))
        whole(place / "home", content)
        finish(world, place, server, content)
    return Outcome("noticed", told)


def filled(world: World, place: Path, draw: random.Random) -> Outcome:
    """Let a file be too large for the disk; then go on."""
    content = archive(world)
    with serve(content) as server:
        full = job(server, content, file_size=draw.randrange(len(content)))
        told = sentence(world.run(place, [*FETCH, f"{place}/home"], **full))
        if whole(place / "home", content):
            raise Bad("wrong", "refused, and yet it is there")
        finish(world, place, server, content)
    return Outcome("refused", told)


def together(world: World, place: Path, draw: random.Random) -> Outcome:
    """Let two processes fetch the same."""
    content = archive(world)
    with serve(content) as server:
        server.pause = 0.01
        words = [*FETCH, f"{place}/home"]
        running = [world.start(place, words, **job(server, content)) for _ in range(2)]
        told = [world.warm.finish(each) for each in running]
        said = [sentence(each) for each in told if each.code]
        if not whole(place / "home", content):
            raise Bad("lost", f"neither came about: {said}")
    return Outcome("refused", said[0]) if said else Outcome("as unbroken")


def badly(way: str, world: World, place: Path, draw: random.Random) -> Outcome:
    """Fetch from a bad server; then from a good one."""
    content = archive(world)
    with ExitStack() as held:
        server = held.enter_context(serve(content))
        WAYS[way](server, draw)
        told = world.run(place, [*FETCH, f"{place}/home"], **job(server, content))
        said = sentence(told) if told.code else ""
        if whole(place / "home", content) != (not told.code):
            raise Bad("lost", f"told {told.code}, and the opposite is there")
        shutil.rmtree(place / "home", ignore_errors=not told.code)
        finish(world, place, server, content)
    return Outcome("refused", said) if told.code else Outcome("as unbroken")
