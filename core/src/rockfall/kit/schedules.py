"""What changes as training goes on: the learning rate, averaged weights, and how often to look."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

__all__ = ["Schedule", "averaged_model", "geometric_steps", "lr_factor", "set_lr"]

Schedule = Literal["cosine", "linear", "constant"]


def lr_factor(progress: float, schedule: Schedule, warmup: float = 0.0) -> float:
    """What the learning rate is multiplied by at `progress`, 0 … 1, through the training.

    It rises from 0 in the first `warmup` of it, and then falls to 0 as `schedule` says: `cosine`
    is Loshchilov and Hutter 2017 (equation 5), with no restart.
    """
    if progress < warmup:
        return progress / warmup
    left = max(0.0, (1 - progress) / (1 - warmup))
    if schedule == "cosine":
        return (1 - math.cos(math.pi * left)) / 2
    return left if schedule == "linear" else 1.0


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the learning rate of all groups: in place if it is a tensor, which a CUDA graph reads."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(lr)
        else:
            group["lr"] = lr


def averaged_model(network: nn.Module, decay: float) -> AveragedModel | None:
    """A moving average of a network's weights and buffers, which learns nothing; none for decay 0.

    Polyak and Juditsky 1992; `update_parameters` takes in the newest.
    """
    if not decay:
        return None
    average = AveragedModel(network, multi_avg_fn=moving_average(decay), use_buffers=True)
    return average.requires_grad_(False)


def moving_average(
    decay: float,
) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    """How `AveragedModel` takes in the newest weights: averaged ← d · averaged + (1 − d) · newest.

    d rises to `decay` as min(decay, (1 + t) / (10 + t)), t the number of updates before, so that
    the random weights of the beginning are soon forgotten.
    """

    @torch.no_grad()
    def update(averaged: Sequence[Tensor], newest: Sequence[Tensor], updates: Tensor | int) -> None:
        share = 1 - min(decay, (1 + int(updates)) / (10 + int(updates)))
        for mean, new in zip(averaged, newest, strict=True):
            if mean.is_floating_point():
                mean.lerp_(new.to(mean.dtype), share)
            else:  # how many batches a norm has seen
                mean.copy_(new)

    return update


def geometric_steps(factor: float) -> Iterator[int]:
    """0, 1, 2 … without end, each `factor` times later than the one before, or the next."""
    step = 0
    while True:
        yield step
        step = max(step + 1, round(factor * step))
