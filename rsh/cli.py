"""The command line: one function a command, in the order of the work.

Each command imports what it needs when it runs, so that `rsh --help` and `rsh search` by id do
not wait for torch.
"""

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from rsh import flags
from rsh.cli_data import data_fetch, data_list, data_tiles
from rsh.cli_gallery import encode, export, project, search
from rsh.cli_lifecycle import (
    gallery_add,
    gallery_check,
    gallery_index,
    gallery_info,
    gallery_merge,
    gallery_migrate,
    gallery_remove,
)
from rsh.config import TrainConfig
from rsh.errors import InputError, RshWarning, one_line
from rsh.flags import TEXTS
from rsh.protocols import Ties, find_protocol


def train(
    *,
    data: str = "bluemarble",
    num_bits: int = 32,
    backbone: str = "tf_efficientnet_lite0",
    image_size: int = 128,
    turns: int = 1,
    stages: int = 0,
    output: Path | None = None,
    skip_unreadable: bool = False,
    start: Path | None = None,
    resume: Path | None = None,
    config: TrainConfig,
) -> None:
    """Train a model on labelled tiles.

    The backbone stays as it is and the hash head learns, from features of augmented views that are
    computed once and cached: after that a training takes seconds. With --finetune all of it learns.

    Args:
        data: "bluemarble", a data set of `rsh data list`, a folder with one folder a class, or a
            zip of such a folder, or WebDataset shards of them.
        num_bits: Code length, a multiple of 4 from 4 to 256.
        backbone: A timm model name.
        image_size: Side of the square the backbone looks at, pixels.
        turns: Quarter turns and mirror images of a tile that its code is the mean of: 1, 4 or 8.
        stages: How many of the backbone's last stages join its feature, 0 to 5 for the default.
        output: The run folder to make. (default: runs/DATA-BITS)
        skip_unreadable: Leave out pictures that cannot be read, and name them.
        start: A finished run whose network learns on, such as one with a frozen backbone before
            --finetune. Flags of the network are its own; so are the queries, if it knows the tiles.
        resume: A run folder to go on with; all flags but --data, if that has moved, are its own.
        config: The settings.
    """
    from rsh.model import HashNet
    from rsh.run import Run
    from rsh.scenes import SAMPLE, Scenes
    from rsh.training import train as fit

    if resume:
        run = Run.open(resume)
        config = TrainConfig(**run.config["train"])
        net = HashNet(**run.config["model"], seed=config.seed)
        split = run.split(None if data == SAMPLE else data)
        history = fit(net, split, config, run=resume, resume=True)
    else:
        scenes = Scenes.open(data, skip_unreadable=skip_unreadable)
        if start:
            begun = Run.open(start)
            net = begun.net()
            known = begun.knows(scenes)  # then its queries must stay unseen
            split = begun.cut(scenes) if known else scenes.split(seed=config.seed)
        else:
            net = HashNet(
                backbone,
                num_bits=num_bits,
                image_size=image_size,
                turns=turns,
                stages=stages,
                seed=config.seed,
            )
            split = scenes.split(seed=config.seed)
        output = output or Path("runs") / f"{scenes.name}-{net.num_bits}"
        history = fit(net, split, config, run=output)
    last = history[-1].get("val_map")
    quality = "" if last is None else f"mAP {last:.3f} on validation tiles "
    print(f"{resume or output}: {quality}after {len(history)} epochs")
    next_step = f"next: rsh encode {resume or output}, or rsh evaluate for tiles it has never seen"
    print(next_step, file=sys.stderr)


def evaluate(
    run: Path,
    *,
    protocol: str = "disjoint",
    ties: Ties = "average",
    feedback: bool = False,
    data: str | None = None,
    json_: bool = False,
) -> None:
    """Measure a trained model, and write evaluation.json into the run.

    One network moves by points from one protocol to the next: --protocol all shows them side by
    side.

    Args:
        run: The run folder of the model.
        protocol: Who asks and what can be found: disjoint (unseen queries, the gallery is train
            and val), leave-one-out, whole, everything, hits@20, or all of them.
        ties: Tiles at one distance: the mean over all their orders, the order of the gallery's
            rows (a stable argsort), relevant ones first, or last.
        feedback: Also simulate users who mark the first 20 tiles as like or unlike, by their class,
            and ask again: what two rounds of that gain on tiles that were not marked.
        data: Where the data lies now, if it has moved.
        json_: Print JSON for a program to read.
    """
    from rsh import tables
    from rsh.evaluation import evaluate as measure
    from rsh.evaluation import evaluate_all
    from rsh.files import check_place, write_json
    from rsh.run import Run

    if protocol == "all" and feedback:
        raise InputError("--protocol all and --feedback exclude each other: name one protocol")
    if protocol != "all":
        find_protocol(protocol)  # now, not after the network is read
    opened = Run.open(run)
    check_place(run)
    net, split = opened.net(), opened.split(data)
    if protocol == "all":
        report = evaluate_all(net, split, ties=ties)
        text = tables.all_protocols(report)
    else:
        report = measure(net, split, protocol=protocol, ties=ties, feedback=feedback)
        text = tables.one_protocol(report)
    write_json(run / "evaluation.json", report)
    print(json.dumps(report, indent=2, ensure_ascii=False) if json_ else text)


def compare(
    *runs: Path,
    protocol: str = "disjoint",
    ties: Ties = "average",
    data: str | None = None,
    output: Path | None = None,
    json_: bool = False,
) -> None:
    """Put trained models side by side, and say whether their figures can be compared.

    Runs that differ in their seed alone are also shown as one, by their mean.

    Args:
        runs: The run folders, one or more.
        protocol: Who asks and what can be found: disjoint, leave-one-out, whole, everything or
            hits@20; see `rsh evaluate --help`.
        ties: Tiles at one distance, as in `rsh evaluate`.
        data: Where the data of all runs lies now, if it has moved.
        output: A folder for plots: precision and recall, mAP by code length, distances within
            and between classes, and which classes are neighbours.
        json_: Print JSON for a program to read.
    """
    from rsh import comparison
    from rsh.files import check_place

    if output:
        check_place(output)  # now, not after minutes of work
    found = comparison.compare(runs, protocol=protocol, ties=ties, data=data)
    print(json.dumps(found, indent=2, ensure_ascii=False) if json_ else comparison.table(found))
    for file in comparison.write(found, output) if output else ():
        print(file, file=sys.stderr)


def dashboard(
    gallery: Path = Path("galleries/bluemarble-32"),
    *,
    also: TEXTS = (),
    port: int = 8866,
    open_: bool = True,
    public: bool = False,
    hostname: TEXTS = (),
    base_url: str = "/",
    frame: TEXTS = (),
    visitors: int = 30,
) -> None:
    """Serve the page on which a person picks a tile and browses its neighbours.

    It is for this machine alone unless one says --public; then, and whenever the variable RSH_TOKEN
    is set, visitors are let in by a link that ends with ?token= and what the variable says.

    Args:
        gallery: The gallery folder.
        also: Another gallery that a visitor can change to and compare with; may be repeated.
        port: Where to listen: on 127.0.0.1, or on all addresses with --public.
        open_: Open the page in the browser once it is ready.
        public: Let other machines in, with the token of RSH_TOKEN.
        hostname: A name under which a proxy on this machine passes visitors on; may be repeated.
        base_url: The path under which a proxy shows the page.
        frame: A site that may show the page in a frame; may be repeated.
        visitors: How many at once; each takes 210 MB of memory with 10,000 tiles.
    """
    from rsh.explorer.access import Access
    from rsh.explorer.serve import serve

    reach = Access.read(public=public, hostnames=hostname, base_url=base_url, frames=frame)
    galleries = [gallery, *map(Path, also)]
    serve(galleries, port=port, open_browser=open_, reach=reach, visitors=visitors)


COMMANDS: dict[str, Callable[..., Any]] = {
    "data fetch": data_fetch,
    "data list": data_list,
    "data tiles": data_tiles,
    "train": train,
    "encode": encode,
    "project": project,
    "export": export,
    "search": search,
    "gallery info": gallery_info,
    "gallery check": gallery_check,
    "gallery add": gallery_add,
    "gallery remove": gallery_remove,
    "gallery merge": gallery_merge,
    "gallery index": gallery_index,
    "gallery migrate": gallery_migrate,
    "evaluate": evaluate,
    "compare": compare,
    "dashboard": dashboard,
}
ABOUT = """Deep hashing for remote-sensing image retrieval: tiles become short binary codes, and
the nearest codes are found by counting the bits that differ.

The way through: train a model, encode tiles into a gallery, project it, look at the dashboard.
`rsh COMMAND --help` explains each step."""


_noted: set[str] = set()  # what a command has said, since threads warn side by side


def main(argv: list[str] | None = None) -> None:
    """Run one command; wrong input ends with one sentence and exit code 2."""
    warnings.showwarning = _note
    _noted.clear()
    try:
        flags.call(COMMANDS, sys.argv[1:] if argv is None else argv, prog="rsh", about=ABOUT)
    except InputError as error:
        print(f"rsh: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except PermissionError as error:  # of a folder that may not even be looked into
        where = one_line(str(error.filename))
        print(f"rsh: cannot read {where}: {error.strerror}; mend that first", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("rsh: stopped; what was finished is kept", file=sys.stderr)
        raise SystemExit(130) from None


def _note(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show our own warnings as notes, each text once; those of libraries are not for the reader."""
    text = one_line(str(message))
    if issubclass(category, RshWarning) and text not in _noted:
        _noted.add(text)
        print(f"rsh: note: {text}", file=sys.stderr)
