"""Where a training runs: one device, or under torchrun all that it was started on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from lightning.fabric import Fabric
from lightning.fabric.strategies.ddp import DDPStrategy
from torch import Tensor

from rsh.config import TrainConfig
from rsh.errors import InputError

RANK = (("RANK", 0), ("WORLD_SIZE", 1))
PRECISIONS = {"32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


def make_fabric(config: TrainConfig) -> Fabric:
    """Return the Fabric that a training runs on, ready for use.

    Started plainly it has one device. Under `torchrun` it has as many processes as that started,
    on one machine or several.
    """
    world, local = _started()
    fabric = Fabric(
        devices=local,
        num_nodes=num_nodes(),
        # rivals leave the projection head out
        strategy=DDPStrategy(find_unused_parameters=True) if world > 1 else "auto",
        precision=PRECISIONS[_precision(config)],  # type: ignore[arg-type]
    )
    if world > 1:
        fabric.launch()
    return fabric


def num_nodes() -> int:
    """Return over how many machines `torchrun` spreads the processes."""
    world, local = _started()
    return world // local


def _started() -> tuple[int, int]:
    """Return how many processes there are, and how many of them on this machine."""
    world, local = (int(os.environ.get(name, 1)) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    return world, local


def local_device() -> torch.device:
    """Return the device of this process: under `torchrun` each has a GPU of its own."""
    device = Fabric(accelerator="auto", devices=1).device
    if device.type == "cuda":
        local = int(os.environ.get("LOCAL_RANK", 0))
        return torch.device("cuda", local % torch.cuda.device_count())
    return device


@dataclass(frozen=True)
class ProcessGroup:
    """The processes that `torchrun` started, or the only one.

    Attributes:
        rank: number of this one; 0 is the one that speaks and joins.
        world: how many there are.
    """

    rank: int
    world: int

    def barrier(self) -> None:
        """Wait until all processes have come this far."""
        if self.world > 1:
            dist.barrier()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Wait for all processes at the end of a block; what one of them refuses, all refuse.

        Raises:
            InputError: the block raised it in one of the processes.
        """
        refusal: InputError | None = None
        try:
            yield
        except InputError as error:
            refusal = error
        if self.world > 1:
            refusals: list[InputError | None] = [None] * self.world
            dist.all_gather_object(refusals, refusal)
            refusal = next(filter(None, refusals), None)
        if refusal:
            raise refusal


@contextmanager
def process_group() -> Iterator[ProcessGroup]:
    """Join the other processes; they exchange words only, all data goes through files."""
    rank, world = (int(os.environ.get(name, default)) for name, default in RANK)
    ours = world > 1 and not dist.is_initialized()
    if ours:  # one may wait for another for as long as an archive takes
        dist.init_process_group("gloo", timeout=timedelta(days=365))
    try:
        yield ProcessGroup(rank, world)
    finally:
        if ours:
            dist.destroy_process_group()


def all_gather(fabric: Fabric, rows: Tensor) -> Tensor:
    """Return the rows of all processes; gradients flow back to where each came from."""
    return torch.cat(list(fabric.all_gather(rows, sync_grads=True)))


def _precision(config: TrainConfig) -> str:
    if config.precision != "auto":
        return config.precision
    has_bf16 = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    return "bf16" if config.finetune and has_bf16 else "32"
