"""What a step of training takes of the memory, known before the first one is taken.

A GPU that is full says so. On a CPU the kernel ends a process that takes too much, and nothing is
said: a batch that cannot fit is refused before that.
"""

import copy

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from rsh.config import LIMITS, TrainConfig
from rsh.devices import machines
from rsh.errors import InputError
from rsh.memory import memory
from rsh.model import HashNet

GB = 1e9
ON_TOP = 1.5  # of what is saved: gradients, and gaps between pieces of memory


def check_fit(net: HashNet, config: TrainConfig, fabric: Fabric, *, tiles: int) -> None:
    """Refuse a batch on a CPU of which the forward pass alone saves more than is free.

    What a compiled network saves is not known before; nothing is refused then, or where nobody
    says how much is free.

    Args:
        net: all of it will learn.
        config: settings.
        fabric: where it will learn.
        tiles: in a batch, of all processes.

    Raises:
        InputError: names the batch size, what it takes, what there is, and a way out.
    """
    here = memory() if fabric.device.type == "cpu" and not config.compile else None
    if here is None:
        return
    with fabric.autocast():
        view = saved_bytes(net, torch.zeros(1, 3, net.image_size, net.image_size))
    tile = 2 * view / machines()  # seen by both branches, each on its share of the tiles
    if tiles * tile > here.free:
        fits = int(here.free / tile / ON_TOP)
        smaller = f"{fits} or " if fits >= LIMITS["batch_size"][0] else ""
        raise InputError(
            f"a step takes over {tiles * tile / GB:.1f} GB of "
            f"memory, {here.free / GB:.1f} GB are free: "
            f"choose {smaller}a smaller --image-size, or close other programs",
            parameter="batch_size",
            value=config.batch_size,
        )


def saved_bytes(module: nn.Module, example: Tensor) -> int:
    """Return what one more row of a batch makes autograd save for the backward pass.

    Args:
        module: is left as it is, statistics of its batches included.
        example: one row of its input, (1, ...).

    Returns:
        Bytes; what does not grow with the batch, such as weights, is not counted.
    """
    trial = copy.deepcopy(module).train()
    with torch.random.fork_rng(devices=[]):
        two, four = (_saved(trial, example.repeat_interleave(n, 0)) for n in (2, 4))
    return (four - two) // 2


def _saved(module: nn.Module, rows: Tensor) -> int:
    """Return the bytes that are saved of some rows, each piece of memory counted once."""
    pieces: dict[int, torch.UntypedStorage] = {}

    def keep(saved: Tensor) -> Tensor:
        piece = saved.untyped_storage()
        pieces[piece.data_ptr()] = piece  # held, so that no other piece gets its place
        return saved.detach()  # the tensor itself would hold the graph that holds it, for ever

    with saved_tensors_hooks(keep, lambda saved: saved):
        module(rows)
    return sum(piece.nbytes() for piece in pieces.values())
