"""What changes as training goes on: the learning rate, averaged weights, and how often to look."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LinearLR
from torch.optim.swa_utils import AveragedModel

__all__ = ["LinearToZero", "Schedule", "averaged_model", "geometric_steps", "lr_factor", "set_lr"]

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

    Polyak and Juditsky 1992; `update_parameters` takes in the newest, in a captured step too.
    """
    if not decay:
        return None
    return MovingAverage(network, decay).requires_grad_(False)


class LinearToZero(LinearLR):
    """The learning rate falls linearly, to 0 after `total` steps.

    A state of a shorter or longer training is taken on from its step, at the rate that this one has
    there.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, total: int) -> None:
        super().__init__(optimizer, 1.0, 0.0, total)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        total = self.total_iters
        super().load_state_dict(state_dict)
        if self.total_iters != total:
            self.total_iters = total
            lr = float(self.base_lrs[0]) * max(0.0, 1 - self.last_epoch / total)
            set_lr(self.optimizer, lr)
            self._last_lr = [lr] * len(self.base_lrs)


class MovingAverage(AveragedModel):
    """averaged ← d · averaged + (1 − d) · newest.

    d is 0 at the first update, and rises to `decay` as min(decay, (1 + t) / (10 + t)), t the number
    of updates before, so that the random weights of the beginning are soon forgotten. What is
    counted, as the batches that a norm has seen, is copied.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        device = next(network.parameters()).device
        super().__init__(network, device, use_buffers=True)
        self._decay = decay

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """Take in the weights and buffers of the averaged network as they are now."""
        averaged = [*self.module.parameters(), *self.module.buffers()]
        newest = [*model.parameters(), *model.buffers()]
        pairs = [(held, new.detach()) for held, new in zip(averaged, newest, strict=True)]
        means = [held for held, _ in pairs if held.is_floating_point()]
        news = [new for held, new in pairs if held.is_floating_point()]
        for held, new in pairs:
            if not held.is_floating_point():
                held.copy_(new)
        if self.n_averaged.device.type == "cpu":
            self._lerp(means, news, int(self.n_averaged))
        else:
            self._mix(means, news, self.n_averaged)
        self.n_averaged += 1

    def _lerp(self, means: list[Tensor], news: list[Tensor], updates: int) -> None:
        decay = min(self._decay, (1 + updates) / (10 + updates)) if updates else 0.0
        torch._foreach_lerp_(means, news, 1 - decay)

    def _mix(self, means: list[Tensor], news: list[Tensor], updates: Tensor) -> None:
        """The same, but rounded otherwise, without waiting for the device to tell the number."""
        t = updates.double()
        decay = ((1 + t) / (10 + t)).clamp(max=self._decay) * (t > 0)
        torch._foreach_mul_(means, decay.float())
        torch._foreach_add_(means, torch._foreach_mul(news, (1 - decay).float()))


def geometric_steps(factor: float) -> Iterator[int]:
    """0, 1, 2 … without end, each `factor` times later than the one before, or the next."""
    step = 0
    while True:
        yield step
        step = max(step + 1, round(factor * step))
