"""Tutorials on few and small tiles, with short trainings, so that each runs in seconds."""

import io
import re
import zipfile
from pathlib import Path

import nbformat
import pandas as pd
from make_gallery import SAMPLE

SIDE, EPOCHS = 32, 2  # pixels a side; of a training
STEP = 7  # every seventh tile of a class, so that all blocks are there
# Networks whose image size is not given take small images.
SMALL_NETS = f"import rsh\nrsh.HashNet.__init__.__kwdefaults__['image_size'] = {SIDE}"


def small_sample(folder: Path) -> None:
    """Write some tiles of the sample with their table, as class folders."""
    with zipfile.ZipFile(SAMPLE) as archive:
        name = next(name for name in archive.namelist() if name.endswith("items.csv"))
        table = pd.read_csv(io.BytesIO(archive.read(name)))
        rows = table.sort_values(["class", "path"])[::STEP]
        for path in rows["path"]:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(archive.read(name.removesuffix("items.csv") + path))
        rows.to_csv(folder / "items.csv", index=False)


def make_small(notebook: nbformat.NotebookNode, data: Path) -> nbformat.NotebookNode:
    """Let a tutorial that trains open a folder in place of the sample, and train shortly."""
    if not any(re.search(r"\b(TrainConfig|Ablation)\(", cell.source) for cell in notebook.cells):
        return notebook
    for cell in notebook.cells:
        source = cell.source.replace('open("bluemarble")', f"open({str(data)!r})")
        source = re.sub(r"TrainConfig\((?!.*\bepochs=)", f"TrainConfig(epochs={EPOCHS}, ", source)
        source = re.sub(r"\bepochs=\d+", f"epochs={EPOCHS}", source)
        cell.source = re.sub(r"\b(SIDE|image_size)( ?= ?)128\b", rf"\g<1>\g<2>{SIDE}", source)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(SMALL_NETS))
    return notebook
