"""Penalties on slopes, against closed forms and finite differences."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rockfall_generators.penalties import Discriminator, gradient_penalty, r1_penalty


def examples(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def penalty_of(
    name: str, discriminator: Discriminator, real: Tensor, fake: Tensor, channels: int | None = None
) -> Tensor:
    if name == "gradient":
        return gradient_penalty(discriminator, real, fake, channels)
    return r1_penalty(discriminator, real, channels)


@pytest.mark.parametrize("shape", [(4,), (2, 3, 5)])
def test_of_a_linear_discriminator(shape: tuple[int, ...]) -> None:
    weights = examples(*shape, seed=1)
    real, fake = examples(6, *shape), examples(6, *shape, seed=2)

    def discriminator(x: Tensor) -> Tensor:
        return (x * weights).flatten(1).sum(1)

    length = weights.square().sum().sqrt()
    assert torch.allclose(gradient_penalty(discriminator, real, fake), (length - 1) ** 2)
    assert torch.allclose(r1_penalty(discriminator, real), length**2 / 2)


def test_r1_of_a_quadratic_discriminator_is_at_real_examples() -> None:
    real = examples(6, 3)
    expected = (2 * real).square().sum(1).mean() / 2  # the slope of ‖x‖² is 2 x
    assert torch.allclose(r1_penalty(lambda x: x.square().sum(1), real), expected)


def test_gradient_is_between_real_and_made_ones_by_a_share_of_their_own() -> None:
    looked_at: list[Tensor] = []

    def discriminator(x: Tensor) -> Tensor:
        looked_at.append(x.detach().clone())
        return x.square().sum(1)

    real, fake = examples(2000, 3), examples(2000, 3, seed=2)
    value = gradient_penalty(discriminator, real, fake)
    (between,) = looked_at
    shares = (between - fake) / (real - fake)
    share = shares.median(1).values
    assert torch.allclose(shares, share[:, None], atol=1e-6), "one share for all numbers"
    assert share.min() >= 0 and share.max() <= 1
    assert share.mean().item() == pytest.approx(0.5, abs=0.03)
    assert share.var().item() == pytest.approx(1 / 12, abs=0.01)
    expected = ((2 * between).square().sum(1).sqrt() - 1).square().mean()
    assert torch.allclose(value, expected)


@pytest.mark.parametrize("name", ["gradient", "r1"])
def test_it_can_be_learned_from(name: str) -> None:
    """The double backward pass against central differences of the penalty by every weight."""
    torch.manual_seed(0)
    discriminator = nn.Sequential(
        nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1), nn.Flatten(0)
    ).double()
    real, fake = examples(4, 3), examples(4, 3, seed=2)

    def penalty() -> Tensor:
        torch.manual_seed(1)
        return penalty_of(name, discriminator, real, fake)

    weights = list(discriminator.parameters())[:3]  # the last bias has no part in any slope
    found = torch.autograd.grad(penalty(), weights)
    for weight, slopes in zip(weights, found, strict=True):
        flat, eps = weight.data.view(-1), 1e-6
        for place in range(flat.numel()):
            kept = flat[place].item()
            sides = []
            for moved in (kept + eps, kept - eps):
                flat[place] = moved
                sides.append(penalty().item())
            flat[place] = kept
            expected = (sides[0] - sides[1]) / (2 * eps)
            assert slopes.flatten()[place].item() == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("name", ["gradient", "r1"])
def test_along_conditions_a_slope_is_no_fault(name: str) -> None:
    def discriminator(x: Tensor) -> Tensor:
        return 3 * x[:, 0] + 100 * x[:, 1]

    real, fake = examples(4, 2), examples(4, 2, seed=2)
    assert penalty_of(name, discriminator, real, fake, 1).item() == pytest.approx(
        {"gradient": 4.0, "r1": 4.5}[name]
    )


@pytest.mark.parametrize("name", ["gradient", "r1"])
def test_no_slope_at_all_is_no_nan(name: str) -> None:
    weights = torch.zeros(3, requires_grad=True)
    arguments: Any = (lambda x: x @ weights, torch.randn(4, 3), torch.randn(4, 3))
    (slope,) = torch.autograd.grad(penalty_of(name, *arguments), weights)
    assert slope.isfinite().all()
