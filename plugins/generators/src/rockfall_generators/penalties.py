"""What keeps the slope of a discriminator in bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

Name = Literal["none", "gradient", "r1"]
Judging = Callable[[Tensor], Tensor]
"""Examples (N, …) → logits (N,)."""


def gradient(judging: Judging, real: Tensor, fake: Tensor, own: int | None = None) -> Tensor:
    """Gulrajani et al. 2017, equation 3: (‖∇D(x̂)‖ − 1)², x̂ on lines from real to made examples."""
    share = real.new_empty(len(real), *[1] * (real.ndim - 1)).uniform_()
    between = torch.lerp(fake, real, share)
    lengths: Tensor = torch.linalg.vector_norm(_slopes(judging, between, own), dim=1)
    return (lengths - 1).square().mean()


def r1(judging: Judging, real: Tensor, fake: Tensor, own: int | None = None) -> Tensor:
    """Mescheder, Geiger and Nowozin 2018, equation 9: ½ ‖∇D(x)‖² at real examples."""
    return _slopes(judging, real, own).square().sum(1).mean() / 2


PENALTIES: dict[str, Callable[[Judging, Tensor, Tensor, int | None], Tensor]] = {
    "gradient": gradient,
    "r1": r1,
}
"""Each takes real and made examples (N, C, …), as many of each, and how many of their C channels or
numbers are their own: the others are conditions, along which a slope is no fault.
"""


def _slopes(judging: Judging, examples: Tensor, own: int | None) -> Tensor:
    """The gradient at each example, (N, D)."""
    examples = examples.detach().requires_grad_()
    (slope,) = torch.autograd.grad(judging(examples).sum(), examples, create_graph=True)
    return slope[:, :own].flatten(1)
