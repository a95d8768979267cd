"""What faults are injected into: small data, a run and galleries, and commands on copies of them.

A command (`Op`) knows how to be run in a copy of the world, how to go on after it was broken off,
and what the world looks like before and after it: `state` reads every byte, and says "half" by
raising Bad.
"""

import hashlib
import json
import random
import re
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors.numpy

from robustness.faults.warm import Told, Warm
from rsh.data.tiles import TileDataset
from rsh.errors import InputError
from rsh.gallery.gallery import Gallery
from rsh.gallery.writer import check_gallery

CLASSES = ("barren", "coast", "evergreen_broadleaf_forest", "snow_and_ice")
SETTINGS: dict[str, Any] = {  # so that little data has many parts, checkpoints and notes
    "rsh.encoding.chunk_store.CHUNK_TILES": 4,
    "rsh.training.loop.VALIDATE_EVERY": 3,
    "rsh.io.array_cache.SAVE_EVERY": 8,
    "rsh.data.download.PAUSES": (0.05, 0.05, 0.05, 0.05),
    "rsh.data.download.CHUNK": 512,
    "rsh.index.milvus_client.PAUSE": 0.1,
    "rsh.index.milvus_client.TIMEOUT": 5.0,
}
KNOWN = ("model", "data", "split", "train", "split_fingerprint", "environment", "fingerprint")
NOTHING, UNFINISHED = "nothing", "unfinished"
BAR = re.compile(r"\d+%\||\d+(it|tile|epoch|B)? \[|\d+(\.\d+)?[kM]?B \[|^laying out |^exporting ")
LICENSE = re.compile(r"license: ")


class Bad(Exception):
    """An outcome that must not be: "lost", "wrong" or "unclear", and what was seen."""

    def __init__(self, result: str, seen: str) -> None:
        """Note it."""
        super().__init__(seen)
        self.result = result


class Outcome(NamedTuple):
    """How a fault ended.

    Attributes:
        result: "as unbroken", "refused", "noticed" or "harmless"; or one of `Bad`.
        told: the sentence, if there was one.
    """

    result: str
    told: str = ""


@dataclass
class Op:
    """A command.

    Attributes:
        name: of the command.
        argv: its words, below a folder.
        state: says what there is below a folder.
        base: folders of the world that it starts from, copied side by side.
        resume: its words where a first try has left something; the same by default.
        compiles: whether UMAP is needed.
        before: the state it starts from.
        after: the state that it leads to, unbroken.
        seconds: that it takes unbroken.
        steps: how often it changes the disk.
    """

    name: str
    argv: Callable[[Path], list[str]]
    state: Callable[[Path], str]
    base: tuple[str, ...] = ()
    resume: Callable[[Path], list[str]] | None = None
    compiles: bool = False
    before: str = ""
    after: str = ""
    seconds: float = 0.0
    steps: int = 0


@dataclass
class World:
    """Data, a run and galleries below a folder, and a warm process.

    Attributes:
        folder: no one changes what lies there after it was made.
        warm: runs commands.
        ops: commands whose unbroken outcome is known, by name.
        kept: what other faults have made once, by name.
    """

    folder: Path
    warm: Warm
    ops: dict[str, Op] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)

    def run(self, place: Path, argv: list[str], **job: Any) -> Told:
        """Run a command to its end."""
        return self.warm.finish(self.start(place, argv, **job))

    def start(self, place: Path, argv: list[str], **job: Any) -> Any:
        """Begin a command whose cache lies below its place, if there is one, or in the world."""
        cache = place / "cache" if (place / "cache").exists() else self.folder / "cache"
        env = {"RSH_CACHE": str(cache), "RSH_DATA_HOME": str(place / "home")} | job.pop("env", {})
        settings = SETTINGS | job.pop("settings", {})
        return self.warm.start(argv, env=env, settings=settings, **job)

    def well(self, place: Path, argv: list[str], **job: Any) -> Told:
        """Run a command that has to end well."""
        told = self.run(place, argv, **job)
        if told.code:
            raise Bad("lost", f"{argv[:2]} ended with {told.code}: {told.err[-600:]}")
        return told

    def copy(self, op: Op, place: Path) -> None:
        """Lay what an operation starts from below a place."""
        place.mkdir(parents=True, exist_ok=True)
        for name in op.base:
            shutil.copytree(self.folder / name, place / name, symlinks=True)

    def op(self, name: str) -> Op:
        """Return an operation, run unbroken when it is first asked for."""
        op = self.ops[name]
        if op.after:
            return op
        if op.compiles and "compiled" not in self.kept:
            self.kept["compiled"] = self.warm.ask({"compile": True})
        with tempfile.TemporaryDirectory(prefix="rsh-faults-") as there:
            place = Path(there) / "disk"
            self.copy(op, place)
            op.before = op.state(place)
            start = time.monotonic()
            count = Path(there) / "steps"
            self.well(place, op.argv(place), step={"within": str(place), "count": str(count)})
            op.seconds, op.steps = time.monotonic() - start, int(count.read_text())
            op.after = op.state(place)
        return op

    def go_on(self, op: Op, place: Path, **job: Any) -> None:
        """Run an operation again after it was broken off, as its messages say; hold the outcome."""
        if op.state(place) != op.after:
            told = self.run(place, (op.resume or op.argv)(place), **job)
            if told.code == 2 and "or delete it" in sentence(told):
                shutil.rmtree(place / "merged")
                told = self.run(place, op.argv(place), **job)
            if told.code:
                raise Bad("lost", f"{op.name} does not go on: {told.err[-900:]}")
        if op.state(place) != op.after:
            raise Bad("wrong", f"{op.name} has another outcome than the unbroken one")


def sentence(told: Told) -> str:
    """Return the one sentence that a person was told.

    Raises:
        Bad: it is not one, other lines stand beside it, or the exit code is not 2.
    """
    lines = told.lines()
    ours = [line for line in lines if line.startswith("rsh: ") and " note: " not in line]
    rest = [line for line in lines if line not in ours and not line.startswith("rsh: note: ")]
    rest = [line for line in rest if not BAR.search(line) and not LICENSE.search(line)]
    if told.code != 2 or len(ours) != 1 or rest:
        raise Bad("unclear", f"exit code {told.code}: {ours} {' / '.join(rest)[-900:]}")
    return ours[0].removeprefix("rsh: ")


def content(folder: Path) -> str:
    """Return a digest of all that a gallery says, after each of its bytes was checked."""
    if not (folder / "gallery.json").exists():
        return NOTHING
    try:
        gallery = check_gallery(folder)
    except InputError as error:
        raise Bad("wrong", f"half a gallery: {error}") from None
    digest = hashlib.sha256(gallery.items.to_json().encode())
    for part in (gallery.packed, gallery.relaxed, gallery.features):
        digest.update(np.asarray(part).tobytes())
    for row in range(len(gallery)):
        digest.update(gallery.thumbnail(row))
    if gallery.projection is not None:
        digest.update(gallery.projection.to_json().encode())
    if gallery.groups is not None:
        digest.update(gallery.groups.table()[["group", "rank"]].to_json().encode())
    manifest = gallery.manifest
    told = {"name": manifest.name, "data": asdict(manifest.data), "num_bits": manifest.num_bits}
    told["model"] = asdict(manifest.model) | {"run": ""}
    index = manifest.index.name if manifest.index else "exact"
    digest.update(json.dumps([told, index], sort_keys=True).encode())
    digest.update(json.dumps(given(gallery), sort_keys=True).encode())
    if index != "milvus":
        for hits in gallery.search(gallery.packed, top_k=5):
            digest.update(hits.ids.tobytes() + hits.distances.tobytes())
    return digest.hexdigest()[:16]


def given(gallery: Gallery) -> dict[str, Any]:
    """Return the classes and sets that visitors gave to the tiles of a gallery, by ids."""
    state, ids = gallery.annotations.state, gallery.items["id"]
    sets = {one.name: ids.iloc[state.members(one.key)].tolist() for one in state.sets}
    found = state.given
    classes = {
        ids.iloc[row]: found.names[found.numbers[row]] for row in np.flatnonzero(found.numbers >= 0)
    }
    return {"classes": classes, "sets": sets, "notes": gallery.annotations.notes}


def trained(run: Path) -> str:
    """Return a digest of a finished run; each of its files is whole or absent."""
    if not (run / "config.json").exists():
        return NOTHING
    try:
        config = json.loads((run / "config.json").read_text())
        lines = (run / "history.jsonl").read_text().splitlines() if _has(run, "history") else []
        history = [json.loads(line) for line in lines]
        if _has(run, "last"):
            with zipfile.ZipFile(run / "last.ckpt") as packed:
                assert packed.testzip() is None
        weights = safetensors.numpy.load_file(run / "model.safetensors") if _has(run, "mod") else {}
    except (ValueError, AssertionError, zipfile.BadZipFile, safetensors.SafetensorError) as error:
        raise Bad("wrong", f"half a run: {error!r}") from None
    if "fingerprint" not in config:
        return UNFINISHED
    config = {name: config[name] for name in config if name in KNOWN}
    for part, name in (("environment", "revision"), ("data", "source")):
        config[part].pop(name, None)
    for record in history:
        del record["tiles_per_second"]
    digest = hashlib.sha256(json.dumps([config, history], sort_keys=True).encode())
    for name in sorted(weights):
        digest.update(name.encode() + weights[name].tobytes())
    return digest.hexdigest()[:16]


def _has(run: Path, start: str) -> bool:
    return any(run.glob(f"{start}*"))


def evaluated(run: Path) -> str:
    """Return a digest of evaluation.json."""
    try:
        report = json.loads((run / "evaluation.json").read_text())
    except ValueError as error:
        raise Bad("wrong", f"half a report: {error}") from None
    return hashlib.sha256(json.dumps(report, sort_keys=True).encode()).hexdigest()[:16]


def pack(file: Path, *, start: int, each: int) -> None:
    """Write a zip of some tiles of the sample, one folder a class."""
    sample = TileDataset.open("bluemarble")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in CLASSES:
            rows = (sample.items["class"] == name).to_numpy().nonzero()[0][start::10][:each]
            for row in rows.tolist():
                archive.writestr(f"tiles/{sample.items['id'][row]}", sample.read_bytes(row))


def draw_of(name: str, seed: int) -> random.Random:
    """Return the random numbers of a trial."""
    return random.Random(f"{name} {seed}")
