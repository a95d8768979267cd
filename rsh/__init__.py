"""rsh: deep hashing for remote-sensing image retrieval that you can see, question and teach with.

Names are imported when they are first used, so that a page or `rsh --help` never pays for torch.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

# Idle OpenMP threads that spin beside a busy neighbor cost torch and FAISS a factor of 3 to 10;
# never spinning costs a training that is alone a third. A short spin avoids both. The libraries
# read this when they are loaded, so it stands before all of them.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

if TYPE_CHECKING:
    from rsh.config import TrainConfig as TrainConfig
    from rsh.data.embeddings import Embeddings as Embeddings
    from rsh.data.tiles import TileDataset as TileDataset
    from rsh.encoding.build import build_gallery as build_gallery
    from rsh.errors import InputError as InputError
    from rsh.evaluation.evaluate import evaluate as evaluate
    from rsh.explorer.site.build import build_site as build_site
    from rsh.gallery.gallery import Gallery as Gallery
    from rsh.gallery.projection import project as project
    from rsh.models.hashnet import HashNet as HashNet
    from rsh.models.losses.multilevel import MultiLevelLoss as MultiLevelLoss
    from rsh.training.curves import LiveCurves as LiveCurves
    from rsh.training.run import Run as Run
    from rsh.training.train import train as train

_HOMES = {
    "Embeddings": "data.embeddings",
    "Gallery": "gallery.gallery",
    "HashNet": "models.hashnet",
    "InputError": "errors",
    "LiveCurves": "training.curves",
    "MultiLevelLoss": "models.losses.multilevel",
    "Run": "training.run",
    "TileDataset": "data.tiles",
    "TrainConfig": "config",
    "build_gallery": "encoding.build",
    "build_site": "explorer.site.build",
    "evaluate": "evaluation.evaluate",
    "project": "gallery.projection",
    "train": "training.train",
}
__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version  # a tenth of what `rsh --help` takes

        return version("rsh")
    if name not in _HOMES:
        raise AttributeError(f"module 'rsh' has no attribute {name!r}")
    return getattr(import_module(f"rsh.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
