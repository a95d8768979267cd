"""The commands from a run to hits: `rsh encode`, `rsh project`, `rsh export`, `rsh search`."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rsh.cli_data import CutFlags
from rsh.errors import InputError
from rsh.protocols import Measure


def encode(
    run: Path,
    *,
    data: str | None = None,
    output: Path | None = None,
    name: str = "",
    skip_unreadable: bool = False,
    cut: CutFlags,
) -> None:
    """Encode tiles with a trained model into a gallery folder that can be searched.

    Stopped at any moment, it goes on where it was when the same is run again. Under `torchrun
    --no-python --nproc-per-node 4 rsh encode ...` four processes share the work.

    Args:
        run: The run folder of the model.
        data: Other tiles than the model was trained on: all of them can be found then. A folder
            with one folder a class, a zip of one, WebDataset shards (a .tar, a folder of them, or
            x-{0000..0003}.tar), or a scene or a folder of them, which are cut while they are read.
            Or where the tiles it was trained on lie now.
        output: The gallery folder to make. (default: galleries/RUN)
        name: What to call it on the page.
        skip_unreadable: Leave out pictures of --data that cannot be read, and name them.
        cut: How scenes are cut.
    """
    from rsh.devices import processes
    from rsh.encode import build_gallery
    from rsh.run import Run

    opened = Run.open(run)
    scenes = opened.scenes(data, skip_unreadable=skip_unreadable, cutting=cut.read())
    folder = output or Path("galleries") / run.resolve().name
    with processes() as group:
        gallery = build_gallery(
            opened.net(), scenes, folder, name=name, run=run, skip_unreadable=skip_unreadable
        )
        if group.rank == 0:
            print(f"{folder}: {len(gallery)} tiles, {gallery.num_bits} bits")
            next_step = f"next: rsh project {folder}, then rsh dashboard {folder}"
            print(next_step, file=sys.stderr)


def project(gallery: Path, *, seed: int = 0) -> None:
    """Lay feature space and hash space of a gallery out in the plane (UMAP), for the page.

    Args:
        gallery: The gallery folder.
        seed: Of the layout.
    """
    from rsh.gallery import Gallery
    from rsh.projection import project as lay_out

    print("laying out feature space and hash space ...", file=sys.stderr)
    opened = Gallery.open(gallery)
    lay_out(opened, seed=seed)
    print(f"{gallery}: {len(opened)} tiles projected")


def export(run: Path, *, output: Path | None = None) -> None:
    """Write a trained network as ONNX, so that pictures are encoded without torch.

    Left in the run folder, as by default, it is what searches by picture use from then on.

    Args:
        run: The run folder of the model.
        output: The file to make. (default: RUN/encoder.onnx)
    """
    from rsh.encoder import FILE
    from rsh.export import export as write
    from rsh.run import Run

    print("exporting ...", file=sys.stderr)
    file = write(Run.open(run).net(), output or run / FILE)
    print(f"{file}: {file.stat().st_size / 1e6:.0f} MB")


def search(
    gallery: Path,
    query: str,
    *,
    top_k: int | None = None,
    radius: int | None = None,
    rerank: Measure | None = None,
    pool: int | None = None,
    like: str | None = None,
    unlike: str | None = None,
    where: Sequence[str] = (),
    run: Path | None = None,
    json_: bool = False,
    geojson: bool = False,
) -> None:
    """Find the tiles whose codes differ least from the query's.

    Args:
        gallery: The gallery folder.
        query: A picture file, or the id of a tile in the gallery (which is then left out).
        top_k: How many tiles. (default: 20, or all if there are fewer)
        radius: Instead of a number, all tiles at most this many bits away.
        rerank: Bring the nearest tiles into the order of a finer measure: the cosine of features,
            or the query's code before the sign against the tiles' bits (asymmetric).
        pool: How many of the nearest tiles --rerank looks at. (default: 100, or all)
        like: Ids of tiles that the answer shall be like, too, with commas between them. They are
            left out of it, and all tiles are ordered by a score instead of bits.
        unlike: Ids of tiles that it shall be unlike.
        where: Find only tiles with class=forest,desert or split!=train or cloud=0..20 or
            bbox=WEST,SOUTH,EAST,NORTH; any column will do, and the flag may be repeated.
        run: The run folder of the model, if it has moved.
        json_: Print JSON for a program to read.
        geojson: Print where the hits lie, for a map to draw.
    """
    from rsh.gallery import Gallery
    from rsh.geojson import feature_collection
    from rsh.search import search as find
    from rsh.where import Where

    if top_k is not None and radius is not None:
        raise InputError("-k and --radius exclude each other: give one of them")
    if json_ and geojson:
        raise InputError("--json and --geojson exclude each other: give one of them")
    opened = Gallery.open(gallery)
    if pool is not None and rerank is None:
        raise InputError("--pool is for --rerank: give both, or neither")
    answer = find(
        opened,
        query,
        top_k=top_k,
        radius=radius,
        rerank=rerank,
        pool=pool,
        like=_ids("like", like),
        unlike=_ids("unlike", unlike),
        where=Where.read(where),
        run=run,
    )
    if geojson:
        print(json.dumps(feature_collection(opened, answer), ensure_ascii=False))
    elif json_:
        print(json.dumps(asdict(answer), indent=2, ensure_ascii=False))
    else:
        print(answer)


def _ids(name: str, words: str | None) -> list[str]:
    ids = [word for word in (words or "").split(",") if word]
    if words is not None and not ids:
        raise InputError("name at least one tile, or leave it out", parameter=name, value=words)
    return ids
