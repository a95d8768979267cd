"""What changes the weights: AdamW with one rate a layer, one cycle of it, and their average."""

from typing import Any

import torch
from timm.optim import param_groups_layer_decay  # type: ignore[attr-defined]
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from rsh.config import TrainConfig
from rsh.model import HashNet


def optimizer_of(module: nn.Module, loss: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """Return AdamW over a module and what its loss learns.

    The layers of a backbone learn more slowly the further they are from the head: what they know
    of edges and textures holds for tiles, too.

    Args:
        module: a HashNet, whose backbone has rates of its own, or any other module.
        loss: may have weights, such as a classifier.
        config: rates and weight decay.
    """
    head = module.head if isinstance(module, HashNet) else module
    groups: list[dict[str, Any]] = [{"params": [*head.parameters(), *loss.parameters()]}]
    if isinstance(module, HashNet):
        top = config.learning_rate * config.backbone_rate
        for group in param_groups_layer_decay(
            module.backbone.network,
            weight_decay=config.weight_decay,
            layer_decay=config.layer_decay,
        ):
            scale = group["lr_scale"]
            decay = group["weight_decay"]
            groups.append({"params": group["params"], "lr": top * scale, "weight_decay": decay})
    return torch.optim.AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay)


def one_cycle(optimizer: torch.optim.Optimizer, config: TrainConfig, *, steps: int) -> OneCycleLR:
    """Return a schedule that warms every rate up to its peak and takes it down by a cosine."""
    peaks = [group["lr"] for group in optimizer.param_groups]
    return OneCycleLR(optimizer, peaks, total_steps=steps, pct_start=config.warmup)


def average_of(module: nn.Module, config: TrainConfig) -> AveragedModel | None:
    """Return a moving average of a module's weights, which generalises better than the last ones.

    Returns:
        None where `config.ema_decay` is 0.

    Source: Polyak and Juditsky 1992; Tarvainen and Valpola 2017, https://arxiv.org/abs/1703.01780
    """
    if not config.ema_decay:
        return None
    mean = get_ema_multi_avg_fn(config.ema_decay)  # type: ignore[no-untyped-call]
    return AveragedModel(module, multi_avg_fn=mean, use_buffers=True)
