"""The commands from a run to a gallery: `rsh encode`, `rsh project`, `rsh export-onnx`."""

import sys
from dataclasses import replace
from pathlib import Path

from rsh.cli.data import (
    NO_COLUMNS,
    NO_RENDERING,
    NO_TILING,
    NO_VALUES,
    ColumnFlags,
    RenderingFlags,
    TilingFlags,
    ValueFlags,
)
from rsh.cli.parser import Settings
from rsh.errors import InputError
from rsh.labels import LabelSource
from rsh.text import plural


def encode(
    run: Path,
    data: str | None = None,
    /,
    *,
    output: Path | None = None,
    name: str = "",
    skip_unreadable: bool = False,
    overwrite: bool = False,
    labels: LabelSource = "auto",
    tiling: Settings[TilingFlags] = NO_TILING,
    rendering: Settings[RenderingFlags] = NO_RENDERING,
    values: Settings[ValueFlags] = NO_VALUES,
    columns: Settings[ColumnFlags] = NO_COLUMNS,
    fetch_images: bool = False,
    preview: int | None = None,
) -> None:
    """Encode tiles with a trained model into a gallery folder.

    An interrupted run resumes where it stopped when you run the same command again. With `torchrun
    --no-python --nproc-per-node 4 rsh encode ...`, four processes share the work.

    Args:
        run: Run folder of the model.
        data: Tiles to encode; all tiles of other data than the training data are searchable. A
            folder of images, with one subfolder per class if they have classes, a zip of such a
            folder, WebDataset shards (a .tar, a folder of .tar files, or x-{0000..0003}.tar), a
            scene, or a folder of scenes; or embeddings like those of the training. Also the new
            path of the training data, if it has moved. (default: the training data)
        output: Gallery folder to create. (default: galleries/RUN)
        name: Name of the gallery on the dashboard.
        skip_unreadable: Leave out images that cannot be read, and name them.
        overwrite: Replace a gallery of another network or data set.
        labels: Where labels come from: the class in items.csv, shards or folders, or else several
            labels a tile if the table has them (auto); several labels a tile, from the column
            labels or columns such as label:water (multi); or nowhere (none).
        tiling: Tiling options.
        rendering: Rendering options. (default: those of the training)
        values: Options of bands. (default: those of the training for its own data)
        columns: Options of embeddings. (default: those of the training)
        fetch_images: Download the images whose addresses a table of embeddings holds.
        preview: Also store an image of each tile with at most this many pixels a side, which the
            dashboard enlarges tiles to, such as 512; 0 stores none. (default: as in the gallery
            that is replaced, else none)
    """
    from rsh.data.embeddings import Embeddings
    from rsh.encoding.build import build_gallery
    from rsh.training.devices import process_group
    from rsh.training.run import Run

    opened = Run.open(run)
    dataset = opened.dataset(
        data,
        skip_unreadable=skip_unreadable,
        tiling=tiling.read(),
        rendering=rendering.read(),
        columns=columns.read(),
        bands=values.read(),
    )
    if isinstance(dataset, Embeddings):
        dataset = replace(dataset, fetch_images=fetch_images)
    elif fetch_images:
        raise InputError("only embeddings have such", parameter="fetch_images", value=True)
    if labels != "auto":
        dataset = dataset.labeled_by(labels)
    folder = output or Path("galleries") / run.resolve().name
    with process_group() as group:
        gallery = build_gallery(
            opened.net(),
            dataset,
            folder,
            name=name,
            run=run,
            skip_unreadable=skip_unreadable,
            overwrite=overwrite,
            preview=preview,
        )
        if group.rank == 0:
            print(f"{folder}: {plural(len(gallery), 'tile')}, {plural(gallery.num_bits, 'bit')}")
            next_step = f"next: rsh project {folder}, then rsh dashboard {folder}"
            print(next_step, file=sys.stderr)


def project(gallery: Path, /, *, seed: int = 0) -> None:
    """Compute 2D maps of a gallery's feature space and hash space (UMAP), for the dashboard.

    Above 50,000 tiles UMAP is fitted to that many, and the others are placed by the nearest of
    these. An interrupted command resumes after the first map when you run it again.

    Args:
        gallery: Gallery folder.
        seed: Random seed of the layout.
    """
    from rsh.gallery.gallery import Gallery
    from rsh.gallery.projection import MEANING, describe_planes
    from rsh.gallery.projection import project as lay_out

    print("projecting feature space and hash space ...", file=sys.stderr)
    opened = Gallery.open(gallery, mend=True)
    lay_out(opened, seed=seed)
    print(f"{gallery}: {plural(len(opened), 'tile')} projected")
    for line in describe_planes(opened):
        print(line)
    print(MEANING, file=sys.stderr)


def export_onnx(run: Path, /, *, output: Path | None = None) -> None:
    """Export a trained network to ONNX, so that images are encoded without torch.

    Searches by image use the file if it is in the run folder, as by default.

    Args:
        run: Run folder of the model.
        output: File to create. (default: RUN/encoder.onnx)
    """
    from rsh.models.onnx import FILE
    from rsh.models.onnx_export import export as write
    from rsh.training.run import Run

    print("exporting ...", file=sys.stderr)
    file = write(Run.open(run).net(), output or run / FILE)
    print(f"{file}: {file.stat().st_size / 1e6:.0f} MB")
