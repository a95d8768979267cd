"""The commands that change something, and the world they work in."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from robustness.faults.warm import Warm
from robustness.faults.world import Op, World, content, evaluated, pack, trained
from rsh.gallery.annotations.events import Visitor
from rsh.gallery.gallery import Gallery
from rsh.gallery.groups import find_groups
from rsh.gallery.writer import write_groups, write_projection

PLANES = ["feature_x", "feature_y", "code_x", "code_y"]
TRAIN = ["--bits", "16", "--image-size", "32", "--cached-views", "3", "--batch-size", "16"]
GALLERIES = ("encode", "add", "remove", "merge", "index", "label", "groups", "project")
RUNS = ("train", "finetune", "evaluate")
REMOVED = 3
LABEL = ("--class", "ice", "--set", "second", "--author", "Ben")


def make_world(folder: Path) -> World:
    """Train a run and encode galleries, from which all trials start."""
    warm = Warm()
    world = World(folder, warm)
    for name, start, each in (("tiles", 0, 12), ("new", 1, 7), ("more", 2, 5), ("other", 3, 6)):
        pack(folder / f"{name}.zip", start=start, each=each)
    run, base = folder / "run", folder / "gallery"
    data = ["--data", str(folder / "tiles.zip")]
    world.well(folder, ["train", *data, *TRAIN, "--epochs", "12", "--output", str(run)])
    world.well(folder, ["evaluate", str(run), "--protocol", "ervd"])
    for name, out in (("new", "gallery"), ("other", "second")):
        encode = ["encode", str(run), str(folder / f"{name}.zip")]
        world.well(folder, [*encode, "--output", str(folder / out)])
    world.well(folder, ["gallery", "index", str(base), "--type", "ivf"])
    world.well(folder, ["gallery", "remove", str(base), *ids_of(base)[:2]])
    opened = Gallery.open(base)
    opened.annotations.give_all({"sea": [0, 1, 2]}, {"first": [2, 3]}, by=Visitor("a", "Ana"))
    planes = np.random.default_rng(0).normal(size=(len(opened), 4)).astype(np.float32)
    write_projection(opened, pd.DataFrame(planes, columns=PLANES))
    write_groups(opened, find_groups(opened))
    world.ops = {op.name: op for op in (*gallery_ops(folder), *run_ops(folder))}
    return world


def ids_of(gallery: Path) -> list[str]:
    """Return the ids of a gallery, in its order."""
    ids: list[str] = Gallery.open(gallery).items["id"].tolist()
    return ids


def gallery_ops(world: Path) -> list[Op]:
    """Return what changes the gallery of the world, or makes another."""
    run, kept = str(world / "run"), ids_of(world / "gallery")

    def change(name: str, *words: str, base: tuple[str, ...] = ("gallery",), made: str = "") -> Op:
        return Op(
            name,
            lambda place: [word.format(place=place) for word in words],
            lambda place: content(place / (made or "gallery")),
            base=base,
        )

    ops = [
        change("encode", "encode", run, f"{world}/other.zip", "--overwrite", "--output",
               "{place}/gallery"),
        change("add", "gallery", "add", "{place}/gallery", f"{world}/more.zip"),
        change("remove", "gallery", "remove", "{place}/gallery", *kept[:REMOVED]),
        change("remove others", "gallery", "remove", "{place}/gallery", *kept[-REMOVED:]),
        change("merge", "gallery", "merge", "{place}/gallery", "{place}/second", "--output",
               "{place}/merged", base=("gallery", "second"), made="merged"),
        change("index", "gallery", "index", "{place}/gallery", "--type", "exact"),
        change("label", "labels", "give", "{place}/gallery", *kept[:12], *LABEL),
        change("label others", "labels", "give", "{place}/gallery", *kept[-9:], *LABEL),
        change("groups", "groups", "{place}/gallery", "--prominence", "0.5"),
        change("project", "project", "{place}/gallery"),
    ]  # fmt: skip
    ops[-1].compiles = True
    return ops


def run_ops(world: Path) -> list[Op]:
    """Return what makes a run, or writes into one."""
    data = ["--data", f"{world}/tiles.zip"]

    def resume(place: Path) -> list[str]:
        run = place / "run"
        return ["train", "--resume", str(run)] if (run / "config.json").exists() else fresh(place)

    def fresh(place: Path) -> list[str]:
        return ["train", *data, *TRAIN, "--epochs", "12", "--output", f"{place}/run"]

    def whole(place: Path) -> list[str]:
        return ["train", *data, *TRAIN, "--epochs", "4", "--finetune", "--output", f"{place}/run"]

    def resume_whole(place: Path) -> list[str]:
        return resume(place) if (place / "run" / "config.json").exists() else whole(place)

    def other(place: Path) -> list[str]:
        return [*fresh(place), "--learning-rate", "0.0007"]

    return [
        Op("train", fresh, _run, resume=resume),
        Op("train otherwise", other, _run),
        Op("resume", resume, _run, base=()),
        Op("finetune", whole, _run, resume=resume_whole),
        Op("evaluate", lambda place: ["evaluate", f"{place}/run"], _report, base=("run",)),
        Op("export", lambda place: ["export-onnx", f"{place}/run"], _encoder, base=("run",)),
    ]


def _run(place: Path) -> str:
    return trained(place / "run")


def _report(place: Path) -> str:
    return f"{_run(place)} {evaluated(place / 'run')}"


def _encoder(place: Path) -> str:
    file = place / "run" / "encoder.onnx"
    if not file.exists():
        return _run(place)
    import onnx

    model = onnx.load(file)
    onnx.checker.check_model(model)
    told = {each.key: json.loads(each.value)["fingerprint"] for each in model.metadata_props}
    return f"{_run(place)} {told} {len(model.graph.node)}"
