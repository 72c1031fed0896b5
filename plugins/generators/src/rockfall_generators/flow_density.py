"""The log-density of a flow: the change of variables along the paths that it integrates.

Chen et al. 2018, "Neural Ordinary Differential Equations", equation 8: where dx/dt = v(x, t), the
log-density of x changes at the rate of −tr ∂v/∂x, so with x₀ the noise that is transported to x₁

    log p(x₁) = log N(x₀; 0, I) − ∫₀¹ tr ∂v/∂x (x_t, t) dt

The trace is computed exactly, a backward pass for each number, at the midpoints of the steps by
which the flow makes samples.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rockfall_generators.flow import Flow

MAX_NUMBERS = 1024
"""Numbers of an example up to which as many backward passes are made."""


def log_density(flow: Flow, inputs: Tensor) -> Tensor:
    """Inputs (N, …) → log-densities (N,), nats. Raises ValueError for examples of too many numbers.

    Of pictures it is a density of values from −1 to 1.
    """
    if flow.scaling.numel > MAX_NUMBERS:
        raise ValueError(
            f"the log-density takes a backward pass for each number, and {flow.scaling.numel:,} of "
            f"an example are more than {MAX_NUMBERS:,}"
        )
    steps = flow.config.steps
    step_size = -1 / steps
    values = flow.values(inputs)
    change = values.new_zeros(len(values))
    for step in range(steps):
        time = 1 + step * step_size
        times = values.new_full((len(values),), time)
        with torch.no_grad():
            midpoint = values + step_size / 2 * flow.trained(values, times)
        velocity, divergence = _velocity_and_divergence(flow, midpoint, times + step_size / 2)
        values = values + step_size * velocity
        change = change + step_size * divergence
    log_noise = -(values.square() + math.log(2 * math.pi)).sum(1) / 2
    scale = flow.scaling.scale
    log_scale = 0.0 if flow.scaling.pictures else scale.log().sum()
    return log_noise + change - log_scale


def _velocity_and_divergence(flow: Flow, points: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
    """At points (N, D) and times (N,): velocities (N, D) and tr ∂v/∂x (N,)."""
    with torch.enable_grad():
        points = points.detach().requires_grad_()
        velocities: Tensor = flow.trained(points, times)
        sums = velocities.sum(0)
        divergence = points.new_zeros(len(points))
        for number in range(points.shape[1]):
            (slopes,) = torch.autograd.grad(sums[number], points, retain_graph=True)
            divergence = divergence + slopes[:, number]
    return velocities.detach(), divergence
