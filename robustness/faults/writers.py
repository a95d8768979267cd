"""Two writers at once: each ends well or is told to wait, and nothing is lost by it."""

import random
import shutil
from collections.abc import Iterator
from functools import partial
from itertools import permutations
from pathlib import Path

from robustness.faults.trial import Trial
from robustness.faults.world import Bad, Outcome, World, sentence

PAIRS = {  # commands that begin together, and how often
    ("remove", "remove others"): 4,
    ("add", "remove"): 3,
    ("encode", "encode"): 2,
    ("encode", "add"): 2,
    ("merge", "merge"): 3,
    ("index", "remove"): 3,
    ("label", "label others"): 6,
    ("label", "remove others"): 3,
    ("train", "train otherwise"): 4,
    ("train", "train"): 2,
    ("evaluate", "evaluate"): 2,
}


def trials() -> Iterator[Trial]:
    """Yield all of them."""
    for pair, count in PAIRS.items():
        words = f"two writers: {pair[0]} beside {pair[1]}"
        yield from Trial.some("writers", words, count, partial(together, pair))


def together(pair: tuple[str, str], world: World, place: Path, draw: random.Random) -> Outcome:
    """Begin two commands at once; hold what is left against both, one after the other."""
    ops = [world.op(name) for name in pair]
    world.copy(ops[0], place)
    shared = place / "cache"
    shutil.copytree(world.folder / "cache", shared)
    running = [world.start(place, op.argv(place)) for op in ops]
    told = [world.warm.finish(each) for each in running]
    said = [sentence(each) for each in told if each.code]
    well = tuple(name for name, each in zip(pair, told, strict=True) if not each.code)
    if not well:
        raise Bad("lost", f"neither came about: {said}")
    if ops[0].state(place) not in {serial(world, order) for order in permutations(well)}:
        raise Bad("wrong", f"{well} ended well, and something else is there: {said}")
    return Outcome("refused", said[0]) if said else Outcome("as unbroken")


def serial(world: World, names: tuple[str, ...]) -> str:
    """Return what commands lead to, one after the other."""
    known: dict[tuple[str, ...], str] = world.kept.setdefault("serial", {})
    if len(set(names)) == 1 and names[0] in ("encode", "evaluate", "train"):
        return world.op(names[0]).after  # the second changes nothing
    if names not in known:
        place = world.folder / "serial" / " then ".join(names)
        world.copy(world.op(names[0]), place)
        for name in names:
            world.run(place, world.op(name).argv(place))
        known[names] = world.op(names[0]).state(place)
    return known[names]
