"""Devices and processes: one device, or under torchrun one per process."""

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

PRECISIONS = {"32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


def make_fabric(config: TrainConfig) -> Fabric:
    """Return the launched Fabric of a training.

    It has one device, or under `torchrun` all processes, on one machine or several.
    """
    world = _from_torchrun("WORLD_SIZE", 1)
    fabric = Fabric(
        devices=_from_torchrun("LOCAL_WORLD_SIZE", 1),
        num_nodes=num_nodes(),
        # baselines do not use the projection head
        strategy=DDPStrategy(find_unused_parameters=True) if world > 1 else "auto",
        precision=PRECISIONS[_precision(config)],  # type: ignore[arg-type]
    )
    if world > 1:
        fabric.launch()
    return fabric


def num_nodes() -> int:
    """Return the number of machines that `torchrun` uses."""
    return _from_torchrun("WORLD_SIZE", 1) // _from_torchrun("LOCAL_WORLD_SIZE", 1)


def _from_torchrun(name: str, default: int) -> int:
    return int(os.environ.get(name, default))


def local_device() -> torch.device:
    """Return the device of this process: under `torchrun` each has its own GPU."""
    device = Fabric(accelerator="auto", devices=1).device
    if device.type == "cuda":
        local = _from_torchrun("LOCAL_RANK", 0)
        return torch.device("cuda", local % torch.cuda.device_count())
    return device


@dataclass(frozen=True)
class ProcessGroup:
    """The processes that `torchrun` started, or the only one.

    Attributes:
        rank: number of this process, from 0.
        world: number of processes.
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
    rank, world = _from_torchrun("RANK", 0), _from_torchrun("WORLD_SIZE", 1)
    ours = world > 1 and not dist.is_initialized()
    if ours:  # a process may wait for as long as it takes to encode an archive
        dist.init_process_group("gloo", timeout=timedelta(days=365))
    try:
        yield ProcessGroup(rank, world)
    finally:
        if ours:
            dist.destroy_process_group()


def all_gather(fabric: Fabric, rows: Tensor) -> Tensor:
    """Return the rows of all processes; gradients flow back to the process of each row."""
    return torch.cat(list(fabric.all_gather(rows, sync_grads=True)))


def _precision(config: TrainConfig) -> str:
    if config.precision != "auto":
        return config.precision
    has_bf16 = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    return "bf16" if config.finetune and has_bf16 else "32"
