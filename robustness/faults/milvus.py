"""Faults of a Milvus server: killed, stopped, cut off by what lies between, or no Milvus."""

import json
import os
import random
import shutil
import signal
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from robustness.faults.operations import ids_of
from robustness.faults.trial import Trial
from robustness.faults.world import Bad, Outcome, World, sentence
from rsh.gallery.gallery import Gallery
from rsh.search.retrieve import search

BUFFER = 4096


def trials() -> Iterator[Trial]:
    """Yield all of them."""
    for what in ("index", "add", "remove"):
        yield from Trial.some("servers", f"Milvus killed: {what}", 3, partial(killed, what))
        yield from Trial.some("servers", f"connection cut: {what}", 3, partial(cut, what))
    yield from Trial.some("servers", "Milvus killed: search", 2, partial(away, "SIGKILL"))
    yield from Trial.some("servers", "Milvus stopped: search", 2, partial(away, "SIGSTOP"))
    yield from Trial.some("servers", "not Milvus: index", 2, lying)


def free_port() -> int:
    """Return a port that no one listens to."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


class Milvus:
    """Milvus's embedded server, listening on a port of 127.0.0.1."""

    def __init__(self, place: Path) -> None:
        """Start it on a file below a place."""
        self.file, self.port = place / "codes.db", free_port()
        self.start()

    @property
    def pid(self) -> int:
        """Its process."""
        pid: int = self._server._p.pid
        return pid

    def start(self) -> None:
        """Start it, on the file as it is."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from milvus_lite.server import Server  # type: ignore[import-untyped]
        self._server: Any = Server(str(self.file), f"127.0.0.1:{self.port}")
        before = os.environ.get("TMPDIR")
        os.environ["TMPDIR"] = str(self.file.parent)  # where it keeps a diary
        well = self._server.init() and self._server.start()
        del os.environ["TMPDIR"]
        os.environ |= {} if before is None else {"TMPDIR": before}
        if not well:
            raise RuntimeError("Milvus's embedded server does not start")

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Send it a signal."""
        os.kill(self.pid, how)
        if how == signal.SIGKILL:
            self._server._p.wait()

    def again(self) -> None:
        """Start it after it was killed."""
        self.close()
        self.start()

    def close(self) -> None:
        """End it."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self._server.stop()


class Wire:
    """What lies between a client and a port: it may be cut, and whole again."""

    def __init__(self, port: int, *, garbage: bytes = b"") -> None:
        """Listen.

        Args:
            port: where what comes is passed on to.
            garbage: what is answered instead.
        """
        self.target, self.garbage, self.cut_after = port, garbage, 1 << 40
        self._listens = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listens.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._listens.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listens.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self.target), timeout=5)
                except OSError:
                    near.close()
                    continue
                if self.garbage:
                    near.sendall(self.garbage)
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(BUFFER):
                if self.garbage:
                    continue
                self.cut_after -= len(data)
                if self.cut_after < 0:
                    break
                other.sendall(data)
        for each in (one, other):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@contextmanager
def served(place: Path) -> Iterator[tuple[Milvus, Wire]]:
    """Serve Milvus behind a wire."""
    with ExitStack() as held:
        milvus = held.enter_context(closing(Milvus(place)))
        yield milvus, held.enter_context(closing(Wire(milvus.port)))


def change(what: str, world: World, place: Path, wire: Wire) -> list[str]:
    """Return a command that changes an index on a server."""
    gallery = str(place / "gallery")
    if what == "index":
        return [*("gallery", "index", gallery, "--type", "milvus"), "--uri",
                f"http://127.0.0.1:{wire.port}"]  # fmt: skip
    return world.ops[what].argv(place)


def begin(what: str, world: World, place: Path, wire: Wire) -> None:
    """Lay a gallery that is indexed on the server, unless to index it is what goes wrong."""
    shutil.copytree(world.folder / "gallery", place / "gallery")
    if what != "index":
        world.well(place, change("index", world, place, wire))


def killed(what: str, world: World, place: Path, draw: random.Random) -> Outcome:
    """Kill the server at a random moment of a change; start it again, and go on."""
    with served(place) as (milvus, wire):
        begin(what, world, place, wire)
        running = world.start(place, change(what, world, place, wire))
        time.sleep(draw.uniform(0, 3))
        milvus.stop()
        told = world.warm.finish(running)
        milvus.again()
        return finished(what, told, world, place, wire)


def cut(what: str, world: World, place: Path, draw: random.Random) -> Outcome:
    """Cut all connections after a random number of bytes; then go on."""
    with served(place) as (_, wire):
        begin(what, world, place, wire)
        wire.cut_after = int(10 ** draw.uniform(2.0, 4.5))
        told = world.run(place, change(what, world, place, wire))
        wire.cut_after = 1 << 40
        return finished(what, told, world, place, wire)


def away(how: str, world: World, place: Path, draw: random.Random) -> Outcome:
    """Search while the server is away; then when it is there again."""
    with served(place) as (milvus, wire):
        begin("search", world, place, wire)
        milvus.stop(signal.Signals[how])
        query = draw.choice(ids_of(place / "gallery"))
        said = sentence(world.run(place, ["search", f"{place}/gallery", query]))
        milvus.again() if how == "SIGKILL" else milvus.stop(signal.SIGCONT)
        compare(world, place)
    return Outcome("refused", said)


def lying(world: World, place: Path, draw: random.Random) -> Outcome:
    """Index on what is no Milvus; all has to be as before."""
    answer = draw.choice((b"HTTP/1.1 200 OK\r\n\r\nhello", draw.randbytes(200)))
    with closing(Wire(free_port(), garbage=answer)) as wire:
        wire.target = wire.port  # to itself, so that a user listens
        begin("index", world, place, wire)
        said = sentence(world.run(place, change("index", world, place, wire)))
        compare(world, place)
    return Outcome("refused", said)


def finished(what: str, told: Any, world: World, place: Path, wire: Wire) -> Outcome:
    """Go on after a change that may have been refused; hold every answer."""
    said = sentence(told) if told.code else ""
    if told.code:
        world.well(place, ["gallery", "check", f"{place}/gallery"])
        again = world.run(place, change(what, world, place, wire))
        if again.code:
            raise Bad("lost", f"{what} does not go on: {again.err[-600:]}")
    compare(world, place)
    return Outcome("refused", said) if told.code else Outcome("as unbroken")


def compare(world: World, place: Path) -> None:
    """Hold the results of a gallery against those of an exact search in memory."""
    exact = Gallery.open(place / "gallery")
    exact.manifest.index = None
    ids: list[str] = exact.items["id"].tolist()
    for query in ids[:: len(ids) // 3]:
        told = world.well(place, ["search", f"{place}/gallery", query, "--json"])
        found, true = json.loads(told.out)["hits"], search(exact, query).to_dict()["hits"]
        if found != json.loads(json.dumps(true)):
            raise Bad("wrong", f"{len(found)} hits by the index, {len(true)} in memory")
