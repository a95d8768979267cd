"""Faults of the medium: each file that rsh writes or reads is cut short, or has one bit flipped."""

import random
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from robustness.faults.operations import TRAIN
from robustness.faults.trial import Trial
from robustness.faults.world import UNFINISHED, Bad, Outcome, World, content, sentence, trained

GALLERY = {  # in a gallery, and how often each is damaged
    "gallery.json": 10, "*/codes.npy": 3, "*/relaxed.npy": 3, "*/features.npy": 3,
    "*/items.arrow": 3, "*/hashes.npy": 3, "*/thumbs.bin": 3, "*/thumbs.npy": 3,
    "projection-*.arrow": 3, "groups-*.arrow": 3, "index-*.npz": 3,
}  # fmt: skip
FINISHED = {"model.safetensors": 5, "config.json": 10}
HALFWAY = {"config.json": 6, "last.ckpt": 8, "history.jsonl": 2}
PARTS = {"*/rows.npy": 4, "*/thumbs.bin": 3, "*/skipped.json": 3, "*/files.json": 2}
CACHES = {
    "cached-features/*[!l].npy": 5,
    "decoded-tiles/*.npy": 4,
    "cached-features/*.partial.npy": 4,
    "cached-features/*.partial.txt": 2,
}
DATA = {"tiles.zip": 6, "tiles.tar": 5, "tiles/*/*.jpg": 4}


def trials() -> Iterator[Trial]:
    """Yield all of them."""
    kinds = (
        ("gallery", GALLERY, in_gallery),
        ("run", FINISHED, in_run),
        ("unfinished run", HALFWAY, in_half_a_run),
        ("unfinished encode", PARTS, in_parts),
        ("cache", CACHES, in_cache),
        ("data set", DATA, in_data),
    )
    for where, counts, act in kinds:
        for name, count in counts.items():
            shown = name.replace("*[!l]", "*")
            yield from Trial.some("damage", f"damaged {where}: {shown}", count, partial(act, name))
    yield from Trial.some("damage", "damaged run: encoder.onnx", 6, in_encoder)


def damage(file: Path, draw: random.Random) -> None:
    """Cut a file short at a random place, or flip one random bit of it."""
    whole = file.read_bytes()
    at = draw.randrange(len(whole))
    flipped = whole[at] ^ 1 << draw.randrange(8)
    cut = draw.random() < 0.3
    file.write_bytes(whole[:at] if cut else whole[:at] + bytes([flipped]) + whole[at + 1 :])


def any_of(folder: Path, pattern: str, draw: random.Random) -> Path:
    """Return one of the files that a pattern stands for."""
    return draw.choice(sorted(file for file in folder.glob(pattern) if file.stat().st_size))


def in_gallery(name: str, world: World, place: Path, draw: random.Random) -> Outcome:
    """Damage a file of a gallery, and have the gallery checked."""
    gallery = Path(shutil.copytree(world.folder / "gallery", place / "gallery"))
    damage(any_of(gallery, name, draw), draw)
    told = world.run(place, ["gallery", "check", str(gallery)])
    if told.code:
        return Outcome("noticed", sentence(told))
    return _harmless(content(gallery) == content(world.folder / "gallery"))


def in_run(name: str, world: World, place: Path, draw: random.Random) -> Outcome:
    """Damage a file of a run, and encode with it."""
    run = Path(shutil.copytree(world.folder / "run", place / "run"))
    damage(run / name, draw)
    argv = ["encode", str(run), f"{world.folder}/new.zip", "--output", f"{place}/made"]
    told = world.run(place, argv)
    if told.code:
        return Outcome("noticed", sentence(told))
    same = trained(run) == trained(world.folder / "run")
    return _harmless(same and content(place / "made") == _encoded(world))


def in_half_a_run(name: str, world: World, place: Path, draw: random.Random) -> Outcome:
    """Damage a file of a training that was broken off, and go on with it."""
    if "halfway" not in world.kept:
        world.kept["halfway"] = _halfway(world)
    run = Path(shutil.copytree(world.kept["halfway"], place / "run"))
    damage(run / name, draw)
    told = world.run(place, ["train", "--resume", str(run)])
    if told.code:
        return Outcome("noticed", sentence(told))
    return _harmless(trained(run) == world.op("train").after)


def in_parts(name: str, world: World, place: Path, draw: random.Random) -> Outcome:
    """Damage a part of an encode that was broken off, and go on with it."""
    target = world.folder / "in parts"
    argv = ["encode", f"{world.folder}/run", f"{world.folder}/new.zip", "--output"]
    if not target.exists():
        world.run(
            target, [*argv, str(target)], settings={"rsh.encoding.coordinator.hash_order": None}
        )
    gallery = Path(shutil.copytree(target, place / "made"))
    damage(any_of(gallery / ".encode", name, draw), draw)
    told = world.run(place, [*argv, str(gallery)])
    if told.code:
        said = sentence(told)
        world.well(place, [*argv, str(gallery)])
    if content(gallery) != _encoded(world):
        raise Bad("wrong", "the gallery is another than the unbroken one, and nothing was said")
    return Outcome("noticed", said) if told.code else Outcome("as unbroken")


def in_cache(name: str, world: World, place: Path, draw: random.Random) -> Outcome:
    """Damage an array that is kept, or half of one, and train with it."""
    op = world.op("train")
    if "cache" not in world.kept:
        world.kept["cache"] = _cache(world)
    whole, half = world.kept["cache"]
    cache = Path(shutil.copytree(half if "partial" in name else whole, place / "cache"))
    if name.startswith("packed"):
        shutil.rmtree(cache / "cached-features")
    damage(any_of(cache, name, draw), draw)
    told = world.run(place, op.argv(place))
    if told.code:
        return Outcome("noticed", sentence(told))
    if op.state(place) != op.after:
        raise Bad("wrong", "other weights than the unbroken ones, and nothing was said")
    return Outcome("as unbroken", "; ".join(x for x in told.lines() if " note: " in x))


def in_data(name: str, world: World, place: Path, draw: random.Random) -> Outcome:
    """Damage the data of a run, and encode it."""
    tiles = _tiles(world, name)
    data = place / tiles.name
    (shutil.copytree if tiles.is_dir() else shutil.copy)(tiles, data)
    kept = world.kept.setdefault(f"encoded {name}", {})
    if not kept:
        kept["run"] = world.folder / f"run of {tiles.name}"
        argv = ["train", "--data", str(tiles), *TRAIN, "--epochs", "2", "--output"]
        world.well(place, [*argv, str(kept["run"])])
        world.well(place, ["encode", str(kept["run"]), "--output", f"{place}/unbroken"])
        kept["content"] = content(place / "unbroken")
    run = Path(shutil.copytree(kept["run"], place / "run"))
    config = (run / "config.json").read_text().replace(str(tiles), str(data))
    (run / "config.json").write_text(config)
    damage(any_of(place, name, draw), draw)
    told = world.run(place, ["encode", str(run), "--output", f"{place}/made"])
    if told.code:
        return Outcome("noticed", sentence(told))
    return _harmless(content(place / "made") == kept["content"])


def in_encoder(world: World, place: Path, draw: random.Random) -> Outcome:
    """Damage an exported network, and search by an image with it."""
    run, image = world.folder / "exported", _tiles(world, "tiles/*/*.jpg")
    if not run.exists():
        shutil.copytree(world.folder / "run", run)
        world.well(place, ["export-onnx", str(run)])
    asked = ["search", f"{world.folder}/gallery", str(next(image.rglob("*.jpg"))), "--json"]
    if "answer" not in world.kept:
        world.kept["answer"] = world.well(place, [*asked, "--run", str(run)]).out
    copied = Path(shutil.copytree(run, place / "run"))
    damage(copied / "encoder.onnx", draw)
    told = world.run(place, [*asked, "--run", str(copied)])
    if told.code:
        return Outcome("noticed", sentence(told))
    return _harmless(told.out == world.kept["answer"])


def _harmless(same: bool) -> Outcome:
    if not same:
        raise Bad("wrong", "something else is read than was written, and nothing was said")
    return Outcome("harmless")


def _encoded(world: World) -> str:
    """Return what an unbroken encode of new.zip says."""
    if "encoded" not in world.kept:
        folder = world.folder / "encoded"
        argv = ["encode", f"{world.folder}/run", f"{world.folder}/new.zip"]
        world.well(folder, [*argv, "--output", str(folder)])
        world.kept["encoded"] = content(folder)
    encoded: str = world.kept["encoded"]
    return encoded


def _halfway(world: World) -> Path:
    """Break a training off after its first checkpoint."""
    op, place = world.op("train"), world.folder / "halfway"
    for at in range(op.steps // 2, op.steps):
        shutil.rmtree(place, ignore_errors=True)
        step = {"within": str(place), "at": at, "what": "kill"}
        world.run(place, op.argv(place), step=step)
        if op.state(place) == UNFINISHED and (place / "run" / "history.jsonl").exists():
            return place / "run"
    raise RuntimeError("no step lies between a checkpoint and the end")


def _cache(world: World) -> tuple[Path, Path]:
    """Keep the arrays of a training, and those of one that was broken off while it made them."""
    op, folders = world.op("train"), (world.folder / "complete", world.folder / "half")
    for folder in folders:
        (folder / "cache").mkdir(parents=True)
    whole, half = (folder / "cache" for folder in folders)
    world.well(folders[0], op.argv(folders[0]))
    for at in range(4, 40):
        step = {"within": str(half / "cached-features"), "at": at, "what": "kill"}
        world.run(folders[1], op.argv(folders[1]), step=step)
        notes = list(half.glob("cached-features/*.partial.txt"))
        if notes and int(notes[0].read_text().split()[0] or 0) >= 16:
            return whole, half
        shutil.rmtree(half)
        half.mkdir()
    raise RuntimeError("no step lies between two notes")


def _tiles(world: World, name: str) -> Path:
    """Return the data as a zip, a tar or a folder."""
    packed = world.folder / "tiles.zip"
    folder, tar = world.folder / "unpacked" / "tiles", world.folder / "tiles.tar"
    if not folder.exists():
        zipfile.ZipFile(packed).extractall(folder.parent)
        with tarfile.open(tar, "w") as shard:
            for file in sorted(folder.rglob("*.jpg")):
                shard.add(file, file.relative_to(folder))
    return {"tiles.zip": packed, "tiles.tar": tar}.get(name, folder)
