"""Penalties on the gradient of a discriminator by its inputs, which bound how fast it changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

Name = Literal["none", "gradient", "r1"]
Discriminator = Callable[[Tensor], Tensor]
"""Inputs (N, C, …) → logits (N,)."""


def gradient_penalty(
    discriminator: Discriminator, real: Tensor, fake: Tensor, data_channels: int | None = None
) -> Tensor:
    """(‖∇D(x̂)‖₂ − 1)² at x̂ = ε x + (1 − ε) G(z), ε ~ U[0, 1] for each pair: a scalar.

    Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", equation 3. real, fake: as many
    of each. data_channels: the gradient by the first so many of the channels (or numbers) counts;
    the others are conditions.
    """
    epsilon = real.new_empty(len(real), *[1] * (real.ndim - 1)).uniform_()
    interpolated = torch.lerp(fake, real, epsilon)
    gradients = _input_gradients(discriminator, interpolated, data_channels)
    norms: Tensor = torch.linalg.vector_norm(gradients, dim=1)
    return (norms - 1).square().mean()


def r1_penalty(
    discriminator: Discriminator, real: Tensor, data_channels: int | None = None
) -> Tensor:
    """½ ‖∇D(x)‖² at real examples: a scalar.

    Mescheder, Geiger and Nowozin 2018, "Which Training Methods for GANs do actually Converge?",
    equation 9. data_channels: as in `gradient_penalty`.
    """
    return _input_gradients(discriminator, real, data_channels).square().sum(1).mean() / 2


def _input_gradients(
    discriminator: Discriminator, inputs: Tensor, data_channels: int | None
) -> Tensor:
    """The gradient of each logit by its own input, (N, D), with a graph to the weights."""
    inputs = inputs.detach().requires_grad_()
    (gradients,) = torch.autograd.grad(discriminator(inputs).sum(), inputs, create_graph=True)
    return gradients[:, :data_channels].flatten(1)
