"""rsh: deep hashing for remote-sensing image retrieval that you can see, question and teach with.

Names are imported when they are first used, so that a page or `rsh --help` never pays for torch.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

# Idle OpenMP threads that spin beside a busy neighbour cost torch and FAISS a factor of 3 to 10;
# never spinning costs a training that is alone a third. A short spin avoids both. The libraries
# read this when they are loaded, so it stands before all of them.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

if TYPE_CHECKING:
    from rsh.config import TrainConfig as TrainConfig
    from rsh.curves import LiveCurves as LiveCurves
    from rsh.encode import build_gallery as build_gallery
    from rsh.errors import InputError as InputError
    from rsh.evaluation import evaluate as evaluate
    from rsh.gallery import Gallery as Gallery
    from rsh.losses import MultiLevelLoss as MultiLevelLoss
    from rsh.model import HashNet as HashNet
    from rsh.projection import project as project
    from rsh.run import Run as Run
    from rsh.scenes import Scenes as Scenes
    from rsh.training import train as train

_HOMES = {
    "Gallery": "gallery",
    "HashNet": "model",
    "InputError": "errors",
    "LiveCurves": "curves",
    "MultiLevelLoss": "losses",
    "Run": "run",
    "Scenes": "scenes",
    "TrainConfig": "config",
    "build_gallery": "encode",
    "evaluate": "evaluation",
    "project": "projection",
    "train": "training",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'rsh' has no attribute {name!r}")
    return getattr(import_module(f"rsh.{_HOMES[name]}"), name)
