"""Where a training runs: one device, or under torchrun all that it was started on."""

import os

import torch
from lightning.fabric import Fabric
from lightning.fabric.strategies.ddp import DDPStrategy
from torch import Tensor

from rsh.config import TrainConfig

PRECISIONS = {"32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


def fabric_of(config: TrainConfig) -> Fabric:
    """Return the Fabric that a training runs on, ready for use.

    Started plainly it has one device. Under `torchrun` it has as many processes as that started,
    on one machine or several.
    """
    world, local = (int(os.environ.get(name, 1)) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    fabric = Fabric(
        devices=local,
        num_nodes=world // local,
        # rivals leave the projection head out
        strategy=DDPStrategy(find_unused_parameters=True) if world > 1 else "auto",
        precision=PRECISIONS[_precision(config)],  # type: ignore[arg-type]
    )
    if world > 1:
        fabric.launch()
    return fabric


def gathered(fabric: Fabric, rows: Tensor) -> Tensor:
    """Return the rows of all processes; gradients flow back to where each came from."""
    return torch.cat(list(fabric.all_gather(rows, sync_grads=True)))


def _precision(config: TrainConfig) -> str:
    if config.precision != "auto":
        return config.precision
    has_bf16 = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    return "bf16" if config.finetune and has_bf16 else "32"
