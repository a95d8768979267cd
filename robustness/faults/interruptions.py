"""Faults that stop a command: kill -9, a full disk, one that cannot be written, another clock."""

import gc
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

from robustness.faults.trial import Trial
from robustness.faults.world import UNFINISHED, Bad, Op, Outcome, World, sentence

KILLS = {
    "train": 24, "finetune": 10, "encode": 24, "add": 14, "remove": 12, "merge": 12, "index": 10,
    "label": 30, "project": 6, "evaluate": 8,
}  # fmt: skip
FULL = {
    "train": 10, "finetune": 3, "encode": 10, "add": 8, "remove": 6, "merge": 6, "index": 4,
    "label": 10, "project": 3, "evaluate": 4,
}  # fmt: skip
FORBIDDEN = ("train", "encode", "add", "remove", "merge", "index", "label", "project", "evaluate")
CLOCKED = ("train", "finetune", "encode", "add", "remove", "merge", "index", "label", "evaluate")
PAGE = 4096  # bytes: what a small file takes of a tmpfs
DAY = 86400.0


def trials() -> Iterator[Trial]:
    """Yield all of them."""
    for name, count in KILLS.items():
        promise = "training" if name in ("train", "finetune") else "gallery"
        promise = "run" if name in ("evaluate", "export") else promise
        yield from Trial.some(promise, f"kill -9: {name}", count, partial(killed, name))
    for name, count in FULL.items():
        yield from Trial.some("disk", f"disk full: {name}", count, partial(filled, name))
    for name in FORBIDDEN:
        if can_mount():
            yield from Trial.some("disk", f"read-only disk: {name}", 1, partial(sealed, name))
            yield from Trial.some("disk", f"no permission: {name}", 2, partial(forbidden, name))
    for name in CLOCKED:
        yield from Trial.some("clock", f"clock turned: {name}", 2, partial(turned, name))


def killed(name: str, world: World, place: Path, draw: random.Random) -> Outcome:
    """Kill a command, and its next try, each at a random moment or step; then let it end."""
    op = world.op(name)
    disk = _laid(world, op, place, draw)
    for argv in (op.argv, op.resume or op.argv):
        if op.state(disk) == op.after or (disk / "merged").exists():
            break
        told = _kill(world, op, disk, argv(disk), draw)
        state = op.state(disk)
        if told == 0 and state != op.after:
            raise Bad("lost", f"{name} said that it was done")
        if state not in (op.before, op.after, UNFINISHED):
            raise Bad("wrong", "killed, it left something else than before or after")
    world.go_on(op, disk)
    return Outcome("as unbroken")


def filled(name: str, world: World, place: Path, draw: random.Random) -> Outcome:
    """Let a disk be full, or a file too large, at a random size or step; then make room, go on."""
    op, kind = world.op(name), draw.choice(("step", "file", "disk", "disk"))
    if kind != "disk" or not can_mount():
        disk = _laid(world, op, place, draw)
        step = {"within": str(disk), "at": draw.randint(1, op.steps), "what": "full"}
        job = {"step": step} if kind == "step" else {"file_size": int(10 ** draw.uniform(0, 5))}
        told = _ended(world, op, disk, **job)
        world.go_on(op, disk)
        return told
    with mounted(place / "disk") as disk:
        world.copy(op, disk)
        if draw.random() < 0.5:
            (disk / "cache").mkdir()
        used = _used(disk)
        room = int(draw.random() * world.kept.setdefault(f"room {name}", _room(world, op, place)))
        remount(disk, f"size={used + max(PAGE, room // PAGE * PAGE)}")
        told = _ended(world, op, disk)
        remount(disk, "size=400m")
        world.go_on(op, disk)
        return told


def sealed(name: str, world: World, place: Path, draw: random.Random) -> Outcome:
    """Let a disk be mounted read-only; then go on when it can be written again."""
    op = world.op(name)
    with mounted(place / "disk") as disk:
        world.copy(op, disk)
        remount(disk, "ro")
        told = _ended(world, op, disk)
        for gallery in disk.glob("gallery"):  # what only reads works all the same
            world.well(disk, ["gallery", "check", str(gallery)])
        remount(disk, "rw")
        if told.result != "refused":
            raise Bad("wrong", f"{name} wrote to a disk that is read-only")
        world.go_on(op, disk)
        return told


def forbidden(name: str, world: World, place: Path, draw: random.Random) -> Outcome:
    """Let the command be of a user who may read everything and write nothing, or not even read."""
    op = world.op(name)
    disk = _laid(world, op, place, draw)
    for path in (world.folder, place, *place.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    place.chmod(draw.choice((0o755, 0o700)))
    told = _ended(world, op, disk, unprivileged=True)
    if told.result != "refused":
        raise Bad("wrong", f"{name} wrote where it may not")
    world.go_on(op, disk)
    return told


def turned(name: str, world: World, place: Path, draw: random.Random) -> Outcome:
    """Turn the clock back or on by up to 30 years between a kill and the next try."""
    op = world.op(name)
    disk = _laid(world, op, place, draw)
    _kill(world, op, disk, op.argv(disk), draw)
    clock = draw.choice((-1, -1, 1)) * draw.choice((1, 30, 10_000)) * DAY
    world.go_on(op, disk, clock=clock, settings={"rsh.io.array_cache.KEEP_BYTES": 1})
    return Outcome("as unbroken")


def _laid(world: World, op: Op, place: Path, draw: random.Random) -> Path:
    """Copy what a command starts from; in half of the trials its cache is empty."""
    disk = place / "disk"
    world.copy(op, disk)
    if draw.random() < 0.5:
        (disk / "cache").mkdir()
    return disk


def _kill(world: World, op: Op, disk: Path, argv: list[str], draw: random.Random) -> int:
    """Kill a command at a random moment, or as it is about to change the disk."""
    if draw.random() < 0.5:
        step = {"within": str(disk), "at": draw.randint(1, op.steps), "what": "kill"}
        return world.run(disk, argv, step=step).code
    running = world.start(disk, argv)
    time.sleep(draw.uniform(0, op.seconds))
    os.kill(running.pid, signal.SIGKILL)
    return world.warm.finish(running).code


def _ended(world: World, op: Op, disk: Path, **job: object) -> Outcome:
    """Run a command that may be refused: then all is as before, and one sentence says why."""
    told = world.run(disk, op.argv(disk), **job)
    state = op.state(disk)
    if told.code == 0:
        if state != op.after:
            raise Bad("lost", f"{op.name} said that it was done: {told.err[-300:]}")
        return Outcome("as unbroken")
    said = sentence(told)
    if state not in (op.before, UNFINISHED):
        raise Bad("wrong", f"refused, it left something else than before: {said}")
    return Outcome("refused", said)


def _room(world: World, op: Op, place: Path) -> int:
    """Return how many bytes more than before a command needs on its disk, its cache included."""
    with mounted(place / "measure") as disk:
        world.copy(op, disk)
        (disk / "cache").mkdir()
        before = _used(disk)
        world.well(disk, op.argv(disk))
        return int(1.1 * (_used(disk) - before)) + 8 * PAGE


def _used(disk: Path) -> int:
    found = os.statvfs(disk)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


@cache
def can_mount() -> bool:
    """Whether this machine lets us mount a disk in memory: for that one has to be root."""
    with (
        TemporaryDirectory() as place,
        suppress(subprocess.CalledProcessError),
        mounted(Path(place)),
    ):
        return True
    return False


@contextmanager
def mounted(place: Path) -> Iterator[Path]:
    """Mount a small disk in memory."""
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        gc.collect()  # a gallery that was looked at has its files mapped
        subprocess.run(["umount", "--lazy", place], check=True)


def remount(place: Path, options: str) -> None:
    """Change a mounted disk."""
    subprocess.run(["mount", "-o", f"remount,{options}", place], check=True)
