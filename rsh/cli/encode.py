"""The commands from a run to hits: `rsh encode`, `rsh project`, `rsh export`, `rsh search`."""

import sys
from pathlib import Path

from rsh.cli.data import CutFlags


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
        skip_unreadable: Leave out images of --data that cannot be read, and name them.
        cut: How scenes are cut.
    """
    from rsh.encoding.build import build_gallery
    from rsh.training.devices import process_group
    from rsh.training.run import Run

    opened = Run.open(run)
    dataset = opened.dataset(data, skip_unreadable=skip_unreadable, tiling=cut.read())
    folder = output or Path("galleries") / run.resolve().name
    with process_group() as group:
        gallery = build_gallery(
            opened.net(), dataset, folder, name=name, run=run, skip_unreadable=skip_unreadable
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
    from rsh.gallery.gallery import Gallery
    from rsh.gallery.projection import project as lay_out

    print("laying out feature space and hash space ...", file=sys.stderr)
    opened = Gallery.open(gallery)
    lay_out(opened, seed=seed)
    print(f"{gallery}: {len(opened)} tiles projected")


def export(run: Path, *, output: Path | None = None) -> None:
    """Write a trained network as ONNX, so that images are encoded without torch.

    Left in the run folder, as by default, it is what searches by image use from then on.

    Args:
        run: The run folder of the model.
        output: The file to make. (default: RUN/encoder.onnx)
    """
    from rsh.models.onnx import FILE
    from rsh.models.onnx_export import export as write
    from rsh.training.run import Run

    print("exporting ...", file=sys.stderr)
    file = write(Run.open(run).net(), output or run / FILE)
    print(f"{file}: {file.stat().st_size / 1e6:.0f} MB")
